"""What a change of clocks does to a schedule.

A schedule that goes by the wall clock is compared with itself on a clock that never changes: bound to UTC, its slots
are the wall-clock times that it writes. Whether such a time runs, and when, is asked of the schedule in its zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from duly.cli.schedule import Schedule
from duly.core.clock import SECOND, Zone
from duly.core.trigger import Chain
from duly.triggers import Cron
from duly.triggers.zones import segments

DAY = 86_400 * SECOND


class Effect(StrEnum):
    """What becomes of wall-clock times that a change of clocks takes away or gives twice."""

    MOVED = "moved"
    """They do not exist; they run later by the length of the gap."""
    MERGED = "merged"
    """As ``MOVED``, where the schedule has a tick anyway: that one runs once."""
    LEFT_OUT = "left_out"
    """They do not exist and do not run."""
    FIRST = "first"
    """They occur twice and run once, in the first pass."""
    SECOND = "second"
    """As ``FIRST``, in the second pass."""
    BOTH = "both"
    """They occur twice and run in both passes."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """Clocks of a zone are set, at one instant. Times are nanoseconds; offsets are local time minus UTC."""

    at: int
    before: int
    after: int

    @property
    def shift(self) -> int:
        """By how much clocks are set forward; negative: back."""
        return self.after - self.before

    @property
    def affected(self) -> tuple[int, int]:
        """First and (exclusive) last wall-clock time that does not exist, or occurs twice."""
        return self.at + min(self.before, self.after), self.at + max(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Touched:
    """Successive wall-clock times of a schedule that fare alike at a change; nanoseconds on the wall clock."""

    first: int
    last: int
    count: int
    effect: Effect


def clock_changes(zone: Zone, after: int, until: int) -> list[ClockChange]:
    """Those in (after, until], oldest first."""
    return [
        ClockChange(segment.start * SECOND, segment.before * SECOND, segment.offset * SECOND)
        for segment in segments(zone, "both").all
        if after < segment.start * SECOND <= until
    ]


def touched(schedule: Schedule, zone: Zone, change: ClockChange) -> list[Touched]:
    """What a schedule that goes by the wall clock does at ``change``; empty: it has no tick there."""
    naive, real = schedule.chain("UTC"), schedule.chain(zone)
    cadence = isinstance(schedule.trigger, Cron) and schedule.trigger.keeps_cadence
    groups: list[Touched] = []
    for wall in _ticks(naive, *change.affected):
        if change.shift < 0:
            effect = _effect_of_repeat(real, change, wall)
        else:
            effect = Effect.LEFT_OUT if cadence else _effect_of_gap(naive, real, change, wall)
        if groups and groups[-1].effect is effect:
            groups[-1] = Touched(groups[-1].first, wall, groups[-1].count + 1, effect)
        else:
            groups.append(Touched(wall, wall, 1, effect))
    return groups


def _effect_of_gap(naive: Chain, real: Chain, change: ClockChange, wall: int) -> Effect:
    if not is_slot(real, wall - change.before):
        return Effect.LEFT_OUT
    return Effect.MERGED if is_slot(naive, wall + change.shift) else Effect.MOVED


def _effect_of_repeat(real: Chain, change: ClockChange, wall: int) -> Effect:
    first, second = is_slot(real, wall - change.before), is_slot(real, wall - change.after)
    if first and second:
        return Effect.BOTH
    return Effect.FIRST if first else Effect.SECOND


def is_slot(chain: Chain, moment: int) -> bool:
    """Whether a chain that goes by the wall clock has a slot at ``moment``."""
    return chain.next(moment - 1, moment - 1) == moment


def _ticks(chain: Chain, start: int, end: int) -> Iterator[int]:
    """Slots from ``start`` up to, not including, ``end``."""
    slot = chain.next(start - 1, start - 1)
    while slot is not None and slot < end:
        yield slot
        slot = chain.next(slot, slot)
