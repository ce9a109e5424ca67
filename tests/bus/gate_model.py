"""What listeners with gates must be called with, found by walking through a history: no timers, no queue.

Times are whole hundredths of a second. What happens does so at whole tenths, and what gates wait for ends between
them, so nothing ever coincides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

ON = "on"


class Look(NamedTuple):
    """A state, as far as the listeners look at it."""

    number: int
    """Counts the states of a history."""
    value: str
    level: int | None
    good: bool
    """What ``where`` asks for."""


class Step(NamedTuple):
    """Something happens: the entity changes, or is removed; or the link goes down, or comes back with this state.

    Drift is a change of which only the states know.
    """

    at: int
    kind: Literal["change", "drift", "down", "up"]
    look: Look | None
    since: int = 0
    """When the state has changed last."""


class Call(NamedTuple):
    """The handler is called with the event that brought a state."""

    at: int
    number: int


@dataclass(frozen=True)
class Terms:
    """How a listener is registered."""

    gate: Literal["none", "once", "debounce", "throttle", "hold"] = "none"
    time: int = 0
    of_level: bool = False
    to: bool = False
    """Whether the state must have become on, or the level 1."""
    changed: bool = True
    where: bool = False
    immediate: bool = False
    once: bool = False
    """With a hold."""

    def seen(self, look: Look | None) -> object:
        """What it looks at; the text: there is none."""
        if look is None:
            return "nothing"
        return ("nothing" if look.level is None else look.level) if self.of_level else look.value

    def fits(self, look: Look | None) -> bool:
        """Whether the new value is as demanded."""
        return not self.to or self.seen(look) == (1 if self.of_level else ON)

    def matches(self, old: Look | None, new: Look | None) -> bool:
        """Whether a change from one to the other is a match."""
        good = not self.where or (new is not None and new.good)
        return good and self.fits(new) and (not self.changed or self.seen(old) != self.seen(new))


@dataclass
class Held:
    """A hold that goes on."""

    look: Look
    since: int
    ends: int


@dataclass
class Walk:
    """One listener on its way through a history."""

    terms: Terms
    look: Look | None
    """The state at the registration, at moment 0; ``None``: there is no entity."""
    since: int
    """When that had changed last, at most 0."""
    up: bool = True
    held: Held | None = None
    waiting: Held | None = None
    """A hold whose time was over while the link was down."""
    quiet: tuple[int, int] | None = None
    """When what is debounced is handed on, and its number."""
    opens: int = -1_000_000
    claimed: bool = False
    calls: list[Call] = field(default_factory=list)

    def through(self, steps: Iterable[Step]) -> list[Call]:
        """The calls."""
        terms, look = self.terms, self.look
        if terms.immediate and look is not None and terms.matches(None, look):
            spent = 0 if terms.of_level else -self.since
            self._match(0, look, spent=spent)
        for step in steps:
            self._pass_to(step.at)
            if step.kind == "down":
                self.up = False
            elif step.kind == "up":
                self.up = True
                self._come_back(step)
            elif step.kind == "drift":
                self.look = step.look
            else:
                self._change(step)
        self._pass_to(1_000_000)
        return self.calls

    def _change(self, step: Step) -> None:
        terms, new = self.terms, step.look
        matches = terms.matches(self.look, new)
        if terms.gate == "hold":
            held = self.held
            if held is not None:
                same = terms.to or terms.seen(held.look) == terms.seen(new)
                if new is None or not (same and terms.fits(new) and (new.good or not terms.where)):
                    self.held = held = None
            if matches and new is not None and held is None:
                self._match(step.at, new)
        elif matches:
            self._match(step.at, new)
        self.look = new

    def _match(self, at: int, look: Look | None, spent: int = 0) -> None:
        gate, time, number = self.terms.gate, self.terms.time, -1 if look is None else look.number
        if gate == "hold":
            assert look is not None
            self.held = Held(look, at - spent, at + max(0, time - spent))
            self._pass_to(at)
        elif gate == "debounce":
            self.quiet = at + time, number
        elif gate != "throttle" or at >= self.opens:
            self.opens = at + time
            self._call(at, number)

    def _pass_to(self, moment: int) -> None:
        """What is due until then."""
        if self.quiet is not None and self.quiet[0] <= moment:
            self._call(*self.quiet)
            self.quiet = None
        held = self.held
        if held is not None and held.ends <= moment and self.waiting is None:
            if not self.up:
                self.waiting = held
            else:
                self.held = None
                if self._lasts(held):
                    self._call(held.ends, held.look.number)

    def _lasts(self, held: Held) -> bool:
        terms, look = self.terms, self.look
        return look is not None and terms.fits(look) and (terms.to or terms.seen(look) == terms.seen(held.look))

    def _come_back(self, step: Step) -> None:
        self.look = step.look
        held, self.waiting = self.waiting, None
        if held is None:
            return
        self.held = None
        same = self.terms.seen(step.look) == self.terms.seen(held.look) if self.terms.of_level else None
        if self._lasts(held) and (step.since <= held.since if same is None else same):
            self._call(step.at, held.look.number)

    def _call(self, at: int, number: int) -> None:
        if not self.claimed:
            self.calls.append(Call(at, number))
        self.claimed = self.terms.gate == "once" or self.terms.once


EVERY: dict[str, Terms] = {
    "plain": Terms(),
    "once": Terms("once", to=True),
    "once at once": Terms("once", immediate=True),
    "debounce": Terms("debounce", 35),
    "debounce to": Terms("debounce", 25, to=True, where=True),
    "debounce at once": Terms("debounce", 45, immediate=True),
    "throttle": Terms("throttle", 45),
    "throttle at once": Terms("throttle", 75, immediate=True, changed=False),
    "hold": Terms("hold", 35),
    "hold to": Terms("hold", 55, to=True),
    "hold where": Terms("hold", 45, to=True, where=True),
    "hold any": Terms("hold", 35, changed=False, where=True),
    "hold once": Terms("hold", 25, once=True),
    "hold at once": Terms("hold", 75, to=True, immediate=True),
    "hold level": Terms("hold", 35, of_level=True),
    "hold level to": Terms("hold", 45, of_level=True, to=True, immediate=True),
}
"""The listeners of a history, by name."""


def expected(look: Look | None, since: int, steps: list[Step]) -> Iterator[tuple[str, list[Call]]]:
    """What each listener must be called with."""
    for name, terms in EVERY.items():
        yield name, Walk(terms, look, since).through(steps)


def arguments(terms: Terms, handler: Callable[..., Any]) -> dict[str, Any]:
    """What registers such a listener."""
    given: dict[str, Any] = {"handler": handler, "changed": terms.changed, "immediate": terms.immediate}
    if terms.gate == "hold":
        given["duration"] = terms.time / 100
        given["once"] = terms.once
    elif terms.gate == "once":
        given["once"] = True
    elif terms.gate != "none":
        given[terms.gate] = terms.time / 100
    if terms.to:
        given["changed_to"] = 1 if terms.of_level else ON
    if terms.where:
        given["where"] = is_good
    return given


def is_good(event: Any) -> bool:  # noqa: ANN401 - an event
    """A filter."""
    new = event.payload.data.new_state
    return new is not None and bool(new["attributes"]["good"])
