"""The scheduler of an app: what its methods schedule, and what they refuse."""

import inspect
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly.core.trigger import TriggerProtocol
from duly.embedded.triggers import IntervalTrigger
from duly.scheduler import (
    After,
    AsyncScheduler,
    Cron,
    Daily,
    Every,
    JobOptions,
    Once,
    ScheduledJob,
    SchedulerSyncFacade,
)
from duly.testing import VirtualClock
from tests.executor.plant import rows_of
from tests.scheduler.custom import Plain
from tests.scheduler.porch import Boiler, Home, Porch, in_home, nothing
from tests.scheduler.yard import BEGIN, Yard, in_yard, until

Schedule = Callable[[Any], Any]
"""Of a scheduler; wrong arguments too."""


async def refused(home: Home, schedule: Schedule, error: type[Exception], message: str) -> None:
    """It raises, and leaves no trace."""
    with pytest.raises(error, match=message):
        await schedule(home.scheduler)
    assert home.scheduler.list_jobs() == []
    assert await home.service.get_all_jobs() == []


# Who it is


def test_a_scheduler_needs_a_parent(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        with pytest.raises(AssertionError, match="add_child"):
            AsyncScheduler(yard.house)

    in_yard(tmp_path, main)


def test_a_scheduler_knows_the_shared_service_and_its_twin(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        assert home.scheduler.scheduler_service is home.yard.scheduler
        assert isinstance(home.scheduler.sync, SchedulerSyncFacade)
        assert home.scheduler.children == [home.scheduler.sync]

    in_home(tmp_path, main)


def test_its_level_is_that_of_the_scheduler_service(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        assert home.scheduler.config_log_level == "ERROR"

    in_home(tmp_path, main, logging={"scheduler_service": "ERROR"})


def test_a_job_is_its_parents(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        porch = home.yard.house.add_child(Porch, index=3)
        await porch.initialize()
        job = await porch.scheduler.run_in(nothing, 5)
        assert (job.app_key, job.instance_index, job.source_tier) == ("porch", 3, "app")
        assert job.owner_id == porch.unique_name

    in_home(tmp_path, main)


def test_a_job_of_a_part_of_duly_is_of_the_framework(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        boiler = yard.house.add_child(Boiler)
        await boiler.initialize()
        job = await boiler.scheduler.run_in(nothing, 5)
        assert (job.app_key, job.source_tier) == ("__duly__.Boiler", "framework")

    in_yard(tmp_path, main)


def test_another_tier_is_refused(tmp_path: Path) -> None:
    class Odd(Porch):
        @property
        def source_tier(self) -> Any:  # noqa: ANN401 - not one of the two
            return "neither" if self.children else "app"

    async def main(yard: Yard) -> None:
        odd = yard.house.add_child(Odd)
        with pytest.raises(AssertionError, match="neither"):
            await odd.scheduler.run_in(nothing, 5)

    in_yard(tmp_path, main)


# The eight ways

WAYS: dict[str, tuple[Schedule, type[TriggerProtocol], str, ZonedDateTime]] = {
    "schedule": (lambda s: s.schedule(nothing, Every(7)), Every, "every:7", BEGIN.add(seconds=7)),
    "run_in": (lambda s: s.run_in(nothing, 90), After, "after:90", BEGIN.add(seconds=90)),
    "run_once text": (
        lambda s: s.run_once(nothing, "07:30"),
        Once,
        "once:2025-01-01T07:30:00+00:00[UTC]",
        BEGIN.add(hours=7, minutes=30),
    ),
    "run_once moment": (
        lambda s: s.run_once(nothing, BEGIN.add(hours=1)),
        Once,
        "once:2025-01-01T01:00:00+00:00[UTC]",
        BEGIN.add(hours=1),
    ),
    "run_every": (lambda s: s.run_every(nothing, 1, 2, 3), Every, "every:3723", BEGIN.add(seconds=3723)),
    "run_minutely": (lambda s: s.run_minutely(nothing), Every, "every:60", BEGIN.add(minutes=1)),
    "run_minutely five": (lambda s: s.run_minutely(nothing, 5), Every, "every:300", BEGIN.add(minutes=5)),
    "run_hourly": (lambda s: s.run_hourly(nothing), Every, "every:3600", BEGIN.add(hours=1)),
    "run_hourly two": (lambda s: s.run_hourly(nothing, 2), Every, "every:7200", BEGIN.add(hours=2)),
    "run_daily": (lambda s: s.run_daily(nothing), Daily, "cron:0 0 * * *", BEGIN.add(hours=24)),
    "run_daily at": (lambda s: s.run_daily(nothing, "7:5"), Daily, "cron:5 7 * * *", BEGIN.add(hours=7, minutes=5)),
    "run_cron": (lambda s: s.run_cron(nothing, "15 * * * *"), Cron, "cron:15 * * * *", BEGIN.add(minutes=15)),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_method_makes_its_trigger(way: str, tmp_path: Path) -> None:
    schedule, kind, trigger_id, first = WAYS[way]

    async def main(home: Home) -> None:
        job = await schedule(home.scheduler)
        assert type(job.trigger) is kind
        assert job.trigger.trigger_id() == trigger_id
        assert job.next_run == first
        assert isinstance(job.db_id, int)
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


@pytest.mark.parametrize("way", WAYS)
def test_each_method_passes_the_options_on(way: str, tmp_path: Path) -> None:
    name = way.split(maxsplit=1)[0]
    own: dict[str, tuple[Any, ...]] = {"schedule": (Every(1),), "run_in": (1,), "run_once": ("07:30",)}
    arguments = own.get(name, {"run_every": (1,), "run_cron": ("* * * * *",)}.get(name, ()))
    options: dict[str, Any] = {
        "group": "floor",
        "jitter": 2.0,
        "timeout": 3.0,
        "if_exists": "skip",
        "args": (1,),
        "kwargs": {"b": 2},
        "mode": "queued",
        "misfire": "skip",
        "retries": 4,
        "retry_delay": 5.0,
        "retry_backoff": 6.0,
    }

    async def func(a: int, b: int) -> None:
        """Take arguments."""

    async def main(home: Home) -> None:
        job = await getattr(home.scheduler, name)(func, *arguments, name="tidy", on_error=nothing, **options)
        found = {option: getattr(job, option) for option in options if option != "if_exists"}
        assert found == {option: value for option, value in options.items() if option != "if_exists"}
        assert (job.job, job.name, job.name_auto, job.error_handler) == (func, "tidy", False, nothing)

    in_home(tmp_path, main)


@pytest.mark.parametrize("name", ["schedule", *dict.fromkeys(way.split()[0] for way in WAYS)])
def test_the_name_follows_the_own_parameters_and_all_others_are_by_keyword(name: str) -> None:
    parameters = list(inspect.signature(getattr(AsyncScheduler, name)).parameters.values())
    positional = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert positional[:2] == ["self", "func"]
    assert positional[-1] == "name"
    assert [each.default for each in parameters if each.name == "name"] == [""]
    assert parameters[-1].kind is inspect.Parameter.VAR_KEYWORD


def test_options_that_are_not_given_have_their_defaults(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5)
        assert job.matches(ScheduledJob(owner_id="", next_run=BEGIN, job=nothing, trigger=After(5)))

    in_home(tmp_path, main)


def test_none_for_arguments_means_none(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5, args=None, kwargs=None)
        assert (job.args, job.kwargs) == ((), {})

    in_home(tmp_path, main)


def test_if_past_is_passed_on(tmp_path: Path) -> None:
    past = BEGIN.subtract(hours=1)

    async def main(home: Home) -> None:
        await refused(home, lambda s: s.run_once(nothing, past, if_past="error"), ValueError, "is in the past")

    in_home(tmp_path, main)


def test_run_every_takes_hours_minutes_seconds_by_keyword(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=1, minutes=1, hours=1, name="tidy")
        assert job.trigger is not None
        assert (job.name, job.trigger.trigger_id()) == ("tidy", "every:3661")

    in_home(tmp_path, main)


def test_a_job_runs_with_its_arguments(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    async def func(a: int, *, b: int) -> None:
        seen.append((a, b))

    async def main(home: Home) -> None:
        await home.scheduler.run_in(func, 2, args=(1,), kwargs={"b": 2})
        await until(3)
        assert seen == [(1, 2)]

    in_home(tmp_path, main)


def test_a_first_run_in_the_past_runs_at_once(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await home.scheduler.run_once(nothing, BEGIN.subtract(hours=1))
        await until(0)
        assert await home.yard.slots() == [(-3600.0, "success")]

    in_home(tmp_path, main)


def test_a_delay_of_less_than_half_a_second_runs_at_once(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 0.25)
        assert job.next_run == BEGIN

    in_home(tmp_path, main)


def test_the_clock_of_the_host_says_what_now_is(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_daily(nothing, "02:30")
        assert str(job.next_run.to_plain()) == "2025-03-30T03:30:00"
        assert job.next_run.tz_id == "Europe/Berlin"

    in_home(tmp_path, main, VirtualClock(ZonedDateTime(2025, 3, 29, 12, tz="Europe/Berlin")))


# Refused


class Lacking:
    """No trigger: a method is missing."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime:
        return current_time


class Never(Plain):
    """Nothing is ever due."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        return None


class Broken(Plain):
    """Raises."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        raise LookupError("no moon today")


class Vague(Plain):
    """Gives no moment."""

    def first_run_time(self, current_time: ZonedDateTime) -> Any:  # noqa: ANN401 - a mistake
        return "soon"


class Half(Plain):
    """Has an interval of half a second."""

    interval_seconds = 0.5


class Odd(Plain):
    """Answers what it should not to one of the questions."""

    def __init__(self, question: str, answer: object) -> None:
        super().__init__(1)
        setattr(self, question, lambda: answer)


class Stairs:
    """Methods that are no jobs."""

    def climb(self) -> Any:  # noqa: ANN401 - a generator
        yield

    def go_to(self, floor: int) -> None:
        """Take an argument."""


def generator() -> Any:  # noqa: ANN401 - a generator
    """Run nothing when called."""
    yield


REFUSED: dict[str, tuple[Schedule, type[Exception], str]] = {
    "no trigger": (lambda s: s.schedule(nothing, Lacking()), TypeError, "Lacking: pass After, Once, Every, Daily or"),
    "a class": (lambda s: s.schedule(nothing, Every), TypeError, "pass After, Once, Every, Daily or Cron"),
    "never due": (lambda s: s.schedule(nothing, Never(1)), ValueError, "nothing is ever due"),
    "raises": (lambda s: s.schedule(nothing, Broken(1)), LookupError, "no moon today"),
    "no moment": (lambda s: s.schedule(nothing, Vague(1)), TypeError, "must give a ZonedDateTime or None, got 'soon'"),
    "odd type": (
        lambda s: s.schedule(nothing, Odd("trigger_db_type", "weekly")),
        ValueError,
        "trigger_db_type\\(\\) of .* must be one of 'interval', .*, got 'weekly'",
    ),
    "odd id": (lambda s: s.schedule(nothing, Odd("trigger_id", 5)), TypeError, "trigger_id\\(\\) .* a text, got 5"),
    "odd label": (lambda s: s.schedule(nothing, Odd("trigger_label", None)), TypeError, "trigger_label.* got None"),
    "half seconds": (lambda s: s.schedule(nothing, Half(1)), ValueError, "must be a whole number of seconds"),
    "embedded half seconds": (
        lambda s: s.schedule(nothing, IntervalTrigger(0.5)),
        ValueError,
        "Every trigger interval must be a whole number of seconds",
    ),
    "delay of zero": (lambda s: s.run_in(nothing, 0), ValueError, "After trigger delay must be positive"),
    "if_past": (lambda s: s.run_once(nothing, "07:00", if_past="never"), ValueError, "if_past"),
    "no time of day": (lambda s: s.run_once(nothing, "7"), ValueError, "Once 'at' must be 'HH:MM', got '7'"),
    "no interval": (lambda s: s.run_every(nothing), ValueError, "Every trigger interval must be positive"),
    "no minutes": (lambda s: s.run_minutely(nothing, 0), ValueError, "Minute interval must be at least 1"),
    "no hours": (lambda s: s.run_hourly(nothing, 0), ValueError, "Hour interval must be at least 1"),
    "late hour": (lambda s: s.run_daily(nothing, "24:00"), ValueError, "Daily 'at' time out of range: '24:00'"),
    "no expression": (lambda s: s.run_cron(nothing, "* *"), ValueError, "Invalid cron expression: '\\* \\*'"),
    "jitter below zero": (lambda s: s.run_in(nothing, 1, jitter=-1), ValueError, "jitter must be non-negative"),
    "jitter nan": (lambda s: s.run_in(nothing, 1, jitter=math.nan), ValueError, "jitter must be non-negative"),
    "endless jitter": (lambda s: s.run_in(nothing, 1, jitter=math.inf), ValueError, "jitter must be non-negative"),
    "timeout": (lambda s: s.run_in(nothing, 1, timeout=0), ValueError, "timeout must be a positive number"),
    "both timeouts": (
        lambda s: s.run_in(nothing, 1, timeout=1, timeout_disabled=True),
        ValueError,
        "Cannot specify both",
    ),
    "mode": (lambda s: s.run_in(nothing, 1, mode="twice"), ValueError, "mode must be one of"),
    "misfire": (lambda s: s.run_in(nothing, 1, misfire="twice"), ValueError, "misfire must be one of"),
    "retries": (lambda s: s.run_in(nothing, 1, retries=-1), ValueError, "retries must be"),
    "if_exists": (lambda s: s.run_in(nothing, 1, if_exists="maybe"), ValueError, "if_exists must be one of"),
    "empty group": (lambda s: s.run_in(nothing, 1, group=""), ValueError, "group must be a text"),
    "no callable": (lambda s: s.run_in(nothing(), 1), TypeError, "func must be callable"),
    "no handler": (lambda s: s.run_in(nothing, 1, on_error=3), TypeError, "on_error must be callable"),
    "generator": (lambda s: s.run_in(generator, 1), TypeError, "generator"),
    "generator method": (lambda s: s.run_in(Stairs().climb, 1), TypeError, "generator"),
    "method without its argument": (lambda s: s.run_in(Stairs().go_to, 1), TypeError, "missing a required argument"),
    "too many arguments": (lambda s: s.run_in(inspect.isclass, 1, args=(1, 2)), TypeError, "cannot be called with"),
    "name": (lambda s: s.run_in(nothing, 1, 5), TypeError, "name must be a text"),
    "unknown option": (lambda s: s.run_in(nothing, 1, jiter=5), TypeError, "unknown option of a job: jiter"),
}


@pytest.mark.filterwarnings("ignore:coroutine 'nothing' was never awaited")
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_right_is_refused_and_leaves_no_trace(what: str, tmp_path: Path) -> None:
    schedule, error, message = REFUSED[what]

    async def main(home: Home) -> None:
        await refused(home, schedule, error, message)

    in_home(tmp_path, main)


def test_wrong_arguments_raise_when_the_call_is_awaited(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        call = home.scheduler.run_in(nothing, -1)
        with pytest.raises(ValueError, match="positive"):
            await call

    in_home(tmp_path, main)


def test_add_job_takes_scheduled_jobs_only(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        not_a_job: Any = nothing
        with pytest.raises(TypeError, match="takes a ScheduledJob"):
            await home.scheduler.add_job(not_a_job)

    in_home(tmp_path, main)


def test_add_job_takes_jobs_that_can_be_called_only(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        not_functions: list[Any] = [None, "sweep", lambda: (yield)]
        for function in not_functions:
            job = ScheduledJob(owner_id="", next_run=BEGIN, job=function, name="sweep")
            with pytest.raises(TypeError, match="func must"):
                await home.scheduler.add_job(job)
        assert home.scheduler.list_jobs() == []
        assert rows_of(home.yard.path, "scheduled_jobs") == []

    in_home(tmp_path, main)


def test_a_scheduler_that_has_stopped_takes_no_jobs(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await home.porch.shutdown()
        with pytest.raises(RuntimeError, match="has stopped"):
            await home.scheduler.run_in(nothing, 1)

    in_home(tmp_path, main)


# Triggers


def test_a_cron_with_h_is_bound_to_the_name_of_the_job(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        cron = Cron("H H * * *")
        job = await home.scheduler.schedule(nothing, cron, name="tidy")
        assert job.next_run == cron.bind("tidy").first_run_time(BEGIN) != cron.first_run_time(BEGIN)
        assert job.trigger is not cron
        assert job.trigger is not None
        assert job.trigger.trigger_id() == cron.trigger_id()

    in_home(tmp_path, main)


def test_a_cron_with_h_is_bound_to_a_name_that_was_generated(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_cron(nothing, "H H * * *")
        assert job.name == "nothing:cron:H H * * *"
        assert job.next_run == Cron("H H * * *").bind(job.name).first_run_time(BEGIN)

    in_home(tmp_path, main)


def test_a_first_run_between_seconds_is_rounded(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.schedule(nothing, Plain(1.7))
        assert job.next_run == BEGIN.add(seconds=2)

    in_home(tmp_path, main)


@pytest.mark.parametrize(
    ("at", "said"),
    [("00:00", "deferred"), (BEGIN.subtract(hours=1), "cannot be deferred")],
    ids=["wall clock", "moment"],
)
def test_a_time_that_has_passed_is_warned_about(
    at: str | ZonedDateTime, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(home: Home) -> None:
        await home.scheduler.run_once(nothing, at)

    in_home(tmp_path, main)
    (record,) = [record for record in caplog.records if said in record.getMessage()]
    assert record.levelno == logging.WARNING


def test_one_trigger_may_serve_several_jobs(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        trigger = Every(2)
        for name in ("a", "b"):
            await home.scheduler.schedule(nothing, trigger, name=name)
        await until(5)
        assert await home.yard.slots("a") == await home.yard.slots("b") == [(2.0, "success"), (4.0, "success")]

    in_home(tmp_path, main)


# Jobs made by hand


def by_hand(**fields: Any) -> ScheduledJob:  # noqa: ANN401 - of the job
    given: dict[str, Any] = {"owner_id": "who", "next_run": BEGIN.add(seconds=2), "job": nothing}
    return ScheduledJob(**given | fields)


def test_a_job_without_trigger_runs_once(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.add_job(by_hand())
        await until(10)
        assert await home.yard.slots() == [(2.0, "success")]
        assert home.scheduler.list_jobs() == []
        assert job.name == "nothing"

    in_home(tmp_path, main)


def test_a_job_made_by_hand_becomes_the_schedulers(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.add_job(by_hand(app_key="elsewhere", instance_index=9, source_tier="framework"))
        assert (job.owner_id, job.app_key, job.instance_index) == (home.porch.unique_name, "porch", 0)
        assert job.source_tier == "app"
        job.cancel()
        assert home.scheduler.list_jobs() == []

    in_home(tmp_path, main)


def test_a_job_that_was_cancelled_can_be_added_again(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.add_job(by_hand())
        job.cancel()
        assert await home.scheduler.add_job(job) is job
        await until(3)
        assert await home.yard.slots() == [(2.0, "success")]

    in_home(tmp_path, main)


def test_a_live_job_of_another_scheduler_is_refused(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.add_job(by_hand())
        boiler = home.yard.house.add_child(Boiler)
        await boiler.initialize()
        with pytest.raises(ValueError, match="belongs to another scheduler"):
            await boiler.scheduler.add_job(job)
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


def test_every_option_of_a_job_is_a_field_of_it() -> None:
    fields = {"error_handler" if name == "on_error" else name for name in JobOptions.__annotations__}
    assert fields - {"if_exists"} <= set(ScheduledJob.__slots__)
