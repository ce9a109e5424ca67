"""A small ledger with fixed times, and the answers of commands about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from duly.cli import run
from duly.core.clock import SECOND
from duly.triggers import Cron, Daily, Every
from tests.ledger.ledger_file import LedgerFile, at

Capture = pytest.CaptureFixture[str]


def small_ledger(path: Path) -> Path:
    """Two jobs of the first minutes of 2025, closed, that add up."""
    file = LedgerFile(path, pid=4711)
    backup = file.job("backup")
    file.slots(backup, [10, 20])
    file.row(backup, 30, "missed", to=50, count=3, reason="down")
    file.row(backup, 60, "error", error_type="ValueError", error_message="no milk\nat all")
    file.row(backup, None, start=65, trigger_mode="manual")
    file.row(backup, 70, "skipped", reason="overlap")
    file.repository.end_schedule(file.db, backup, at(75))
    water = file.job("water", app_key="garden")
    file.slots(water, [10, 20])
    file.repository.end_schedule(file.db, water, at(25))
    file.log(5, "moin")
    file.end_session(100)
    file.db.close()
    return path


def answered(capsys: Capture, *arguments: object) -> str:
    """What a command writes that does what it is asked."""
    assert run([str(argument) for argument in arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def answered_json(capsys: Capture, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answered(capsys, *arguments, "--json"))
    return found


def refused(capsys: Capture, *arguments: object, code: int = 2) -> list[str]:
    """What a command writes to standard error that ends with ``code``."""
    assert run([str(argument) for argument in arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def garden_ledger(path: Path) -> Path:
    """Three jobs in Berlin that live, from the evening before clocks go forward in 2025 until midnight."""
    file = LedgerFile(path, pid=4711)
    evening = (87 * 24 + 19) * 3600  # 20:00 in Berlin on the 29th of March
    minute = 60 * SECOND

    backup = file.job("backup", Every(minutes=30), first=evening, zone="Europe/Berlin")
    for start in range(evening, evening + 4 * 3600, 3600):
        file.row(backup, start, duration=40 * minute)
        file.row(backup, start + 1800, "skipped", reason="overlap")
    nightly = file.job("nightly", Daily("02:30"), first=evening + 6 * 3600 + 1800, zone="Europe/Berlin")
    water = file.job("water", Cron("*/20 * * * *"), first=evening, zone="Europe/Berlin", app_key="garden")
    for start in range(evening, evening + 4 * 3600, 1200):
        file.row(water, start, duration=minute)
    file.repository.pause_job(file.db, file.job_id(nightly), at(evening), "ada")
    file.end_session(evening + 4 * 3600)
    file.db.close()
    return path
