"""A match that has to last: the handler is called when its condition has held for a time.

The hold condition is about the value alone, ``changed_to`` or else the value that began the hold, and about ``where``.
Both are judged with the other filters, once per event; when the time is over the value is read from the states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from duly.bus.judging import verdict
from duly.core.clock import SECOND, nanoseconds
from duly.events.hass import moment_in

if TYPE_CHECKING:
    from duly.bus.listener import Delivery, Gate, Listener, Predicate
    from duly.bus.service import BusService
    from duly.bus.timers import DueCall
    from duly.events import Event, RawState


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """What is to last, and for how long."""

    entity_id: str
    seconds: float
    value_of: Callable[[RawState], Any]
    """Of a state, what the listener looks at."""
    meets: Callable[[Any], bool] | None
    """``changed_to``; ``None``: not given."""
    where: Predicate
    begins: Predicate
    """What else an event needs that begins a hold: ``changed`` and ``changed_from``."""
    of_state: bool
    """Whether it is the state that is looked at, which has a time of its last change; else an attribute."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A hold that goes on."""

    delivery: Delivery
    value: Any
    since: int | None
    """When it began by the clock of Home Assistant; ``None``: that cannot be told."""


class Hold:
    """Owns the hold of one listener, if there is one; guarded by the event loop.

    ``matches`` is the filter of the listener, and is asked right before ``saw``.
    """

    sees_all = True

    def __init__(self, terms: HoldTerms, listener: Listener, service: BusService, then: Gate | None) -> None:
        """``then``: where matches go that have lasted; ``None``: they are handed on."""
        self._terms = terms
        self._listener = listener
        self._counts = listener.counts
        self._service = service
        self._timers = service.timers
        self._then = then
        self._held: _Held | None = None
        self._kept = False
        """Whether the event that was judged last keeps the hold."""
        self._due: DueCall | None = None
        self._forget_sync: Callable[[], None] | None = None

    def matches(self, event: Event[Any]) -> bool:
        """Whether the event would begin a hold; notes too whether it keeps the one there is."""
        self._kept = False
        state = event.payload.data.new_state
        if state is None:  # the entity was removed: nothing is left that could last
            return False
        terms, held = self._terms, self._held
        value = terms.value_of(state)
        fits = terms.meets is None or terms.meets(value)
        keeps = held is not None and fits and (terms.meets is not None or bool(value == held.value))
        if not keeps:
            return fits and verdict(terms.begins, event) and verdict(terms.where, event)
        self._kept = verdict(terms.where, event)
        return self._kept and verdict(terms.begins, event)

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        """Go on with the hold, break it, or begin one."""
        if self._held is not None and self._kept:
            if matched:
                self._counts.suppress("hold")
            return
        self._break()
        if matched:
            self._begin(delivery)

    def ended(self) -> None:
        """A hold does not depend on it."""
        if self._then is not None:
            self._then.ended()

    def close(self) -> None:
        """Discard the hold."""
        if self._end() is not None:
            self._counts.discarded += 1

    # --- its course --------------------------------------------------------------------------------------------------

    def _begin(self, delivery: Delivery) -> None:
        state = delivery.event.payload.data.new_state
        since = _changed_at(state)
        if not delivery.is_synthetic:
            since = max(since or 0, nanoseconds(delivery.event.payload.time_fired))
        self._held = _Held(delivery, self._terms.value_of(state), since)
        self._counts.pending += 1
        left = round(self._terms.seconds * SECOND)
        if delivery.is_synthetic and self._terms.of_state and since is not None:
            left = min(left, left - (self._timers.now() - since))
        if left > 0:
            self._due = self._timers.call_at(self._timers.monotonic() + left, self._look)
        else:
            self._look()

    def _look(self) -> None:
        """The time is over."""
        self._due = None
        states = self._service.states
        if states.fresh:
            self._decide(self._lasts)
        else:
            self._forget_sync = states.on_sync(self._synced)

    def _synced(self) -> None:
        """The states are fresh again; what happened meanwhile is not known."""
        self._stop_waiting()
        self._decide(self._has_lasted)

    def _decide(self, lasts: Callable[[_Held, RawState], bool]) -> None:
        held = self._held
        if held is None:
            return
        state = self._service.states.raw(self._terms.entity_id)
        try:
            fires = state is not None and lasts(held, state)
        except BaseException as error:  # noqa: BLE001 - a condition may be a user's, and this is on the loop itself
            self._break()
            self._service.refuse(self._listener, held.delivery, error)
            return
        if fires:
            self._end()
            self._pass_on(held.delivery)
        else:
            self._break()

    def _pass_on(self, delivery: Delivery) -> None:
        if self._then is None:
            self._service.accept(self._listener, delivery)
        else:
            self._then.saw(delivery, matched=True)

    def _lasts(self, held: _Held, state: RawState) -> bool:
        """Whether a state satisfies the hold condition."""
        value, meets = self._terms.value_of(state), self._terms.meets
        return bool(value == held.value) if meets is None else meets(value)

    def _has_lasted(self, held: _Held, state: RawState) -> bool:
        """Whether it does, and nothing points to a change that was missed."""
        if not self._lasts(held, state):
            return False
        if not self._terms.of_state:
            return bool(self._terms.value_of(state) == held.value)
        changed = _changed_at(state)
        return changed is not None and held.since is not None and changed <= held.since

    def _break(self) -> None:
        """End the hold, if there is one: the match that began it leads to nothing."""
        if self._end() is not None:
            self._counts.suppress("hold")

    def _end(self) -> _Held | None:
        held, self._held = self._held, None
        self._stop_waiting()
        if held is not None:
            self._counts.pending -= 1
        return held

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._forget_sync is not None:
            self._forget_sync()
            self._forget_sync = None


def _changed_at(state: RawState) -> int | None:
    """When it last changed, in nanoseconds since the epoch; ``None``: it does not tell."""
    changed = moment_in(state, "last_changed")
    return None if changed is None else nanoseconds(changed)
