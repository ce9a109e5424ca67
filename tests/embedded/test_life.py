"""Start, stop, and start again."""

import gc
import threading
import weakref
from pathlib import Path

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.filed import rows_of
from tests.embedded.waiting import (
    LATER,
    Calls,
    Gate,
    ShiftedClock,
    eventually,
    in_thread,
    job_of,
    joined,
    let_time_pass,
    threads_of_schedulers,
)

MINUTE = 60


def test_a_context_manager_starts_and_stops(make: Make) -> None:
    calls = Calls()
    with make() as scheduler:
        assert scheduler.health().running
        scheduler.schedule(calls)
        calls.wait()
    assert not scheduler.health().running
    assert threads_of_schedulers() == []


def test_a_scheduler_that_is_not_started_has_no_threads(make: Make) -> None:
    make().schedule(Calls())
    assert threads_of_schedulers() == []


def test_a_second_start_does_nothing(scheduler: Scheduler) -> None:
    threads = threads_of_schedulers()
    scheduler.start()
    assert threads_of_schedulers() == threads


def test_starts_from_many_threads_make_one_driver(make: Make) -> None:
    scheduler = make()
    for thread in [in_thread(scheduler.start) for _ in range(8)]:
        joined(thread)
    assert threads_of_schedulers() == ["duly-driver"]


def test_workers_are_started_as_there_is_work_up_to_their_number(make: Make) -> None:
    scheduler, gate = make(max_workers=2), Gate()
    scheduler.start()
    for _ in range(5):
        scheduler.schedule(gate)
    gate.wait_entered(2)
    assert sorted(threads_of_schedulers()) == ["duly-driver", "duly-worker_0", "duly-worker_1"]
    gate.open()
    gate.wait_entered(5)
    assert gate.most_inside == 2


def test_jobs_run_again_after_another_start(make: Make) -> None:
    scheduler, calls = make(), Calls()
    scheduler.schedule(calls, trigger=every(0.01))
    for _ in range(3):
        with scheduler:
            calls.wait_for_more(2)


def test_slots_that_pass_while_it_is_stopped_are_missed_and_the_oldest_runs(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    with scheduler:
        job_id = scheduler.schedule(calls, trigger=every(MINUTE))
        first = job_of(scheduler, job_id).next_run
    clock.step(10 * MINUTE + 1)
    with scheduler:
        calls.wait()
        eventually(lambda: job_of(scheduler, job_id).run_count)
    ran, missed = sorted(scheduler.history(job_id), key=lambda line: line.status is Outcome.MISSED)
    assert (ran.status, ran.scheduled_at) == (Outcome.SUCCESS, first)
    assert (missed.reason, missed.tick_count) == (Reason.DOWN, 9)


def test_slots_that_pass_while_it_is_stopped_all_run_if_the_job_says_so(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(calls, trigger=every(MINUTE), misfire="run_all")
    clock.step(10 * MINUTE + 1)
    with scheduler:
        calls.wait(10)
    slots = [line.scheduled_at for line in scheduler.history(job_id) if line.scheduled_at is not None]
    assert len(slots) == 10
    assert slots == sorted(slots, reverse=True), "oldest first, so the newest is on top"


def test_slots_that_pass_while_it_is_stopped_are_all_missed_if_the_job_says_so(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE), misfire="skip")
    clock.step(10 * MINUTE + 30)
    with scheduler:
        eventually(lambda: job_of(scheduler, job_id).missed == 10)
    assert {line.reason for line in scheduler.history(job_id)} == {Reason.DOWN}


def test_a_one_shot_that_comes_due_while_it_is_stopped_runs_at_the_next_start(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    with scheduler:
        scheduler.schedule(calls, trigger=every(MINUTE), max_runs=1)
    clock.step(2 * MINUTE)
    assert len(calls) == 0
    with scheduler:
        calls.wait()


def test_a_paused_job_stays_paused_over_a_stop(make: Make) -> None:
    scheduler, calls = make(), Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    scheduler.pause(job_id)
    for _ in range(2):
        with scheduler:
            let_time_pass()
    assert len(calls) == 0
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_jobs_can_be_cancelled_paused_and_resumed_while_it_is_stopped(make: Make) -> None:
    scheduler, calls = make(), Calls()
    gone = scheduler.schedule(calls, trigger=every(0.001))
    kept = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.pause(kept)
    assert job_of(scheduler, kept).status is JobStatus.PAUSED
    scheduler.resume(kept)
    assert job_of(scheduler, kept).status is JobStatus.PENDING
    assert scheduler.cancel(gone)
    assert job_of(scheduler, gone).status is JobStatus.CANCELLED


def test_a_job_that_has_reached_max_runs_by_hand_while_it_is_stopped_is_completed(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=LATER, max_runs=1)
    scheduler.run_now(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.COMPLETED


def test_a_scheduler_that_is_dropped_is_collected_and_its_threads_end() -> None:
    calls = Calls()
    scheduler = Scheduler()
    scheduler.schedule(calls, trigger=every(0.01))
    scheduler.start()
    calls.wait(2)
    dropped = weakref.ref(scheduler)
    del scheduler
    eventually(lambda: gc.collect() is not None and dropped() is None)
    eventually(lambda: not threads_of_schedulers())


def test_a_scheduler_that_is_dropped_writes_what_it_has_recorded(tmp_path: Path) -> None:
    scheduler = Scheduler(history=tmp_path / "jobs.db")
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.start()
    scheduler.history()
    for _ in range(20):
        scheduler.run_now(job_id)
    dropped = weakref.ref(scheduler)
    del scheduler
    eventually(lambda: gc.collect() is not None and dropped() is None)
    eventually(lambda: not threads_of_schedulers())
    assert rows_of(tmp_path / "jobs.db", "status") == ["success"] * 20
    assert rows_of(tmp_path / "jobs.db", "status, dropped_shutdown", "sessions") == [("success", 0)]


def test_a_dropped_scheduler_with_an_async_job_in_flight_leaves_no_thread(recwarn: pytest.WarningsRecorder) -> None:
    async def work() -> None:
        began.set()

    began = threading.Event()
    scheduler = Scheduler()
    scheduler.schedule(work, trigger=every(0.01))
    scheduler.start()
    assert began.wait(5)
    del scheduler
    gc.collect()
    eventually(lambda: not threads_of_schedulers())
    assert [str(warning.message) for warning in recwarn] == []
