"""An embedded scheduler on virtual time: no threads, no waiting, the same account."""

import asyncio
import threading

import pytest

from duly import Scheduler, every
from duly.core.clock import SECOND
from duly.core.outcomes import Outcome
from duly.testing import VirtualClock, World


@pytest.fixture
def scheduler(world: World) -> Scheduler:
    return world.scheduler(max_workers=2)


def told(scheduler: Scheduler, world: World) -> list[str]:
    """Status, slot and begin of every execution, the oldest first, in seconds since the start of the world."""

    def seconds(moment: object) -> str:
        return f"{(moment - world.clock.time(world._start).to_stdlib()).total_seconds():g}"  # type: ignore[operator]

    lines = reversed(scheduler.history(limit=1_000))
    return [
        f"{line.status} {'by hand' if line.scheduled_at is None else seconds(line.scheduled_at)} "
        f"at {seconds(line.started_at)} took {line.duration_ms / 1_000:g} ({line.tick_count})"
        for line in lines
    ]


def test_jobs_are_called_while_the_clock_advances(scheduler: Scheduler, world: World) -> None:
    calls: list[float] = []
    scheduler.schedule(lambda: calls.append(world.seconds(world.clock.now())), "job", every(seconds=10))
    world.advance(25)
    assert calls == [10, 20]


def test_no_thread_is_started(scheduler: Scheduler, world: World) -> None:
    threads = set(threading.enumerate())
    scheduler.schedule(lambda: threads.update(threading.enumerate()), "job", every(seconds=10))
    world.advance(25)
    assert threads == {threading.current_thread()}


def test_a_run_takes_the_time_it_works(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(lambda: world.clock.work(12), "job", every(seconds=10))
    world.advance(25)
    assert told(scheduler, world) == ["success 10 at 10 took 12 (1)", "skipped 20 at 20 took 0 (1)"]


def test_workers_are_as_many_as_they_are(scheduler: Scheduler, world: World) -> None:
    for name in "abc":
        scheduler.schedule(lambda: world.clock.work(4), name, every(seconds=10))
    world.advance(19)
    assert told(scheduler, world) == [
        "success 10 at 10 took 4 (1)",
        "success 10 at 10 took 4 (1)",
        "success 10 at 14 took 4 (1)",
    ]


def test_what_a_job_raises_is_its_outcome_once_its_time_is_over(scheduler: Scheduler, world: World) -> None:
    def fail() -> None:
        world.clock.work(3)
        raise KeyError("porch")

    scheduler.schedule(fail, "job", every(seconds=10))
    world.advance(12)
    assert told(scheduler, world) == []
    world.advance(1)
    assert told(scheduler, world) == ["error 10 at 10 took 3 (1)"]


def test_a_run_times_out(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(lambda: world.clock.work(8), "job", every(seconds=10), timeout=5)
    world.advance(16)
    assert told(scheduler, world) == ["timed_out 10 at 10 took 5 (1)"]


def test_an_async_job_is_cancelled_by_restart(scheduler: Scheduler, world: World) -> None:
    async def job() -> None:
        await asyncio.sleep(0)
        world.clock.work(15)

    scheduler.schedule(job, "job", every(seconds=10), mode="restart")
    world.advance(21)
    assert told(scheduler, world) == ["cancelled 10 at 10 took 10 (1)"]


def test_the_sleep_of_the_machine_is_noticed(scheduler: Scheduler, world: World) -> None:
    job = scheduler.schedule(lambda: None, "job", every(seconds=10))
    world.advance(15)
    world.suspend(60)
    assert told(scheduler, world) == [
        "success 10 at 10 took 0 (1)",
        "missed 30 at 30 took 0 (5)",
        "success 20 at 75 took 0 (1)",
    ]
    snapshot = scheduler.get_job(job)
    assert snapshot is not None
    assert snapshot.missed == 5


def test_a_stop_lets_time_pass_until_what_runs_has_ended(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(lambda: world.clock.work(100), "job", every(seconds=10))
    world.advance(10)
    scheduler.stop()
    assert told(scheduler, world) == ["success 10 at 10 took 100 (1)"]


def test_a_stop_with_a_limit_interrupts_what_runs_longer(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(lambda: world.clock.work(100), "job", every(seconds=10))
    world.advance(10)
    scheduler.stop(timeout=5)
    assert world.seconds(world.clock.now()) == 15
    assert scheduler.history(limit=1)[0].status is Outcome.INTERRUPTED


def test_what_passes_between_stop_and_start_is_missed(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(lambda: None, "job", every(seconds=10))
    world.advance(10)
    scheduler.stop()
    world.advance(25)
    scheduler.start()
    world.advance(0)
    assert told(scheduler, world)[1:] == ["missed 30 at 30 took 0 (1)", "success 20 at 35 took 0 (1)"]


def test_a_run_by_hand_lets_time_pass_for_the_caller(scheduler: Scheduler, world: World) -> None:
    job = scheduler.schedule(lambda: world.clock.work(3), "job", every(seconds=10))
    scheduler.run_now(job)
    assert told(scheduler, world) == ["success by hand at 0 took 3 (0)"]


def test_a_job_may_stop_its_scheduler(scheduler: Scheduler, world: World) -> None:
    scheduler.schedule(scheduler.stop, "job", every(seconds=10))
    world.advance(30)
    assert scheduler.health().running is False


def test_a_scheduler_whose_ledger_does_not_add_up_is_named_with_its_slots() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.schedule(lambda: None, "job", every(seconds=10))
    world.advance(25)
    scheduler._driver.jobs["job_job"].pending += 10 * SECOND
    with pytest.raises(AssertionError, match="job_job: missing: 2025-01-01T00:00:30"):
        world.assert_ledger_adds_up()


def test_a_scheduler_that_has_forgotten_single_slots_is_checked_by_its_counts() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.schedule(lambda: None, "job", every(seconds=1))
    world.advance(2_000)
    world.assert_ledger_adds_up()
    scheduler._driver.jobs["job_job"].pending += 10 * SECOND
    with pytest.raises(AssertionError, match="2000 recorded and 0 in flight, but the schedule has 2010 slots"):
        world.assert_ledger_adds_up()


def test_a_scheduler_lives_on_a_bare_clock_too() -> None:
    clock = VirtualClock()
    calls: list[int] = []
    with Scheduler(clock=clock) as scheduler:
        scheduler.schedule(lambda: calls.append(clock.now()), "job", every(seconds=10))
        clock.advance(35)
    assert len(calls) == 3
