"""Why a job did, or did not, run at a time. Times of day are those of 2025-01-01, UTC."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, nanoseconds
from duly.ids import id_text, new_id
from duly.ledger import jobs
from duly.ledger.why import Down, Verdict, Why, why
from duly.ledger.why_words import sentence
from duly.triggers import Cron, Daily, Dst, Once
from duly.triggers.clock_changes import Effect
from tests.ledger.ledger_file import BEGIN, LedgerFile, at
from tests.ledger.written import Written, reader_of, seconds, written
from tests.scheduler.custom import Plain

HOUR = 3600


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def asked(file: LedgerFile, moment: float, *, now: float = HOUR, alive: bool = True) -> Why:
    """Why the job that was registered first did or did not run."""
    return asked_at(file, at(moment), now=at(now), alive=alive)


def asked_at(file: LedgerFile, moment: int, *, now: int, alive: bool = True) -> Why:
    with reader_of(file) as reader:
        job = reader.read(jobs.job, 1)
        assert job is not None
        return reader.read(why, job, moment, now=now, alive=alive)


def said(file: LedgerFile, moment: float, *, now: float = HOUR, alive: bool = True) -> str:
    return sentence(asked(file, moment, now=now, alive=alive), "UTC").replace("2025-01-01 ", "")


# It was started


@pytest.mark.parametrize(
    ("status", "columns", "expected"),
    [
        ("success", {}, "00:00:10 ran from 00:00:10 to 00:00:11 and succeeded"),
        ("error", {}, "00:00:10 ran from 00:00:10 and failed at 00:00:11"),
        (
            "error",
            {"error_type": "ValueError", "error_message": "no milk\nat all"},
            "00:00:10 ran from 00:00:10 and failed at 00:00:11 with ValueError: no milk",
        ),
        ("timed_out", {}, "00:00:10 ran from 00:00:10 and timed out at 00:00:11"),
        ("cancelled", {}, "00:00:10 ran from 00:00:10 and was cancelled at 00:00:11"),
        (
            "interrupted",
            {"duration": 0},
            "00:00:10 was started at 00:00:10 and interrupted: its process ended before it did",
        ),
        ("success", {"start": 10.5}, "00:00:10 ran from 00:00:10.500 to 00:00:11.500 and succeeded"),
        ("success", {"start": 40}, "00:00:10 ran from 00:00:40 to 00:00:41 and succeeded, 30 s late"),
        (
            "success",
            {"start": 40, "trigger_mode": "waited"},
            "00:00:10 ran from 00:00:40 to 00:00:41 and succeeded, 30 s late, for it waited for its turn",
        ),
        (
            "success",
            {"start": 40, "trigger_mode": "catch_up"},
            "00:00:10 ran from 00:00:40 to 00:00:41 and succeeded, 30 s late, to catch up",
        ),
        (
            "success",
            {"start": 40, "attempt_number": 3},
            "00:00:10 ran from 00:00:40 to 00:00:41 and succeeded (attempt 3)",
        ),
    ],
)
def test_a_slot_that_was_run_tells_how_it_ended(
    file: Written, status: str, columns: dict[str, object], expected: str
) -> None:
    file.row(file.job(), 10, status, **columns)  # type: ignore[arg-type] # columns of any type
    assert asked(file, 10).verdict is Verdict.RAN
    assert said(file, 10) == expected


def test_a_slot_that_was_run_comes_with_its_execution(file: Written) -> None:
    execution_id = new_id(at(10))
    file.row(file.job(), 10, "error", execution_id=execution_id, error_traceback="Traceback …")
    row = asked(file, 10).row
    assert row is not None
    assert (row.execution_id, row.error_traceback) == (id_text(execution_id), "Traceback …")


def test_it_is_the_last_attempt_that_is_told(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error", count=0)
    file.row(schedule, 10, "success", start=12, attempt_number=2)
    assert said(file, 10) == "00:00:10 ran from 00:00:12 to 00:00:13 and succeeded (attempt 2)"


def test_a_run_that_made_way_for_a_later_slot_names_it(file: Written) -> None:
    schedule = file.job()
    file.db.execute("UPDATE raw_scheduled_jobs SET mode = 1")
    file.row(schedule, 10, "cancelled", duration=10 * SECOND)
    file.row(schedule, 20)
    assert said(file, 10) == "00:00:10 ran from 00:00:10 and was cancelled at 00:00:20 for the slot of 00:00:20"


@pytest.mark.parametrize(
    ("alive", "expected"),
    [
        (True, "00:00:10 runs since 00:00:10, or waits for its turn"),
        (False, "00:00:10 was started at 00:00:10, and ran or waited when its process ended"),
    ],
)
def test_a_slot_that_is_open_tells_since_when(file: Written, alive: bool, expected: str) -> None:
    file.row(file.job(), 10, "started", duration=0)
    assert asked(file, 10).verdict is Verdict.OPEN
    assert said(file, 10, alive=alive) == expected


# It was not run


def skipped(file: Written, reason: str, slot: float = 30) -> int:
    """A job with a run at 10 and a slot that was not run."""
    schedule = file.job()
    file.row(schedule, slot, "missed" if reason in {"down", "stalled", "suspended"} else "skipped", reason=reason)
    return schedule


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("overlap", "00:00:30 was skipped: the run before it still went on"),
        ("paused", "00:00:30 was skipped: the job was paused"),
        ("excluded", "00:00:30 was skipped: its schedule excludes it"),
        ("down", "00:00:30 was missed: a process ran, but the job was not registered with it"),
        ("suspended", "00:00:30 was missed: the machine slept, or its clock was set forward over it"),
        (
            "stalled",
            "00:00:30 was missed: the process was there but too late: it was blocked, or the machine was busy",
        ),
    ],
)
def test_a_slot_that_was_not_run_tells_the_reason(file: Written, reason: str, expected: str) -> None:
    skipped(file, reason)
    assert asked(file, 30).verdict is Verdict.NOT_RUN
    assert said(file, 30) == expected


def test_a_slot_within_a_row_of_several_tells_which(file: Written) -> None:
    file.row(file.job(), 20, "missed", to=40, count=3, reason="stalled")
    assert said(file, 30).startswith("00:00:30 was missed, as one of 3 slots, 00:00:20 to 00:00:40: the process was")


def test_a_slot_that_was_cancelled_before_it_began_says_so(file: Written) -> None:
    file.row(file.job(), 10, "cancelled", duration=0)
    assert asked(file, 10).verdict is Verdict.NOT_RUN
    assert (
        said(file, 10) == "00:00:10 was cancelled before it began: its job was removed, or restarted for a later slot"
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"slot": 10, "duration": 25 * SECOND}, "the run of 00:00:10 still went on, from 00:00:10 to 00:00:35"),
        ({"slot": 10, "status": "error", "duration": 21 * SECOND}, "the run of 00:00:10 still went on, from 00:00:10 "),
        (
            {"slot": None, "start": 5, "duration": HOUR * SECOND},
            "a run by hand still went on, from 00:00:05 to 01:00:05",
        ),
        ({"slot": 10, "status": "started"}, "the run of 00:00:10 still went on, from 00:00:10 until now"),
        (
            {"slot": 10, "start": 40, "attempt_number": 2},
            "the run of 00:00:10 still went on, from 00:00:40 to 00:00:41",
        ),
    ],
    ids=["a success", "an error", "by hand", "now", "between attempts"],
)
def test_an_overlap_names_the_run_that_was_in_the_way(file: Written, run: dict[str, object], expected: str) -> None:
    file.row(skipped(file, "overlap"), **run)  # type: ignore[arg-type] # columns of any type
    answer = asked(file, 30)
    assert answer.in_the_way is not None
    assert answer.in_the_way.execution_id is not None
    assert said(file, 30).startswith(f"00:00:30 was skipped: {expected}")


def test_a_run_that_was_interrupted_was_in_the_way_until_its_process_ended(file: Written) -> None:
    file.row(skipped(file, "overlap"), 10, "interrupted", duration=0)
    file.ended(35)
    assert "the run of 00:00:10 still went on, from 00:00:10 until its process ended" in said(file, 30)


def test_a_run_that_had_ended_was_not_in_the_way(file: Written) -> None:
    file.row(skipped(file, "overlap"), 10, duration=19 * SECOND)
    assert asked(file, 30).in_the_way is None


@pytest.mark.parametrize("by", [None, "ada"])
def test_a_pause_tells_since_when_and_by_whom(file: Written, by: str | None) -> None:
    schedule = skipped(file, "paused")
    file.repository.pause_job(file.db, file.job_id(schedule), at(15), by)
    answer = asked(file, 30)
    assert (seconds(answer.paused_at), answer.paused_by) == (15, by)
    assert said(file, 30) == f"00:00:30 was skipped: the job was paused since 00:00:15{' by ada' if by else ''}"


def test_a_pause_that_is_over_is_found_among_the_changes_by_people(file: Written) -> None:
    skipped(file, "paused")
    for time, action in ((5, "pause"), (8, "resume"), (15, "pause"), (40, "resume"), (50, "pause")):
        file.repository.note(file.db, at(time), None, "ada", action, "backup")
    assert said(file, 30) == "00:00:30 was skipped: the job was paused since 00:00:15 by ada"


def test_a_later_pause_has_nothing_to_do_with_it(file: Written) -> None:
    schedule = skipped(file, "paused")
    file.repository.pause_job(file.db, file.job_id(schedule), at(40), "ada")
    assert asked(file, 30).paused_at is None


def test_down_time_tells_from_when_to_when_no_process_ran(file: Written) -> None:
    file.ended(15)
    skipped(file, "down")
    file.session(50)
    assert asked(file, 30).down == Down(at(15), at(50))
    assert said(file, 30) == "00:00:30 was missed: no process ran from 00:00:15 to 00:00:50"


def test_down_time_that_lasts_tells_since_when(file: Written) -> None:
    file.ended(15)
    skipped(file, "down")
    assert said(file, 30) == "00:00:30 was missed: no process ran since 00:00:15"


def test_a_run_that_caught_up_after_down_time_tells_of_it(file: Written) -> None:
    file.ended(15)
    file.session(3800)
    file.row(file.job(), 30, start=3810)
    assert said(file, 30, now=4000) == (
        "00:00:30 ran from 01:03:30 to 01:03:31 and succeeded, 1 h 3 min late: no process ran from 00:00:15 to 01:03:20"
    )


def test_before_the_first_process_none_had_run(tmp_path: Path) -> None:
    with written(tmp_path) as file:
        file.db.execute("UPDATE raw_sessions SET started_at = ?", (at(50),))
        skipped(file, "down")
        assert asked(file, 30).down == Down(None, at(50))
        assert said(file, 30) == "00:00:30 was missed: no process had run before 00:00:50"


def test_a_process_that_ended_later_had_run(file: Written) -> None:
    skipped(file, "down")
    file.ended(35)
    assert asked(file, 30).down is None
    assert said(file, 30) == "00:00:30 was missed: a process ran, but the job was not registered with it"


def test_a_process_that_was_killed_ran_until_its_last_heartbeat(file: Written) -> None:
    file.repository.beat(file.db, file.session_id, at(12))
    skipped(file, "down")
    assert asked(file, 30, alive=False).down == Down(at(12), None)


# It has no row


def test_a_slot_of_the_future_is_to_come(file: Written) -> None:
    file.job()
    assert (asked(file, 30, now=25).verdict, said(file, 30, now=25)) == (Verdict.TO_COME, "00:00:30 is to come")


def test_a_slot_of_the_future_of_a_paused_job_will_be_skipped(file: Written) -> None:
    schedule = file.job()
    file.repository.pause_job(file.db, file.job_id(schedule), at(15), "ada")
    assert said(file, 30, now=25) == (
        "00:00:30 is to come, but the job is paused since 00:00:15 by ada: it will be skipped if nobody resumes the job"
    )


@pytest.mark.parametrize(
    ("alive", "expected"),
    [
        (True, "00:00:10 is due just now: the process decides about it"),
        (
            False,
            "00:00:10 has not run: no process runs since 00:00:05; the next start decides about it (run_once)",
        ),
    ],
)
def test_a_slot_that_was_due_and_is_not_decided_tells_who_will(file: Written, alive: bool, expected: str) -> None:
    file.job()
    file.ended(5)
    assert asked(file, 10, now=12, alive=alive).verdict is Verdict.UNDECIDED
    assert said(file, 10, now=12, alive=alive) == expected


def test_a_slot_that_came_while_a_run_goes_on_is_decided_when_that_ends(file: Written) -> None:
    file.row(file.job(), 10, "started", duration=0)
    assert said(file, 30) == (
        "00:00:30 has not run: the run of 00:00:10 still went on, from 00:00:10 until now, "
        "and then it is decided (mode single)"
    )


def test_a_slot_that_passed_during_a_pause_is_decided_when_it_is_resumed(file: Written) -> None:
    schedule = file.job()
    file.repository.pause_job(file.db, file.job_id(schedule), at(5))
    assert (
        said(file, 10)
        == "00:00:10 has not run: the job is paused since 00:00:05; it is decided when the job is resumed"
    )


def test_a_slot_without_a_row_before_others_that_have_one_does_not_add_up(file: Written) -> None:
    file.slots(file.job(), [10, 30])
    assert asked(file, 20).verdict is Verdict.UNACCOUNTED
    assert "the ledger does not add up" in said(file, 20)


def test_rows_of_long_ago_may_have_been_deleted(file: Written) -> None:
    file.slots(file.job(), [10, 20])
    file.db.execute("DELETE FROM raw_executions WHERE scheduled_ts = ?", (at(10),))
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?)", (str(at(15)),))
    for moment in (10, 5):
        assert asked(file, moment).verdict is Verdict.FORGOTTEN
        assert said(file, moment).endswith("lies in a time of which rows may have been deleted")


# It is no slot


@pytest.mark.parametrize(
    ("moment", "slot", "around"),
    [(13, 10, (10, 20)), (15, 10, (10, 20)), (17, 20, (10, 20)), (24, 20, (20, 30)), (3599.5, 3590, (3590, 3600))],
)
def test_of_a_moment_that_is_no_slot_the_nearest_is_told(
    file: Written, moment: float, slot: float, around: tuple[float, float]
) -> None:
    file.slots(file.job(), range(10, HOUR, 10))
    answer = asked(file, moment, now=3599.9)
    assert (seconds(answer.slot), seconds(answer.previous), seconds(answer.following)) == (slot, *around)
    assert not answer.exact
    assert said(file, 17).startswith("00:00:17 is no slot of its schedule: the nearest, 00:00:20, ran from 00:00:20")


def test_slots_around_a_slot_are_those_before_and_after_it(file: Written) -> None:
    file.slots(file.job(), range(10, HOUR, 10))
    answer = asked(file, 20)
    assert (answer.exact, seconds(answer.previous), seconds(answer.following)) == (True, 10, 30)


def test_a_run_that_went_on_beside_is_told(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.row(schedule, None, start=14, trigger_mode="manual", duration=3 * SECOND)
    beside = asked(file, 15).beside
    assert beside is not None
    assert (beside.scheduled_ts, beside.execution_start_ts) == (None, at(14))
    assert asked(file, 18).beside is None


def test_a_moment_before_the_first_slot_says_so(file: Written) -> None:
    file.job(first=100)
    assert asked(file, 50).verdict is Verdict.BEFORE
    assert said(file, 50) == "00:00:50 lies before its first slot, 00:01:40: the job was not registered by then"


def test_a_job_without_a_schedule_has_no_slot(file: Written) -> None:
    file.db.execute("DELETE FROM raw_schedules WHERE id = ?", (file.job(),))
    assert said(file, 50) == "00:00:50 is no slot: the ledger knows no schedule of the job"


def test_a_moment_after_the_job_was_cancelled_says_so(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.repository.end_schedule(file.db, schedule, at(25))
    file.repository.cancel_job(file.db, file.job_id(schedule), at(25))
    assert asked(file, 50).verdict is Verdict.ENDED
    assert said(file, 50) == (
        "00:00:50 lies behind the end of its schedule: the job was cancelled at 00:00:25; its last slot was 00:00:20"
    )
    assert said(file, 20).startswith("00:00:20 ran")


def test_a_moment_after_the_job_was_retired_says_so(file: Written) -> None:
    schedule = file.job()
    file.repository.end_schedule(file.db, schedule, at(5))
    file.repository.retire_job(file.db, file.job_id(schedule), at(5))
    assert said(file, 50).startswith("00:00:50 lies behind the end of its schedule: its program no longer registered")


def test_after_a_single_time_nothing_more_is_due(file: Written) -> None:
    once = Once(ZonedDateTime.parse_iso("2025-01-01T00:00:10+00:00[UTC]"))
    file.slots(file.job(trigger=once), [10])
    assert said(file, 10).startswith("00:00:10 ran")
    assert said(file, 50) == (
        "00:00:50 lies behind the end of its schedule: nothing more is due; its last slot was 00:00:10"
    )


def test_each_schedule_of_a_job_has_its_time(file: Written) -> None:
    old = file.job()
    file.slots(old, [10, 20])
    file.repository.end_schedule(file.db, old, at(25))
    file.slots(file.job(trigger=Cron("* * * * *"), first=60), [60, 120])
    for moment, around in ((20, (10, 60)), (33, (20, 60)), (60, (20, 120)), (70, (60, 120))):
        answer = asked(file, moment)
        assert (seconds(answer.previous), seconds(answer.following)) == around
    assert seconds(asked(file, 55).slot) == 60


# Triggers of users


def test_of_a_users_own_trigger_the_rows_tell(file: Written) -> None:
    file.slots(file.job(trigger=Plain(10)), [10, 20])
    assert said(file, 20).startswith("00:00:20 ran")
    assert said(file, 12).startswith("00:00:12 is no slot of its schedule: the nearest, 00:00:10, ran")
    assert asked(file, 30).verdict is Verdict.UNKNOWN
    assert said(file, 30) == "00:00:30 may be a slot or not: its trigger is its own, and only its program can ask it"


def test_a_trigger_that_cannot_be_rebuilt_is_like_one_of_users(file: Written) -> None:
    file.slots(file.job(), [10])
    file.db.execute("UPDATE raw_schedules SET trigger_spec = '{}'")
    assert said(file, 10).startswith("00:00:10 ran")
    assert asked(file, 20).verdict is Verdict.UNKNOWN


# Changes of clocks


def told_at(tmp_path: Path, trigger: Cron, zone: Zone, first: str, moment: str) -> tuple[Why, str]:
    """What is said of a moment by a ledger in which all slots of three days ran."""
    begin, asked_for = (nanoseconds(ZonedDateTime.parse_iso(f"{text}[{zone}]")) for text in (first, moment))
    with written(tmp_path) as file:
        chain = trigger.chain(zone)
        slot = chain.first(begin)
        assert slot is not None
        schedule = file.job(trigger=trigger, first=slot / SECOND - BEGIN, zone=zone)
        while slot is not None and slot < begin + 3 * 86_400 * SECOND:
            file.row(schedule, slot / SECOND - BEGIN)
            slot = chain.next(slot, slot)
        answer = asked_at(file, asked_for, now=begin + 3 * 86_400 * SECOND)
    return answer, sentence(answer, zone)


@pytest.mark.parametrize(
    ("zone", "time", "day_before", "moved_to", "missing"),
    [
        ("Europe/Berlin", "02:30", "2025-03-29T00:00:00+01:00", "2025-03-30T03:30:00+02:00", "02:30"),
        ("America/New_York", "02:30", "2025-03-08T00:00:00-05:00", "2025-03-09T03:30:00-04:00", "02:30"),
        ("Australia/Lord_Howe", "02:10", "2025-10-04T00:00:00+10:30", "2025-10-05T02:40:00+11:00", "02:10"),
        ("Europe/Dublin", "01:30", "2025-03-29T00:00:00+00:00", "2025-03-30T02:30:00+01:00", "01:30"),
        ("Asia/Beirut", "00:15", "2025-03-29T00:00:00+02:00", "2025-03-30T01:15:00+03:00", "00:15"),
    ],
)
def test_a_slot_that_was_moved_by_a_gap_says_for_which_time_it_stands(
    zone: str, time: str, day_before: str, moved_to: str, missing: str, tmp_path: Path
) -> None:
    answer, text = told_at(tmp_path, Daily(time), zone, day_before, moved_to)
    assert answer.odd is not None
    assert answer.odd.effect is Effect.MOVED
    assert text.endswith(f"succeeded; {missing} does not exist that day, and this slot stands for it")


@pytest.mark.parametrize(
    ("zone", "time", "day_before", "second_pass"),
    [
        ("Europe/Berlin", "02:30", "2025-10-25T00:00:00+02:00", "2025-10-26T02:30:00+01:00"),
        ("America/New_York", "01:30", "2025-11-01T00:00:00-04:00", "2025-11-02T01:30:00-05:00"),
        ("Australia/Lord_Howe", "01:45", "2025-04-05T00:00:00+11:00", "2025-04-06T01:45:00+10:30"),
        ("Europe/Dublin", "01:30", "2025-10-25T00:00:00+01:00", "2025-10-26T01:30:00+00:00"),
        ("Asia/Beirut", "23:30", "2025-10-24T00:00:00+03:00", "2025-10-25T23:30:00+02:00"),
    ],
)
def test_a_time_that_came_twice_says_in_which_pass_it_runs(
    zone: str, time: str, day_before: str, second_pass: str, tmp_path: Path
) -> None:
    answer, text = told_at(tmp_path, Daily(time), zone, day_before, second_pass)
    assert not answer.exact
    assert text.endswith(f"; {time} occurs twice that day, and runs in the first pass only")


def test_a_slot_of_the_first_pass_says_so_as_well(tmp_path: Path) -> None:
    day, moment = "2025-10-25T00:00:00+02:00", "2025-10-26T02:30:00+02:00"
    answer, text = told_at(tmp_path, Daily("02:30"), "Europe/Berlin", day, moment)
    assert answer.exact
    assert text.endswith("; 02:30 occurs twice that day, and runs in the first pass only")


def test_a_time_that_came_twice_and_is_none_of_the_schedule_is_not_blamed_on_the_clocks(tmp_path: Path) -> None:
    day, moment = "2025-10-25T00:00:00+02:00", "2025-10-26T02:45:00+01:00"
    answer, text = told_at(tmp_path, Daily("02:30"), "Europe/Berlin", day, moment)
    assert not answer.exact
    assert "02:45 occurs twice" not in text


def test_a_schedule_of_all_hours_runs_in_both_passes(tmp_path: Path) -> None:
    day, moment = "2025-10-25T00:00:00+02:00", "2025-10-26T02:30:00+01:00"
    _, text = told_at(tmp_path, Cron("*/30 * * * *"), "Europe/Berlin", day, moment)
    assert text.endswith("; 02:30 occurs twice that day, this is the second pass")


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        (Dst(gap="skip"), "; 02:30 does not exist that day, and is left out"),
        (Dst(gap="after_gap"), "; 02:30 does not exist that day, and this slot stands for it"),
    ],
    ids=["skip", "after_gap"],
)
def test_another_rule_for_gaps_is_told(dst: Dst, expected: str, tmp_path: Path) -> None:
    trigger = Cron("30 2 * * *", dst=dst)
    day, moment = "2025-03-29T00:00:00+01:00", "2025-03-30T03:30:00+02:00"
    _, text = told_at(tmp_path, trigger, "Europe/Berlin", day, moment)
    assert text.endswith(expected)


def test_a_day_without_a_change_of_clocks_has_none(tmp_path: Path) -> None:
    day, moment = "2025-03-29T00:00:00+01:00", "2025-03-31T02:30:00+02:00"
    answer, _ = told_at(tmp_path, Daily("02:30"), "Europe/Berlin", day, moment)
    assert (answer.exact, answer.odd) == (True, None)


def test_the_zone_is_that_by_which_the_schedule_goes(tmp_path: Path) -> None:
    trigger = Cron("30 2 * * *", timezone="America/Chicago")
    day, moment = "2025-03-29T00:00:00+01:00", "2025-03-31T02:30:00+02:00"
    answer, _ = told_at(tmp_path, trigger, "Europe/Berlin", day, moment)
    assert answer.zone == "America/Chicago"
