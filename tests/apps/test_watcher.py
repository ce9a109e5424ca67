import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change

from duly.apps import AppHandler
from duly.apps.watcher import FileWatcherService, Places
from duly.config import DulyConfig
from duly.events import DulyFileWatcherEvent
from duly.lifecycle import RestartType, part
from duly.testing import VirtualClock, run_virtual
from tests.apps import diary
from tests.apps.diary import noted
from tests.apps.site import Site, table
from tests.lifecycle.house import House, run

QUICK = "[file_watcher]\ndebounce_milliseconds = 200\nstep_milliseconds = 20\n"


def watched(place: Path, toml: str, main: Callable[[Site], Coroutine[Any, Any, None]], *keys: str) -> None:
    """Run ``main`` with apps of these keys, whose files are watched, on a real loop."""

    async def body() -> None:
        site = Site(place, toml + QUICK)
        for key in keys:
            site.write_app(key, 1)
        watcher = site.house.add_child(FileWatcherService, handler=site.apps, loader=site.loader)
        try:
            await site.start()
            await watcher.wait_ready()
            diary.LINES.clear()
            await main(site)
        finally:
            await site.stop()

    run(body())


def test_a_saved_file_exchanges_its_app(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 2)
        await noted("porch/Porch.0 1 down", "porch/Porch.0 2 up")

    watched(tmp_path, table("porch"), main, "porch")


def test_saving_by_rename_counts_again_and_again(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        for version in (2, 3):
            file = site.write_app("porch", version)
            new = file.rename(tmp_path / "new")
            new.replace(file)
            await noted(f"porch/Porch.0 {version - 1} down", f"porch/Porch.0 {version} up")

    watched(tmp_path, table("porch"), main, "porch")


def test_settings_saved_by_rename_count_again_and_again(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        old = site.toml.read_text()
        for delay in (2, 3):
            new = tmp_path / "duly.toml.tmp"
            new.write_text(old.replace("delay = 1", f"delay = {delay}"))
            new.replace(site.toml)
            await noted("porch/Porch.0 1 down", "porch/Porch.0 1 up")
            assert site.app("porch").app_config.delay == delay

    watched(tmp_path, table("porch", "config = { delay = 1 }"), main, "porch")


def test_variables_in_a_file_count(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        (tmp_path / ".env").write_text("DELAY=5\n")
        await noted("porch/Porch.0 1 down", "porch/Porch.0 1 up")

    watched(tmp_path, table("porch"), main, "porch")


def test_a_directory_that_is_moved_in_and_out_counts(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("fan", 1).rename(site.folder.write("../rooms/fan.py", ""))
        inside = site.folder.directory / "rooms"
        (tmp_path / "rooms").rename(inside)
        await noted("apps.rooms.fan.Fan/Fan.0 1 up")
        inside.rename(tmp_path / "rooms")
        await noted("apps.rooms.fan.Fan/Fan.0 1 down")

    watched(tmp_path, "", main)


def test_a_new_directory_of_apps_is_watched_at_once(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        rooms = tmp_path / "rooms"
        rooms.mkdir()
        text = "from tests.apps.diary import Noting\nclass Fan(Noting): version = 1\n"
        (rooms / "fan.py").write_text(text)
        site.write_settings(table("fan", f'app_dir = "{rooms}"') + QUICK)
        await noted("fan/Fan.0 1 up")
        (rooms / "fan.py").write_text(text.replace("1", "2"))
        await noted("fan/Fan.0 1 down", "fan/Fan.0 2 up")

    watched(tmp_path, "", main)


def test_the_directory_of_apps_may_be_made_later_and_be_replaced(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        apps = site.folder.directory
        shutil.rmtree(apps)
        await noted("apps.porch.Porch/Porch.0 1 down")
        site.write_app("lamp", 1)
        await noted("apps.lamp.Lamp/Lamp.0 1 up")
        apps.rename(tmp_path / "old")
        await noted("apps.lamp.Lamp/Lamp.0 1 down")
        site.write_app("lamp", 2)
        await noted("apps.lamp.Lamp/Lamp.0 2 up")
        site.write_app("lamp", 3)
        await noted("apps.lamp.Lamp/Lamp.0 2 down", "apps.lamp.Lamp/Lamp.0 3 up")

    watched(tmp_path, "", main, "porch")


def test_a_directory_of_apps_that_is_replaced_by_another_is_watched(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        apps = site.folder.directory
        shutil.copytree(apps, tmp_path / "new")
        apps.rename(tmp_path / "old")
        (tmp_path / "new").rename(apps)
        site.write_app("porch", 2)
        await noted("porch/Porch.0 1 down", "porch/Porch.0 2 up")
        site.write_app("porch", 3)
        await noted("porch/Porch.0 2 down", "porch/Porch.0 3 up")

    watched(tmp_path, table("porch"), main, "porch")


def test_changed_files_are_announced(tmp_path: Path) -> None:
    events: list[DulyFileWatcherEvent] = []

    async def main(site: Site) -> None:
        part(site.house, FileWatcherService).announce_with(events.append)
        site.write_app("porch", 2)
        await noted("porch/Porch.0 1 down", "porch/Porch.0 2 up")

    watched(tmp_path, table("porch"), main, "porch")
    assert [event.payload.data.changed_file_paths for event in events] == [{tmp_path / "apps" / "porch.py"}]
    assert [event.topic for event in events] == ["duly.event.file_watcher"]


def test_who_is_told_cannot_stop_a_reload(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        part(site.house, FileWatcherService).announce_with(None.__getattribute__)  # type: ignore[arg-type]  # raises
        site.write_app("porch", 2)
        await noted("porch/Porch.0 1 down", "porch/Porch.0 2 up")

    watched(tmp_path, table("porch"), main, "porch")


def test_the_watch_ends_with_the_service(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        watcher = part(site.house, FileWatcherService)
        await watcher.shutdown()
        assert watcher.task_bucket.pending_tasks() == []
        assert not watcher.serving

    watched(tmp_path, table("porch"), main, "porch")


def test_what_changes_during_a_reload_is_the_next_change(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        body = "async def after_initialize(self): await diary.GATE.wait()"
        site.write_app("porch", 2, before="from tests.apps import diary", body=body)
        await noted("porch/Porch.0 1 down", "porch/Porch.0 2 up")
        site.write_app("lamp", 2)
        diary.GATE.set()
        await noted("lamp/Lamp.0 1 down", "lamp/Lamp.0 2 up")

    watched(tmp_path, table("porch") + table("lamp"), main, "porch", "lamp")


def places(tmp_path: Path) -> Places:
    (tmp_path / "apps").mkdir()
    toml = tmp_path / "duly.toml"
    toml.write_text(f'[apps]\ndirectory = "{tmp_path}/apps"\nextend_exclude_dirs = ["drafts"]\n')
    return Places.of(DulyConfig.load(config_file=toml))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("apps/porch.py", True),
        ("apps/rooms/porch.py", True),
        ("apps/rooms", True),
        ("apps/porch.txt", False),
        ("apps/porch.pyc", False),
        ("apps/__pycache__/porch.py", False),
        ("apps/__pycache__", False),
        ("apps/drafts/porch.py", False),
        ("apps/rooms/.venv/lib/porch.py", False),
        ("apps/.porch.py.swp", False),
        ("apps/.#porch.py", False),
        ("apps/porch.py~", False),
        ("apps/#porch.py#", False),
        ("elsewhere/porch.py", False),
    ],
)
def test_only_python_files_count_in_trees(tmp_path: Path, name: str, counts: bool) -> None:
    assert places(tmp_path).concerns_tree(Change.added, str(tmp_path / name)) is counts


@pytest.mark.parametrize(
    ("name", "counts"),
    [("duly.toml", True), (".env", True), ("apps", True), ("duly.db-wal", False), ("duly.toml.swp", False)],
)
def test_only_settings_and_trees_count_beside_them(tmp_path: Path, name: str, counts: bool) -> None:
    assert places(tmp_path).concerns_entry(Change.modified, str(tmp_path / name)) is counts


def gathering(*touches: float, debounce: int, step: int) -> float:
    """When gathering ends, with files touched at these times, in seconds."""

    async def main() -> float:
        file_watcher = {"debounce_milliseconds": debounce, "step_milliseconds": step}
        house = House(DulyConfig.hermetic(file_watcher=file_watcher))
        watcher = FileWatcherService(house, handler=None, loader=None)  # type: ignore[arg-type]  # it only waits here
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for touch in touches:
            loop.call_at(begin + touch, watcher._touched.set)
        await watcher._gather()
        return round(loop.time() - begin, 3)

    return run_virtual(main(), VirtualClock())


def test_changes_are_gathered_until_there_is_none_for_a_step() -> None:
    assert gathering(1.0, debounce=3000, step=500) == 1.5
    assert gathering(1.0, 1.4, 1.8, debounce=3000, step=500) == 2.3


def test_changes_are_gathered_for_the_debounce_time_at_most() -> None:
    assert gathering(*(number / 10 for number in range(100)), debounce=3000, step=500) == 3.0


def test_without_debounce_time_nothing_is_gathered() -> None:
    assert gathering(1.0, 1.1, debounce=0, step=500) == 1.0


def test_a_place_that_is_gone_when_the_watch_begins_is_a_change(tmp_path: Path) -> None:
    async def main() -> None:
        watcher = FileWatcherService(House(), handler=None, loader=None)  # type: ignore[arg-type]  # it only waits here
        await watcher._watch([tmp_path / "gone"], Places.of(watcher.duly.config), recursive=True)
        assert watcher._touched.is_set()

    run(main())


def test_the_watcher_is_temporary_and_not_required() -> None:
    spec = FileWatcherService.restart_spec
    assert (spec.restart_type, spec.budget_intensity, spec.budget_period_seconds) == (RestartType.TEMPORARY, 3, 60.0)
    assert FileWatcherService.required is False
    assert FileWatcherService.depends_on == [AppHandler]
