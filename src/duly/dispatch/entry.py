"""An entry of a file of schedules: when, and what is dispatched then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from whenever import Instant

from duly.core.clock import SECOND, stdlib_nanoseconds
from duly.core.policy import Policy, checked_policy
from duly.core.trigger import Chain
from duly.triggers import Cron
from duly.triggers.builtin import HORIZON, decimal_seconds
from duly.triggers.interval import Grid
from duly.triggers.spec import spec_of_chain
from duly.triggers.window import CronWindow

DispatchType: TypeAlias = Literal["goal", "task"]
EntryMode: TypeAlias = Literal["single", "queued", "parallel"]
EntryMisfire: TypeAlias = Literal["skip", "run_once", "run_all"]

_SCHEDULES: Final = 1 << 17
"""That are kept: those of all entries of a large fleet."""


@dataclass(slots=True)
class ScheduleEntry:
    """What one entry says, checked; ``next_fire`` is set by who dispatches it, and is no part of its identity.

    ``start`` and ``end`` are nanoseconds since the epoch, both inclusive; ``None``: it has no such bound.
    """

    name: str
    cron: str | None
    interval_seconds: float | None
    dispatch_type: DispatchType
    goal_config: dict[str, Any] | None = None
    task_config: dict[str, Any] | None = None
    expand_from: str | None = None
    next_fire: float = field(default=0.0, compare=False)
    """Unix timestamp of the next slot; 0: there is none."""
    timezone: str = "UTC"
    jitter_seconds: float = 0.0
    misfire: EntryMisfire = "run_once"
    mode: EntryMode = "single"
    enabled: bool = True
    start: int | None = None
    end: int | None = None
    max_fan_out: int = 1000
    expand_timeout_seconds: float = 30.0

    def chain(self) -> Chain:
        """Its slots. Those of an interval without ``start`` hang on the moment of the first start.

        Raises:
            ValueError: it has no schedule, or one that is not understood.
        """
        return self._schedule.chain

    def policy(self) -> Policy:
        """What becomes of its slots that overlap or come late."""
        return checked_policy(
            mode=self.mode,
            misfire=self.misfire,
            jitter=self.jitter_seconds,
            retries=0,
            retry_delay=1.0,
            retry_backoff=2.0,
        )

    @property
    def trigger_id(self) -> str:
        """Equal for equal schedules, in every process."""
        return self._schedule.trigger_id

    @property
    def spec(self) -> str | None:
        """What rebuilds its chain, see ``duly.triggers.spec``."""
        return self._schedule.spec

    @property
    def zone(self) -> str:
        """The zone of its schedule: an interval counts elapsed time, whatever the clocks of its ``timezone`` do."""
        return self.timezone if self.interval_seconds is None else "UTC"

    def set_next_fire(self, slot: int | None) -> None:
        """Note the next slot, in nanoseconds; ``None``: there is none."""
        self.next_fire = 0.0 if slot is None else slot / SECOND

    @property
    def _schedule(self) -> _Schedule:
        if self.interval_seconds is not None:
            return _grid(self.interval_seconds, self.start, self.end)
        if self.cron is None:
            raise ValueError(f"entry {self.name!r} has neither cron nor interval_seconds")
        return _cron(self.cron, self.timezone, self.name, self.start, self.end)


class _Schedule(NamedTuple):
    """What the schedule of an entry comes to. It is asked for often, and made once."""

    chain: Chain
    trigger_id: str
    spec: str | None


@lru_cache(maxsize=_SCHEDULES)
def _grid(seconds: float, start: int | None, end: int | None) -> _Schedule:
    step = round(seconds * SECOND)
    chain = Grid(step, start, HORIZON if end is None else end)
    return _Schedule(chain, f"every:{decimal_seconds(step)}{_bounds(start, end)}", spec_of_chain(chain))


@lru_cache(maxsize=_SCHEDULES)
def _cron(expression: str, timezone: str, name: str, start: int | None, end: int | None) -> _Schedule:
    cron = Cron(expression, timezone=timezone)
    ticks = cron.bind(name).chain(timezone)
    chain = ticks if start is None and end is None else CronWindow(ticks, start, HORIZON if end is None else end)
    return _Schedule(chain, cron.trigger_id() + _bounds(start, end), spec_of_chain(chain))


def _bounds(start: int | None, end: int | None) -> str:
    """What tells schedules apart that differ in these."""
    return "".join(f";{name}={_iso(at)}" for name, at in (("start", start), ("end", end)) if at is not None)


def moment_of(given: date, timezone: str, *, last: bool = False) -> int:
    """A date or time in nanoseconds since the epoch; one without an offset is meant on the clocks of ``timezone``.

    A bare date is its first moment, or its ``last``.
    """
    if isinstance(given, datetime):
        return stdlib_nanoseconds(given, timezone)
    day = given + timedelta(days=1) if last else given
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - on the clocks of the zone
    return stdlib_nanoseconds(midnight, timezone) - int(last)


def _iso(moment: int) -> str:
    return Instant.from_timestamp(moment, unit="nanosecond").format_iso()
