"""Apps are reloaded while they run: every slot of theirs has its one run, and nothing runs because of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from whenever import ZonedDateTime

from duly.apps import App
from duly.testing import AppHarness
from tests.embedded.filed import rows_of
from tests.faults.app_folder import STALLED, AppFolder, soon
from tests.runtime.ground import Process

WATCHED = """
    dev_mode = true
    [file_watcher]
    debounce_milliseconds = 200
    step_milliseconds = 50
"""
BEGIN = ZonedDateTime(2025, 1, 1, tz="UTC")


class Old(App):
    """Before its file is saved."""

    async def on_initialize(self) -> None:
        await self.scheduler.run_every(self.tick, seconds=5, name="often")
        await self.scheduler.run_hourly(self.tick, name="hourly")

    async def tick(self) -> None:
        pass


class New(Old):
    """Afterwards."""


def reload(h: AppHarness[Old], number: int) -> None:
    h.reload({"number": number})


def replace(h: AppHarness[Old], number: int) -> None:
    h.replace(New if number % 2 else Old)


@pytest.mark.parametrize("exchange", [reload, replace], ids=lambda each: each.__name__)
def test_an_app_that_is_reloaded_every_two_seconds_runs_a_job_of_five_at_each_of_its_moments(
    exchange: Callable[[AppHarness[Old], int], None],
) -> None:
    with AppHarness(Old, start=BEGIN) as h:
        for number in range(30):
            before = h.app
            exchange(h, number + 1)
            assert h.app is not before
            h.advance(2)
        h.ledger.assert_ran_at("often", [BEGIN.add(seconds=5 * number) for number in range(1, 13)])
        h.ledger.assert_outcomes("often", {"success": 12})
        assert h.ledger.rows("hourly") == []


class Slow(Old):
    """Takes three seconds to stop."""

    async def on_shutdown(self) -> None:
        await asyncio.sleep(3)


def test_a_slot_that_comes_due_while_its_app_is_exchanged_runs_late() -> None:
    slow: type[Old] = Slow
    with AppHarness(slow, start=BEGIN) as h:
        h.advance(4)
        h.replace(New)
        h.advance_to(BEGIN.add(seconds=11))
        h.ledger.assert_ran_at("often", [BEGIN.add(seconds=7), BEGIN.add(seconds=10)])
        assert [row.first for row in h.ledger.rows("often")] == [BEGIN.add(seconds=5), BEGIN.add(seconds=10)]
        assert h.ledger.rows("hourly") == []


def starts(process: Process, app: str) -> int:
    """How often an app has been started."""
    return sum(each["event"].startswith(f"instance started: app=apps.{app}/") for each in process.events)


def until_started(process: Process, app: str, times: int) -> None:
    """Wait until it has been started so often."""
    soon(lambda: starts(process, app) >= times)


def test_every_slot_of_an_app_that_is_saved_more_often_than_it_is_due_runs_once(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "versioned", settings=WATCHED)
    with folder.process() as process:
        process.up()
        version = 1
        while folder.count("often") < 6:
            folder.rewrite("versioned", f"VERSION = {version}\n", f"VERSION = {version + 1}\n")
            version += 1
            until_started(process, "versioned.Versioned", version)
        assert process.stop() == 0
    assert starts(process, "versioned.Versioned") == version > 6
    assert len(folder.calls) > 4, "it is not always the same version that runs"
    assert len(folder.unrun("often")) <= STALLED
    assert folder.calls.total() == folder.count("often")
    assert folder.rows("hourly") == []
    assert rows_of(folder.ledger, "ended_at", "schedules") == [None, None]
    folder.assert_adds_up()


def test_a_version_that_is_no_python_leaves_the_old_one_at_work_until_it_is_mended(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "versioned", settings=WATCHED)
    with folder.process() as process:
        process.up()
        folder.until_ran("often")
        folder.rewrite("versioned", "VERSION = 1", "VERSION = (")
        process.until("SyntaxError")
        assert f"{folder.apps / 'versioned.py'}, line 7: SyntaxError" in process.said
        folder.until_more("often", 2)
        assert folder.calls.keys() == {"version-1"}
        folder.rewrite("versioned", "VERSION = (", "VERSION = 3")
        soon(lambda: "version-3" in folder.calls)
        assert starts(process, "versioned.Versioned") == 2
        assert process.stop() == 0
    assert len(folder.unrun("often")) <= STALLED
    assert folder.rows("hourly") == []
    folder.assert_adds_up()


def test_a_change_of_a_module_reloads_the_app_that_imports_it_and_no_other(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "lit", "lamps", "steady", settings=WATCHED)
    with folder.process() as process:
        process.up()
        for old, new in (("red", "green"), ("green", "blue")):
            folder.rewrite("lamps", old, new)
            soon(lambda colour=new: colour in folder.calls)  # type: ignore[misc] # bound now
        assert process.stop() == 0
    assert [folder.calls[colour] for colour in ("red", "green", "blue")] == [1, 1, 1]
    assert starts(process, "steady.Steady") == 1
    folder.assert_adds_up()
