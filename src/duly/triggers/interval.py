"""``Every`` and the grids behind it: slots at equal distances of elapsed time."""

from functools import lru_cache
from typing import Literal

from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, nanoseconds, round_to_second, zoned
from duly.triggers.builtin import HORIZON, LONGEST, BuiltInTrigger, checked_year, not_a_number


class Grid:
    """Slots at ``start``, ``start + step``, ``start + 2 * step`` … up to ``end`` inclusive, in nanoseconds.

    Without ``start`` the grid hangs on the moment from which it is asked: on ``now`` in ``first``, then on the slot
    before. Immutable, so jobs share it. Costs do not depend on how many slots have passed.
    """

    __slots__ = ("end", "start", "step")

    def __init__(self, step: int, start: int | None = None, end: int = HORIZON) -> None:
        self.step = step
        self.start = start
        self.end = end

    def first(self, now: int) -> int | None:
        """``start`` if that is later than ``now``, else the first slot that is."""
        start = self.start
        if start is None:
            slot = now + self.step
        elif start > now:
            slot = start
        else:
            slot = start + ((now - start) // self.step + 1) * self.step
        return slot if slot <= self.end else None

    def next(self, previous: int, now: int) -> int | None:
        """First of ``previous`` + 1, 2, 3 … steps that is later than ``now``."""
        step = self.step
        slot = previous + (step if now <= previous else ((now - previous) // step + 1) * step)
        return slot if slot <= self.end else None

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many slots follow ``previous`` up to ``until``, and the last of them."""
        number = (min(until, self.end) - previous) // self.step
        return (number, previous + number * self.step) if number > 0 else (0, previous)

    def between(self, after: int, until: int) -> int:
        """How many slots lie in (after, until]."""
        if self.start is None:
            return self.count(after, until)[0]
        return max(0, self._reached(self.start, until) - self._reached(self.start, after))

    def previous(self, before: int) -> int | None:
        """Last slot earlier than ``before``; without ``start`` one step back."""
        if self.start is None:
            return before - self.step
        reached = self._reached(self.start, before - 1)
        return self.start + (reached - 1) * self.step if reached else None

    def _reached(self, start: int, moment: int) -> int:
        """How many slots lie at or before ``moment``."""
        return max(0, (min(moment, self.end) - start) // self.step + 1)


@lru_cache(maxsize=1024)
def shared_grid(step: int) -> Grid:
    """The grid without a start: one for all triggers of the same step."""
    return Grid(step)


class SecondGrid(Grid):
    """A grid of whole seconds: ``step`` is a whole number of them, and every slot is rounded to the nearest."""

    __slots__ = ()

    def first(self, now: int) -> int | None:
        """``start``, rounded, if it and its rounded value are later than ``now``; else the first slot that is."""
        start = self.start
        if start is None:
            return self._bounded(round_to_second(now + self.step))
        if start > now and (rounded := round_to_second(start)) > now:
            return self._bounded(rounded)
        return self.next(start, now)

    def next(self, previous: int, now: int) -> int | None:
        """First of ``previous`` + 1, 2, 3 … steps later than ``now``, also after rounding."""
        slot = super().next(previous, now)
        if slot is None or not slot % SECOND:
            return slot
        rounded = round_to_second(slot)
        return self._bounded(rounded if rounded > now else round_to_second(slot + self.step))

    def previous(self, before: int) -> int | None:
        """Last slot earlier than ``before``."""
        slot = super().previous(before)
        return None if slot is None else round_to_second(slot)

    def _reached(self, start: int, moment: int) -> int:
        index = (min(moment, self.end) + SECOND // 2 - start) // self.step
        return max(0, index + (round_to_second(start + index * self.step) <= moment))

    def _bounded(self, slot: int) -> int | None:
        return slot if slot <= self.end else None


class Every(BuiltInTrigger):
    """Run at a fixed interval of elapsed time, so across a DST change ``hours=24`` shifts on the wall clock.

    The grid hangs on ``start`` or on the previous logical run, never on when a run began or ended; slots that passed
    are skipped. ``start`` is no part of the identity: jobs that differ in nothing else count as equal.

    Raises:
        ValueError: the parts do not add up to a positive, whole number of seconds, or to more than 230 years.
        TypeError: a part is no number, or ``start`` no ``ZonedDateTime``.
    """

    __slots__ = ("_grid",)

    def __init__(
        self, seconds: float = 0, minutes: float = 0, hours: float = 0, start: ZonedDateTime | None = None
    ) -> None:
        try:
            step = whole_seconds(seconds + 60 * minutes + 3600 * hours)
        except TypeError:
            raise not_a_number("Every", seconds=seconds, minutes=minutes, hours=hours) from None
        if start is not None:
            _check_start(start)
        self._grid = SecondGrid(step, None if start is None else nanoseconds(start))

    @property
    def interval_seconds(self) -> float:
        """The interval."""
        return self._grid.step / SECOND

    def chain(self, zone: Zone) -> SecondGrid:  # noqa: ARG002 - elapsed time knows no zone
        """The grid, the same in every zone."""
        return self._grid

    def advance_past(self, anchor: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime:
        """First of ``anchor`` + 1, 2, 3 … intervals that is later than ``current_time``, also after rounding.

        Raises:
            ValueError: that would be after the year 2199.
        """
        slot = self._grid.next(nanoseconds(anchor), nanoseconds(current_time))
        if slot is None:
            raise ValueError(f"no slot of {self.trigger_id()} after {current_time} lies before the year 2200")
        return zoned(slot, anchor.tz_id)

    def trigger_label(self) -> str:
        """``every``."""
        return "every"

    def trigger_detail(self) -> str:
        """The interval in seconds."""
        return f"{self._grid.step // SECOND}s"

    def trigger_db_type(self) -> Literal["interval"]:
        """``interval``."""
        return "interval"

    def trigger_id(self) -> str:
        """``every:{seconds}``."""
        return f"every:{self._grid.step // SECOND}"


def whole_seconds(interval: float) -> int:
    """Seconds as nanoseconds.

    Raises:
        ValueError: not a positive, whole number of seconds (to the nanosecond, for ``hours=1.1`` is not exact), or
            more than 230 years.
    """
    got = f"got {interval} seconds"
    if not interval > 0:
        raise ValueError(f"Every trigger interval must be positive, {got}")
    if interval > LONGEST:
        raise ValueError(f"Every trigger interval must be at most 230 years ({LONGEST} seconds), {got}")
    step = round(interval * SECOND)
    if step % SECOND or not step:
        raise ValueError(f"Every trigger interval must be a whole number of seconds, {got}")
    return step


def _check_start(start: object) -> None:
    if not isinstance(start, ZonedDateTime):
        raise TypeError(f"Every 'start' must be a ZonedDateTime, got {start!r}")
    checked_year("Every 'start'", start)
