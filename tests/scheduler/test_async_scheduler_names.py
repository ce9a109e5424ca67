"""Names are unique in a scheduler: what becomes of a name that is taken, also while jobs are being registered."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duly.core.policy import IfExists
from duly.scheduler import Every, ScheduledJob
from tests.lifecycle.house import turns
from tests.scheduler.custom import Plain
from tests.scheduler.porch import Home, Porch, in_home, nothing, other
from tests.scheduler.yard import BEGIN, until, writer_held


class Unlabelled(Plain):
    """Cannot be registered."""

    def trigger_label(self) -> str:
        raise LookupError("no label")


def beginning(home: Home, name: str = "tidy", seconds: int = 5, **options: Any) -> asyncio.Task[ScheduledJob]:  # noqa: ANN401 - of the job
    """Begin to register a job."""
    return asyncio.ensure_future(home.scheduler.schedule(nothing, Every(seconds), name=name, **options))


# A name that is taken


def test_a_taken_name_is_an_error(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5, "tidy")
        with pytest.raises(ValueError, match=r"'tidy' already exists for Duly\.Porch, names must be unique per sched"):
            await home.scheduler.run_in(nothing, 5, "tidy")
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


def test_a_generated_name_can_be_taken_too(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        await home.scheduler.run_in(nothing, 5)
        with pytest.raises(ValueError, match="already exists"):
            await home.scheduler.run_in(nothing, 5)
        await home.scheduler.run_in(nothing, 6)

    in_home(tmp_path, main)


def test_skip_gives_the_same_job_that_is_there(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=5, name="tidy")
        assert await home.scheduler.run_every(nothing, seconds=5, name="tidy", if_exists="skip") is job
        assert home.scheduler.list_jobs() == [job]
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_skip_warns_if_the_job_that_is_there_ends_with_its_present_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(home: Home) -> None:
        async def again() -> None:
            await home.scheduler.run_in(again, 5, name="again", if_exists="skip")

        async def go_on() -> None:
            await home.scheduler.run_every(go_on, seconds=2, name="on", if_exists="skip")

        await home.scheduler.run_in(again, 5, name="again", if_exists="skip")
        await home.scheduler.run_every(go_on, seconds=2, name="on")
        await until(6)
        assert [job.name for job in home.scheduler.list_jobs()] == ["on"]
        (warning,) = [record.getMessage() for record in caplog.records if "kept" in record.getMessage()]
        text = "kept a job that ends with its run in flight: job=again: with 'replace' it would run again"
        assert warning == text

    in_home(tmp_path, main)


def test_skip_refuses_a_job_that_is_configured_otherwise(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=5, name="tidy")
        with pytest.raises(ValueError, match=r"configuration changed \(job, trigger, group, timeout\)"):
            await home.scheduler.run_every(other, seconds=6, name="tidy", group="a", timeout=3, if_exists="skip")
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


@pytest.mark.parametrize("seconds", [5, 6], ids=["same", "changed"])
def test_replace_cancels_the_old_job_and_registers_the_new_one(seconds: int, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        old = await home.scheduler.run_every(nothing, seconds=5, name="tidy", group="floor")
        new = await home.scheduler.run_every(nothing, seconds=seconds, name="tidy", group="floor", if_exists="replace")
        assert new is not old
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == [new]
        assert old._dequeued
        assert not new._dequeued
        assert await home.service.get_all_jobs() == [new]

    in_home(tmp_path, main)


def test_old_and_new_share_one_row_which_is_not_cancelled(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        old = await home.scheduler.run_every(nothing, seconds=5, name="tidy")
        new = await home.scheduler.run_every(other, seconds=5, name="tidy", if_exists="replace")
        assert old.db_id == new.db_id
        stored = await home.stored("tidy")
        assert (stored["id"], stored["cancelled_at"]) == (new.db_id, None)
        assert "other" in stored["handler_method"]

    in_home(tmp_path, main)


def test_replacing_a_job_by_itself_changes_nothing(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_every(nothing, seconds=5, name="tidy")
        assert await home.scheduler.add_job(job, if_exists="replace") is job
        assert home.scheduler.list_jobs() == [job]
        assert not job._dequeued

    in_home(tmp_path, main)


def test_a_run_of_the_old_job_in_flight_ends_and_the_new_one_goes_on(tmp_path: Path) -> None:
    ended: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(3)
        ended.append("slow")

    async def main(home: Home) -> None:
        await home.scheduler.run_every(slow, seconds=2, name="tidy", group="floor")
        await until(2)
        new = await home.scheduler.run_every(nothing, seconds=2, name="tidy", group="floor", if_exists="replace")
        await until(7)
        assert ended == ["slow"]
        assert home.scheduler.list_jobs("floor") == [new]
        assert await home.yard.slots() == [(2.0, "success"), (4.0, "success"), (6.0, "success")]

    in_home(tmp_path, main)


@pytest.mark.parametrize("if_exists", ["error", "skip", "replace"])
def test_a_free_name_is_registered_whatever_is_wanted_if_it_is_taken(if_exists: IfExists, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(nothing, 5, "tidy", if_exists=if_exists)
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "free"])
def test_another_word_is_refused_for_a_name_taken_or_not(taken: bool, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        word: Any = "maybe"
        job = ScheduledJob(owner_id="", next_run=BEGIN.add(seconds=5), job=nothing, name="tidy")
        if taken:
            await home.scheduler.run_in(nothing, 5, "tidy")
        with pytest.raises(ValueError, match="if_exists must be one of 'error', 'skip', 'replace', got 'maybe'"):
            await home.scheduler.add_job(job, if_exists=word)

    in_home(tmp_path, main)


def test_schedulers_do_not_share_names(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        porch = home.yard.house.add_child(Porch, index=1)
        porch.unique_name = "Duly.Porch.1"
        await porch.initialize()
        one = await home.scheduler.run_in(nothing, 5, "tidy")
        two = await porch.scheduler.run_in(nothing, 5, "tidy")
        assert one.db_id != two.db_id
        porch.scheduler.cancel_job(two)
        assert home.scheduler.list_jobs() == [one]

    in_home(tmp_path, main)


# While a job is being registered


def test_a_name_is_taken_as_soon_as_its_registration_begins(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            first = beginning(home)
            await turns()
            with pytest.raises(ValueError, match="already exists"):
                await home.scheduler.run_in(nothing, 5, "tidy")
        assert home.scheduler.list_jobs() == [await first]

    in_home(tmp_path, main)


def test_skip_waits_for_the_registration_under_way(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            first = beginning(home)
            await turns()
            second = beginning(home, if_exists="skip")
            await turns()
            assert not second.done()
        assert await second is await first
        assert isinstance((await second).db_id, int)

    in_home(tmp_path, main)


def test_skip_registers_its_own_job_when_the_other_is_cancelled_meanwhile(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            first = beginning(home)
            await turns()
            second = beginning(home, if_exists="skip")
            await turns()
            home.scheduler.cancel_job(home.scheduler.list_jobs()[0])
        assert await second is not await first
        assert home.scheduler.list_jobs() == [await second]
        assert (await home.stored("tidy"))["cancelled_at"] is None

    in_home(tmp_path, main)


def test_a_job_that_is_cancelled_while_it_is_registered_never_runs_and_is_stored_as_cancelled(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            task = beginning(home)
            await turns()
            job = home.scheduler.list_jobs()[0]
            job.cancel()
            assert home.scheduler.list_jobs() == []
        assert await task is job
        assert isinstance(job.db_id, int)
        assert job._dequeued
        assert (await home.stored("tidy"))["cancelled_at"] is not None
        assert await home.service.get_all_jobs() == []
        await until(20)
        assert await home.yard.slots() == []

    in_home(tmp_path, main)


def test_a_job_that_is_replaced_while_it_is_registered_leaves_the_row_to_the_new_one(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            first = beginning(home)
            await turns()
            second = beginning(home, seconds=6, if_exists="replace")
            await turns()
            third = beginning(home, seconds=7, if_exists="replace")
            await turns()
        await asyncio.gather(first, second, third)
        assert home.scheduler.list_jobs() == await home.service.get_all_jobs() == [await third]
        stored = await home.stored("tidy")
        assert (stored["cancelled_at"], stored["trigger_id"]) == (None, "every:7")
        assert (await first).db_id == (await third).db_id == stored["id"]

    in_home(tmp_path, main)


def test_a_caller_that_gives_up_leaves_no_job(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        async with writer_held(home.yard):
            task = beginning(home, group="floor")
            await turns()
            task.cancel()
            await turns()
            assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []
        await asyncio.wait(home.scheduler.get_registrations())
        assert (await home.stored("tidy"))["cancelled_at"] is not None
        assert await home.service.get_all_jobs() == []

    in_home(tmp_path, main)


def test_a_job_that_is_cancelled_in_the_turn_of_its_registration_is_off_the_heap(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        task = beginning(home)
        await turns(3)
        job = home.scheduler.list_jobs()[0]
        while job.db_id is None:  # noqa: ASYNC110 - the very turn is what matters
            await asyncio.sleep(0)
        job.cancel()
        await task
        assert await home.service.get_all_jobs() == []
        assert (await home.stored("tidy"))["cancelled_at"] is not None

    in_home(tmp_path, main)


def test_a_job_cannot_run_before_it_has_its_row(tmp_path: Path) -> None:
    seen: list[object] = []

    async def main(home: Home) -> None:
        async def note() -> None:
            seen.append(job.db_id)

        job = ScheduledJob(owner_id="", next_run=BEGIN.subtract(hours=1), job=note)
        await home.scheduler.add_job(job)
        await until(1)
        assert seen == [job.db_id]

    in_home(tmp_path, main)


def test_a_job_that_cannot_be_registered_leaves_name_and_group_free(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(LookupError, match="no label"):
            await home.scheduler.schedule(nothing, Unlabelled(1), name="tidy", group="floor")
        assert home.scheduler.list_jobs() == home.scheduler.list_jobs("floor") == []
        assert await home.service.get_all_jobs() == []
        job = await home.scheduler.run_in(nothing, 5, "tidy")
        assert home.scheduler.list_jobs() == [job]

    in_home(tmp_path, main)


def test_many_jobs_can_be_registered_at_once(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        calls = [home.scheduler.run_in(nothing, 5, f"job {number}") for number in range(50)]
        jobs = await asyncio.gather(*calls)
        assert home.scheduler.list_jobs() == jobs
        assert len({job.db_id for job in jobs}) == len(jobs)
        assert home.scheduler.get_job_db_ids() == [job.db_id for job in jobs]

    in_home(tmp_path, main)
