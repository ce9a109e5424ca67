"""Running one app alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from duly.apps import App, AppConfig, only_app
from duly.apps.only_app import is_only_app
from tests.apps.stage import Stage, on_stage, started


class Porch(App[AppConfig]):
    pass


@only_app
class Alone(App[AppConfig]):
    pass


class BelowAlone(Alone):
    pass


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was warned of, or worse, about the mark."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and "only_app" in record.getMessage()
    ]


def test_only_the_marked_class_itself_is_marked() -> None:
    assert [is_only_app(app_class) for app_class in (Porch, Alone, BelowAlone)] == [False, True, False]


@pytest.mark.parametrize("settings", [{"dev_mode": True}, {"allow_only_app_in_prod": True}], ids=["dev", "prod"])
def test_only_the_marked_app_runs_and_a_warning_says_so(
    tmp_path: Path, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        stage.add_app(Porch, key="off", enabled=False)
        async with started(stage):
            assert stage.statuses() == ["running", "running"]
            assert (stage.shown("other").status, stage.shown("other").block_reason) == ("blocked", "only_app")
            assert stage.shown("off").status == "disabled"
            assert stage.apps.snapshot().only_app == "porch"
            assert warnings_of(caplog) == ["only_app: just porch runs, all other apps are blocked"]

    on_stage(tmp_path, main, **settings)


def test_outside_dev_mode_the_mark_is_ignored_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        async with started(stage):
            assert (stage.shown().status, stage.shown("other").status) == ("running", "running")
            assert stage.apps.snapshot().only_app is None
            assert "only_app is ignored outside dev mode: apps=porch" in warnings_of(caplog)[0]

    on_stage(tmp_path, main)


def test_with_two_marked_no_app_starts_and_an_error_lists_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone, key="one")
        stage.add_app(Alone, key="two")
        stage.add_app(Porch, key="other")
        async with started(stage):
            shown = stage.apps.snapshot()
            assert [app.status for app in shown.apps] == 3 * ["blocked"]
            assert stage.apps.children == []
            message = "only_app marks 2 apps, so none is started: one, two; leave it on one of them"
            assert warnings_of(caplog) == [message]
            assert [app.error_message for app in shown.apps] == 3 * [message]
            stage.classes["two"] = Porch
            await stage.change(reimport_apps={"two"})
            shown = stage.apps.snapshot()
            assert [app.status for app in shown.apps] == ["running", "blocked", "blocked"]
            assert [app.error_message for app in shown.apps] == 3 * [None]

    on_stage(tmp_path, main, dev_mode=True)


def test_the_mark_of_a_disabled_app_does_not_count(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone, enabled=False)
        stage.add_app(Porch, key="other")
        async with started(stage):
            assert (stage.shown().status, stage.shown("other").status) == ("disabled", "running")

    on_stage(tmp_path, main, dev_mode=True)


def test_once_the_mark_is_removed_the_blocked_apps_start(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        async with started(stage):
            stage.classes["porch"] = Porch
            await stage.change(reimport_apps={"porch"})
            assert stage.statuses() == ["running", "running"]
            assert stage.statuses("other") == ["running", "running"]
            assert stage.shown("other").block_reason is None

    on_stage(tmp_path, main, dev_mode=True)


def test_once_a_mark_is_set_the_others_stop(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Porch, key="other")
        async with started(stage):
            stage.classes["porch"] = Alone
            await stage.change(reimport_apps={"porch"})
            assert stage.statuses() == ["running", "running"]
            assert stage.shown("other").status == "blocked"
            assert [app.app_key for app in stage.apps.children] == ["porch"]

    on_stage(tmp_path, main, dev_mode=True)


@pytest.mark.parametrize("call", ["start_app", "stop_app", "reload_app"])
def test_a_blocked_app_cannot_be_started_or_stopped_by_hand(tmp_path: Path, call: str) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        async with started(stage):
            with pytest.raises(ValueError, match="app 'other' is blocked: only_app"):
                await getattr(stage.apps, call)("other")

    on_stage(tmp_path, main, dev_mode=True)


def test_a_blocked_app_that_changes_stays_blocked(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        async with started(stage):
            await stage.change(reimport_apps={"other"})
            assert stage.shown("other").status == "blocked"
            stage.classes["other"] = Alone
            await stage.change(reimport_apps={"other"})
            assert [app.status for app in stage.apps.snapshot().apps] == ["blocked", "blocked"]
            stage.classes["porch"] = Porch
            await stage.change(reimport_apps={"porch"})
            assert [app.status for app in stage.apps.snapshot().apps] == ["blocked", "running"]

    on_stage(tmp_path, main, dev_mode=True)


def test_a_marked_app_that_runs_on_since_its_new_version_is_bad_still_runs_alone(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Alone)
        stage.add_app(Porch, key="other")
        async with started(stage):
            stage.classes["porch"] = ImportError("no module")
            await stage.change(reimport_apps={"porch"})
            assert [app.status for app in stage.apps.snapshot().apps] == ["running", "blocked"]

    on_stage(tmp_path, main, dev_mode=True)
