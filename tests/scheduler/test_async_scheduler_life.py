"""What can be done to the jobs there are, and what becomes of them when they or their owner end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duly.scheduler import AsyncScheduler, Every, ScheduledJob, SchedulerErrorContext
from tests.scheduler.porch import Boiler, Home, in_home, nothing
from tests.scheduler.yard import BEGIN, until

# Cancelling


def test_a_cancelled_job_runs_no_more(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy", group="floor")
        await until(3)
        home.scheduler.cancel_job(job)
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []
        assert await home.service.get_all_jobs() == []
        assert job._dequeued
        await until(9)
        assert await home.yard.slots() == [(2.0, "success")]

    in_home(tmp_path, main)


def test_a_cancellation_is_stored(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        job.cancel()
        assert (await home.stored("tidy"))["cancelled_at"] is not None

    in_home(tmp_path, main)


def test_a_name_is_free_after_its_job_was_cancelled(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        (await home.scheduler.run_every(nothing, seconds=2, name="tidy")).cancel()
        job = await home.scheduler.run_every(nothing, seconds=3, name="tidy")
        assert home.scheduler.list_jobs() == [job]
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_cancelling_again_does_nothing(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        job.cancel()
        new = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        job.cancel()
        assert home.scheduler.list_jobs() == [new]
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_cancelling_a_job_that_has_ended_does_nothing(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 2, "tidy")
        await until(3)
        job.cancel()
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_cancelling_does_not_interrupt_a_run(tmp_path: Path) -> None:
    async def slow() -> None:
        await asyncio.sleep(5)

    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(slow, seconds=2)
        await until(3)
        job.cancel()
        await until(20)
        assert await home.yard.slots() == [(2.0, "success")]

    in_home(tmp_path, main)


@pytest.mark.parametrize("of_another", [True, False], ids=["of another", "of none"])
def test_a_job_that_is_not_the_schedulers_is_refused(of_another: bool, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        boiler = home.yard.house.add_child(Boiler)
        await boiler.initialize()
        job = ScheduledJob(owner_id="", next_run=BEGIN.add(seconds=5), job=nothing)
        if of_another:
            await boiler.scheduler.add_job(job)
        with pytest.raises(ValueError, match=r"is not of the scheduler of Duly\.Porch"):
            home.scheduler.cancel_job(job)
        assert boiler.scheduler.list_jobs() == [job] * of_another

    in_home(tmp_path, main)


def test_a_group_is_cancelled_as_a_whole(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        jobs = [await home.scheduler.run_in(nothing, 5, name, group="floor") for name in ("a", "b")]
        rest = await home.scheduler.run_in(nothing, 5, "c", group="roof")
        home.scheduler.cancel_group("floor")
        home.scheduler.cancel_group("cellar")
        assert home.scheduler.list_jobs() == [rest]
        assert all(job._dequeued for job in jobs)

    in_home(tmp_path, main)


# Listing


def test_jobs_are_listed_in_order_of_registration(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        a = await home.scheduler.run_in(nothing, 9, "a", group="floor")
        b = await home.scheduler.run_in(nothing, 5, "b")
        c = await home.scheduler.run_in(nothing, 7, "c", group="floor")
        assert home.scheduler.list_jobs() == [a, b, c]
        assert home.scheduler.list_jobs("floor") == [a, c]
        assert home.scheduler.list_jobs("roof") == []
        assert home.scheduler.get_job_db_ids() == [a.db_id, b.db_id, c.db_id]

    in_home(tmp_path, main)


def test_a_list_is_the_callers_own(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await home.scheduler.run_in(nothing, 9, group="floor")
        home.scheduler.list_jobs().clear()
        home.scheduler.list_jobs("floor").clear()
        assert len(home.scheduler.list_jobs()) == len(home.scheduler.list_jobs("floor")) == 1

    in_home(tmp_path, main)


# Ends


def test_a_one_shot_is_live_until_its_run_has_ended(tmp_path: Path) -> None:
    async def slow() -> None:
        await asyncio.sleep(5)

    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(slow, 2, group="floor")
        await until(6)
        assert home.scheduler.list_jobs() == [job]
        await until(8)
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []

    in_home(tmp_path, main)


def test_a_job_that_ends_while_its_successor_is_there_leaves_that_alone(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async def again() -> None:
            await home.scheduler.run_in(nothing, 60, "tidy", group="floor", if_exists="replace")

        await home.scheduler.run_in(again, 2, "tidy", group="floor")
        await until(5)
        assert [job.job for job in home.scheduler.list_jobs("floor")] == [nothing]

    in_home(tmp_path, main)


def test_an_empty_group_disappears(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        (await home.scheduler.run_in(nothing, 5, group="floor")).cancel()
        assert home.scheduler.live._groups == {}

    in_home(tmp_path, main)


# Pausing, and running by hand


def test_a_paused_job_starts_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        home.scheduler.pause_job(job, by="me")
        stored = await home.stored("tidy")
        assert (stored["paused_by"], stored["paused_at"] is None) == ("me", False)
        await until(5)
        home.scheduler.resume_job(job)
        await until(7)
        assert (await home.stored("tidy"))["paused_at"] is None
        assert await home.yard.slots() == [(2.0, "skipped paused x2"), (6.0, "success")]

    in_home(tmp_path, main)


def test_a_resumed_job_may_catch_up(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2)
        home.scheduler.pause_job(job)
        await until(5)
        home.scheduler.resume_job(job, catch_up="run_all")
        await until(5.5)
        assert [label for _, label in await home.yard.slots()] == ["success", "success"]

    in_home(tmp_path, main)


def test_an_unknown_way_to_catch_up_is_refused(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2)
        word: Any = "all"
        with pytest.raises(ValueError, match="catch_up must be one of 'skip', 'run_once', 'run_all', got 'all'"):
            home.scheduler.resume_job(job, word)

    in_home(tmp_path, main)


def test_a_run_by_hand_gives_what_the_job_returns(tmp_path: Path) -> None:
    async def answer() -> int:
        return 42

    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(answer, 60)
        assert await home.scheduler.run_job_now(job) == 42
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


def test_a_run_by_hand_raises_what_the_job_raises(tmp_path: Path) -> None:
    async def fail() -> None:
        raise LookupError("no key")

    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(fail, 60)
        with pytest.raises(LookupError, match="no key"):
            await home.scheduler.run_job_now(job)

    in_home(tmp_path, main)


@pytest.mark.parametrize("command", ["pause_job", "resume_job", "run_job_now"])
def test_a_job_that_has_ended_can_neither_be_paused_nor_run(command: str, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5)
        job.cancel()
        with pytest.raises(ValueError, match="has ended"):
            getattr(home.scheduler, command)(job)

    in_home(tmp_path, main)


# Handlers of errors


async def fail() -> None:
    """Fail."""
    raise LookupError("no key")


def test_the_handler_of_the_app_is_told_of_errors_also_of_jobs_scheduled_before(tmp_path: Path) -> None:
    told: list[SchedulerErrorContext] = []

    async def main(home: Home) -> None:
        await home.scheduler.run_in(fail, 2, "tidy", group="floor")
        home.scheduler.on_error(told.append)
        await until(3)
        (context,) = told
        assert isinstance(context, SchedulerErrorContext)
        assert (context.job_name, context.job_group, str(context.exception)) == ("tidy", "floor", "no key")
        assert context.log_label == f"job=tidy, exec={context.execution_id}"

    in_home(tmp_path, main)


def test_the_handler_of_the_job_comes_before_that_of_the_app(tmp_path: Path) -> None:
    told: list[str] = []

    async def main(home: Home) -> None:
        home.scheduler.on_error(lambda _: told.append("app"))
        await home.scheduler.run_in(fail, 2, on_error=lambda _: told.append("job"))
        await until(3)
        assert told == ["job"]

    in_home(tmp_path, main)


def test_a_later_handler_of_the_app_replaces_the_one_before(tmp_path: Path) -> None:
    told: list[str] = []

    async def main(home: Home) -> None:
        home.scheduler.on_error(lambda _: told.append("first"))
        home.scheduler.on_error(lambda _: told.append("second"))
        await home.scheduler.run_in(fail, 2)
        await until(3)
        assert told == ["second"]

    in_home(tmp_path, main)


def test_a_new_start_forgets_the_handler_of_the_app(tmp_path: Path) -> None:
    told: list[str] = []

    async def main(home: Home) -> None:
        home.scheduler.on_error(lambda _: told.append("app"))
        await home.porch.restart()
        await home.scheduler.run_in(fail, 2)
        await until(3)
        assert told == []

    in_home(tmp_path, main)


def test_a_handler_that_cannot_be_called_is_refused(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        handler: Any = "me"
        with pytest.raises(TypeError, match="must be callable"):
            home.scheduler.on_error(handler)

    in_home(tmp_path, main)


# The end of the owner


def test_all_jobs_go_with_their_owner_and_are_not_called_cancelled(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=2, name="tidy", group="floor")
        await home.porch.shutdown()
        assert job._dequeued
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []
        assert await home.service.get_all_jobs() == []
        assert (await home.stored("tidy"))["cancelled_at"] is None
        await until(9)
        assert await home.yard.slots() == []

    in_home(tmp_path, main)


def test_a_job_whose_owner_stops_while_it_is_registered_is_not_enqueued_nor_called_cancelled(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        task = asyncio.ensure_future(home.scheduler.run_every(nothing, seconds=2, name="tidy"))
        await asyncio.sleep(0)
        await home.scheduler.shutdown()
        job = await task
        assert job._dequeued
        assert await home.service.get_all_jobs() == []
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_a_run_in_flight_ends_though_its_owner_has_ended_its_intake(tmp_path: Path) -> None:
    ended: list[float] = []

    async def slow() -> None:
        await asyncio.sleep(5)
        ended.append(asyncio.get_running_loop().time())

    async def main(home: Home) -> None:
        await home.scheduler.run_every(slow, seconds=2)
        await until(3)
        await home.scheduler.end_intake()
        await until(20)
        assert len(ended) == 1

    in_home(tmp_path, main)


def test_the_next_start_registers_onto_the_same_row(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        before = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        await home.porch.restart()
        after = await home.scheduler.run_every(nothing, seconds=2, name="tidy")
        assert after is not before
        assert after.db_id == before.db_id

    in_home(tmp_path, main)


def test_after_a_stop_nobody_is_told_of_removed_jobs(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await home.porch.shutdown()
        assert home.porch.unique_name not in home.service._callbacks

    in_home(tmp_path, main)


def test_a_later_scheduler_of_the_same_owner_keeps_its_callback(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        later = home.porch.add_child(AsyncScheduler)
        await later.initialize()
        await home.scheduler.shutdown()
        await later.schedule(nothing, Every(5))
        job = await later.run_in(nothing, 2)
        await until(3)
        assert job not in later.list_jobs()

    in_home(tmp_path, main)
