"""Jobs whose runs are carried out elsewhere: everything else about them is as it is of any job."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.clock import SECOND
from duly.core.policy import ModeName
from duly.testing import VirtualClock
from tests.core.away import Away, never_called
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, eventually, job_of


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def scheduler(make: Make, clock: VirtualClock) -> Iterator[Scheduler]:
    scheduler = make(clock=clock)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def outcomes(scheduler: Scheduler, job_id: str) -> list[str]:
    """Of its lines, oldest first, with the reason if there is one."""
    lines = reversed(scheduler.history(job_id))
    return [str(line.status) if line.reason is None else f"{line.status} {line.reason}" for line in lines]


def test_the_call_is_told_and_the_function_not_called(scheduler: Scheduler, clock: VirtualClock) -> None:
    away, begin = Away("done"), clock.now()
    scheduler.schedule(never_called, "report", every(60), args=("sales",), kwargs={"copies": 2}, executor=away)
    clock.advance(60)
    (call,) = away.calls
    assert (call.job, call.slot, call.attempt, call.func) == ("report", begin + 60 * SECOND, 1, "never_called")
    assert (call.args, call.kwargs) == (("sales",), {"copies": 2})


def test_what_comes_back_is_the_result(scheduler: Scheduler, clock: VirtualClock) -> None:
    job_id = scheduler.schedule(never_called, executor=Away({"pages": 3}, seconds=5))
    clock.advance(5)
    job = job_of(scheduler, job_id)
    assert (job.status, job.result, job.last_duration_ms) == (JobStatus.COMPLETED, {"pages": 3}, 5000)


def test_an_error_that_comes_back_is_the_error_of_the_run(scheduler: Scheduler, clock: VirtualClock) -> None:
    job_id = scheduler.schedule(never_called, executor=Away(OSError("no paper")))
    clock.advance(0)
    assert job_of(scheduler, job_id).error == "no paper"
    assert outcomes(scheduler, job_id) == ["error"]


def test_what_takes_too_long_times_out_and_is_waited_for_no_more(scheduler: Scheduler, clock: VirtualClock) -> None:
    away = Away(seconds=60)
    job_id = scheduler.schedule(never_called, timeout=10, executor=away)
    clock.advance(11)
    assert outcomes(scheduler, job_id) == ["timed_out"]
    assert away.cancelled == 1


def test_each_retry_is_a_call_of_the_same_slot(scheduler: Scheduler, clock: VirtualClock) -> None:
    away = Away(OSError("no paper"), OSError("no ink"), "done")
    job_id = scheduler.schedule(never_called, retries=2, retry_delay=1, executor=away)
    clock.advance(10)
    assert [(call.slot, call.attempt) for call in away.calls] == [(away.calls[0].slot, n) for n in (1, 2, 3)]
    assert outcomes(scheduler, job_id) == ["error", "error", "success"]
    assert job_of(scheduler, job_id).outcomes == {"success": 1}


def test_a_retry_after_a_time_out_waits_anew(scheduler: Scheduler, clock: VirtualClock) -> None:
    job_id = scheduler.schedule(never_called, retries=1, retry_delay=1, timeout=10, executor=Away(seconds=60))
    clock.advance(30)
    assert outcomes(scheduler, job_id) == ["timed_out", "timed_out"]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("single", ["success", "skipped overlap", "success"]),
        ("restart", ["cancelled", "cancelled", "cancelled"]),
        ("queued", ["success", "success"]),
        ("parallel", ["success", "success", "success"]),
    ],
)
def test_slots_that_come_due_meanwhile_go_by_the_mode(
    scheduler: Scheduler, clock: VirtualClock, mode: ModeName, wanted: list[str]
) -> None:
    job_id = scheduler.schedule(never_called, "report", every(10), mode=mode, executor=Away(seconds=15))
    clock.advance(46)
    assert outcomes(scheduler, job_id)[:3] == wanted


def test_late_slots_go_by_the_misfire_policy(make: Make, clock: VirtualClock) -> None:
    scheduler, away = make(clock=clock), Away()
    job_id = scheduler.schedule(never_called, trigger=every(10), misfire="run_all", executor=away)
    clock.advance(35)
    scheduler.start()
    clock.advance(0)
    assert outcomes(scheduler, job_id) == ["success"] * 3
    assert len({call.slot for call in away.calls}) == 3


def test_a_run_by_hand_has_no_slot(scheduler: Scheduler) -> None:
    away = Away("by hand")
    job_id = scheduler.schedule(never_called, trigger=LATER, executor=away)
    assert scheduler.run_now(job_id) == "by hand"
    assert [(call.slot, call.attempt) for call in away.calls] == [(None, 1)]


def test_a_run_by_hand_raises_what_comes_back(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(never_called, trigger=LATER, executor=Away(OSError("no paper")))
    with pytest.raises(OSError, match="no paper"):
        scheduler.run_now(job_id)


def test_a_run_that_is_away_when_the_scheduler_stops_is_interrupted(make: Make) -> None:
    scheduler, away = make(), Away(seconds=60)
    scheduler.start()
    job_id = scheduler.schedule(never_called, executor=away)
    eventually(lambda: away.calls)
    scheduler.stop(wait=False)
    assert outcomes(scheduler, job_id) == ["interrupted"]
    assert away.cancelled == 1


def test_what_comes_back_is_in_the_ledger_file(make: Make, clock: VirtualClock, tmp_path: Path) -> None:
    scheduler = make(clock=clock, history=tmp_path / "jobs.db")
    scheduler.start()
    job_id = scheduler.schedule(never_called, "report", every(10), executor=Away("done", OSError("no paper")))
    clock.advance(25)
    assert outcomes(scheduler, job_id) == ["success", "error"]
    assert scheduler.history(job_id)[0].error_message == "no paper"


def test_many_are_away_at_once_and_need_no_thread_each(make: Make) -> None:
    scheduler, away = make(max_workers=1), Away(seconds=0.05)
    with scheduler:
        ids = [scheduler.schedule(never_called, executor=away) for _ in range(50)]
        eventually(lambda: all(job_of(scheduler, job_id).status is JobStatus.COMPLETED for job_id in ids))
    assert away.most_at_once > 1


def test_the_call_is_made_on_the_loop_of_async_jobs(make: Make) -> None:
    class Where:
        async def execute(self, _: object) -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

    async def here() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with make() as scheduler:
        ids = [scheduler.schedule(here), scheduler.schedule(never_called, executor=Where())]
        eventually(lambda: all(job_of(scheduler, job_id).result for job_id in ids))
        one, other = (job_of(scheduler, job_id).result for job_id in ids)
    assert one is other


# What is refused


def refused(scheduler: Scheduler, error: type[Exception], message: str, **options: Any) -> None:  # noqa: ANN401 - any
    with pytest.raises(error, match=message):
        scheduler.schedule(never_called, **options)
    assert scheduler.list_jobs() == []


def test_an_executor_that_cannot_execute_is_refused(scheduler: Scheduler) -> None:
    refused(scheduler, TypeError, "executor must have a method", executor="worker")


def test_arguments_that_cannot_travel_are_refused(scheduler: Scheduler) -> None:
    refused(scheduler, TypeError, "argument 0 of a job that is sent away must be JSON", args=[{1}], executor=Away())


def test_arguments_that_the_function_does_not_take_are_refused(scheduler: Scheduler) -> None:
    with pytest.raises(TypeError, match="cannot be called with"):
        scheduler.schedule(lambda: None, args=[1], executor=Away())


def test_a_generator_function_is_refused(scheduler: Scheduler) -> None:
    def generate() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generator function"):
        scheduler.schedule(generate, executor=Away())


# Which job it is


def test_a_job_with_the_same_executor_is_the_same(scheduler: Scheduler) -> None:
    away = Away()
    job_id = scheduler.schedule(never_called, "report", every(10), executor=away)
    assert scheduler.schedule(never_called, "report", every(10), executor=away, if_exists="skip") == job_id


@pytest.mark.parametrize("executor", [Away(), None])
def test_a_job_with_another_executor_is_another(scheduler: Scheduler, executor: Away | None) -> None:
    scheduler.schedule(never_called, "report", every(10), executor=Away())
    with pytest.raises(ValueError, match=r"configuration changed \(executor\)"):
        scheduler.schedule(never_called, "report", every(10), executor=executor, if_exists="skip")
