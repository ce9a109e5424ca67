"""The blocking twin of a scheduler, from worker threads and from the loop."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from duly.core.scheduled_job import ScheduledJob
from duly.lifecycle import is_async_callable
from duly.scheduler import AsyncScheduler, Every, SchedulerService, SchedulerSyncFacade
from tests.executor.plant import until as eventually
from tests.lifecycle.house import gives_up_on_a_blocked_loop
from tests.scheduler.porch import Home, in_home, in_real_home, nothing
from tests.scheduler.yard import BEGIN, until, writer_held

T = TypeVar("T")

BLOCKING = [
    "add_job",
    "schedule",
    "run_in",
    "run_once",
    "run_every",
    "run_minutely",
    "run_hourly",
    "run_daily",
    "run_cron",
]
ON_LOOP = ["on_error", "cancel_job", "cancel_group", "list_jobs", "pause_job", "resume_job"]
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "schedule": (nothing, Every(7)),
    "run_in": (nothing, 90),
    "run_once": (nothing, "07:30"),
    "run_every": (nothing, 1, 2, 3),
    "run_minutely": (nothing,),
    "run_hourly": (nothing,),
    "run_daily": (nothing,),
    "run_cron": (nothing, "15 * * * *"),
}


async def in_thread(home: Home, call: Callable[[], T]) -> T:
    """Call it in a worker thread."""
    return await home.porch.task_bucket.run_in_thread(call)


def made() -> ScheduledJob:
    """A job made by hand."""
    return ScheduledJob(owner_id="", next_run=BEGIN.add(seconds=60), job=nothing)


# The same as the scheduler


@pytest.mark.parametrize("name", [*BLOCKING, *ON_LOOP, "run_job_now"])
def test_a_method_of_the_twin_has_the_parameters_of_the_schedulers(name: str) -> None:
    twin, own = (inspect.signature(getattr(cls, name)) for cls in (SchedulerSyncFacade, AsyncScheduler))
    assert list(twin.parameters.values()) == list(own.parameters.values())


def test_the_twin_has_all_public_methods_but_those_that_are_not_for_threads() -> None:
    def methods(cls: type) -> set[str]:
        return {name for name, each in vars(cls).items() if inspect.isfunction(each) and not name.startswith("_")}

    life = {"on_initialize", "end_intake", "after_shutdown"}
    assert methods(SchedulerSyncFacade) == methods(AsyncScheduler) - life - {
        "get_job_db_ids",
        "get_registrations",
    }


@pytest.mark.parametrize("name", [*BLOCKING, *ON_LOOP])
def test_a_method_of_the_twin_does_not_pass_for_async(name: str) -> None:
    assert not is_async_callable(getattr(SchedulerSyncFacade, name))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_method_of_the_twin_does_what_the_schedulers_does(name: str, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        scheduler = home.scheduler
        wanted = await getattr(scheduler, name)(*ARGUMENTS[name], name="own")
        found = await in_thread(home, lambda: getattr(scheduler.sync, name)(*ARGUMENTS[name], name="twin"))
        assert found.matches(wanted)
        assert (found.next_run, found.owner_id) == (wanted.next_run, wanted.owner_id)
        assert scheduler.list_jobs() == [wanted, found]
        assert isinstance(found.db_id, int)

    in_home(tmp_path, main)


def test_a_job_made_by_hand_is_added(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = made()
        assert await in_thread(home, lambda: home.scheduler.sync.add_job(job)) is job
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


def test_an_error_is_the_schedulers(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(ValueError, match="After trigger delay must be positive"):
            await in_thread(home, lambda: home.scheduler.sync.run_in(nothing, -1))
        with pytest.raises(TypeError, match="delay"):
            await in_thread(home, lambda: home.scheduler.sync.run_in(nothing))  # type: ignore[call-arg] # what is tested
        assert home.scheduler.list_jobs() == []

    in_home(tmp_path, main)


def test_a_sync_job_may_schedule_another(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        def first() -> None:
            home.scheduler.sync.run_in(nothing, 2, "second")

        await home.scheduler.run_in(first, 2)
        await until(5)
        assert await home.yard.slots() == [(2.0, "success"), (4.0, "success")]

    in_home(tmp_path, main)


# On the loop


@pytest.mark.parametrize("name", BLOCKING)
def test_a_method_that_waits_is_refused_on_a_loop_and_registers_nothing(name: str, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            getattr(home.scheduler.sync, name)(*ARGUMENTS.get(name, (made(),)))
        assert home.scheduler.list_jobs() == []

    in_home(tmp_path, main)


def test_a_run_by_hand_is_refused_on_a_loop(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5)
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            home.scheduler.sync.run_job_now(job)

    in_home(tmp_path, main)


def test_a_method_that_does_not_wait_works_on_the_loop(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        a = await home.scheduler.run_in(nothing, 5, "a", group="floor")
        b = await home.scheduler.run_in(nothing, 5, "b")
        sync = home.scheduler.sync
        assert sync.list_jobs() == [a, b]
        sync.cancel_job(b)
        assert sync.list_jobs("floor") == [a]
        sync.cancel_group("floor")
        assert home.scheduler.list_jobs() == []

    in_home(tmp_path, main)


# In threads


def test_what_a_thread_cancels_is_cancelled_when_the_call_returns(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy")

        def cancel() -> list[ScheduledJob]:
            home.scheduler.sync.cancel_job(job)
            assert job._dequeued
            return home.scheduler.sync.list_jobs()

        assert await in_thread(home, cancel) == []
        assert (await home.stored("tidy"))["cancelled_at"] is not None

    in_home(tmp_path, main)


def test_state_is_touched_on_the_thread_of_the_loop_only(tmp_path: Path) -> None:
    threads: list[int] = []

    class Watched(AsyncScheduler):
        def cancel_group(self, group: str) -> None:
            threads.append(threading.get_ident())

    async def main(home: Home) -> None:
        watched = home.porch.add_child(Watched)
        await watched.initialize()
        await in_thread(home, lambda: watched.sync.cancel_group("floor"))
        assert threads == [threading.get_ident()]

    in_home(tmp_path, main)


@pytest.mark.parametrize("command", ["cancel", "cancel_job", "cancel_group", "pause_job", "resume_job"])
def test_what_does_not_wait_may_be_called_from_a_thread_without_the_twin_too(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def watch(method: str) -> None:
        unwatched = getattr(SchedulerService, method)

        def watched(*args: object) -> object:
            threads.append(threading.get_ident())
            return unwatched(*args)

        monkeypatch.setattr(SchedulerService, method, watched)

    for method in ("take_off", "pause_job", "resume_job"):
        watch(method)

    async def main(home: Home) -> None:
        scheduler = home.scheduler
        job = await scheduler.run_every(nothing, seconds=2, name="tidy", group="floor")
        calls: dict[str, Callable[[], object]] = {
            "cancel": job.cancel,
            "cancel_job": lambda: scheduler.cancel_job(job),
            "cancel_group": lambda: scheduler.cancel_group("floor"),
            "pause_job": lambda: scheduler.pause_job(job),
            "resume_job": lambda: scheduler.resume_job(job),
        }
        await in_thread(home, calls[command])
        assert threads == [threading.get_ident()]
        assert job._dequeued == command.startswith("cancel")

    in_home(tmp_path, main)


def test_a_run_by_hand_without_the_twin_is_refused_in_a_thread_and_its_job_goes_on(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        runs: list[str] = []
        job = await home.scheduler.run_every(note, seconds=2, args=(runs,))
        with pytest.raises(RuntimeError, match="event loop"):
            await in_thread(home, lambda: home.scheduler.run_job_now(job))
        await asyncio.sleep(2.5)
        assert runs == ["ran"]

    async def note(runs: list[str]) -> None:
        runs.append("ran")

    in_home(tmp_path, main)


def test_an_error_on_the_loop_reaches_the_thread(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(ValueError, match="not of the scheduler"):
            await in_thread(home, lambda: home.scheduler.sync.cancel_job(made()))

    in_home(tmp_path, main)


def test_a_thread_sets_the_handler_of_errors(tmp_path: Path) -> None:
    told: list[Any] = []

    async def fail() -> None:
        raise LookupError("no key")

    async def main(home: Home) -> None:
        await in_thread(home, lambda: home.scheduler.sync.on_error(told.append))
        await home.scheduler.run_in(fail, 2)
        await until(3)
        assert len(told) == 1

    in_home(tmp_path, main)


def test_a_thread_pauses_and_resumes(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2)
        await in_thread(home, lambda: home.scheduler.sync.pause_job(job, by="me"))
        await until(3)
        await in_thread(home, lambda: home.scheduler.sync.resume_job(job, "run_once"))
        await until(3)
        assert await home.yard.slots() == [(2.0, "success")]

    in_home(tmp_path, main)


def test_a_run_by_hand_is_waited_for_however_long_it_takes(tmp_path: Path) -> None:
    async def slow() -> int:
        await asyncio.sleep(300)
        return 42

    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(slow, 3600, timeout_disabled=True)
        assert await in_thread(home, lambda: home.scheduler.sync.run_job_now(job)) == 42

    in_home(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 1})


# Over time


def test_over_time_the_attempt_is_undone(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(lambda: home.scheduler.sync.run_in(nothing, 5, "tidy", group="floor"))
        await eventually(lambda: not home.scheduler.get_registrations())
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []
        assert await home.service.get_all_jobs() == []
        assert (await home.stored("tidy"))["cancelled_at"] is not None

    in_real_home(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 0.05})


def test_a_call_that_a_blocked_loop_does_not_take_in_time_registers_nothing(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await gives_up_on_a_blocked_loop(lambda: home.scheduler.sync.run_in(nothing, 5))
        assert home.scheduler.list_jobs() == []

    in_real_home(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 0.05})


class JustLate(SchedulerSyncFacade):
    """Its registrations end when their time has just run out, but before they are told so."""

    given_up: threading.Event

    async def _attempt(self, work: Any, made: list[ScheduledJob]) -> Any:  # noqa: ANN401 - as its base
        job = await super()._attempt(work, made)
        self.given_up.wait(10)
        return job


@pytest.mark.parametrize("there", [True, False], ids=["already there", "new"])
def test_what_was_registered_after_the_time_is_cancelled_again(there: bool, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        late = home.scheduler.add_child(JustLate)
        late.given_up = threading.Event()
        await late.initialize()
        before = [await home.scheduler.run_every(nothing, seconds=50, name="tidy")] if there else []

        def call() -> None:
            try:
                with pytest.raises(TimeoutError):
                    late.run_every(nothing, seconds=50, name="tidy", if_exists="skip")
            finally:
                late.given_up.set()

        await asyncio.to_thread(call)
        await eventually(lambda: home.scheduler.list_jobs() == before)
        assert await home.service.get_all_jobs() == before

    in_real_home(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 0.2})
