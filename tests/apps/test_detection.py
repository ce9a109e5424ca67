import logging
import sys
from pathlib import Path

import pytest

from duly.apps.contents import python_files
from duly.apps.loader import AppLoader, DetectedApp
from duly.config.apps import EXCLUDED_DIRS
from tests.apps.folder import Folder


def keys(loader: AppLoader, apps: Folder, *configured: Path) -> list[str]:
    return [app.key for app in loader.detect(apps.directory, EXCLUDED_DIRS, configured)]


def test_an_app_is_found_with_key_file_and_class(apps: Folder, loader: AppLoader) -> None:
    apps.app("house/porch.py")
    assert loader.detect(apps.directory, EXCLUDED_DIRS, ()) == [
        DetectedApp("apps.house.porch.Porch", "house/porch.py", "Porch")
    ]


def test_every_class_of_a_file_is_an_app(apps: Folder, loader: AppLoader) -> None:
    apps.write(
        "b.py", "from duly.apps import App, AppSync\nclass Z(App): ...\nclass A(AppSync): ...\nclass C(A): ...\n"
    )
    assert keys(loader, apps) == ["apps.b.Z", "apps.b.A", "apps.b.C"]


def test_a_class_with_two_names_is_one_app(apps: Folder, loader: AppLoader) -> None:
    apps.write("b.py", "from duly.apps import App\nclass A(App): ...\nOld = A\n")
    assert keys(loader, apps) == ["apps.b.A"]


@pytest.mark.parametrize(
    "text",
    [
        "def made():\n    class Inner(App): ...\n    return Inner\nA = made()",
        "class Outer:\n    class Inner(App): ...\nInner = Outer.Inner",
        "class B(App): ...\nOld = B\ndel B",
    ],
    ids=["in a function", "in a class", "deleted"],
)
def test_a_class_that_cannot_be_loaded_by_its_name_is_no_app(apps: Folder, loader: AppLoader, text: str) -> None:
    apps.write("b.py", f"from duly.apps import App\n{text}\nclass Porch(App): ...\n")
    assert keys(loader, apps) == ["apps.b.Porch"]


def test_imported_classes_are_no_apps_of_the_file(apps: Folder, loader: AppLoader) -> None:
    apps.app("a.py", "A")
    apps.write("b.py", "from duly.apps import App, AppSync\nfrom a import A\nclass Other: ...\n")
    assert keys(loader, apps) == ["apps.a.A"]


@pytest.mark.parametrize(
    "text",
    ["class _Room(App): ...", "class Room(App, ABC):\n    @abstractmethod\n    def size(self) -> int: ..."],
    ids=["underscore", "abstract"],
)
def test_a_class_that_is_only_there_to_derive_from_is_no_app(apps: Folder, loader: AppLoader, text: str) -> None:
    base = text.partition("(")[0].removeprefix("class ")
    before = f"from abc import ABC, abstractmethod\nfrom duly.apps import App\n{text}\n"
    apps.write("b.py", f"{before}class Bath({base}):\n    def size(self) -> int: ...\n")
    assert keys(loader, apps) == ["apps.b.Bath"]


def test_files_are_found_in_the_order_of_their_names_at_any_depth(apps: Folder, loader: AppLoader) -> None:
    for name in ("z.py", "a.py", "m/n/o.py", "m/b.py"):
        apps.app(name, "A")
    assert keys(loader, apps) == ["apps.a.A", "apps.z.A", "apps.m.b.A", "apps.m.n.o.A"]


def test_an_app_in_a_package_itself_has_the_key_of_the_package(apps: Folder, loader: AppLoader) -> None:
    apps.app("house/__init__.py")
    assert keys(loader, apps) == ["apps.house.Porch"]


@pytest.mark.parametrize("name", EXCLUDED_DIRS)
def test_excluded_directories_are_left_out(apps: Folder, loader: AppLoader, name: str) -> None:
    apps.app(f"{name}/porch.py", before="1 / 0")
    apps.app(f"house/{name}/porch.py", before="1 / 0")
    assert keys(loader, apps) == []


def test_excluded_names_are_whole_names_below_the_directory(tmp_path: Path, loader: AppLoader) -> None:
    apps = Folder(tmp_path / "venv" / "apps")
    apps.app("venvs/porch.py")
    assert keys(loader, apps) == ["apps.venvs.porch.Porch"]


def test_a_configured_file_is_left_out_as_a_whole(apps: Folder, loader: AppLoader) -> None:
    configured = apps.write("b.py", "from duly.apps import App\nclass A(App): ...\nclass B(App): ...\n1 / 0\n")
    assert keys(loader, apps, configured) == []


def test_a_link_that_leads_outside_is_left_out_and_why_is_told(
    apps: Folder, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "duly.apps")
    target = apps.app("../elsewhere/porch.py", before="1 / 0").resolve()
    link = apps.directory / "porch.py"
    link.symlink_to(target)
    assert keys(loader, apps) == []
    text = f"no apps are looked for in {link}: it is a link to {target}, which lies outside of {apps.directory}"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.DEBUG, text)]


def test_a_link_to_a_file_of_the_directory_is_searched_too(apps: Folder, loader: AppLoader) -> None:
    target = apps.app("house/porch.py")
    (apps.directory / "attic.py").symlink_to(target)
    assert keys(loader, apps) == ["apps.attic.Porch", "apps.house.porch.Porch"]


def test_a_missing_directory_gives_no_apps_and_a_warning(
    tmp_path: Path, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    assert loader.detect(tmp_path / "apps", EXCLUDED_DIRS, ()) == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(tmp_path / "apps") in caplog.text


def test_a_file_that_fails_is_told_with_its_own_traceback_and_the_others_go_on(
    apps: Folder, loader: AppLoader, caplog: pytest.LogCaptureFixture
) -> None:
    bad = apps.app("a.py", before="\nimport json\njson.loads('{')")
    apps.app("b.py")
    assert keys(loader, apps) == ["apps.b.Porch"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f'File "{bad}", line 4' in caplog.text
    assert "JSONDecodeError" in caplog.text
    assert "decoder.py" not in caplog.text


def test_a_file_that_ends_the_process_is_a_file_that_fails(apps: Folder, loader: AppLoader) -> None:
    apps.app("a.py", before="raise SystemExit")
    apps.app("b.py")
    assert keys(loader, apps) == ["apps.b.Porch"]


def test_a_file_that_failed_is_tried_again(apps: Folder, loader: AppLoader) -> None:
    apps.app("a.py", before="1 / 0")
    assert keys(loader, apps) == []
    apps.app("a.py")
    assert keys(loader, apps) == ["apps.a.Porch"]


def test_what_is_found_is_loaded_from_the_same_module(apps: Folder, loader: AppLoader) -> None:
    apps.app("house/porch.py")
    loader.detect(apps.directory, EXCLUDED_DIRS, ())
    found = sys.modules["apps.house.porch"].Porch
    assert loader.load(apps.manifest("house/porch.py")) is found


def test_scratch_files_of_editors_are_left_out(apps: Folder, loader: AppLoader) -> None:
    (apps.directory / ".#porch.py").symlink_to("nobody@nowhere.1")
    for name in ("._porch.py", ".porch.py", "flycheck_porch.py", "porch_flymake.py"):
        apps.app(name, before="1 / 0")
    assert keys(loader, apps) == []


def test_directories_that_cannot_be_looked_into_are_told(tmp_path: Path) -> None:
    closed: list[OSError] = []
    assert list(python_files(tmp_path / "none", (), closed.append)) == []
    assert [error.filename for error in closed] == [str(tmp_path / "none")]
