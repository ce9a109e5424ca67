"""The fixtures, as a project that has Duly installed meets them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duly import Scheduler, every
from duly.config import ConfigurationError, DulyConfig
from duly.core import clock
from duly.ledger import jobs
from duly.ledger.connections import LATEST
from duly.ledger.reader import LedgerReader
from duly.testing import START, AppHarness, RecordingApi, VirtualClock, World
from duly.triggers import Every, Once
from tests.testing.apps import SWEEP, Porch

TEST_WITH_A_GAP = """
from duly.triggers import Every

def test_of_a_user(world):
    world.add("porch", Every(seconds=10))
    world.advance(25)
    del world._host._jobs[0].rows[0]
"""

TEST_OF_AN_APP_WITH_A_GAP = """
import sqlite3

from duly.apps import App

class Porch(App):
    async def on_initialize(self):
        await self.scheduler.run_every(list, minutes=10, name="sweep")

def test_of_a_user(duly_app):
    h = duly_app(Porch)
    h.advance(hours=1)
    with sqlite3.connect(h.ledger.path) as db:
        db.execute("DELETE FROM raw_executions WHERE id = 1")
    db.close()
"""

AppFactory = Callable[..., AppHarness[Any]]


def test_the_duly_clock_is_the_current_one_during_the_test(duly_clock: VirtualClock) -> None:
    assert clock.current() is duly_clock
    assert Once("07:00").trigger_id() == "once:2025-01-01T07:00:00+00:00[UTC]"


def test_the_duly_clock_serves_a_scheduler(duly_clock: VirtualClock) -> None:
    runs: list[int] = []
    with Scheduler(clock=duly_clock) as scheduler:
        scheduler.schedule(lambda: runs.append(1), "porch", every(minutes=1))
        duly_clock.advance(180)
    assert len(runs) == 3


def test_the_world_lives_on_the_duly_clock(world: World, duly_clock: VirtualClock) -> None:
    world.add("job", Every(seconds=10))
    duly_clock.advance(10)
    assert len(world.rows) == 1


def test_duly_app_gives_a_harness_that_is_entered(duly_app: AppFactory) -> None:
    h = duly_app(Porch, {"minutes": 20}, start="2025-01-01T12:00")
    h.advance(hours=1)
    h.ledger.assert_outcomes(SWEEP, {"success": 3})
    assert h.app.now() == START.add(hours=13)


def test_duly_app_gives_any_number_of_them(duly_app: AppFactory) -> None:
    one, other = duly_app(Porch), duly_app(Porch, config={"minutes": 1})
    assert len(one.advance(minutes=10)) == 1
    assert len(other.advance(minutes=10)) == 10


def test_duly_api_keeps_what_it_is_asked_for_at_the_time_of_the_duly_clock(
    duly_api: RecordingApi, duly_clock: VirtualClock
) -> None:
    duly_clock.advance(60)
    duly_api.sync.turn_on("light.lamp")
    [call] = duly_api.get_calls()
    assert (call.method, call.at) == ("turn_on", START.add(minutes=1))


def test_duly_config_gives_settings_of_its_arguments_alone(
    duly_config: Callable[..., DulyConfig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DULY__LIFECYCLE__STARTUP_TIMEOUT_SECONDS", "77")
    config = duly_config(database={"retention_days": 3}, base_url="http://house")
    assert config.database.retention_days == 3
    assert config.base_url == "http://house"
    assert config.lifecycle.startup_timeout_seconds == DulyConfig.hermetic().lifecycle.startup_timeout_seconds
    assert config.data_dir == tmp_path


def test_duly_config_refuses_what_is_wrong(duly_config: Callable[..., DulyConfig]) -> None:
    with pytest.raises(ConfigurationError, match="retention_days"):
        duly_config(database={"retention_days": 0})


def test_duly_db_is_an_empty_ledger_of_the_present_schema(duly_db: Path) -> None:
    with LedgerReader(duly_db, clock=clock.current()) as reader:
        assert reader.read(jobs.jobs) == ()
        assert reader.read(lambda db: db.execute("PRAGMA user_version").fetchone()) == (LATEST,)


@pytest.mark.parametrize(
    ("test", "finding"),
    [
        (TEST_WITH_A_GAP, "porch: missing: 2025-01-01T00:00:10+00:00[UTC]"),
        (TEST_OF_AN_APP_WITH_A_GAP, "porch.sweep: missing: 2025-01-01T00:10:00+00:00[UTC]"),
    ],
    ids=["world", "duly_app"],
)
def test_a_ledger_that_does_not_add_up_fails_the_test_of_a_user(tmp_path: Path, test: str, finding: str) -> None:
    (tmp_path / "test_porch.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert finding in result.stdout
    assert "1 passed, 1 error" in result.stdout


@pytest.mark.parametrize("module", ["asyncio", "hypothesis", "pydantic", "sqlite3", "structlog"])
def test_loading_the_plugin_loads_no_more_than_it_has_to(module: str) -> None:
    code = f"import sys, duly.testing.plugin; sys.exit({module!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_name_that_the_test_kit_does_not_have_is_no_attribute() -> None:
    import duly.testing  # noqa: PLC0415 - as a module

    with pytest.raises(AttributeError, match="no attribute 'Harness'"):
        _ = duly.testing.Harness
    for name in duly.testing.__all__:
        assert getattr(duly.testing, name)
