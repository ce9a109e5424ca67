"""``duly explain JOB --at TIME``: asked of real ledgers, and what the command makes of the answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from whenever import ZonedDateTime

from duly.triggers import Cron, Daily, Every
from tests.cli.ledger_kit import Capture, answered, answered_json, refused, small_ledger
from tests.cli.ledgers_of_worlds import Program, program
from tests.ledger.ledger_file import LedgerFile

EVE = ZonedDateTime(2025, 3, 29, 20, tz="Europe/Berlin")
"""Some hours before clocks go forward."""

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Program]:
    """A program that has just begun; commands are called in its time."""
    with program(tmp_path / "jobs.db") as played:
        yield played


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "jobs.db")


def said(capsys: Capture, job: str, at: str) -> str:
    """The sentence, without the day."""
    found = answered_json(capsys, "explain", job, "--at", at, "--ledger", "jobs.db", "--utc")
    return str(found["sentence"]).replace("2025-01-01 ", "")


# Ledgers of programs


def test_a_run_is_told_with_its_times(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10), takes=90)
    played.world.advance(1200)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:10Z") == "00:10 ran from 00:10 to 00:11:30 and succeeded"


def test_an_overlap_names_the_run_in_the_way(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10), takes=1500)
    played.world.advance(3000)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:30Z") == (
        "00:30 was skipped, as one of 2 slots, 00:20 to 00:30: the run of 00:10 still went on, from 00:10 to 00:35"
    )


def test_down_time_is_told_from_its_begin_to_its_end(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10))
    played.world.advance(1230)
    played.world.kill(played.scheduler)
    played.world.advance(3000)
    played.begin()
    played.schedule("backup", Every(minutes=10))
    played.world.advance(60)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:40Z").endswith(": no process ran from 00:20 to 01:10:30")
    assert said(capsys, "backup", "2025-01-01 00:30Z") == (
        "00:30 ran from 01:10:30 to 01:10:30 and succeeded, 40 min 30 s late: no process ran from 00:20 to 01:10:30"
    )


def test_a_pause_is_told_while_it_lasts_and_afterwards(played: Program, capsys: Capture) -> None:
    job_id = played.schedule("backup", Every(minutes=10))
    played.world.advance(900)
    played.scheduler.pause(job_id)
    played.world.advance(900)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:20Z") == (
        "00:20 has not run: the job is paused since 00:15; it is decided when the job is resumed"
    )
    played.scheduler.resume(job_id)
    played.world.advance(0)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:20Z").endswith(": the job was paused")


def test_a_machine_that_slept_is_told(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10))
    played.world.suspend(3000)
    played.world.advance(60)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:20Z").endswith(
        "the machine slept, or its clock was set forward over it"
    )


def test_a_program_that_hung_is_told(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10))
    played.world.stall(3000)
    played.world.advance(60)
    played.flush()
    assert "the process was there but too late" in said(capsys, "backup", "2025-01-01 00:20Z")


def test_a_job_that_was_cancelled_is_told(played: Program, capsys: Capture) -> None:
    job_id = played.schedule("backup", Every(minutes=10))
    played.world.advance(700)
    played.scheduler.cancel(job_id)
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:20Z") == (
        "00:20 lies behind the end of its schedule: the job was cancelled at 00:11:40; its last slot was 00:10"
    )


def test_a_slot_to_come_is_told(played: Program, capsys: Capture) -> None:
    played.schedule("backup", Every(minutes=10))
    played.flush()
    assert said(capsys, "backup", "2025-01-01 00:20Z") == "00:20 is to come"


# What the command makes of it


def test_an_error_is_told_with_its_place(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "explain", "backup", "--at", "2025-01-01 00:01Z", "--ledger", file, "--utc")
    execution = found["execution"]
    assert len(execution.pop("execution_id")) == 36
    assert execution == {
        "scheduled": "2025-01-01T00:01:00+00:00",
        "scheduled_to": None,
        "status": "error",
        "reason": None,
        "start": "2025-01-01T00:01:00+00:00",
        "end": "2025-01-01T00:01:01+00:00",
        "attempt": 1,
        "ticks": 1,
        "trigger_mode": None,
        "error_type": "ValueError",
        "error_message": "no milk\nat all",
        "raised_in": None,
    }


def test_the_json_holds_all_that_is_known(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "explain", "backup", "--at", "2025-01-01 00:00:33Z", "--ledger", file, "--utc")
    execution = found.pop("execution")
    assert (execution["status"], execution["reason"], execution["ticks"], execution["start"]) == (
        "missed",
        "down",
        3,
        None,
    )
    assert found == {
        "file": str(file),
        "job": "backup",
        "state": "live",
        "asked": "2025-01-01T00:00:33+00:00",
        "verdict": "not_run",
        "sentence": (
            "2025-01-01 00:00:33 is no slot of its schedule: the nearest, 2025-01-01 00:00:30, was missed, as one of 3 "
            "slots, 2025-01-01 00:00:30 to 2025-01-01 00:00:50: a process ran, but the job was not registered with it"
        ),
        "timezone": "UTC",
        "slot": "2025-01-01T00:00:30+00:00",
        "exact": False,
        "previous": "2025-01-01T00:00:30+00:00",
        "following": "2025-01-01T00:00:40+00:00",
        "in_the_way": None,
        "beside": None,
        "down": None,
        "paused_at": None,
        "paused_by": None,
        "clock_change": None,
    }


def test_the_text_begins_with_the_sentence_and_goes_on_with_facts(file: Path, capsys: Capture) -> None:
    lines = answered(capsys, "explain", "backup", "--at", "2025-01-01 00:01Z", "--ledger", file).splitlines()
    assert lines[0].startswith(
        "backup: 2025-01-01 00:01 ran from 2025-01-01 00:01 and failed at 00:01:01 with ValueError"
    )
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "Schedule",
        "Asked about",
        "Slot before",
        "Slot after",
        "Outcome",
        "Execution",
        "Error",
        "",
    ]
    assert lines[1].strip().split("  ")[-1].strip() == "every 10 s of elapsed time · UTC"


def test_the_place_where_an_error_was_raised_is_the_last_of_its_traceback(played: Program, capsys: Capture) -> None:
    def fail() -> None:
        raise ValueError("no milk")

    played.scheduler.schedule(fail, "backup", Every(minutes=10))
    played.world.advance(601)
    played.flush()
    found = answered_json(capsys, "explain", "backup", "--at", "2025-01-01 00:10Z", "--ledger", "jobs.db")
    place = found["execution"]["raised_in"]
    assert place.startswith(f'File "{__file__}", line ')
    assert place.endswith("in fail")


def test_a_run_by_hand_that_went_on_is_told_beside(file: Path, capsys: Capture) -> None:
    lines = answered(capsys, "explain", "backup", "--at", "2025-01-01 00:01:05.5Z", "--ledger", file).splitlines()
    assert any(line.startswith("Ran then") and "by hand, started 2025-01-01 00:01:05" in line for line in lines)


def test_a_job_goes_by_its_name_with_that_of_its_app(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "explain", "garden.water", "--at", "2025-01-01 00:00:10Z", "--ledger", file)
    assert (found["job"], found["verdict"]) == ("garden.water", "ran")


def test_the_ledger_is_that_of_the_settings_unless_one_is_given(file: Path, capsys: Capture) -> None:
    file.with_name("duly.toml").write_text(f'[duly.database]\npath = "{file}"\n')
    assert answered_json(capsys, "explain", "backup", "--at", "2025-01-01 00:01Z")["file"] == str(file)


# When


@pytest.fixture
def berlin(tmp_path: Path) -> Iterator[Program]:
    """At noon of the day on which clocks have gone forward in Berlin, on a machine in another zone."""
    with program(tmp_path / "jobs.db", EVE) as played:
        played.schedule("nightly", Daily("02:30"))
        played.schedule("often", Cron("*/15 * * * *"))
        played.schedule("late", Daily("23:00"))
        played.world.advance(15 * 3600)
        played.flush()
        yield played


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        ("2025-03-30 04:00", "2025-03-30T04:00:00+02:00"),
        ("2025-03-30", "2025-03-30T00:00:00+01:00"),
        ("2025-03-30T04:00Z", "2025-03-30T06:00:00+02:00"),
        ("2025-03-30 04:00+00:00", "2025-03-30T06:00:00+02:00"),
        ("11:59", "2025-03-30T11:59:00+02:00"),
        ("9:05", "2025-03-30T09:05:00+02:00"),
        ("23:00", "2025-03-29T23:00:00+01:00"),
        ("12:00:01", "2025-03-29T12:00:01+01:00"),
        ("2h", "2025-03-30T10:00:00+02:00"),
    ],
)
def test_a_time_is_wall_clock_time_of_the_schedule_or_a_moment_or_some_time_ago(
    at: str, asked: str, berlin: Program, capsys: Capture
) -> None:
    assert answered_json(capsys, "explain", "often", "--at", at, "--ledger", berlin.path)["asked"] == asked


def test_with_a_zone_it_is_wall_clock_time_there(berlin: Program, capsys: Capture) -> None:
    arguments = ("--at", "2025-03-30 04:00", "--ledger", berlin.path, "--timezone", "Asia/Tokyo")
    found = answered_json(capsys, "explain", "often", *arguments)
    assert (found["asked"], found["timezone"]) == ("2025-03-30T04:00:00+09:00", "Europe/Berlin")


def test_a_time_that_does_not_exist_is_told(berlin: Program, capsys: Capture) -> None:
    out = answered(capsys, "explain", "nightly", "--at", "2025-03-30 02:30", "--ledger", berlin.path)
    assert out.splitlines()[0] == (
        "nightly: 2025-03-30 03:30 ran from 2025-03-30 03:30 to 03:30 and succeeded; "
        "02:30 does not exist that day, and this slot stands for it"
    )
    assert "2025-03-30 02:30 does not exist: clocks were set forward; 2025-03-30 03:30 Sun +02:00 is meant" in out
    found = answered_json(capsys, "explain", "nightly", "--at", "2025-03-30 02:30", "--ledger", berlin.path)
    assert found["clock_change"] == {"time": "2025-03-30T03:00:00+02:00", "effect": "moved"}


def test_a_time_that_occurs_twice_is_told(berlin: Program, capsys: Capture) -> None:
    out = answered(capsys, "explain", "nightly", "--at", "2025-10-26 02:30", "--ledger", berlin.path)
    assert "2025-10-26 02:30 occurs twice: the first is meant, the other is 2025-10-26T02:30:00+01:00" in out
    assert out.splitlines()[0].endswith("is to come; 02:30 occurs twice that day, and runs in the first pass only")


# Wrong arguments


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("backup", "--at", "2025-01-01", "--ledger", "none.db"),
            "there is no ledger at none.db: give the path of an ",
        ),
        (("bakcup", "--at", "2025-01-01", "--ledger", "jobs.db"), "no job 'bakcup' in jobs.db: did you mean 'backup'?"),
        (
            ("backup", "--at", "soon", "--ledger", "jobs.db"),
            "cannot read the time 'soon': write it as '2025-03-08 02:3",
        ),
        (
            ("backup", "--at", "25:00", "--ledger", "jobs.db"),
            "cannot read the time '25:00': write it as '2025-03-08 02",
        ),
        (("--at", "2025-01-01", "--ledger", "jobs.db"), "--at asks about a job: give its name, such as backup"),
        (("@daily", "--ledger", "jobs.db"), "--ledger is for jobs: give --at as well"),
        (("backup",), "'backup' is not a schedule: give a cron expression in quotes"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[str, ...], problem: str, file: Path, capsys: Capture) -> None:
    (line,) = refused(capsys, "explain", *arguments)
    assert file.exists()
    assert line.startswith(f"error: {problem}")


def test_the_way_to_ask_about_a_job_is_named(capsys: Capture) -> None:
    (line,) = refused(capsys, "explain", "backup")
    assert line.endswith("; to be told why a job did or did not run add --at '2025-03-08 02:30'")


def test_all_wrong_arguments_are_told_at_once(capsys: Capture) -> None:
    assert len(refused(capsys, "explain", "--at", "x", "--timezone", "Mars/Base", "--ledger", "none.db")) == 3


def test_of_a_handler_history_is_named(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "duly.db")
    ledger.listener("light up")
    ledger.db.close()
    for name in ("light up", "porch.light up"):
        (line,) = refused(capsys, "explain", name, "--at", "2025-01-01", "--ledger", ledger.path)
        assert line == f"error: {name!r} is a handler, which has no slots: duly history shows its calls"
