"""``duly check`` and ``duly next`` of files of schedules."""

import json
from pathlib import Path
from typing import Any

import pytest

from duly.cli import run

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("no_settings")

SCHEDULES = """\
name: house
timezone: Europe/Berlin
delivery: core
schedules:
  - {name: nightly, cron: 30 2 * * *, dispatch_type: task, task: {worker_type: clean}}
  - {name: "[bold]", cron: 0 18 * * *, timezone: America/New_York, dispatch_type: task, task: {worker_type: clean}}
  - {name: rest, interval_seconds: 60, enabled: false, dispatch_type: goal, goal: {instruction: x}}
  - {name: over, cron: 0 9 * * *, end: 2024-12-31, dispatch_type: goal, goal: {instruction: x}}
"""
EVE = ("--from", "2025-03-29T12:00Z", "--timezone", "Europe/Berlin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """In the working directory."""
    path = tmp_path / "schedules.yaml"
    path.write_text(SCHEDULES, "utf-8")
    return path


def answer(capsys: Capture, *arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - what JSON says
    assert run([*arguments, "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_what_is_right_is_said_with_its_entries(file: Path, capsys: Capture) -> None:
    assert run(["check", "schedules.yaml"]) == 0
    out, err = capsys.readouterr()
    assert (out.splitlines(), err) == (
        [
            "no problems",
            "  scheduler: house, to heddle by core",
            "  entries:   nightly, [bold], rest (off), over",
        ],
        "",
    )


@pytest.mark.parametrize("name", ["a.yml", "a.YAML"])
def test_a_file_without_entries_is_right(tmp_path: Path, capsys: Capture, name: str) -> None:
    (tmp_path / name).write_text("name: a\nschedules: []\n", "utf-8")
    assert run(["check", name]) == 0
    assert "  entries:   none\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "next"])
def test_all_problems_are_told_at_once(tmp_path: Path, capsys: Capture, command: str) -> None:
    (tmp_path / "bad.yaml").write_text("name: a b\nschedules: 5\ntimezone: Mars\n", "utf-8")
    assert run([command, "bad.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(", ")[0] for line in err.splitlines()] == [
        "error: scheduler config at bad.yaml: key 'name' must be one token of a NATS subject: no blank",
        "error: scheduler config at bad.yaml: key 'schedules' expected list",
        "error: scheduler config at bad.yaml: key 'timezone' must be the IANA name of a time zone",
    ]


@pytest.mark.parametrize("command", ["check", "next"])
def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: Capture, command: str) -> None:
    assert run([command, "gone.yaml"]) == 2
    assert capsys.readouterr().err == "error: scheduler config at gone.yaml: No such file or directory\n"


def test_the_json_of_check_has_entries_and_problems(file: Path, tmp_path: Path, capsys: Capture) -> None:
    said = answer(capsys, "check", "schedules.yaml")
    assert (said["ok"], said["file"], said["name"], said["problems"]) == (True, "schedules.yaml", "house", [])
    assert said["entries"][2] == {
        "name": "rest",
        "cron": None,
        "interval_seconds": 60,
        "timezone": "Europe/Berlin",
        "dispatch_type": "goal",
        "expand_from": None,
        "enabled": False,
    }
    (tmp_path / "bad.yaml").write_text("- a\n", "utf-8")
    assert answer(capsys, "check", "bad.yaml", code=2) == {
        "ok": False,
        "file": "bad.yaml",
        "name": None,
        "entries": [],
        "problems": ["scheduler config at bad.yaml: expected dict, got list"],
    }


def test_the_coming_slots_of_all_entries_are_merged(file: Path, capsys: Capture) -> None:
    said = answer(capsys, "next", "schedules.yaml", "-n", "3", *EVE)
    assert [(time["entry"], time["time"], time["note"]) for time in said["times"]] == [
        ("[bold]", "2025-03-29T23:00:00+01:00", None),
        ("nightly", "2025-03-30T03:30:00+02:00", "moved forward by the gap of 1 h: 02:30 does not exist"),
        ("[bold]", "2025-03-31T00:00:00+02:00", None),
    ]
    assert [(entry["name"], entry["timezone"], entry["enabled"]) for entry in said["entries"]] == [
        ("nightly", "Europe/Berlin", True),
        ("[bold]", "America/New_York", True),
        ("rest", "Europe/Berlin", False),
        ("over", "Europe/Berlin", True),
    ]


def test_a_note_of_an_entry_names_another_zone_than_that_shown(file: Path, capsys: Capture) -> None:
    said = answer(capsys, "next", "schedules.yaml", "-n", "2", *EVE[:2], "--utc")
    assert said["times"][1]["note"] == "moved forward by the gap of 1 h: 02:30 does not exist (Europe/Berlin)"


def test_the_table_names_the_entries_and_says_of_which_nothing_comes(file: Path, capsys: Capture) -> None:
    assert run(["next", "schedules.yaml", "-n", "1", *EVE]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert rows == [
        "schedules.yaml · Europe/Berlin",
        "Time Day Offset In Entry",
        "2025-03-29 23:00 Sat +01:00 10 h [bold]",
        "rest: not enabled: nothing runs",
        "over: its schedule has ended",
    ]


def test_the_dst_report_leaves_out_entries_that_have_ended(file: Path, capsys: Capture) -> None:
    said = answer(capsys, "next", "schedules.yaml", "-n", "1", *EVE, "--dst-report", "60d")
    assert [(each["entry"], each["time"]) for each in said["dst_report"]] == [("nightly", "2025-03-30T03:00:00+02:00")]


def test_an_interval_below_a_second_is_shown_with_its_fractions(tmp_path: Path, capsys: Capture) -> None:
    text = "name: a\nschedules: [{name: b, interval_seconds: 0.25, dispatch_type: goal, goal: {instruction: x}}]\n"
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    assert run(["next", "s.yaml", "-n", "2", *EVE]) == 0
    out = capsys.readouterr().out
    assert "2025-03-29 13:00:00.250" in out
    assert "2025-03-29 13:00:00.500" in out
    assert answer(capsys, "next", "s.yaml", *EVE)["entries"][0]["explanation"] == "every 0.25 s of elapsed time"


def test_a_file_without_entries_has_no_times(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "s.yaml").write_text("name: a\nschedules: []\n", "utf-8")
    assert run(["next", "s.yaml"]) == 0
    assert "nothing comes" in capsys.readouterr().out
