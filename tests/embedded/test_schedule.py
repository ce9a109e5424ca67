"""``schedule``: what it refuses, and where it may be called."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly import IntervalTrigger, JobEvent, JobStatus, Notice, OnceTrigger, Scheduler, every
from duly.core.outcomes import Outcome, Reason
from duly.triggers import After, Daily, Every
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Failing, Gate, eventually, in_thread, job_of, joined, let_time_pass


def work() -> None:
    pass


def needs_one(one: int) -> int:
    return one


class NoDetail:
    """A trigger without ``trigger_detail``."""

    first_run_time = next_run_time = trigger_label = trigger_db_type = trigger_id = lambda self, *_: None

    def __repr__(self) -> str:
        return "NoDetail()"  # the name of a test must be the same in every process


GOOD: dict[str, Any] = {"func": work, "trigger": LATER}
BAD_ARGUMENTS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"func": None}, TypeError, "func.*None"),
    ({"func": "work"}, TypeError, "func.*'work'"),
    ({"name": ""}, ValueError, "name.*''"),
    ({"name": 7}, ValueError, "name.*7"),
    ({"trigger": 60}, TypeError, "60 of type int.*every.*cron"),
    ({"trigger": NoDetail()}, TypeError, "NoDetail.*After, Once, Every, Daily or Cron"),
    ({"args": "text"}, TypeError, "args.*'text'"),
    ({"args": 5}, TypeError, "args.*5"),
    ({"args": None}, TypeError, "args.*None"),
    ({"args": (1, 2)}, TypeError, r"func work cannot be called with args=\(1, 2\)"),
    ({"func": needs_one}, TypeError, "cannot be called with args=.*missing a required argument: 'one'"),
    ({"kwargs": 0}, TypeError, "kwargs.*0"),
    ({"kwargs": []}, TypeError, r"kwargs.*\[\]"),
    ({"timeout": 1e300}, ValueError, r"timeout.*1e\+300"),
    ({"retries": [1]}, ValueError, r"retries.*\[1\]"),
    ({"mode": ["single"]}, ValueError, r"mode.*\['single'\]"),
    ({"trigger": Daily}, TypeError, "trigger must be a trigger, got <class"),
    ({"kwargs": [1]}, TypeError, r"kwargs.*\[1\]"),
    ({"kwargs": {1: 2}}, TypeError, "kwargs.*{1: 2}"),
    ({"max_runs": 0}, ValueError, "max_runs.*0"),
    ({"max_runs": -3}, ValueError, "max_runs.*-3"),
    ({"max_runs": 1.5}, ValueError, "max_runs.*1.5"),
    ({"max_runs": True}, ValueError, "max_runs.*True"),
    ({"timeout": 0}, ValueError, "timeout.*0"),
    ({"timeout": -1}, ValueError, "timeout.*-1"),
    ({"timeout": math.nan}, ValueError, "timeout.*nan"),
    ({"timeout": math.inf}, ValueError, "timeout.*inf"),
    ({"timeout": True}, ValueError, "timeout.*True"),
    ({"timeout": "1"}, ValueError, "timeout.*'1'"),
    ({"jitter": -1}, ValueError, "jitter must be non-negative.*-1"),
    ({"jitter": math.nan}, ValueError, "jitter must be non-negative.*nan"),
    ({"jitter": math.inf}, ValueError, "jitter must be non-negative.*inf"),
    ({"mode": "twice"}, ValueError, "mode.*'single', 'restart', 'queued', 'parallel'.*'twice'"),
    ({"misfire": "later"}, ValueError, "misfire.*'skip', 'run_once', 'run_all'.*'later'"),
    ({"retries": -1}, ValueError, "retries.*-1"),
    ({"retries": 1.0}, ValueError, "retries.*1.0"),
    ({"retry_delay": -0.1}, ValueError, "retry_delay.*-0.1"),
    ({"retry_delay": math.inf}, ValueError, "retry_delay.*inf"),
    ({"retry_backoff": 0}, ValueError, "retry_backoff.*0"),
    ({"retry_backoff": math.nan}, ValueError, "retry_backoff.*nan"),
    ({"group": ""}, ValueError, "group.*''"),
    ({"group": 3}, ValueError, "group.*3"),
    ({"if_exists": "keep"}, ValueError, "if_exists.*'keep'"),
]


NAMES = [f"{'-'.join(row[0])}-{number}" for number, row in enumerate(BAD_ARGUMENTS)]
"""The same in every process: no value is in them, for some are shown with their address."""


@pytest.mark.parametrize(("wrong", "error", "message"), BAD_ARGUMENTS, ids=NAMES)
def test_a_bad_argument_is_refused_with_its_value_and_nothing_is_registered(
    make: Make, wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    scheduler = make()
    with pytest.raises(error, match=message):
        scheduler.schedule(**(GOOD | wrong))
    assert scheduler.list_jobs() == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_workers": 0}, "max_workers.*0"),
        ({"max_workers": -1}, "max_workers.*-1"),
        ({"max_workers": 1.5}, "max_workers.*1.5"),
        ({"misfire": "later"}, "misfire.*'later'"),
        ({"timezone": "Europe/Atlantis"}, "Europe/Atlantis"),
    ],
)
def test_a_bad_argument_of_a_scheduler_is_refused_with_its_value(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scheduler(**wrong)


def test_a_trigger_by_which_nothing_is_ever_due_is_refused(make: Make) -> None:
    ended = IntervalTrigger(60, end_time=datetime(2020, 1, 1, tzinfo=UTC))
    scheduler = make()
    with pytest.raises(ValueError, match=r"nothing is ever due.*every:60"):
        scheduler.schedule(work, trigger=ended)
    assert scheduler.list_jobs() == []


class Broken(Every):
    """A trigger that cannot tell its first run."""

    def chain(self, zone: str | None) -> Any:  # noqa: ANN401 - never returns
        raise LookupError("no calendar")


def test_what_a_trigger_raises_for_its_first_run_comes_out_and_nothing_is_registered(make: Make) -> None:
    scheduler = make()
    with pytest.raises(LookupError, match="no calendar"):
        scheduler.schedule(work, trigger=Broken(1))
    assert scheduler.list_jobs() == []


def test_a_job_scheduled_before_the_start_runs_after_it(make: Make) -> None:
    scheduler, calls = make(), Calls()
    scheduler.schedule(calls)
    scheduler.start()
    calls.wait()


def test_a_job_scheduled_before_the_start_does_not_run_without_it(make: Make) -> None:
    scheduler, calls = make(), Calls()
    job_id = scheduler.schedule(calls)
    let_time_pass()
    assert len(calls) == 0
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_a_job_without_a_trigger_runs_once_now(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls)
    calls.wait()
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert job_of(scheduler, job_id).run_count == 1


def test_a_job_is_called_with_its_arguments(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(calls, args=(1, "two"), kwargs={"three": 3})
    calls.wait()
    assert calls.made == [((1, "two"), {"three": 3})]


def test_arguments_may_come_from_any_iterable(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(calls, args=(number for number in (1, 2)))
    calls.wait()
    assert calls.made == [((1, 2), {})]


def test_an_earlier_job_overtakes_the_one_that_the_driver_sleeps_for(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(work, trigger=every(hours=1))
    scheduler.schedule(calls, trigger=every(0.01))
    calls.wait(2)


def test_a_job_may_be_scheduled_from_another_thread(scheduler: Scheduler) -> None:
    calls = Calls()
    joined(in_thread(lambda: scheduler.schedule(calls)))
    calls.wait()


def test_a_job_may_be_scheduled_from_inside_a_job(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(lambda: scheduler.schedule(calls))
    calls.wait()


def test_a_job_may_be_scheduled_from_inside_an_async_job(scheduler: Scheduler) -> None:
    calls = Calls()

    async def outer() -> None:
        scheduler.schedule(calls)

    scheduler.schedule(outer)
    calls.wait()


def test_a_job_may_be_scheduled_from_a_listener(scheduler: Scheduler) -> None:
    calls = Calls()

    def chain(notice: Notice) -> None:
        if notice.name == "first":
            scheduler.schedule(calls, name="second")

    scheduler.add_listener(chain, [JobEvent.SUCCEEDED])
    scheduler.schedule(work, name="first")
    calls.wait()


def test_a_job_ends_after_so_many_successful_runs(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.005), max_runs=3)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert (len(calls), job_of(scheduler, job_id).run_count, job_of(scheduler, job_id).next_run) == (3, 3, None)


def test_failures_do_not_count_towards_max_runs(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"), times=3)
    job_id = scheduler.schedule(calls, trigger=every(0.005), max_runs=2)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert (len(calls), job_of(scheduler, job_id).attempts) == (5, 5)


def test_a_parallel_job_never_runs_more_often_than_max_runs(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005), max_runs=2, mode="parallel")
    gate.wait_entered(2)
    eventually(lambda: job_of(scheduler, job_id).skipped > 2)
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert gate.entries == 2


def test_a_one_shot_in_the_past_runs_late(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(calls, trigger=OnceTrigger(datetime(2020, 1, 1, tzinfo=UTC)))
    calls.wait()


def test_a_one_shot_in_the_past_that_shall_not_run_late_is_recorded_as_missed(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(work, trigger=OnceTrigger(datetime(2020, 1, 1, tzinfo=UTC)), misfire="skip")
    eventually(lambda: scheduler.history(job_id))
    line = scheduler.history(job_id)[0]
    assert (line.status, line.reason, line.tick_count) == (Outcome.MISSED, Reason.DOWN, 1)


def test_a_job_takes_the_misfire_policy_of_its_scheduler_unless_it_has_its_own(make: Make) -> None:
    past, calls = OnceTrigger(datetime(2020, 1, 1, tzinfo=UTC)), Calls()
    scheduler = make(misfire="skip")
    missed = scheduler.schedule(work, trigger=past)
    scheduler.schedule(calls, trigger=past, misfire="run_once")
    scheduler.start()
    calls.wait()
    eventually(lambda: job_of(scheduler, missed).missed)


def test_every_trigger_of_duly_is_accepted(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(work, trigger=After(minutes=1))
    assert len(scheduler.next_runs(job_id)) == 1


class Twice:
    """A trigger of a user: at two moments."""

    def __init__(self, *moments: ZonedDateTime) -> None:
        self._moments = moments

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        return self._moments[0]

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        return next((moment for moment in self._moments if moment > max(previous_run, current_time)), None)

    def trigger_label(self) -> str:
        return "twice"

    def trigger_detail(self) -> str | None:
        return None

    def trigger_db_type(self) -> Any:  # noqa: ANN401 - one of a few texts
        return "custom"

    def trigger_id(self) -> str:
        return "twice"


def test_a_trigger_of_a_user_needs_only_the_six_methods(make: Make) -> None:
    scheduler = make()
    moments = (ZonedDateTime(2180, 1, 1, tz="UTC"), ZonedDateTime(2190, 1, 1, tz="UTC"))
    job_id = scheduler.schedule(work, trigger=Twice(*moments))
    assert scheduler.next_runs(job_id) == [moment.to_stdlib() for moment in moments]


def test_a_jittered_job_starts_late_but_keeps_its_slots(make: Make) -> None:
    scheduler, calls = make(), Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.05), jitter=0.04)
    first = job_of(scheduler, job_id).next_run
    scheduler.start()
    calls.wait(2)
    eventually(lambda: len(scheduler.history(job_id)) >= 2)
    slots = sorted(line.scheduled_at for line in scheduler.history(job_id) if line.scheduled_at is not None)
    assert slots[0] == first
    assert (slots[1] - slots[0]).total_seconds() == pytest.approx(0.05)
    assert all(line.scheduled_at is not None and line.started_at >= line.scheduled_at for line in scheduler.history())
