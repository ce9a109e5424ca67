"""What a change of clocks does to a chain.

A chain that goes by the wall clock is compared with itself on a clock that never changes: its slots there are the
wall-clock times that it writes. Whether such a time runs, and when, is asked of the chain in its zone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from duly.core.clock import SECOND, Zone
from duly.core.trigger import Chain
from duly.triggers.ticks import CronChain, shared_chain
from duly.triggers.window import CronWindow
from duly.triggers.zones import fixed_segments, segments

DAY = 86_400 * SECOND


class Effect(StrEnum):
    """What becomes of wall-clock times that a change of clocks takes away or gives twice."""

    MOVED = "moved"
    """They do not exist; they run later by the length of the gap."""
    MERGED = "merged"
    """As ``MOVED``, where the schedule has a tick anyway: that one runs once."""
    AFTER_GAP = "after_gap"
    """They do not exist; one run stands for them at the end of the gap."""
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
    """Successive wall-clock times of a chain that fare alike at a change; nanoseconds on the wall clock."""

    first: int
    last: int
    count: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class Oddity:
    """What a change of clocks has to do with one slot."""

    change: ClockChange
    effect: Effect
    """``MOVED`` or ``AFTER_GAP``: it stands for ``wall``, which does not exist. Otherwise ``wall`` occurs twice."""
    wall: int
    """Nanoseconds on the wall clock."""
    second: bool
    """Whether it is in the second of two passes."""


def clock_changes(zone: Zone, after: int, until: int) -> list[ClockChange]:
    """Those of a zone in (after, until], oldest first."""
    return [
        ClockChange(segment.start * SECOND, segment.before * SECOND, segment.offset * SECOND)
        for segment in segments(zone, "both").all
        if after < segment.start * SECOND <= until
    ]


def changes_for(chain: Chain, zone: Zone, after: int, until: int) -> list[ClockChange]:
    """Those of the zone of a chain in (after, until]; ``zone`` is that of a chain that has none."""
    own = _zone_of(chain, zone)
    if isinstance(chain, CronWindow):
        after, until = max(after, chain.start or after), min(until, chain.end)
    return [] if isinstance(own, int) else clock_changes(own, after, until)


def named_zone(chain: Chain | None, zone: Zone) -> Zone:
    """The zone by which a chain goes, UTC if that is a fixed offset; ``zone`` if it goes by none."""
    own = _zone_of(chain, zone)
    return "UTC" if isinstance(own, int) else own


def _zone_of(chain: Chain | None, zone: Zone) -> Zone | int:
    """As ``named_zone``, but the seconds of a fixed offset."""
    return chain.offsets.zone if isinstance(chain, CronChain) else zone


def touched(chain: Chain, change: ClockChange) -> list[Touched]:
    """What becomes of a chain's wall-clock times at ``change``; empty: it has none there, or never any."""
    groups: list[Touched] = []
    if not isinstance(chain, CronChain):
        return groups
    steady = _unchanging(chain)
    for wall in _ticks(steady, *change.affected):
        effect = _effect_of_repeat(chain, change, wall) if change.shift < 0 else _effect_of_gap(chain, change, wall)
        if groups and groups[-1].effect is effect:
            groups[-1] = Touched(groups[-1].first, wall, groups[-1].count + 1, effect)
        else:
            groups.append(Touched(wall, wall, 1, effect))
    return groups


def oddity(chain: Chain, changes: Sequence[ClockChange], slot: int) -> Oddity | None:
    """What one of ``changes`` has to do with ``slot``; ``None``: nothing."""
    for change in changes:
        if change.at <= slot < change.at + change.shift:
            return _moved(chain, change, slot)
        if change.at + change.shift <= slot < change.at - change.shift:
            return _passes(chain, change, slot)
    return None


def passed_over(chain: Chain, changes: Sequence[ClockChange], moment: int) -> Oddity | None:
    """Because of which change ``moment``, which is no slot, is none; ``None``: it would be none on any day."""
    if not isinstance(chain, CronChain):
        return None
    steady = _unchanging(chain)
    for change in changes:
        if change.at <= moment < change.at + change.shift and is_slot(steady, moment + change.before):
            wall = moment + change.before
            return Oddity(change, _effect_of_gap(chain, change, wall), wall, second=False)
        if change.at + change.shift <= moment < change.at - change.shift:
            odd = _passes(chain, change, moment)
            return odd if is_slot(steady, odd.wall) else None
    return None


def _moved(chain: Chain, change: ClockChange, slot: int) -> Oddity | None:
    """Whether ``slot``, soon after clocks went forward, stands for a wall-clock time that does not exist."""
    if not isinstance(chain, CronChain):
        return None
    steady = _unchanging(chain)
    if is_slot(steady, slot + change.after):
        return None
    if chain.gap == "after_gap":
        missing = next(_ticks(steady, *change.affected), None)
        return None if missing is None else Oddity(change, Effect.AFTER_GAP, missing, second=False)
    return Oddity(change, Effect.MOVED, slot + change.before, second=False)


def _passes(chain: Chain, change: ClockChange, slot: int) -> Oddity:
    second = slot >= change.at
    wall = slot + (change.after if second else change.before)
    if not isinstance(chain, CronChain):
        return Oddity(change, Effect.BOTH, wall, second)
    return Oddity(change, _effect_of_repeat(chain, change, wall), wall, second)


def _effect_of_gap(chain: CronChain, change: ClockChange, wall: int) -> Effect:
    if chain.gap == "after_gap":
        return Effect.AFTER_GAP
    if chain.gap == "skip":
        return Effect.LEFT_OUT
    return Effect.MERGED if is_slot(_unchanging(chain), wall + change.shift) else Effect.MOVED


def _effect_of_repeat(chain: CronChain, change: ClockChange, wall: int) -> Effect:
    first, second = is_slot(chain, wall - change.before), is_slot(chain, wall - change.after)
    if first and second:
        return Effect.BOTH
    return Effect.FIRST if first else Effect.SECOND


def _unchanging(chain: CronChain) -> CronChain:
    """The same wall-clock times on a clock that never changes."""
    return shared_chain(chain.local_times, fixed_segments(0), chain.gap)


def is_slot(chain: Chain, moment: int) -> bool:
    """Whether a chain that goes by the wall clock has a slot at ``moment``."""
    return chain.next(moment - 1, moment - 1) == moment


def _ticks(chain: Chain, start: int, end: int) -> Iterator[int]:
    """Slots from ``start`` up to, not including, ``end``."""
    slot = chain.next(start - 1, start - 1)
    while slot is not None and slot < end:
        yield slot
        slot = chain.next(slot, slot)
