"""How jobs go on after a restart, a crash or a reload: from what the ledger says."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pytest
from whenever import ZonedDateTime

from duly.core.clock import current
from duly.core.scheduled_job import ScheduledJob
from duly.core.trigger import TriggerProtocol
from duly.ledger.doctor import examine
from duly.ledger.entries import EntryStore
from duly.testing import VirtualClock, run_virtual
from duly.triggers import After, Cron, Daily, Every, Once
from tests.core.away import Away, never_called
from tests.executor.plant import rows_of
from tests.scheduler.custom import Plain
from tests.scheduler.yard import BEGIN, OWNER, Yard, nothing, taking, until

Part: TypeAlias = Callable[[Yard], Coroutine[Any, Any, object]]


class Lives:
    """Processes on one file, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "duly.db"
        self.clock = VirtualClock(BEGIN)

    def run(self, *parts: Part | float) -> None:
        """Each part is a process; a number is when the next begins, in seconds since the begin."""

        async def main() -> None:
            for part in parts:
                if callable(part):
                    async with self.process() as yard:
                        await part(yard)
                else:
                    await until(part)

        run_virtual(main(), self.clock)

    @asynccontextmanager
    async def process(self) -> Any:  # noqa: ANN401 - an iterator
        yard = Yard(self.path, current())
        await yard.start()
        try:
            yield yard
        finally:
            if yard.database.is_open:
                await yard.stop()

    def schedules(self) -> list[Any]:
        return rows_of(self.path, "schedules")


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    lives = Lives(tmp_path)
    yield lives
    report = examine(lives.path, clock=lives.clock)
    assert report.diagnoses == ()


def adding(trigger: TriggerProtocol, end: float = 0, **fields: Any) -> Part:  # noqa: ANN401 - of the job
    """A process with one job, that stops after so many seconds since the begin."""

    async def part(yard: Yard) -> None:
        await yard.add(fields.get("function", nothing), trigger, **{k: v for k, v in fields.items() if k != "function"})
        await until(end)

    return part


def expecting(expected: list[tuple[float, str]], trigger: TriggerProtocol, end: float, **fields: Any) -> Part:  # noqa: ANN401 - as above
    """As ``adding``, with what the ledger says at the end."""

    async def part(yard: Yard) -> None:
        await adding(trigger, end, **fields)(yard)
        assert await yard.slots() == expected

    return part


# --- down time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misfire", "expected"),
    [
        ("run_once", [(10.0, "success"), (20.0, "success"), (30.0, "missed down x3"), (60.0, "success")]),
        (
            "run_all",
            [
                (10.0, "success"),
                (20.0, "success"),
                (30.0, "success"),
                (40.0, "success"),
                (50.0, "success"),
                (60.0, "success"),
            ],
        ),
        (
            "skip",
            [(10.0, "success"), (20.0, "missed down"), (30.0, "missed down x2"), (50.0, "success"), (60.0, "success")],
        ),
    ],
    ids=["run_once", "run_all", "skip"],
)
def test_slots_that_passed_while_the_process_was_down_go_through_misfire(
    lives: Lives, misfire: str, expected: list[tuple[float, str]]
) -> None:
    lives.run(
        adding(Every(seconds=10), 15, misfire=misfire),
        54,
        expecting(expected, Every(seconds=10), 61, misfire=misfire),
    )


def test_a_schedule_goes_on_in_its_row_and_keeps_its_phase(lives: Lives) -> None:
    lives.run(
        adding(Every(seconds=10), 15),
        17.5,
        expecting([(10.0, "success"), (20.0, "success")], Every(seconds=10), 21),
    )
    (schedule,) = lives.schedules()
    assert (schedule["first_ts"], schedule["ended_at"]) == (BEGIN.timestamp() + 10, None)


def test_a_users_trigger_keeps_its_phase_too_and_only_its_pending_slot_is_accounted_for(lives: Lives) -> None:
    lives.run(
        adding(Plain(10), 15),
        38,
        expecting([(10.0, "success"), (20.0, "success"), (40.0, "success")], Plain(10), 41),
    )


def test_the_job_shows_where_its_schedule_goes_on(lives: Lives) -> None:
    async def again(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        assert job.next_run == BEGIN.add(seconds=20)

    lives.run(adding(Every(seconds=10), 15), 17, again)


def test_a_long_gap_costs_one_row_however_many_slots_passed(lives: Lives) -> None:
    days = 5 * 86_400

    async def again(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=1))
        await until(days + 0.5)
        slots = await yard.slots()
        assert slots[:2] == [(1.0, "success"), (2.0, "success")]
        assert slots[2:] == [(3.0, f"missed down x{days - 2}")]

    lives.run(adding(Every(seconds=1), 1), days, again)


def test_what_was_due_and_not_begun_at_the_stop_is_left_to_the_next_start(lives: Lives) -> None:
    async def stalls(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=10))
        await until(5)
        yard.stall(6)

    lives.run(stalls, 13, expecting([(10.0, "success"), (20.0, "success")], Every(seconds=10), 21))


def test_slots_that_pass_during_a_run_are_overlapped_although_the_process_stops(lives: Lives) -> None:
    async def slow(yard: Yard) -> None:
        await yard.add(taking(1000), Every(seconds=10))
        await until(35)

    lives.run(
        slow,
        41,
        expecting(
            [(10.0, "cancelled"), (20.0, "skipped overlap x2"), (40.0, "success"), (50.0, "success")],
            Every(seconds=10),
            51,
        ),
    )


# --- the same schedule or another ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("former", "later", "goes_on"),
    [
        (Every(seconds=10), Every(seconds=10), True),
        (Every(seconds=10), Every(seconds=20), False),
        (Every(seconds=10, start=BEGIN), Every(seconds=10, start=BEGIN), True),
        (Every(seconds=10, start=BEGIN), Every(seconds=10, start=BEGIN.add(seconds=3)), False),
        (Cron("*/5 * * * *"), Cron("*/5 * * * *"), True),
        (Cron("0 7 * * *"), Daily("07:00"), True),
        (Cron("0 7 * * *"), Cron("0 8 * * *"), False),
        (Plain(10), Plain(10), True),
        (Plain(10), Plain(11), False),
        (Once(BEGIN.add(hours=1)), Once(BEGIN.add(hours=1)), True),
        (Once(BEGIN.add(hours=1)), Once(BEGIN.add(hours=2)), False),
        (After(seconds=10), After(seconds=10), False),
    ],
    ids=str,
)
def test_which_schedules_go_on(lives: Lives, former: TriggerProtocol, later: TriggerProtocol, goes_on: bool) -> None:
    lives.run(adding(former), 2, adding(later))
    schedules = lives.schedules()
    assert len(schedules) == (1 if goes_on else 2)
    assert (schedules[0]["ended_at"] is None) == goes_on
    assert schedules[-1]["ended_at"] is None


def test_what_was_due_of_a_schedule_that_has_changed_is_missed(lives: Lives) -> None:
    lives.run(
        adding(Every(seconds=10), 15),
        45,
        expecting([(10.0, "success"), (20.0, "missed down x3"), (50.0, "success")], Every(seconds=5), 51),
    )


def test_a_schedule_in_another_zone_is_another(tmp_path: Path) -> None:
    path = tmp_path / "duly.db"

    async def part() -> None:
        yard = Yard(path, current())
        await yard.start()
        await yard.add(nothing, Daily("07:00"))
        await yard.stop()

    for zone in ("Europe/Berlin", "America/Chicago"):
        run_virtual(part(), VirtualClock(BEGIN.to_tz(zone)))
    assert [row["timezone"] for row in rows_of(path, "schedules")] == ["Europe/Berlin", "America/Chicago"]


def test_a_delay_begins_anew_and_the_one_before_is_missed_if_it_was_due(lives: Lives) -> None:
    lives.run(
        adding(After(seconds=10), 5),
        12,
        expecting([(10.0, "missed down"), (22.0, "success")], After(seconds=10), 23),
    )


def test_a_delay_that_was_not_due_yet_is_no_slot(lives: Lives) -> None:
    lives.run(adding(After(seconds=10), 5), 6, expecting([(16.0, "success")], After(seconds=10), 17))


def test_a_moment_that_passed_while_the_process_was_down_runs_late(lives: Lives) -> None:
    at = Once(BEGIN.add(seconds=10))
    lives.run(adding(at, 5), 30, expecting([(10.0, "success")], at, 31))


def test_a_moment_that_has_a_row_never_runs_again(lives: Lives) -> None:
    at = Once(BEGIN.add(seconds=10))

    async def again(yard: Yard) -> None:
        job = await yard.add(nothing, at)
        await until(40)
        assert await yard.slots() == [(10.0, "success")]
        assert yard.removed == [job]
        assert await yard.scheduler.get_all_jobs() == []

    lives.run(adding(at, 11), 30, again)


def test_a_job_that_was_cancelled_begins_anew_and_nothing_was_due_meanwhile(lives: Lives) -> None:
    async def cancelled(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        await until(15)
        await yard.cancel(job)

    lives.run(cancelled, 43, expecting([(10.0, "success"), (53.0, "success")], Every(seconds=10), 54))
    assert [row["first_ts"] - BEGIN.timestamp() for row in lives.schedules()] == [10.0, 53.0]


def test_a_cancelled_job_has_its_row_marked_and_its_schedule_ended(lives: Lives) -> None:
    async def cancelled(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        await until(15)
        await yard.cancel(job)

    lives.run(cancelled)
    (job,), (schedule,) = rows_of(lives.path, "scheduled_jobs"), lives.schedules()
    assert round(job["cancelled_at"] - BEGIN.timestamp()) == 15
    assert round(schedule["ended_at"] - BEGIN.timestamp()) == 15


def test_a_job_that_takes_the_place_of_another_has_its_row_and_a_schedule_of_its_own(lives: Lives) -> None:
    async def replaced(yard: Yard) -> None:
        old = await yard.add(taking(10), Every(seconds=10))
        await until(12)
        yard.scheduler.dequeue_job(old)
        assert old.db_id is not None
        yard.scheduler.mark_job_cancelled(old.db_id)  # not awaited: its place is before what follows
        new = await yard.add(nothing, Every(seconds=10))
        assert new.db_id == old.db_id
        await until(23)
        assert await yard.slots() == [(10.0, "success"), (22.0, "success")]

    lives.run(replaced)
    (job,) = rows_of(lives.path, "scheduled_jobs")
    assert job["cancelled_at"] is None


def test_a_job_that_is_cancelled_during_its_registration_is_not_put_on_the_heap(lives: Lives) -> None:
    async def cancelled(yard: Yard) -> None:
        job = yard.make(nothing, Every(seconds=10))
        registering = asyncio.create_task(yard.scheduler.add_job(job))
        await asyncio.sleep(0)
        job._dequeued = True
        await registering
        assert job.db_id is not None
        await yard.scheduler.mark_job_cancelled(job.db_id)
        assert await yard.scheduler.get_all_jobs() == []
        await until(30)
        assert await yard.slots() == []

    lives.run(cancelled)
    (schedule,) = lives.schedules()
    assert schedule["ended_at"] is not None


# --- crashes ---------------------------------------------------------------------------------------------------------


def killed(trigger: TriggerProtocol, end: float, **fields: Any) -> Part:  # noqa: ANN401 - of the job
    """As ``adding``, with all written, and then an end like ``kill -9``."""

    async def part(yard: Yard) -> None:
        await adding(trigger, end, **fields)(yard)
        await yard.database.flush()
        await yard.kill()

    return part


def test_a_run_that_was_in_flight_is_interrupted_and_not_missed_as_well(lives: Lives) -> None:
    lives.run(
        killed(Every(seconds=10), 15, function=taking(100)),
        35,
        expecting(
            [(10.0, "interrupted"), (20.0, "success"), (30.0, "missed down"), (40.0, "success")], Every(seconds=10), 41
        ),
    )


def test_a_run_that_was_away_is_interrupted_and_not_sent_again(lives: Lives) -> None:
    away = Away(seconds=100)
    sent: dict[str, Any] = {"function": never_called, "executor": away}
    lives.run(
        killed(Every(seconds=10), 15, **sent),
        16,
        expecting([(10.0, "interrupted")], Every(seconds=10), 19, **sent),
    )
    assert len(away.calls) == 1


def test_slots_that_waited_are_interrupted_too(lives: Lives) -> None:
    lives.run(
        killed(Every(seconds=10), 25, function=taking(100), mode="queued"),
        26,
        expecting([(10.0, "interrupted"), (20.0, "interrupted"), (30.0, "success")], Every(seconds=10), 31),
    )


def test_a_slot_between_two_attempts_keeps_the_outcome_of_the_last(lives: Lives) -> None:
    async def fail() -> None:
        raise ValueError("no")

    lives.run(
        killed(Every(seconds=100), 105, function=fail, retries=1, retry_delay=50.0),
        170,
        expecting([(100.0, "error"), (200.0, "success")], Every(seconds=100), 201),
    )


def test_a_pause_outlives_a_crash(lives: Lives) -> None:
    async def paused(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        await until(15)
        yard.scheduler.pause_job(job, "ada")
        await yard.database.flush()
        await yard.kill()

    async def again(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        assert job.next_run == BEGIN.add(seconds=20)
        await until(55)
        assert await yard.slots() == [(10.0, "success")]
        yard.scheduler.resume_job(job)
        await until(61)
        assert await yard.slots() == [(10.0, "success"), (20.0, "skipped paused x4"), (60.0, "success")]

    lives.run(paused, 41, again)


def test_a_pause_stays_with_a_job_whose_trigger_has_changed(lives: Lives) -> None:
    async def paused(yard: Yard) -> None:
        yard.scheduler.pause_job(await yard.add(nothing, Every(seconds=10)))

    lives.run(paused, 25, expecting([(10.0, "skipped paused x2")], Every(seconds=7), 60))


def test_a_pause_ends_with_the_cancellation_of_its_job(lives: Lives) -> None:
    async def paused(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=10))
        yard.scheduler.pause_job(job)
        await yard.cancel(job)

    lives.run(paused, 5, expecting([(15.0, "success")], Every(seconds=10), 16))


# --- reloads ---------------------------------------------------------------------------------------------------------


def reloading(
    end: float, make: Callable[[Yard], Coroutine[Any, Any, ScheduledJob | None]], expected: list[tuple[float, str]]
) -> Part:
    """Stop the owner at 15, start it at 25 with what ``make`` adds, and reconcile it."""

    async def part(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=10))
        await until(15)
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await until(25)
        job = await make(yard)
        ids = [] if job is None or job.db_id is None else [job.db_id]
        await yard.executor.reconcile_registrations("porch", [], ids)
        await until(end)
        assert await yard.slots() == expected

    return part


def test_a_slot_that_came_due_during_a_reload_runs_late(lives: Lives) -> None:
    expected = [(10.0, "success"), (20.0, "success"), (30.0, "success")]
    lives.run(reloading(31, lambda yard: yard.add(nothing, Every(seconds=10)), expected))


def test_a_slot_that_came_due_during_a_reload_is_missed_if_its_job_has_changed(lives: Lives) -> None:
    expected = [(10.0, "success"), (20.0, "missed down"), (31.0, "success")]
    lives.run(reloading(32, lambda yard: yard.add(nothing, Every(seconds=6)), expected))


def test_a_slot_that_came_due_during_a_reload_is_missed_if_its_job_is_gone(lives: Lives) -> None:
    async def gone(yard: Yard) -> None:
        """Add nothing."""

    lives.run(reloading(60, gone, [(10.0, "success"), (20.0, "missed down")]))
    (job,), (schedule,) = rows_of(lives.path, "scheduled_jobs"), lives.schedules()
    assert job["retired_at"] is not None
    assert round(schedule["ended_at"] - BEGIN.timestamp()) == 25


def test_nothing_runs_because_of_a_reload(lives: Lives) -> None:
    async def part(yard: Yard) -> None:
        async def add() -> None:
            for trigger in (Every(seconds=10), Plain(10), Once(BEGIN.add(seconds=5)), Cron("* * * * *")):
                await yard.add(nothing, trigger, str(trigger.trigger_id()))

        await add()
        await until(15)
        before = await yard.rows()
        for _ in range(5):
            await yard.scheduler.remove_jobs_by_owner(OWNER)
            await add()
        await until(16)
        assert await yard.rows() == before

    lives.run(part)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (10, [(10.0, "success"), (20.0, "success"), (30.0, "success")]),
        (7, [(10.0, "success"), (20.0, "success"), (28.0, "success")]),
    ],
    ids=["the same job", "a changed job"],
)
def test_a_slot_whose_row_waits_for_another_attempt_is_settled_by_it_though_the_app_is_reloaded(
    lives: Lives, seconds: int, expected: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def part(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=10), misfire="run_once")
        await until(19)
        await yard.database.flush()
        with monkeypatch.context() as patch:
            patch.setattr(EntryStore, "write", fail)
            await until(20.5)
            await yard.database.flush()
        assert len(yard.database.records) > 0
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await yard.add(nothing, Every(seconds=seconds), misfire="run_once")
        await until(33)
        await yard.database.flush()
        assert await yard.slots() == expected
        assert yard.database.records.counts() == (0, 0, 0)

    lives.run(part)


def test_what_a_users_trigger_has_passed_over_does_not_run_because_of_a_reload(lives: Lives) -> None:
    async def part(yard: Yard) -> None:
        await yard.add(nothing, Plain(10))
        await until(5)
        yard.stall(40)
        await until(46)
        before = await yard.slots()
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await yard.add(nothing, Plain(10))
        await until(51)
        assert await yard.slots() == [*before, (50.0, "success")]

    lives.run(part)


def test_a_run_in_flight_and_the_job_that_comes_back_do_not_share_a_slot(lives: Lives) -> None:
    async def part(yard: Yard) -> None:
        await yard.add(taking(8), Every(seconds=10))
        await until(12)
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await yard.add(taking(8), Every(seconds=10))
        await until(30)
        assert await yard.slots() == [(10.0, "success"), (20.0, "success"), (30.0, "started")]

    lives.run(part)


def test_a_hundred_reloads_leave_nothing_behind(lives: Lives) -> None:
    async def part(yard: Yard) -> None:
        async def reload() -> tuple[int, ...]:
            await yard.scheduler.remove_jobs_by_owner(OWNER)
            await yard.add(nothing, Every(seconds=10))
            await yard.add(nothing, After(seconds=100), f"once, scheduled at {yard.clock.now()}")
            await asyncio.sleep(3)
            service = yard.scheduler
            in_engine = len(list(service._driver.engine._timer))
            return len(service._armed), len(service._owners), len(service._left), in_engine, len(asyncio.all_tasks())

        first = await reload()
        later = [await reload() for _ in range(100)]
        assert later[-1] == first

    lives.run(part)


# --- reconciliation --------------------------------------------------------------------------------------------------


def test_a_job_that_is_not_there_any_more_has_its_due_slots_missed_and_is_retired(lives: Lives) -> None:
    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])
        assert await yard.slots() == [(10.0, "success"), (20.0, "missed down x3")]

    lives.run(adding(Every(seconds=10), 15), 45, without_it)
    (job,) = rows_of(lives.path, "scheduled_jobs")
    assert job["retired_at"] is not None


def test_a_job_that_never_ran_but_was_due_while_down_is_kept_with_what_it_missed(lives: Lives) -> None:
    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])
        assert await yard.slots() == [(10.0, "missed down")]

    lives.run(adding(After(seconds=10)), 45, without_it)


def test_of_a_users_trigger_that_is_gone_the_first_slot_is_missed_if_it_was_due(lives: Lives) -> None:
    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])
        assert await yard.slots() == [(10.0, "missed down")]

    lives.run(adding(Plain(10)), 45, without_it)


def test_a_job_that_was_never_due_leaves_no_trace(lives: Lives) -> None:
    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])

    lives.run(adding(After(seconds=100)), 45, without_it)
    assert rows_of(lives.path, "scheduled_jobs") == []
    assert lives.schedules() == []


def test_slots_of_a_paused_job_that_is_gone_were_paused(lives: Lives) -> None:
    async def paused(yard: Yard) -> None:
        yard.scheduler.pause_job(await yard.add(nothing, Every(seconds=10)))

    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])
        assert await yard.slots() == [(10.0, "skipped paused x4")]

    lives.run(paused, 45, without_it)


def test_reconciling_a_second_time_changes_nothing(lives: Lives) -> None:
    async def without_it(yard: Yard) -> None:
        await yard.executor.reconcile_registrations("porch", [], [])
        before = (await yard.rows(), rows_of(yard.path, "scheduled_jobs"), rows_of(yard.path, "schedules"))
        await until(80)
        await yard.executor.reconcile_registrations("porch", [], [])
        assert (await yard.rows(), rows_of(yard.path, "scheduled_jobs"), rows_of(yard.path, "schedules")) == before

    lives.run(adding(Every(seconds=10), 15), 45, without_it)


# --- triggers that misbehave -----------------------------------------------------------------------------------------


class Moody(Plain):
    """Raises when it is asked what follows, while ``mood`` says so."""

    mood: ClassVar[list[bool]] = [False]

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        if self.mood[0]:
            raise ZeroDivisionError("moody")
        return super().next_run_time(previous_run, current_time)


def test_a_trigger_that_raises_at_the_recovery_begins_anew(lives: Lives, caplog: pytest.LogCaptureFixture) -> None:
    async def again(yard: Yard) -> None:
        Moody.mood[0] = True
        await yard.add(nothing, Moody(10))
        Moody.mood[0] = False
        await until(56)
        assert await yard.slots() == [(10.0, "success"), (55.0, "success")]

    with caplog.at_level(logging.ERROR):
        lives.run(adding(Moody(10), 15), 45, again)
    assert "begins anew" in caplog.text
