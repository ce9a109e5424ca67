"""The schedule of a built-in trigger as JSON text, from which it can be rebuilt where the job's code is not at hand.

What is written is the *chain*, since that is what the engine walks: triggers of all hosts share a few kinds of them,
and one of a user that ends in such a chain can be rebuilt as well. ``H`` and the rules for changes of clocks are
written as they took effect, the zone as it was asked for: ``null`` stays the zone of the system, whichever it is then.
"""

import json
from collections.abc import Callable
from datetime import time
from typing import Final, cast, get_args

from duly.core.clock import SECOND, Zone, checked_zone
from duly.core.trigger import Chain, TriggerProtocol, chain_of
from duly.triggers.expression import FIELDS, field_texts, local_times_of
from duly.triggers.interval import Grid, SecondGrid
from duly.triggers.once import Delay, NextTimeOfDay, Single
from duly.triggers.ticks import CronChain, Gap, shared_chain
from duly.triggers.window import CronWindow
from duly.triggers.zones import Overlap, fixed_segments, segments

_KIND = "chain"
_SHOWN = 200
"""Characters of a damaged text that an error quotes."""
_MOMENTS = range(-(1 << 63), 1 << 63)
"""What a ledger can hold, and a person can be shown."""
_OFFSETS = range(-86_400, 86_401)


def spec_of(trigger: TriggerProtocol, zone: Zone) -> str | None:
    """What rebuilds the chain of ``trigger`` bound to ``zone``; ``None``: its arithmetic is its own.

    Equal schedules give equal texts.
    """
    return spec_of_chain(chain_of(trigger, zone))


def spec_of_chain(chain: Chain) -> str | None:
    """As ``spec_of``, of a chain that is bound already."""
    kind = _KINDS.get(type(chain))
    return None if kind is None else json.dumps({_KIND: kind, **_written(chain)}, separators=(",", ":"))


def chain_from_spec(text: str) -> Chain:
    """The chain that ``spec_of`` wrote down.

    Raises:
        ValueError: the text is damaged, or written by a later version; says what is wrong with it.
    """
    try:
        return _rebuilt(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no trigger can be rebuilt from {text[:_SHOWN]!r}: {error}") from None


def _written(chain: Chain) -> dict[str, object]:
    match chain:
        case Grid():
            return {"step": chain.step, "start": chain.start, "end": chain.end}
        case Single():
            return {"at": chain.at}
        case Delay():
            return {"delay": chain.delay}
        case NextTimeOfDay():
            return {"at": chain.at.isoformat(), "zone": chain.zone}
        case CronWindow():
            return {**_written_ticks(chain), "start": chain.start, "end": chain.end}
        case CronChain():
            return _written_ticks(chain)
    raise TypeError(f"{type(chain).__name__} is listed as a built-in chain, but cannot be written down")


def _written_ticks(chain: CronChain) -> dict[str, object]:
    times, offsets = chain.local_times, chain.offsets
    rule = {"zone": offsets.zone, "gap": chain.gap, "overlap": offsets.overlap}
    return {"fields": " ".join(times.texts), "day_or": times.day_or, **rule}


class _Parts:
    """What a spec says, taken out part by part so that none stays unread. Local to one call."""

    def __init__(self, parts: dict[str, object]) -> None:
        self._parts = parts

    def take(self, name: str) -> object:
        if name not in self._parts:
            raise ValueError(f"{name!r} is missing")
        return self._parts.pop(name)

    def duration(self, name: str) -> int:
        value = self.take(name)
        if type(value) is not int or value <= 0:
            raise ValueError(f"{name!r} must be a positive number of nanoseconds, got {value!r}")
        return value

    def moment(self, name: str) -> int:
        value = self.take(name)
        if type(value) is not int or value not in _MOMENTS:
            raise ValueError(f"{name!r} must be nanoseconds since 1970, got {value!r}")
        return value

    def moment_or_none(self, name: str) -> int | None:
        return None if self._parts.get(name, "") is None and self.take(name) is None else self.moment(name)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise ValueError(f"{name!r} must be text, got {value!r}")  # noqa: TRY004 - damaged text is a ValueError
        return value

    def word(self, name: str, words: tuple[str, ...]) -> str:
        value = self.take(name)
        if value not in words:
            raise ValueError(f"{name!r} must be one of {', '.join(words)}, got {value!r}")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name!r} must be true or false, got {value!r}")  # noqa: TRY004 - as in text
        return value

    def zone(self) -> Zone:
        value = self.take("zone")
        if value is not None and not isinstance(value, str):
            raise ValueError(f"'zone' must be an IANA name or null, got {value!r}")
        return checked_zone(value)

    def zone_or_offset(self) -> Zone | int:
        value = self._parts.get("zone")
        if type(value) is int and value in _OFFSETS:
            del self._parts["zone"]
            return value
        return self.zone()

    def finish(self) -> None:
        if self._parts:
            raise ValueError(f"unknown: {', '.join(map(repr, self._parts))}")


def _rebuilt(text: str) -> Chain:
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - damaged text is a ValueError
    parts = _Parts(parsed)
    read = _READERS[parts.word(_KIND, tuple(_READERS))]
    chain = read(parts)
    parts.finish()
    return chain


def _grid(parts: _Parts) -> Grid:
    return Grid(parts.duration("step"), parts.moment_or_none("start"), parts.moment("end"))


def _second_grid(parts: _Parts) -> SecondGrid:
    step = parts.duration("step")
    if step % SECOND:
        raise ValueError(f"'step' must be whole seconds, got {step} nanoseconds")
    return SecondGrid(step, parts.moment_or_none("start"), parts.moment("end"))


def _single(parts: _Parts) -> Single:
    return Single(parts.moment("at"))


def _delay(parts: _Parts) -> Delay:
    return Delay(parts.duration("delay"))


def _next_time_of_day(parts: _Parts) -> NextTimeOfDay:
    at = time.fromisoformat(parts.text("at"))
    if at.tzinfo is not None:
        raise ValueError(f"'at' must be a time without a zone, got {at}")
    return NextTimeOfDay(at, parts.zone())


def _cron(parts: _Parts) -> CronChain:
    fields = parts.text("fields")
    if len(fields.split()) != len(FIELDS):
        raise ValueError(f"'fields' must be {len(FIELDS)} fields of a cron expression, got {fields!r}")
    local_times = local_times_of(field_texts(fields), parts.flag("day_or"))
    zone = parts.zone_or_offset()
    gap = cast("Gap", parts.word("gap", get_args(Gap)))
    overlap = cast("Overlap", parts.word("overlap", get_args(Overlap)))
    offsets = fixed_segments(zone) if isinstance(zone, int) else segments(zone, overlap)
    return shared_chain(local_times, offsets, gap)


def _cron_window(parts: _Parts) -> CronWindow:
    return CronWindow(_cron(parts), parts.moment_or_none("start"), parts.moment("end"))


_KINDS: Final[dict[type, str]] = {
    Grid: "grid",
    SecondGrid: "second_grid",
    Single: "single",
    Delay: "delay",
    NextTimeOfDay: "next_time_of_day",
    CronChain: "cron",
    CronWindow: "cron_window",
}
"""By the very class: one derived from it may mean something else."""

_READERS: Final[dict[str, Callable[[_Parts], Chain]]] = {
    "grid": _grid,
    "second_grid": _second_grid,
    "single": _single,
    "delay": _delay,
    "next_time_of_day": _next_time_of_day,
    "cron": _cron,
    "cron_window": _cron_window,
}
