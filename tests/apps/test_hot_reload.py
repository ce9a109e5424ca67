import asyncio
import logging
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from duly.apps import AppStatus
from duly.apps.changes import ChangeSet
from tests.apps.diary import LINES
from tests.apps.site import Site, on_site, table
from tests.apps.stage import change
from tests.executor.plant import rows_of


def two_apps(site: Site) -> None:
    site.write_app("porch", 1)
    site.write_app("lamp", 1)


def with_a_marked_lamp(site: Site) -> None:
    site.write_app("porch", 1)
    site.folder.write(
        "lamp.py",
        "from duly.apps import only_app\nfrom tests.apps.diary import Noting\n@only_app\nclass Lamp(Noting): ...\n",
    )


def with_a_shared_helper(site: Site) -> None:
    """Of which each of the two apps needs another name."""
    site.folder.write("helpers.py", "V = 1; W = 1\n")
    site.write_app("porch", "V", before="from helpers import V")
    site.write_app("lamp", "W", before="from helpers import W")


TWO = table("porch") + table("lamp")


def test_nothing_is_done_if_nothing_has_changed(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        assert await site.reload() == ChangeSet()
        assert LINES == []

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_changed_file_exchanges_its_app_and_no_other(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        lamp = site.app("lamp")
        site.write_app("porch", 2)
        assert await site.reload() == change(reimport_apps={"porch"})
        assert LINES == ["porch/Porch.0 1 down", "porch/Porch.0 2 up"]
        assert site.app("lamp") is lamp

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_file_saved_with_the_same_content_changes_nothing(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 1)
        site.write_settings(TWO)
        assert await site.reload() == ChangeSet()
        assert LINES == []

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_changed_configuration_makes_new_instances_of_the_same_class(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        before = type(site.app("porch"))
        site.write_settings(table("porch", "config = { delay = 9 }") + table("lamp"))
        assert await site.reload() == change(reload_apps={"porch"})
        assert type(site.app("porch")) is before
        assert site.app("porch").app_config.delay == 9
        assert LINES == ["porch/Porch.0 1 down", "porch/Porch.0 1 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_variable_that_an_app_reads_makes_new_instances(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        (tmp_path / ".env").write_text("DELAY=7\n")
        assert await site.reload() == change(reload_apps={"porch"})
        assert site.app("porch").app_config.delay == 7
        (tmp_path / ".env").write_text("DELAY=7\nNOBODY=1\n")
        assert await site.reload() == ChangeSet()

    on_site(tmp_path, table("porch") + table("lamp", "config = { delay = 1 }"), main, files=two_apps)


def test_a_variable_that_a_new_app_reads_makes_new_instances(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_settings(TWO)
        assert await site.reload() == change(new_apps={"lamp"})
        (tmp_path / ".env").write_text("DELAY=7\n")
        assert await site.reload() == change(reload_apps={"lamp", "porch"})

    on_site(tmp_path, "autodetect = false\n" + table("porch"), main, files=two_apps)


def test_a_new_table_starts_an_app(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("fan", 1)
        site.write_settings(TWO + table("fan"))
        assert await site.reload() == change(new_apps={"fan"})
        assert LINES == ["fan/Fan.0 1 up"]

    on_site(tmp_path, "autodetect = false\n" + TWO, main, files=two_apps)


@pytest.mark.parametrize("rest", [table("lamp"), table("lamp") + table("porch", "enabled = false")])
def test_an_app_that_is_gone_or_disabled_is_stopped(tmp_path: Path, rest: str) -> None:
    async def main(site: Site) -> None:
        site.write_settings("autodetect = false\n" + rest)
        assert await site.reload() == change(orphans={"porch"})
        assert LINES == ["porch/Porch.0 1 down"]
        assert "apps.porch" not in sys.modules

    on_site(tmp_path, "autodetect = false\n" + TWO, main, files=two_apps)


def test_a_disabled_app_is_shown_from_when_it_is_written(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_settings(TWO + table("fan", "enabled = false"))
        assert await site.reload() == ChangeSet()
        assert site.shown("fan").status is AppStatus.DISABLED
        assert LINES == []

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_setting_that_honours_only_app_blocks_the_others(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_settings(TWO + "[duly]\nallow_only_app_in_prod = true\n")
        await site.reload()
        assert LINES == ["porch/Porch.0 1 down"]
        assert site.shown("porch").status is AppStatus.BLOCKED

    on_site(tmp_path, TWO, main, files=with_a_marked_lamp)


def test_an_unmarked_file_lets_the_others_start(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("lamp", 2)
        assert await site.reload() == change(reimport_apps={"lamp"})
        assert "porch/Porch.0 1 up" in LINES

    on_site(tmp_path, TWO + "[duly]\nallow_only_app_in_prod = true\n", main, files=with_a_marked_lamp)


def test_changes_are_applied_in_order(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 2)
        fan = table("fan", "config = { delay = 2 }")
        site.write_settings("autodetect = false\n" + table("porch") + fan + table("new"))
        expected = change(orphans={"lamp"}, reimport_apps={"porch"}, reload_apps={"fan"}, new_apps={"new"})
        assert await site.reload() == expected
        assert LINES == [
            "lamp/Lamp.0 1 down",
            "porch/Porch.0 1 down",
            "porch/Porch.0 2 up",
            "fan/Fan.0 1 down",
            "fan/Fan.0 1 up",
            "new/New.0 1 up",
        ]

    def files(site: Site) -> None:
        for key in ("porch", "lamp", "fan", "new"):
            site.write_app(key, 1)

    on_site(tmp_path, "autodetect = false\n" + TWO + table("fan"), main, files=files)


def test_a_changed_helper_exchanges_all_that_import_it(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("helpers.py", "V = 2\n")
        assert await site.reload() == change(reimport_apps={"porch", "lamp"})
        assert {line for line in LINES if "up" in line} == {"porch/Porch.0 2 up", "lamp/Lamp.0 2 up"}

    def files(site: Site) -> None:
        site.folder.write("helpers.py", "V = 1\n")
        site.write_app("porch", "V", before="from helpers import V")
        site.write_app("lamp", "apps.helpers.V", before="import apps.helpers")
        site.write_app("fan", 1)

    on_site(tmp_path, TWO + table("fan"), main, files=files)


BAD = {
    "syntax": ("class Porch(\n", 1, "SyntaxError"),
    "error": ("import sys\n1 / 0\n", 2, "ZeroDivisionError"),
    "import": ("import no_such_thing\n", 1, "no_such_thing"),
    "class": ("x = 1\n", None, "there is no class Porch"),
    "config": (
        "from duly.apps import App, AppConfig\nclass C(AppConfig):\n    lamp: str\nclass Porch(App[C]): ...\n",
        None,
        "lamp",
    ),
}


@pytest.mark.parametrize(("text", "line", "what"), BAD.values(), ids=BAD)
def test_a_bad_new_version_leaves_the_old_one_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, line: int | None, what: str
) -> None:
    async def main(site: Site) -> None:
        running, modules = site.app("porch"), dict(sys.modules)
        file = site.folder.write("porch.py", text)
        assert await site.reload() == ChangeSet()
        assert LINES == []
        assert site.app("porch") is running
        assert dict(sys.modules) == modules
        error = site.shown("porch").reload_error
        assert error is not None
        assert what in error
        if line is not None:
            assert f"{file}, line {line}: " in error
        assert site.shown("porch").status is AppStatus.RUNNING
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert error in record.getMessage()

        site.write_app("porch", 2)
        assert await site.reload() == change(reimport_apps={"porch"})
        assert site.shown("porch").reload_error is None
        assert LINES == ["porch/Porch.0 1 down", "porch/Porch.0 2 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_file_put_back_as_it_was_ends_the_error(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("porch.py", "1 / 0\n")
        await site.reload()
        site.write_app("porch", 1)
        await site.reload()
        assert site.shown("porch").reload_error is None
        assert site.shown("porch").status is AppStatus.RUNNING

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_configuration_put_back_as_it_was_ends_the_error(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_settings(table("porch", "config = { delay = 'soon' }") + table("lamp"))
        await site.reload()
        assert site.shown("porch").reload_error is not None
        site.write_settings(TWO)
        assert await site.reload() == change(reload_apps={"porch"})
        assert site.shown("porch").reload_error is None
        assert site.shown("porch").status is AppStatus.RUNNING

    on_site(tmp_path, TWO, main, files=two_apps)


def test_settings_that_change_leave_an_app_alone_whose_file_is_bad(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("porch.py", "1 / 0\n")
        await site.reload()
        site.write_settings(table("porch") + table("lamp", "config = { delay = 1 }"))
        assert await site.reload() == change(reload_apps={"lamp"})
        assert "ZeroDivisionError" in str(site.shown("porch").reload_error)

    on_site(tmp_path, TWO, main, files=two_apps)


def test_what_was_reimported_by_hand_is_no_change(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 2)
        await site.apps.reload_app("porch", reimport=True)
        assert LINES == ["porch/Porch.0 1 down", "porch/Porch.0 2 up"]
        assert await site.reload() == ChangeSet()
        assert LINES == []

    on_site(tmp_path, TWO, main, files=two_apps)


def test_an_import_that_hangs_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(site: Site) -> None:
        gate = sys.modules["gate"] = ModuleType("gate")
        gate.opened = threading.Event()  # type: ignore[attr-defined]  # for the app
        try:
            site.write_app("porch", 2, before="import gate\ngate.opened.wait()")
            site.config.lifecycle.app_startup_timeout_seconds = 0
            reload = asyncio.ensure_future(site.reload())
            told = asyncio.Event()

            def look(record: logging.LogRecord) -> bool:
                if "an import may hang" in record.getMessage() and "porch.py" in record.getMessage():
                    told.set()
                return True

            caplog.handler.addFilter(look)
            await told.wait()
            gate.opened.set()
            assert await reload == change(reimport_apps={"porch"})
        finally:
            del sys.modules["gate"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_deleted_file_leaves_the_old_version_running(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        running = site.app("porch")
        (site.folder.directory / "porch.py").unlink()
        assert await site.reload() == ChangeSet()
        assert site.app("porch") is running
        assert "there is no such file" in str(site.shown("porch").reload_error)

    on_site(tmp_path, TWO, main, files=two_apps)


def test_one_bad_app_does_not_hold_up_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(site: Site) -> None:
        site.folder.write("porch.py", "1 / 0\n")
        site.write_app("lamp", 2)
        assert await site.reload() == change(reimport_apps={"lamp"})
        assert LINES == ["lamp/Lamp.0 1 down", "lamp/Lamp.0 2 up"]
        assert site.shown("porch").reload_error is not None
        assert site.shown("lamp").reload_error is None
        caplog.clear()
        site.write_app("lamp", 3)
        assert await site.reload() == change(reimport_apps={"lamp"})
        assert [record for record in caplog.records if record.levelno == logging.ERROR] == []

    on_site(tmp_path, TWO, main, files=two_apps)


def test_apps_that_share_a_bad_helper_all_keep_the_old_one(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("helpers.py", "V = 2\n")
        assert await site.reload() == ChangeSet()
        assert sys.modules["apps.helpers"].V == 1
        for key in ("porch", "lamp"):
            assert "cannot import name 'W'" in str(site.shown(key).reload_error)

    on_site(tmp_path, TWO, main, files=with_a_shared_helper)


def test_a_bad_helper_is_told_once_for_each_app_that_imports_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(site: Site) -> None:
        site.folder.write("helpers.py", "V = \n")
        assert await site.reload() == ChangeSet()
        errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert [("app_key=porch" in error, "helpers.py, line 1" in error) for error in errors] == [(True, True)]

    def files(site: Site) -> None:
        site.folder.write("helpers.py", "V = 1\n")
        site.write_app("porch", "V", before="from helpers import V")

    on_site(tmp_path, table("porch"), main, files=files)


def test_an_app_that_is_removed_does_not_hold_up_those_that_shared_its_helper(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("helpers.py", "V = 2\n")
        (site.folder.directory / "lamp.py").unlink()
        site.write_settings(table("porch"))
        assert await site.reload() == change(orphans={"lamp"}, reimport_apps={"porch"})
        assert LINES == ["lamp/Lamp.0 1 down", "porch/Porch.0 1 down", "porch/Porch.0 2 up"]

    def files(site: Site) -> None:
        site.folder.write("helpers.py", "V = 1\n")
        site.write_app("porch", "V", before="from helpers import V")
        site.write_app("lamp", "V", before="from helpers import V")

    on_site(tmp_path, TWO, main, files=files)


def test_a_bad_configuration_leaves_the_old_one_running(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        running = site.app("porch")
        site.write_settings(table("porch", "config = { delay = 'soon' }") + table("lamp", "config = { delay = 1 }"))
        assert await site.reload() == change(reload_apps={"lamp"})
        assert site.app("porch") is running
        assert "delay" in str(site.shown("porch").reload_error)
        site.write_settings(table("porch", "config = { delay = 3 }") + table("lamp", "config = { delay = 1 }"))
        assert await site.reload() == change(reload_apps={"porch"})
        assert site.shown("porch").reload_error is None
        assert site.app("porch").app_config.delay == 3

    on_site(tmp_path, TWO, main, files=two_apps)


@pytest.mark.parametrize(
    "bad", ["dev_mode = [\n", "[duly]\nno_such_setting = 1\n", "[apps.__duly__]\nfilename = 'a'\nclass_name = 'A'"]
)
def test_a_bad_settings_file_changes_nothing_though_code_changed_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    async def main(site: Site) -> None:
        modules = dict(sys.modules)
        site.write_app("porch", 2)
        site.write_settings(TWO + bad)
        assert await site.reload() == ChangeSet()
        assert LINES == []
        assert dict(sys.modules) == modules
        assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.ERROR]

        site.write_settings(TWO)
        assert await site.reload() == change(reimport_apps={"porch"})
        assert LINES == ["porch/Porch.0 1 down", "porch/Porch.0 2 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_found_app_is_new_when_its_file_is(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("fan", 1)
        assert await site.reload() == change(new_apps={"apps.fan.Fan"})
        assert LINES == ["apps.fan.Fan/Fan.0 1 up"]
        site.write_app("fan", 2)
        assert await site.reload() == change(reimport_apps={"apps.fan.Fan"})
        assert LINES[-1] == "apps.fan.Fan/Fan.0 2 up"
        (site.folder.directory / "fan.py").unlink()
        assert await site.reload() == change(orphans={"apps.fan.Fan"})
        assert LINES == ["apps.fan.Fan/Fan.0 2 down"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_found_app_keeps_running_while_its_file_is_bad(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("porch.py", "1 / 0\n")
        assert await site.reload() == ChangeSet()
        assert LINES == []
        assert "ZeroDivisionError" in str(site.shown("apps.porch.Porch").reload_error)

    on_site(tmp_path, "", main, files=two_apps)


def test_a_found_class_that_is_renamed_stays_with_those_that_share_a_bad_helper(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("helpers.py", "V = 2\n")
        text = "from tests.apps.diary import Noting\nfrom helpers import V\nclass Patio(Noting): ...\n"
        site.folder.write("porch.py", text)
        assert await site.reload() == ChangeSet()
        assert LINES == []
        assert "cannot import name 'W'" in str(site.shown("apps.porch.Porch").reload_error)

    on_site(tmp_path, "", main, files=with_a_shared_helper)


def test_a_found_class_that_is_renamed_is_another_app(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.folder.write("porch.py", "from tests.apps.diary import Noting\nclass Patio(Noting): version = 2\n")
        assert await site.reload() == change(orphans={"apps.porch.Porch"}, new_apps={"apps.porch.Patio"})
        assert LINES == ["apps.porch.Porch/Porch.0 1 down", "apps.porch.Patio/Patio.0 2 up"]

    on_site(tmp_path, "", main, files=two_apps)


def test_an_app_that_failed_to_import_is_started_once_it_can_be(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        assert site.shown("porch").status is AppStatus.FAILED
        site.folder.write("helpers.py", "V = 3\n")
        assert await site.reload() == change(reimport_apps={"porch"})
        assert LINES == ["porch/Porch.0 3 up"]

    def files(site: Site) -> None:
        site.write_app("porch", "V", before="from helpers import V")

    on_site(tmp_path, table("porch"), main, files=files)


def test_an_app_that_failed_in_its_hooks_is_tried_again_by_the_next_change(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 2, body="async def on_initialize(self): 1 / 0")
        assert await site.reload() == change(reimport_apps={"porch"})
        assert site.shown("porch").status is AppStatus.FAILED
        site.write_app("porch", 3)
        assert await site.reload() == change(reimport_apps={"porch"})
        assert LINES == ["porch/Porch.0 3 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_one_that_failed_in_its_hooks_is_tried_again_once_its_file_is_no_longer_bad(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        for _ in range(2):
            site.write_app("porch", 2, body="async def on_initialize(self): 1 / 0")
            assert await site.reload() == change(reimport_apps={"porch"})
            assert site.shown("porch").error_message == "ZeroDivisionError: division by zero"
            site.folder.write("porch.py", "1 /\n")
            assert await site.reload() == ChangeSet()
            assert "SyntaxError" in str(site.shown("porch").error_message)

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_new_directory_of_apps_counts_after_the_reload(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        rooms = tmp_path / "rooms"
        rooms.mkdir()
        for version in (1, 2):
            (rooms / "fan.py").write_text(
                f"from tests.apps.diary import Noting\nclass Fan(Noting): version = {version}\n"
            )
            site.write_settings(TWO + table("fan", f'app_dir = "{rooms}"'))
            await site.reload()
        assert LINES == ["fan/Fan.0 1 down", "fan/Fan.0 2 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


def test_what_changed_between_import_and_watch_is_found(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        site.write_app("porch", 2)
        await site.reloader.begin()
        assert await site.reload() == change(reimport_apps={"porch"})

    on_site(tmp_path, TWO, main, files=two_apps)


def test_an_app_stopped_by_hand_stays_stopped(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        await site.apps.stop_app("porch")
        site.write_app("porch", 2)
        await site.reload()
        assert LINES == []
        await site.apps.start_app("porch")
        assert LINES == ["porch/Porch.0 2 up"]

    on_site(tmp_path, TWO, main, files=two_apps)


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("good", [1, 2])
@pytest.mark.parametrize("what", ["code", "config"])
def test_one_that_does_not_run_is_only_told_that_its_new_version_is_not_taken_until_it_is_good(
    tmp_path: Path, what: str, good: int, blocked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def settings(version: int) -> str:
        delay = version or "'soon'"
        rules = "[duly]\nallow_only_app_in_prod = true\n" if blocked else ""
        return table("porch", f"config = {{ delay = {delay} }}") + table("lamp") + rules

    def write(site: Site, version: int) -> None:
        if what == "config":
            site.write_settings(settings(version))
        elif version:
            site.write_app("porch", version)
        else:
            site.folder.write("porch.py", "1 / 0\n")

    async def main(site: Site) -> None:
        if not blocked:
            await site.apps.stop_app("porch")
        before = site.shown("porch")
        write(site, 0)
        await site.reload()
        bad = site.shown("porch")
        assert bad.reload_error is not None
        assert (bad.status, bad.error_message, bad.instances) == (before.status, None, before.instances)
        (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert error.getMessage().startswith("the new version of an app is not taken: app_key=porch")
        write(site, good)
        await site.reload()
        assert site.shown("porch") == before
        assert LINES == []

    def files(site: Site) -> None:
        site.write_app("porch", 1)
        site.write_app("lamp", 1, before="from duly.apps import only_app\n@only_app" if blocked else "")

    on_site(tmp_path, settings(1), main, files=files)


def test_one_started_by_hand_while_its_file_is_bad_runs_in_its_old_version_and_says_so(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        await site.apps.stop_app("porch")
        site.folder.write("porch.py", "1 / 0\n")
        await site.reload()
        shown = await site.apps.start_app("porch")
        assert LINES == ["porch/Porch.0 1 up"]
        assert "ZeroDivisionError" in str(shown.reload_error)

    on_site(tmp_path, TWO, main, files=two_apps)


def test_a_hundred_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        async def left() -> dict[str, int]:
            for thread in threading.enumerate():
                if thread.name == "duly-import":  # at its very end
                    thread.join()
            return {
                "tasks": len(asyncio.all_tasks()),
                "threads": threading.active_count(),
                "jobs": len(await site.scheduler.get_all_jobs()),
                "listeners": len(site.bus.listeners()),
                "timers": len(site.bus.timers),
                "rows": len(rows_of(site.path, "listeners")),
                "modules": len(sys.modules),
                "children": len(site.apps.children),
            }

        async def again(number: int) -> None:
            site.folder.write("helpers.py", f"V = {number}\n")
            assert await site.reload() == change(reimport_apps={"porch", "lamp"})
            await asyncio.sleep(1)

        await again(1)
        after_the_first = await left()
        for number in range(2, 101):
            await again(number)
        assert await left() == after_the_first

    def files(site: Site) -> None:
        site.folder.write("helpers.py", "V = 0\n")
        body = (
            "async def on_initialize(self):\n"
            "        await self.scheduler.run_every(self.work, seconds=5, name='work')\n"
            "        self.task_bucket.spawn(asyncio.Event().wait())\n"
            "        await self.bus.on(topic='porch.bell', handler=self.work, name='bell', debounce=60)\n"
            "        await self.bus.emit('porch.bell', None)\n"
            "    async def work(self):\n"
            "        await asyncio.sleep(0.5)\n"
        )
        site.write_app("porch", "V", before="import asyncio\nfrom helpers import V", body=body)
        site.write_app("lamp", "V", before="from helpers import V")

    on_site(tmp_path, TWO, main, files=files)
