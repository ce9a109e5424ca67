"""Hypothesis strategies: zones, moments, triggers, policies, and histories of a ``World``.

Needs Hypothesis, which Duly does not install.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from whenever import TimeDelta, ZonedDateTime

from duly.core.clock import SECOND
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire, Mode, Policy
from duly.core.trigger import TriggerProtocol
from duly.testing.world import World
from duly.triggers import After, Cron, Daily, Every, Once

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kolkata",
)
"""No change at all, in the north and in the south, at midnight, by half an hour, backwards in winter, a skipped day."""

_CRON_MINUTES = ("*", "0", "30", "*/15", "7,22,48", "50-59")
_CRON_HOURS = ("*", "0", "2", "2,3", "*/6", "1-4")
_CRON_DAYS = ("*", "1", "15", "L", "LW")
_CRON_MONTHS = ("*", "3,10", "1-6")
_CRON_WEEKDAYS = ("*", "mon-fri", "sun", "5L", "1#1")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that happens to a world: a method of ``World`` and its arguments."""

    method: str
    arguments: tuple[object, ...] = ()

    def __call__(self, world: World) -> None:
        """Do it; nothing is done to a job that has ended."""
        key = self.arguments[0] if self.arguments else None
        if not isinstance(key, str) or key in world.keys:
            do: Callable[..., None] = getattr(world, self.method)
            do(*self.arguments)


def zones() -> st.SearchStrategy[str]:
    """Names of zones, most of them with clock changes of some odd kind."""
    return st.sampled_from(ZONES)


def moments(years: range = range(2000, 2038)) -> st.SearchStrategy[ZonedDateTime]:
    """Whole seconds in any of the zones, every other one at most two hours from a clock change."""
    plain = st.builds(_moment, st.sampled_from(years), st.integers(0, 31_535_999), zones())
    return st.one_of(plain, st.builds(_near_change, plain, st.integers(-7_200, 7_200)))


def cron_expressions() -> st.SearchStrategy[str]:
    """Five fields, all of which can match."""
    fields = (_CRON_MINUTES, _CRON_HOURS, _CRON_DAYS, _CRON_MONTHS, _CRON_WEEKDAYS)
    return st.tuples(*map(st.sampled_from, fields)).map(" ".join)


def triggers(start: ZonedDateTime, longest: int = 3_600) -> st.SearchStrategy[TriggerProtocol]:
    """Triggers of every kind, to be added at ``start``; intervals and delays take up to ``longest`` seconds."""
    seconds = st.integers(1, longest)
    times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
    return st.one_of(
        seconds.map(lambda interval: Every(seconds=interval)),
        seconds.map(lambda delay: After(seconds=delay)),
        seconds.map(lambda delay: Once(start.add(seconds=delay))),
        times.map(Daily),
        cron_expressions().map(Cron),
        st.builds("{} {}".format, cron_expressions(), st.sampled_from(("*/10", "0,30", "59"))).map(Cron),
    )


def policies() -> st.SearchStrategy[Policy]:
    """Policies of every kind, with times of some seconds."""
    return st.builds(
        Policy,
        mode=st.sampled_from(Mode),
        misfire=st.sampled_from(Misfire),
        grace=st.sampled_from((5 * SECOND, 0, 20 * SECOND)),
        jitter=st.sampled_from((0, 0, 3 * SECOND, 25 * SECOND)),
        retries=st.sampled_from((0, 1, 2)),
        retry_delay=st.sampled_from((SECOND, 0, 7 * SECOND)),
        max_runs=st.sampled_from((None, None, None, 1, 3)),
        max_waiting=st.sampled_from((10, 1)),
        max_catch_up=st.sampled_from((100, 2)),
    )


def durations(longest: int = 60) -> st.SearchStrategy[list[float]]:
    """For ``World.add(takes=…)``: seconds, ``0`` among them."""
    return st.lists(st.one_of(st.just(0.0), st.floats(0, longest)), min_size=1, max_size=5)


def outcomes() -> st.SearchStrategy[list[Outcome]]:
    """For ``World.add(ends=…)``."""
    ends = (Outcome.SUCCESS, Outcome.SUCCESS, Outcome.ERROR, Outcome.TIMED_OUT, Outcome.CANCELLED)
    return st.lists(st.sampled_from(ends), min_size=1, max_size=5)


def histories(keys: Sequence[str], longest: int = 300) -> st.SearchStrategy[list[Operation]]:
    """What happens to a world with jobs ``keys``; nothing takes more than ``longest`` seconds."""
    job, seconds = st.sampled_from(keys), st.integers(0, longest)
    return st.lists(
        st.one_of(
            st.builds(Operation, st.just("advance"), st.tuples(seconds)),
            st.builds(Operation, st.sampled_from(("advance", "stall", "suspend", "crash")), st.tuples(seconds)),
            st.builds(Operation, st.just("step_clock"), st.tuples(st.integers(-longest, longest))),
            st.builds(Operation, st.sampled_from(("pause", "run_now", "remove")), st.tuples(job)),
            st.builds(Operation, st.sampled_from(("pause", "run_now")), st.tuples(job)),
            st.builds(Operation, st.just("resume"), st.tuples(job, st.sampled_from(Misfire))),
        ),
        max_size=40,
    )


def _moment(year: int, second: int, zone: str) -> ZonedDateTime:
    return ZonedDateTime(year, 1, 1, tz="UTC").add(seconds=second).to_tz(zone)


def _near_change(moment: ZonedDateTime, seconds: int) -> ZonedDateTime:
    """``seconds`` from the clock change before ``moment``, if there is one less than a year away."""
    change = moment.prev_transition()
    if change is None or moment - change > TimeDelta(hours=24 * 366):
        return moment
    return change.add(seconds=seconds)
