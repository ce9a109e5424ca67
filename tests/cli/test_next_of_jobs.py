"""``duly next JOB`` and ``duly next FILE``: the coming slots of jobs, as their ledger knows them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly.triggers import Cron, Daily, Every, Once
from tests.cli.ledger_kit import Capture, answered, answered_json, refused
from tests.cli.ledgers_of_worlds import Program, program
from tests.ledger.ledger_file import LedgerFile
from tests.scheduler.custom import Plain

EVE = ZonedDateTime(2025, 3, 29, tz="Europe/Berlin")
"""The day before clocks go forward."""

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Program]:
    """A program in Berlin that has just begun; commands are called in its time."""
    with program(tmp_path / "jobs.db", EVE) as played:
        played.schedule("nightly", Daily("02:30"))
        played.schedule("chicago", Cron("30 18 * * *", timezone="America/Chicago"))
        yield played


def times(found: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(each["job"], each["time"], each["note"]) for each in found["times"]]


def use_settings(played: Program) -> None:
    """Let the ledger be that of the settings in use."""
    played.path.with_name("duly.toml").write_text(f'[duly.database]\npath = "{played.path}"\n')


MOVED = "moved forward by the gap of 1 h: 02:30 does not exist"


def test_a_file_gives_the_slots_of_all_its_jobs_merged_by_time(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "jobs.db", "-n", 4, "--utc")
    assert times(found) == [
        ("chicago", "2025-03-28T23:30:00+00:00", None),
        ("nightly", "2025-03-29T01:30:00+00:00", None),
        ("chicago", "2025-03-29T23:30:00+00:00", None),
        ("nightly", "2025-03-30T01:30:00+00:00", f"{MOVED} (Europe/Berlin)"),
    ]


def test_the_jobs_of_a_file_are_described(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "jobs.db", "-n", 1)
    assert found["file"] == "jobs.db"
    assert found["jobs"] == [
        {
            "name": name,
            "explanation": explanation,
            "timezone": zone,
            "state": "live",
            "paused_at": None,
            "paused_by": None,
            "unknown": None,
        }
        for name, explanation, zone in (
            ("chicago", "at 18:30 every day", "America/Chicago"),
            ("nightly", "at 02:30 every day", "Europe/Berlin"),
        )
    ]


def test_a_job_is_shown_in_the_zone_of_its_schedule(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "nightly", "--ledger", "jobs.db", "-n", 2)
    assert times(found) == [
        ("nightly", "2025-03-29T02:30:00+01:00", None),
        ("nightly", "2025-03-30T03:30:00+02:00", MOVED),
    ]
    found = answered_json(capsys, "next", "chicago", "--ledger", "jobs.db", "-n", 1)
    assert times(found) == [("chicago", "2025-03-28T18:30:00-05:00", None)]


def test_a_job_is_shown_in_another_zone_if_one_is_given(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "chicago", "--ledger", "jobs.db", "-n", 1, "--timezone", "Asia/Tokyo")
    assert times(found) == [("chicago", "2025-03-29T08:30:00+09:00", None)]


def test_from_is_wall_clock_time_of_the_zone_that_is_shown(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "chicago", "--ledger", "jobs.db", "-n", 1, "--from", "2025-06-01 18:30")
    assert times(found) == [("chicago", "2025-06-02T18:30:00-05:00", None)]


def test_slots_before_the_first_of_a_job_are_not_shown(played: Program, capsys: Capture) -> None:
    played.flush()
    found = answered_json(capsys, "next", "nightly", "--ledger", "jobs.db", "-n", 1, "--from", "2020-01-01")
    assert times(found) == [("nightly", "2025-03-29T02:30:00+01:00", None)]


def test_the_table_of_a_file_names_the_jobs(played: Program, capsys: Capture) -> None:
    played.flush()
    lines = [" ".join(line.split()) for line in answered(capsys, "next", "jobs.db", "-n", 2, "--utc").splitlines()]
    assert lines[0] == "jobs.db · UTC"
    assert "Time Day Offset In Job" in lines
    assert "2025-03-29 01:30 Sat +00:00 2 h 30 min nightly" in lines


def test_the_table_of_a_job_begins_with_its_schedule_in_words(played: Program, capsys: Capture) -> None:
    played.schedule("often", Every(minutes=90))
    played.flush()
    for name, head in (
        ("nightly", "nightly: at 02:30 every day · Europe/Berlin"),
        ("chicago", "chicago: at 18:30 every day · America/Chicago"),
        ("often", "often: every 1 h 30 min of elapsed time · Europe/Berlin"),
    ):
        assert answered(capsys, "next", name, "--ledger", "jobs.db").splitlines()[0] == head


def test_a_paused_job_says_so(played: Program, capsys: Capture) -> None:
    played.scheduler.pause("job_nightly")
    played.flush()
    found = answered_json(capsys, "next", "nightly", "--ledger", "jobs.db", "-n", 2)
    assert [note for *_, note in times(found)] == ["paused", f"paused; {MOVED}"]
    assert found["jobs"][0]["paused_at"] == "2025-03-29T00:00:00+01:00"
    last = answered(capsys, "next", "jobs.db").splitlines()[-1]
    assert last.startswith("nightly: paused since 2025-03-28 23:00 Fri +00:00: nothing runs")


def test_who_has_paused_a_job_is_named(tmp_path: Path, capsys: Capture) -> None:
    file = LedgerFile(tmp_path / "jobs.db")
    file.repository.pause_job(file.db, file.job_id(file.job()), 0, "ada")
    file.db.close()
    assert "paused since 1970-01-01 00:00 Thu +00:00 by ada: nothing runs" in answered(capsys, "next", "jobs.db")


def test_of_a_trigger_of_a_user_the_next_time_is_known_at_most(played: Program, capsys: Capture) -> None:
    played.schedule("own", Plain(60))
    played.flush()
    found = answered_json(capsys, "next", "own", "--ledger", "jobs.db", "--utc")
    assert times(found) == [("own", "2025-03-28T23:01:00+00:00", None)]
    why = "a trigger of its own, which only its program can ask"
    assert (found["jobs"][0]["unknown"], found["jobs"][0]["explanation"]) == (why, "plain")
    last = answered(capsys, "next", "own", "--ledger", "jobs.db").splitlines()[-1]
    assert last == f"own: {why}: at most the next time is known"
    played.world.advance(90)
    played.flush()
    assert answered_json(capsys, "next", "own", "--ledger", "jobs.db")["times"] == []


def test_a_trigger_that_cannot_be_rebuilt_does_not_keep_others_from_being_shown(
    played: Program, capsys: Capture
) -> None:
    played.flush()
    file = LedgerFile(played.path.with_name("other.db"))
    broken = file.job("broken")
    file.job("water")
    file.db.execute("UPDATE raw_schedules SET trigger_spec = '{}' WHERE id = ?", (broken,))
    file.db.close()
    found = answered_json(capsys, "next", "other.db", "-n", 2)
    assert [job for job, *_ in times(found)] == ["water", "water"]
    assert "no trigger can be rebuilt" in found["jobs"][0]["unknown"]


def test_a_job_that_was_cancelled_has_nothing_to_come(played: Program, capsys: Capture) -> None:
    played.scheduler.cancel("job_nightly")
    played.flush()
    assert {job for job, *_ in times(answered_json(capsys, "next", "jobs.db"))} == {"chicago"}
    lines = answered(capsys, "next", "nightly", "--ledger", "jobs.db", "--utc").splitlines()
    assert lines[-2:] == ["nothing comes", "nightly: cancelled at 2025-03-28 23:00 Fri +00:00"]


def test_a_job_that_its_program_no_longer_has_is_retired(played: Program, capsys: Capture) -> None:
    played.world.advance(86_400)
    played.scheduler.stop()
    played.begin()
    played.scheduler.stop()
    lines = answered(capsys, "next", "nightly", "--ledger", "jobs.db", "--utc").splitlines()
    assert lines[-1].startswith("nightly: retired, for its program no longer registered it, at 2025-03-29 23:00")


def test_a_single_time_that_has_passed_has_nothing_to_come(played: Program, capsys: Capture) -> None:
    played.schedule("once", Once(EVE.add(hours=1)))
    played.world.advance(7200)
    played.flush()
    assert answered_json(capsys, "next", "once", "--ledger", "jobs.db")["times"] == []


def test_an_interval_goes_on_where_its_grid_hangs(played: Program, capsys: Capture) -> None:
    played.schedule("often", Every(minutes=7))
    played.world.advance(600)
    played.flush()
    found = answered_json(capsys, "next", "often", "--ledger", "jobs.db", "-n", 2)
    assert [time for _, time, _ in times(found)] == ["2025-03-29T00:14:00+01:00", "2025-03-29T00:21:00+01:00"]


def test_an_empty_ledger_has_nothing_to_come(tmp_path: Path, capsys: Capture) -> None:
    LedgerFile(tmp_path / "jobs.db").db.close()
    assert answered_json(capsys, "next", "jobs.db")["times"] == []
    assert answered(capsys, "next", "jobs.db").splitlines()[-1] == "nothing comes"


# The DST report


def test_the_dst_report_of_a_job_is_that_of_its_schedule(played: Program, capsys: Capture) -> None:
    played.flush()
    arguments = ("--ledger", "jobs.db", "--dst-report", "1y", "--from", "2025-03-29")
    (spring, autumn) = answered_json(capsys, "next", "nightly", *arguments)["dst_report"]
    assert (spring["job"], spring["summary"]) == ("nightly", "02:30 does not exist: runs at 03:30")
    assert autumn["time"] == "2025-10-26T02:00:00+01:00"


def test_the_dst_report_of_a_file_names_the_jobs_that_are_touched(played: Program, capsys: Capture) -> None:
    played.schedule("often", Every(hours=24))
    played.flush()
    found = answered_json(capsys, "next", "jobs.db", "--dst-report", "1y", "--from", "2025-03-29")["dst_report"]
    assert [(each["job"], each["time"][:10]) for each in found] == [
        ("nightly", "2025-03-30"),
        ("often", "2025-03-30"),
        ("nightly", "2025-10-26"),
        ("often", "2025-10-26"),
    ]
    out = answered(capsys, "next", "jobs.db", "--dst-report", "1y", "--from", "2025-03-29")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "Clocks go By Job Ticks What happens" in lines
    assert "2025-03-30 02:00 → 03:00 forward 1 h nightly 02:30 does not exist: runs at 03:30" in lines


def test_a_job_without_clock_changes_says_so_in_the_report(played: Program, capsys: Capture) -> None:
    played.schedule("indian", Cron("@daily", timezone="Asia/Kolkata"))
    played.flush()
    out = answered(capsys, "next", "indian", "--ledger", "jobs.db", "--dst-report", "2y")
    assert "no clock change in Asia/Kolkata in this period" in out


# Which of the three it is


def test_a_job_is_looked_up_in_the_ledger_of_the_settings(played: Program, capsys: Capture) -> None:
    played.flush()
    use_settings(played)
    assert answered_json(capsys, "next", "nightly")["file"] == str(played.path)


def test_settings_stand_for_their_ledger(played: Program, capsys: Capture) -> None:
    played.flush()
    use_settings(played)
    for arguments in (["duly.toml"], ["nightly", "--ledger", "duly.toml"]):
        assert answered_json(capsys, "next", *arguments)["file"] == str(played.path)


def test_a_file_comes_before_a_job_of_its_name(played: Program, capsys: Capture) -> None:
    played.flush()
    use_settings(played)
    LedgerFile(played.path.with_name("nightly")).db.close()
    assert answered_json(capsys, "next", "nightly")["file"] == "nightly"
    assert answered_json(capsys, "next", "nightly", "--ledger", "jobs.db")["file"] == "jobs.db"


def test_a_schedule_comes_before_a_job_of_its_name(played: Program, capsys: Capture) -> None:
    played.schedule("@daily", Daily("07:00"))
    played.flush()
    use_settings(played)
    assert "expression" in answered_json(capsys, "next", "@daily")
    assert len(times(answered_json(capsys, "next", "@daily", "--ledger", "jobs.db", "-n", 3))) == 3


def test_the_name_of_a_job_may_have_several_words(played: Program, capsys: Capture) -> None:
    played.schedule("water the garden", Daily("07:00"))
    played.flush()
    use_settings(played)
    assert len(times(answered_json(capsys, "next", "water", "the", "garden", "-n", 2))) == 2


def test_without_a_name_the_ledger_that_is_given_is_shown(played: Program, capsys: Capture) -> None:
    played.flush()
    assert len(answered_json(capsys, "next", "--ledger", "jobs.db")["jobs"]) == 2


WANTED = (
    "a cron expression in quotes ('0 7 * * 1-5', '@daily'), an interval (15m, 'every 1h30m') "
    "or a time of day (07:00, 'daily 07:00')"
)


def test_what_is_none_of_the_three_is_told_all_of_them(played: Program, capsys: Capture) -> None:
    played.flush()
    use_settings(played)
    (line,) = refused(capsys, "next", "nighlty")
    assert line == (
        f"error: 'nighlty' is neither a file nor a schedule ({WANTED}), and there is no job 'nighlty' in "
        f"{played.path}: did you mean 'nightly'?"
    )


def test_without_a_ledger_a_job_cannot_be_looked_up(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "duly.toml").write_text(f'[duly.database]\npath = "{tmp_path / "none.db"}"\n')
    (line,) = refused(capsys, "next", "nightly")
    assert line.startswith(f"error: 'nightly' is neither a file nor a schedule ({WANTED}), and there is no ledger at ")


def test_settings_that_cannot_be_used_do_not_hide_what_was_asked(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "duly.toml").write_text("[duly.database]\nretention_days = 'long'\n")
    (line,) = refused(capsys, "next", "nightly")
    assert line.startswith(f"error: 'nightly' is neither a file nor a schedule ({WANTED}), and the settings, which ")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("x", "--ledger", "none.db"), "there is no ledger at none.db: give the path of an existing file"),
        (("bakcup", "--ledger", "jobs.db"), "no job 'bakcup' in jobs.db: did you mean 'backup'?"),
        (("61 * * * *",), "Invalid cron expression: '61 * * * *'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[str, ...], problem: str, tmp_path: Path, capsys: Capture) -> None:
    file = LedgerFile(tmp_path / "jobs.db")
    file.job("backup")
    file.db.close()
    (line,) = refused(capsys, "next", *arguments)
    assert line.startswith(f"error: {problem}")


@pytest.mark.parametrize(
    "content", ["", "hello " * 200, "SQLite format 3\0" + "x" * 5000], ids=["empty", "text", "torn"]
)
def test_a_file_that_is_no_ledger_fails(content: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "other.db").write_text(content)
    assert len(refused(capsys, "next", "other.db", code=1)) == 1
