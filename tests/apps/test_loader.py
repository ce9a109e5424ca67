import importlib
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from duly.apps import App, AppConfigurationError
from duly.apps.load_errors import AppClassError, AppFileError, AppImportError
from duly.apps.loader import AppLoader
from duly.config import DulyConfig
from tests.apps.folder import Folder, finders_of, loading, module_of


def test_the_class_of_a_manifest_is_loaded(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py")
    cls = loader.load(apps.manifest())
    assert issubclass(cls, App)
    assert cls.__name__ == "Porch"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        pytest.param("porch.py", "apps.porch", id="file"),
        pytest.param("rooms/bed.py", "apps.rooms.bed", id="below"),
        pytest.param("rooms/__init__.py", "apps.rooms", id="package"),
        pytest.param("porch.v2.py", "apps.porch_v2", id="dot"),
        pytest.param("my-porch.py", "apps.my-porch", id="dash"),
    ],
)
def test_a_module_is_named_by_directory_and_relative_path(
    apps: Folder, loader: AppLoader, filename: str, name: str
) -> None:
    apps.app(filename)
    assert loader.load(apps.manifest(filename)).__module__ == name
    assert name in sys.modules


def test_a_file_is_imported_once(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py")
    manifest = apps.manifest()
    assert loader.load(manifest) is loader.load(manifest)


def test_two_apps_share_the_module_of_a_file(apps: Folder, loader: AppLoader) -> None:
    apps.write("house.py", "from duly.apps import App\nclass A(App): ...\nclass B(App): ...\n")
    one, other = loader.load(apps.manifest("house.py", "A")), loader.load(apps.manifest("house.py", "B"))
    assert module_of(one) is module_of(other)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("import helpers; x = helpers.X", id="bare"),
        pytest.param("from helpers import X as x", id="bare from"),
        pytest.param("import apps.helpers; x = apps.helpers.X", id="absolute"),
        pytest.param("from apps.helpers import X as x", id="absolute from"),
        pytest.param("from apps import helpers; x = helpers.X", id="from package"),
        pytest.param("from . import helpers; x = helpers.X", id="relative"),
        pytest.param("from .helpers import X as x", id="relative from"),
        pytest.param("from .tools.deep import X as x", id="relative package"),
        pytest.param("import tools.deep; x = tools.deep.X", id="bare package"),
        pytest.param("from tools import X as x", id="bare package from"),
        pytest.param("import importlib; x = importlib.import_module('apps.helpers').X", id="called"),
    ],
)
def test_helpers_are_imported_in_every_way(apps: Folder, loader: AppLoader, statement: str) -> None:
    apps.write("helpers.py", "X = object()\n")
    apps.write("tools/__init__.py", "from tools.deep import X\n")
    apps.write("tools/deep.py", "from helpers import X\n")
    apps.app("porch.py", before=statement)
    porch = module_of(loader.load(apps.manifest()))
    assert porch.x is sys.modules["apps.helpers"].X


def test_a_helper_is_one_module_under_all_its_names(apps: Folder, loader: AppLoader) -> None:
    apps.write("helpers.py", "import porch\n")
    apps.app("porch.py", before="import helpers as a\nfrom . import helpers as b\nimport apps.helpers as c")
    porch = module_of(loader.load(apps.manifest()))
    assert porch.a is porch.b is porch.c
    assert porch.a.porch is porch


def test_a_helper_in_a_directory_without_init_is_found(apps: Folder, loader: AppLoader) -> None:
    apps.write("rooms/size.py", "X = 1\n")
    apps.app("porch.py", before="from apps.rooms.size import X\nfrom rooms import size")
    assert module_of(loader.load(apps.manifest())).X == 1


def test_installed_modules_go_before_files_of_the_same_name(apps: Folder, loader: AppLoader) -> None:
    apps.app("calendar.py")
    apps.write("whenever.py", "raise RuntimeError\n")
    apps.app("porch.py", before="import calendar, whenever")
    assert hasattr(module_of(loader.load(apps.manifest())).calendar, "monthrange")
    assert loader.load(apps.manifest("calendar.py")).__module__ == "apps.calendar"


@pytest.mark.parametrize("name", ["duly", "json", "pytest"])
def test_a_directory_with_the_name_of_an_installed_package_gets_another(
    tmp_path: Path, loader: AppLoader, name: str
) -> None:
    apps = Folder(tmp_path / name)
    apps.write("helpers.py", "X = 1\n")
    apps.app("porch.py", before="from .helpers import X\nimport helpers")
    installed = sys.modules[name]
    assert loader.load(apps.manifest()).__module__ == f"{name}_.porch"
    assert sys.modules[name] is installed


def test_two_directories_of_one_name_are_kept_apart(tmp_path: Path, loader: AppLoader) -> None:
    one, other = Folder(tmp_path / "a" / "apps"), Folder(tmp_path / "b" / "apps")
    for number, folder in enumerate((one, other)):
        folder.write("helpers.py", f"X = {number}\n")
        folder.app("porch.py", before="from .helpers import X")
    assert [module_of(loader.load(folder.manifest())).X for folder in (one, other)] == [0, 1]


def test_a_bare_name_that_may_mean_two_files_is_refused(tmp_path: Path, loader: AppLoader) -> None:
    one, other = Folder(tmp_path / "apps"), Folder(tmp_path / "rooms")
    for folder in (one, other):
        folder.write("helpers.py", "")
    one.app("porch.py", before="import helpers")
    loader.know([one.manifest(), other.manifest()])
    with pytest.raises(AppImportError, match=r"'helpers' may mean apps.helpers and rooms.helpers"):
        loader.load(one.manifest())


def test_apps_import_from_the_directories_of_other_apps(tmp_path: Path, loader: AppLoader) -> None:
    one, other = Folder(tmp_path / "apps"), Folder(tmp_path / "rooms")
    other.write("size.py", "X = 1\n")
    one.app("porch.py", before="from rooms.size import X")
    loader.know([one.manifest(), other.manifest()])
    assert module_of(loader.load(one.manifest())).X == 1


def test_a_loaded_file_keeps_its_module_when_an_inner_directory_becomes_known(apps: Folder, loader: AppLoader) -> None:
    apps.write("rooms/size.py", "x = object()\n")
    apps.app("porch.py", before="from apps.rooms.size import x")
    apps.app("rooms/fan.py", "Fan", before="from rooms.size import x")
    porch = module_of(loader.load(apps.manifest()))
    fan = module_of(loader.load(apps.manifest("fan.py", "Fan", app_dir=apps.directory / "rooms")))
    assert porch.x is fan.x
    assert sys.modules["rooms.size"] is sys.modules["apps.rooms.size"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        pytest.param("import duly\n\nraise ValueError('no lamp')\n", 3, "ValueError: no lamp", id="error"),
        pytest.param("x = 1\nclass Porch(\n", 2, "SyntaxError: '(' was never closed", id="syntax"),
        pytest.param("import no_such_thing\n", 1, "No module named 'no_such_thing'", id="import"),
        pytest.param("import sys\nsys.exit(3)\n", 2, "SystemExit: 3", id="exit"),
        pytest.param("x = '\0'\n", None, "null bytes", id="null"),
    ],
)
def test_a_failed_import_is_told_with_file_and_line(
    apps: Folder, loader: AppLoader, text: str, line: int | None, what: str
) -> None:
    path = apps.write("porch.py", text)
    with pytest.raises(AppImportError) as caught:
        loader.load(apps.manifest())
    assert caught.value.file == path
    assert caught.value.line == line
    place = str(path) if line is None else f"{path}, line {line}"
    assert str(caught.value).startswith(f"{place}: ")
    assert what in str(caught.value)


@pytest.mark.parametrize("statement", ["from hassette import App", "import hassette.models"])
def test_an_import_of_hassette_is_told_what_to_import_instead(apps: Folder, loader: AppLoader, statement: str) -> None:
    path = apps.write("porch.py", statement)
    with pytest.raises(AppImportError) as caught:
        loader.load(apps.manifest())
    advice = "ModuleNotFoundError: No module named 'hassette'; import from Duly instead: `from duly import App`"
    assert str(caught.value) == f"{path}, line 1: {advice}"
    assert caught.value.traceback.endswith(advice)


def test_the_line_told_is_the_innermost_of_the_users_own(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "import json\n\n\njson.loads('{')\n")
    apps.app("porch.py", before="import helpers")
    with pytest.raises(AppImportError) as caught:
        loader.load(apps.manifest())
    assert (caught.value.file, caught.value.line) == (helpers, 4)
    assert "json/decoder" not in caught.value.traceback
    assert "porch.py" in caught.value.traceback


def test_bad_syntax_in_a_helper_is_told_there(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "\nx = = 1\n")
    apps.app("porch.py", before="import helpers")
    with pytest.raises(AppImportError) as caught:
        loader.load(apps.manifest())
    assert (caught.value.file, caught.value.line) == (helpers, 2)


def test_a_failed_import_is_not_remembered(apps: Folder, loader: AppLoader) -> None:
    apps.write("helpers.py", "")
    apps.app("porch.py", before="import helpers\n1 / 0")
    before = set(sys.modules)
    with pytest.raises(AppImportError):
        loader.load(apps.manifest())
    assert set(sys.modules) == before
    apps.app("porch.py", before="import helpers")
    assert loader.load(apps.manifest()).__name__ == "Porch"


def test_an_edit_within_the_same_second_is_seen(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py", before="X = 1")
    with loading() as first:
        assert module_of(first.load(apps.manifest())).X == 1
    apps.app("porch.py", before="X = 2")
    assert module_of(loader.load(apps.manifest())).X == 2


def test_a_missing_file_is_refused_with_the_path_looked_for(apps: Folder, loader: AppLoader) -> None:
    with pytest.raises(AppFileError, match="there is no such file") as caught:
        loader.load(apps.manifest())
    assert str(apps.directory / "porch.py") in str(caught.value)
    assert "set enabled = false" in str(caught.value)


def test_a_file_that_the_system_refuses_to_look_for_is_refused_with_the_reason(apps: Folder, loader: AppLoader) -> None:
    with pytest.raises(AppFileError, match="cannot be read: File name too long"):
        loader.load(apps.manifest("x" * 300))


def test_an_import_elsewhere_never_fails_because_of_a_directory_of_apps(apps: Folder, loader: AppLoader) -> None:
    loader.know([apps.manifest()])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("x" * 300)


def test_a_directory_is_no_app_file(apps: Folder, loader: AppLoader) -> None:
    apps.write("porch.py/inside.txt", "")
    with pytest.raises(AppFileError, match="is no file"):
        loader.load(apps.manifest())


def test_a_file_outside_of_its_directory_is_refused(apps: Folder, loader: AppLoader) -> None:
    apps.app("../porch.py")
    with pytest.raises(AppFileError, match="lies outside of"):
        loader.load(apps.manifest("../porch.py"))


def test_a_missing_class_is_refused_with_those_that_are_there(apps: Folder, loader: AppLoader) -> None:
    apps.write(
        "porch.py", "from duly.apps import App, AppSync\nclass A(App): ...\nclass B(AppSync): ...\nclass C: ...\n"
    )
    with pytest.raises(AppClassError, match="there is no class Porch; the app classes that it defines are A, B;"):
        loader.load(apps.manifest())


def test_a_missing_class_is_refused_where_there_is_none(apps: Folder, loader: AppLoader) -> None:
    apps.write("porch.py", "x = 1\n")
    with pytest.raises(AppClassError, match="it defines no app class"):
        loader.load(apps.manifest())


@pytest.mark.parametrize("text", ["class Porch: ...\n", "Porch = 3\n", "def Porch(): ...\n"])
def test_a_class_that_is_no_app_is_refused(apps: Folder, loader: AppLoader, text: str) -> None:
    apps.write("porch.py", text)
    with pytest.raises(AppClassError, match="Porch derives from neither App nor AppSync"):
        loader.load(apps.manifest())


@pytest.mark.parametrize("name", ["App", "AppSync"])
def test_the_classes_to_derive_from_are_no_apps(apps: Folder, loader: AppLoader, name: str) -> None:
    apps.write("porch.py", "from duly.apps import App, AppSync\n")
    with pytest.raises(AppClassError, match="is the class that apps derive from"):
        loader.load(apps.manifest(class_name=name))


def test_an_abstract_class_is_refused_with_what_it_lacks(apps: Folder, loader: AppLoader) -> None:
    inside = "    @abstractmethod\n    def size(self) -> int: ...\n"
    head = "from abc import ABC, abstractmethod\nfrom duly.apps import App\n"
    apps.write("porch.py", f"{head}class Porch(App, ABC):\n{inside}class Small(App): ...\n")
    with pytest.raises(AppClassError, match=r"Porch is abstract, without size; the app classes .* are Small;"):
        loader.load(apps.manifest())


def test_a_configured_class_may_come_from_another_file(apps: Folder, loader: AppLoader) -> None:
    apps.app("lamps.py")
    apps.write("porch.py", "from lamps import Porch\n")
    assert loader.load(apps.manifest()).__module__ == "apps.lamps"


def test_imports_of_several_threads_give_one_module(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py")
    found: list[type] = []
    threads = [threading.Thread(target=lambda: found.append(loader.load(apps.manifest()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_check_tells_of_all_apps_that_cannot_be_loaded(apps: Folder, loader: AppLoader) -> None:
    apps.app("good.py")
    apps.app("bad.py", before="1 / 0")
    config = "class C(AppConfig):\n    delay: int\n"
    apps.write("asks.py", f"from duly.apps import App, AppConfig\n{config}class Porch(App[C]): ...\n")
    manifests = [apps.manifest(file, app_key=file) for file in ("good.py", "bad.py", "gone.py", "asks.py")]
    found = loader.check(manifests, DulyConfig.hermetic())
    assert [(manifest.app_key, type(error)) for manifest, error in found] == [
        ("bad.py", AppImportError),
        ("gone.py", AppFileError),
        ("asks.py", AppConfigurationError),
    ]


def test_a_loader_that_is_dropped_takes_its_modules_along(apps: Folder) -> None:
    apps.app("porch.py")
    dropped = AppLoader()
    dropped.load(apps.manifest())
    modules = dropped._modules
    del dropped
    assert "apps.porch" not in sys.modules
    assert not finders_of(modules)


def test_a_loader_is_closed_while_an_import_does_not_end(apps: Folder) -> None:
    begun, gate = threading.Event(), threading.Event()
    sys.modules["gate"] = module = ModuleType("gate")
    module.__dict__.update(begun=begun, gate=gate)
    apps.app("porch.py", before="import gate\ngate.begun.set()\ngate.gate.wait()")
    stuck = AppLoader()
    thread = threading.Thread(target=lambda: stuck.load(apps.manifest()))
    try:
        thread.start()
        begun.wait()
        assert len(finders_of(stuck._modules)) == 2
        stuck.close()
        assert not finders_of(stuck._modules)
    finally:
        gate.set()
        thread.join()
        del sys.modules["gate"]
        stuck._modules.put({})
