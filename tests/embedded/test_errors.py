"""Errors in jobs: each is recorded, and schedule and worker live on."""

import logging
from itertools import pairwise

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.errors import DulyError
from duly.core.outcomes import Outcome
from tests.embedded.conftest import Make
from tests.embedded.waiting import Calls, Failing, eventually, job_of, logged

ERRORS = [
    ValueError("bad value"),
    KeyError("lost"),
    DulyError("known"),
    StopIteration(1),
    RecursionError("deep"),
    MemoryError("full"),
    SystemExit(3),
    KeyboardInterrupt("stop"),
    GeneratorExit("closed"),
    ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
    BaseExceptionGroup("several", [KeyboardInterrupt()]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_recorded_and_the_schedule_goes_on(make: Make, error: BaseException) -> None:
    scheduler, calls, other = make(max_workers=1), Failing(error), Calls()
    scheduler.start()
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    calls.wait(3)
    scheduler.schedule(other)
    other.wait()
    eventually(lambda: len(scheduler.history(job_id, status="error")) >= 3)
    line = scheduler.history(job_id, status="error")[0]
    assert (line.status, line.error_type, line.error_message) == (Outcome.ERROR, type(error).__name__, str(error))
    assert line.error_traceback is not None
    assert type(error).__name__ in line.error_traceback


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_an_async_job_is_recorded_and_the_schedule_goes_on(
    scheduler: Scheduler, error: BaseException
) -> None:
    calls, other = Calls(), Calls()

    async def fail() -> None:
        calls()
        raise error

    async def work() -> None:
        other()

    job_id = scheduler.schedule(fail, trigger=every(0.005))
    calls.wait(3)
    scheduler.schedule(work)
    other.wait()
    eventually(lambda: len(scheduler.history(job_id, status="error")) >= 3)
    line = scheduler.history(job_id, status="error")[0]
    expected = RuntimeError if isinstance(error, StopIteration) else type(error)  # so Python has it in coroutines
    assert (line.status, line.error_type) == (Outcome.ERROR, expected.__name__)


def test_a_time_out_that_a_job_raises_is_timed_out(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(TimeoutError()))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    line = scheduler.history(job_id)[0]
    assert (line.status, line.error_type, line.error_message) == (
        Outcome.TIMED_OUT,
        "TimeoutError",
        "execution timed out",
    )
    assert line.error_traceback is None


def test_an_error_is_logged_with_job_and_traceback(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    job_id = scheduler.schedule(Failing(KeyError("lost")), "boiler")
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    record = logged(caplog, logging.ERROR)
    assert record.message == "failed: job=job_boiler attempt=1"
    assert record.exc_info is not None


def test_an_error_without_a_text_shows_its_class(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(ValueError()))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    assert (job_of(scheduler, job_id).error, scheduler.history(job_id)[0].error_type) == ("ValueError", "ValueError")


class Unprintable(Exception):  # noqa: N818 - what it is called is what it is
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_error_that_cannot_be_printed_is_recorded_and_the_worker_lives_on(make: Make) -> None:
    scheduler, calls = make(max_workers=1), Calls()
    scheduler.start()
    job_id = scheduler.schedule(Failing(Unprintable()))
    scheduler.schedule(calls)
    calls.wait()
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    line = scheduler.history(job_id)[0]
    assert (line.error_type, line.error_message) == ("Unprintable", "<exception str() failed>")


def test_a_long_traceback_is_cut(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(ValueError("x" * 20_000)))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    text = job_of(scheduler, job_id).traceback
    assert text is not None
    assert (len(text), text[-16:]) == (8192 + 16, "\n... [truncated]")


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_failing_run_is_retried_as_further_attempts_of_the_same_slot(scheduler: Scheduler, retries: int) -> None:
    job_id = scheduler.schedule(Failing(ValueError("bad")), retries=retries, retry_delay=0.001)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    lines = scheduler.history(job_id)[::-1]
    assert [line.attempt_number for line in lines] == list(range(1, retries + 2))
    assert [line.tick_count for line in lines] == [0] * retries + [1]
    assert len({line.scheduled_at for line in lines}) == 1
    assert (job_of(scheduler, job_id).attempts, job_of(scheduler, job_id).run_count) == (retries + 1, 0)


def test_no_further_attempt_follows_a_success(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"), times=2)
    job_id = scheduler.schedule(calls, retries=5, retry_delay=0.001)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.SUCCESS, Outcome.ERROR, Outcome.ERROR]
    assert dict(job_of(scheduler, job_id).outcomes) == {Outcome.SUCCESS: 1}


def test_the_wait_before_a_retry_grows(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(ValueError("bad")), retries=3, retry_delay=0.02, retry_backoff=2)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    began = [line.started_at for line in scheduler.history(job_id)[::-1]]
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(began)]
    assert all(wait >= least - 0.001 for wait, least in zip(waits, (0.02, 0.04, 0.08), strict=True))


def test_slots_that_pass_during_retries_are_skipped(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"), times=1)
    job_id = scheduler.schedule(calls, trigger=every(0.005), retries=1, retry_delay=0.05)
    calls.wait(2)
    eventually(lambda: job_of(scheduler, job_id).skipped >= 2)


def test_an_async_job_is_retried(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"), times=2)

    async def work() -> None:
        calls()

    job_id = scheduler.schedule(work, retries=2, retry_delay=0)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert job_of(scheduler, job_id).attempts == 3
