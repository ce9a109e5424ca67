"""What ``duly worker`` refuses before it works."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.ledger_kit import Capture
from tests.duly_process import DulyProcess

WORK = "from duly.dispatch import task\n\n@task('mail')\ndef mail(payload):\n    return payload\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which nothing of the command's leaves in the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--queue", "a.b", "work"], "--queue must be a name without blanks, dots, '*' and '>', got 'a.b'"),
        (["--queue", "emails", "--prefix", "x>", "work"], "--prefix must be a name without"),
        (["--queue", "emails"], "name the modules with the functions of this worker"),
        (
            ["--queue", "emails", "--embedded", "--nats-url", "nats://x", "work"],
            "--embedded starts a server, --nats-url names another",
        ),
        (
            ["--queue", "emails", "--nats-url", "nats://joe:s3cret", "work"],
            "--nats-url: the address is malformed: what follows the host and ':' is no port",
        ),
        (["--queue", "emails", "--nats-url", "a,,b", "work"], "--nats-url: the address 2 of 3 is malformed: there is"),
        (["--queue", "emails", "--concurrency", "0", "work"], "--concurrency"),
        (["--queue", "emails", "--grace", "-1", "work"], "--grace"),
        (["--queue", "emails", "--ack-wait", "0.5", "work"], "--ack-wait"),
        (["--queue", "emails", "--log-level", "loud", "work"], "--log-level"),
        (["work"], "--queue"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_usage_is_told_with_code_2(capsys: Capture, arguments: list[str], problem: str) -> None:
    assert run(["worker", *arguments]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (None, "cannot import work: ModuleNotFoundError: No module named 'work'"),
        ("1 / 0", "cannot import work: ZeroDivisionError: division by zero"),
        ("x = 1", "no function with @task in work: from duly.dispatch import task"),
        (
            f"{WORK}\n@task('mail')\ndef other(payload):\n    pass\n",
            "ValueError: two functions for the worker type 'mail': work.mail and work.other",
        ),
    ],
)
def test_modules_without_work_are_told_with_code_1(folder: Path, source: str | None, problem: str) -> None:
    if source is not None:
        (folder / "work.py").write_text(source)
    with DulyProcess(["worker", "--queue", "emails", "work"], folder=folder, prints=folder) as worker:
        assert worker.end() == 1
        assert problem in worker.err
        assert "Traceback" not in worker.err


def test_a_server_that_does_not_answer_is_named_with_code_1(folder: Path) -> None:
    (folder / "work.py").write_text(WORK)
    arguments = ["worker", "--queue", "emails", "work", "--nats-url", "nats://127.0.0.1:1", "--data-dir", "data"]
    with DulyProcess(arguments, folder=folder, prints=folder) as worker:
        assert worker.end() == 1
        assert "no NATS server answers at nats://127.0.0.1:1" in worker.err
    assert (folder / "data" / "worker-emails.db").is_file()
