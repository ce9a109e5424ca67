"""Where an app stands, and what is shown of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from duly.apps import App, AppConfig, AppStatus
from duly.apps.registry import ONLY_APP, AppFailure, AppRegistry, Entry, Instance
from duly.config import AppManifest
from tests.apps.stage import Stage, on_stage, started


def manifest(key: str = "porch", *, enabled: bool = True) -> AppManifest:
    """One of an app."""
    return AppManifest.model_validate(
        {
            "app_key": key,
            "filename": "porch.py",
            "class_name": "Porch",
            "display_name": "The porch",
            "app_dir": "/srv",
            "full_path": "/srv/porch.py",
            "enabled": enabled,
        }
    )


class Moody(App[AppConfig]):
    async def on_initialize(self) -> None:
        if self.instance_name.startswith("bad"):
            raise ValueError("no lamp")


CASES: dict[str, tuple[tuple[str, ...], AppStatus]] = {
    "one runs": (("good",), AppStatus.RUNNING),
    "all run": (("good", "good too"), AppStatus.RUNNING),
    "some have failed": (("good", "bad"), AppStatus.DEGRADED),
    "the first has failed": (("bad", "good"), AppStatus.DEGRADED),
    "all have failed": (("bad", "bad too"), AppStatus.FAILED),
}


@pytest.mark.parametrize("case", CASES)
def test_the_status_of_an_app_follows_from_its_instances(tmp_path: Path, case: str) -> None:
    names, status = CASES[case]

    async def main(stage: Stage) -> None:
        stage.add_app(Moody, *({"instance_name": name} for name in names))
        async with started(stage):
            assert stage.shown().status == status

    on_stage(tmp_path, main)


def failure() -> AppFailure:
    """Why an app does not run."""
    return AppFailure("no lamp", "Traceback")


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (Entry(manifest()), AppStatus.STOPPED),
        (Entry(manifest(), instances=[Instance(0, "a")]), AppStatus.STOPPED),
        (Entry(manifest(), instances=[Instance(0, "a", ended=True)]), AppStatus.STOPPED),
        (Entry(manifest(), failure=failure()), AppStatus.FAILED),
        (Entry(manifest(), failure=failure(), by_hand=True), AppStatus.STOPPED),
        (Entry(manifest(), failure=failure(), block_reason=ONLY_APP), AppStatus.BLOCKED),
        (Entry(manifest(enabled=False), failure=failure(), block_reason=ONLY_APP), AppStatus.DISABLED),
    ],
    ids=["new", "not started", "ended", "failed", "by hand", "blocked", "disabled"],
)
def test_without_a_running_instance(entry: Entry, status: AppStatus) -> None:
    assert entry.status == status


def test_a_snapshot_shows_all_there_is_to_know(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Moody, {"instance_name": "good"}, {"instance_name": "bad"}, display_name="The porch")
        async with started(stage):
            shown = stage.shown()
            fields = dataclasses.asdict(shown)
            good, bad = fields.pop("instances")
            traceback = fields.pop("error_traceback")
            assert fields == {
                "app_key": "porch",
                "class_name": "Porch",
                "display_name": "The porch",
                "filename": "porch.py",
                "enabled": True,
                "auto_loaded": False,
                "status": "degraded",
                "block_reason": None,
                "reload_error": None,
                "error_message": "ValueError: no lamp",
            }
            assert "in on_initialize" in traceback
            assert good == {
                "index": 0,
                "instance_name": "good",
                "class_name": "Porch",
                "status": "running",
                "owner_id": "porch/good",
                "error_message": None,
                "error_traceback": None,
            }
            assert (bad["index"], bad["status"], bad["error_message"]) == (1, "failed", "ValueError: no lamp")
            assert stage.app().scheduler.owner_id == "porch/good"

    on_stage(tmp_path, main)


def test_a_snapshot_does_not_change_afterwards(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Moody, {"instance_name": "good"})
        async with started(stage):
            before = stage.apps.snapshot()
            await stage.apps.stop_app("porch")
            assert (before["porch"].status, before["porch"].instances[0].status) == ("running", "running")

    on_stage(tmp_path, main)


def test_it_counts_every_status() -> None:
    registry = AppRegistry()
    registry.take([manifest("a"), manifest("b", enabled=False), manifest("c")])
    assert registry.snapshot().counts == {
        "disabled": 1,
        "blocked": 0,
        "running": 0,
        "degraded": 0,
        "failed": 0,
        "stopped": 2,
    }


def test_apps_are_in_the_order_of_the_configuration_and_those_not_in_it_are_forgotten() -> None:
    registry = AppRegistry()
    registry.take([manifest("b"), manifest("a")])
    kept = registry["a"]
    registry.take([manifest("a"), manifest("c")])
    assert [app.app_key for app in registry.snapshot().apps] == ["a", "c"]
    assert registry["a"] is kept
    for apps in (registry, registry.snapshot()):
        with pytest.raises(KeyError, match="no app 'b' is configured"):
            apps["b"]


def test_an_error_whose_text_cannot_be_had_is_shown_all_the_same() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert AppFailure.of(SilentError()).message == "SilentError: <exception str() failed>"
