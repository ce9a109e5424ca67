"""``duly dispatch`` before it reaches a server, and with one of its own. Under fire: ``tests/faults``."""

import json
from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.project import Project

GOOD = """
name: night
schedules:
  - {name: tick, interval_seconds: 0.2, dispatch_type: task, task: {worker_type: w, payload: {}}}
"""
BAD = """
name: night
schedules:
  - {name: tick, cron: "61 * * * *", dispatch_type: task, task: {worker_type: w, payload: {}}}
  - {name: tock, interval_seconds: -1, dispatch_type: party}
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_file_that_cannot_be_used_is_refused_with_all_that_is_wrong(project: Project) -> None:
    project.write("s.yaml", BAD)
    refused = project.duly("dispatch", "--config", "s.yaml", "--embedded")
    assert refused.code == 2
    lines = refused.err.splitlines()
    assert all(line.startswith("error: scheduler config at s.yaml: schedules[") for line in lines)
    assert "invalid cron expression '61 * * * *'" in lines[0]
    assert any("'dispatch_type' must be 'goal' or 'task', got 'party'" in line for line in lines)
    assert project.files == {"project/s.yaml"}


def test_a_file_that_is_not_there_is_refused(project: Project) -> None:
    refused = project.duly("dispatch", "--config", "s.yaml", "--embedded")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "error: scheduler config at s.yaml: No such file or directory\n"


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        ([], "--config"),
        (["--config", "s.yaml", "--embedded", "--nats-url", "nats://x"], "give one of them"),
        (["--config", "s.yaml", "--log-level", "loud"], "loud"),
        (["--config", "s.yaml", "--port", "1"], "--port"),
        (["--config", "s.yaml", "--nats-url", "nats://[::1"], "--nats-url: the address is malformed: a '[' has no"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: list[str], wrong: str, capsys: Capture) -> None:
    assert run(["dispatch", *flags]) == 2
    assert wrong in capsys.readouterr().err


def test_an_address_of_the_environment_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://joe:s3/cret@h")
    assert run(["dispatch", "--config", "s.yaml"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "NATS_URL: the address is malformed: there is one of / ?" in line
    assert "cret" not in line


def test_one_command_shows_the_whole_thing(project: Project) -> None:
    project.write("s.yaml", GOOD)
    with project.start("dispatch", "--config", "s.yaml", "--embedded") as running:
        running.until("scheduler.task_dispatched")
        assert running.stop() == 0
    events = [json.loads(line) for line in running.err.splitlines()]
    assert [each["event"] for each in events if each["event"].startswith("scheduler.")][:4] == [
        "scheduler.running",
        "scheduler.leader_acquired",
        "scheduler.firing",
        "scheduler.task_dispatched",
    ]
    assert [each["event"] for each in events[-2:]] == ["scheduler.stopping", "scheduler.stopped"]
    ledger = project.home / "dispatch-night.db"
    assert project.duly("doctor", str(ledger)).code == 0
    assert "scheduler-night.tick" in project.duly("history", str(ledger)).out
    again = project.duly("dispatch", "--config", "s.yaml", "--embedded", "--ledger", str(project.home))
    assert again.code == 1
    assert str(project.home) in again.err
