import sys
from pathlib import Path

import pytest

from duly.apps.load_errors import AppFileError, AppImportError
from duly.apps.loader import AppLoader
from duly.config import DulyConfig
from tests.apps.folder import Folder, module_of


def x_of(loader: AppLoader, apps: Folder, filename: str = "porch.py") -> object:
    return module_of(loader.load(apps.manifest(filename))).x


def stage(loader: AppLoader, *files: Path) -> set[str]:
    """Put the fresh versions in force; the names of the app files that have one."""
    with loader.stage(files) as staged:
        assert staged.errors == {}
        staged.commit()
    return {file.name for file in staged.app_files}


def test_a_changed_app_is_loaded_anew(apps: Folder, loader: AppLoader) -> None:
    file = apps.app("porch.py", before="x = 1; gone = 1")
    old = loader.load(apps.manifest())
    apps.app("porch.py", before="x = 2")
    assert stage(loader, file) == {"porch.py"}
    new = loader.load(apps.manifest())
    assert new is not old
    assert module_of(new).x == 2
    assert not hasattr(module_of(new), "gone")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("import helpers; x = helpers.x", id="bare"),
        pytest.param("from apps.helpers import x", id="absolute"),
        pytest.param("from apps import helpers; x = helpers.x", id="from directory"),
        pytest.param("import apps.helpers; x = apps.helpers.x", id="by attribute"),
        pytest.param("from .helpers import x", id="relative"),
        pytest.param("from . import helpers; x = helpers.x", id="relative module"),
        pytest.param("from between import x", id="through another"),
        pytest.param("from package import x", id="through a package"),
        pytest.param("from package.inside import x", id="through a package of another"),
        pytest.param("from package import inside; x = inside.helpers.x", id="module of a package"),
    ],
)
def test_a_changed_helper_reloads_the_apps_that_import_it(apps: Folder, loader: AppLoader, statement: str) -> None:
    helpers = apps.write("helpers.py", "x = 1\n")
    apps.write("between.py", "from helpers import *\n")
    apps.write("package/__init__.py", "from .inside import x\n")
    apps.write("package/inside.py", "from apps import helpers\nfrom ..helpers import x\n")
    apps.app("porch.py", before=statement)
    apps.app("other.py", before="x = object()")
    assert x_of(loader, apps) == 1
    other = loader.load(apps.manifest("other.py"))
    apps.write("helpers.py", "x = 2\n")
    assert stage(loader, helpers) == {"porch.py"}
    assert x_of(loader, apps) == 2
    assert loader.load(apps.manifest("other.py")) is other


def test_a_fresh_helper_is_imported_once_and_shared(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = object()\n")
    for name in ("a.py", "b.py", "c.py"):
        apps.app(name, before="from helpers import x")
        x_of(loader, apps, name)
    old = sys.modules["apps.helpers"].x
    assert stage(loader, helpers) == {"a.py", "b.py", "c.py"}
    found = {x_of(loader, apps, name) for name in ("a.py", "b.py", "c.py")}
    assert found == {sys.modules["apps.helpers"].x}
    assert old not in found


def test_helpers_that_import_each_other_are_all_fresh(apps: Folder, loader: AppLoader) -> None:
    one = apps.write("one.py", "from apps import two\nx = object()\n")
    apps.write("two.py", "from apps import one\nx = object()\n")
    apps.app("porch.py", before="from apps import one, two\nx = one")
    before = {x_of(loader, apps), sys.modules["apps.two"]}
    stage(loader, one)
    one_now, two_now = sys.modules["apps.one"], sys.modules["apps.two"]
    assert before.isdisjoint({one_now, two_now})
    assert x_of(loader, apps) is one_now
    assert one_now.two is two_now
    assert two_now.one is one_now


def test_what_is_not_concerned_is_not_imported_again(apps: Folder, loader: AppLoader) -> None:
    apps.write("settings.py", "x = object()\n")
    file = apps.app("porch.py", before="from settings import x")
    old = x_of(loader, apps)
    apps.app("porch.py", before="from settings import x  # changed")
    stage(loader, file)
    assert x_of(loader, apps) is old


def test_a_module_that_has_replaced_itself_is_loaded_anew(apps: Folder, loader: AppLoader) -> None:
    text = "import sys, types\nsys.modules[__name__] = types.SimpleNamespace(x={})\n"
    helpers = apps.write("helpers.py", text.format(1))
    apps.app("porch.py", before="import helpers; x = helpers.x")
    assert x_of(loader, apps) == 1
    helpers.write_text(text.format(2))
    assert stage(loader, helpers) == {"porch.py"}
    assert x_of(loader, apps) == 2


def test_a_package_that_gets_an_init_reloads_what_is_in_it(apps: Folder, loader: AppLoader) -> None:
    apps.app("house/porch.py", before="import apps.house; x = getattr(apps.house, 'LAMP', None)")
    assert x_of(loader, apps, "house/porch.py") is None
    init = apps.write("house/__init__.py", "LAMP = 3\n")
    assert stage(loader, init) == {"porch.py"}
    assert x_of(loader, apps, "house/porch.py") == 3


def test_a_helper_that_was_missing_reloads_the_app_that_asked_for_it(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py", before="try:\n    from helpers import x\nexcept ImportError:\n    x = None")
    assert x_of(loader, apps) is None
    helpers = apps.write("helpers.py", "x = 1\n")
    assert stage(loader, helpers) == {"porch.py"}
    assert x_of(loader, apps) == 1


def test_an_app_that_failed_is_tried_again_when_what_it_asks_for_changes(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py", before="from helpers import x")
    with pytest.raises(AppImportError):
        loader.load(apps.manifest())
    helpers = apps.write("helpers.py", "x = 1\n")
    assert stage(loader, helpers) == {"porch.py"}
    assert x_of(loader, apps) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("class Porch(\n", AppImportError, id="syntax"),
        pytest.param("import helpers\n1 / 0\n", AppImportError, id="error"),
        pytest.param("import no_such_thing\n", AppImportError, id="import"),
        pytest.param(None, AppFileError, id="deleted"),
    ],
)
def test_without_commit_the_old_versions_are_in_force(
    apps: Folder, loader: AppLoader, text: str | None, kind: type[Exception]
) -> None:
    apps.write("helpers.py", "x = 1\n")
    file = apps.app("porch.py", before="from helpers import x")
    old, modules = loader.load(apps.manifest()), dict(sys.modules)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with loader.stage([file]) as staged:
        assert {path: type(error) for path, error in staged.errors.items()} == {file: kind}
    assert loader.load(apps.manifest()) is old
    assert dict(sys.modules) == modules
    assert sys.modules["apps"].porch is modules["apps.porch"]


def test_a_change_that_failed_is_part_of_the_next(apps: Folder, loader: AppLoader) -> None:
    apps.write("a.py", "x = 1\n")
    b = apps.write("b.py", "x = 1\n")
    apps.app("porch.py", before="import a, b\nx = a.x + b.x")
    assert x_of(loader, apps) == 2
    a = apps.write("a.py", "x = 10\n")
    b.write_text("x = \n")
    with loader.stage([a, b]) as staged:
        assert list(staged.errors) == [apps.directory / "porch.py"]
    b.write_text("x = 20\n")
    stage(loader, b)
    assert x_of(loader, apps) == 30


def test_a_new_version_that_asks_for_a_missing_helper_is_tried_again_with_it(apps: Folder, loader: AppLoader) -> None:
    file = apps.app("porch.py", before="x = 1")
    x_of(loader, apps)
    apps.app("porch.py", before="from helpers import x")
    with loader.stage([file]) as staged:
        assert list(staged.errors) == [file]
    helpers = apps.write("helpers.py", "x = 2\n")
    assert stage(loader, helpers) == {"porch.py"}
    assert x_of(loader, apps) == 2


def test_apps_that_share_nothing_changed_stay_or_go_apart(apps: Folder, loader: AppLoader) -> None:
    files = [apps.app(name, before="x = 1") for name in ("a.py", "b.py")]
    for name in ("a.py", "b.py"):
        x_of(loader, apps, name)
    files[0].write_text("1 / 0\n")
    apps.app("b.py", before="x = 2")
    with loader.stage(files) as staged:
        assert staged.reject(files[0]) == {files[0]}
        staged.commit()
    assert x_of(loader, apps, "a.py") == 1
    assert x_of(loader, apps, "b.py") == 2


def test_apps_that_share_a_changed_helper_stay_together(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = 1; y = 1\n")
    files = [apps.app("a.py", before="from helpers import x"), apps.app("b.py", before="from helpers import x, y")]
    old = [loader.load(apps.manifest(name)) for name in ("a.py", "b.py")]
    helpers.write_text("x = 2\n")
    with loader.stage([helpers]) as staged:
        assert list(staged.errors) == [files[1]]
        assert staged.reject(files[1]) == set(files)
        staged.commit()
    assert [loader.load(apps.manifest(name)) for name in ("a.py", "b.py")] == old
    assert sys.modules["apps.helpers"].x == 1


def test_an_app_that_newly_imports_a_changed_helper_goes_with_it(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = 1\n")
    a, b = apps.app("a.py", before="x = 0"), apps.app("b.py", before="from helpers import x")
    for name in ("a.py", "b.py"):
        x_of(loader, apps, name)
    apps.app("a.py", before="from helpers import x")
    helpers.write_text("x = 2\n")
    with loader.stage([a, helpers]) as staged:
        assert staged.reject(b) == {a, b}
        staged.commit()
    assert [x_of(loader, apps, name) for name in ("a.py", "b.py")] == [0, 1]


def test_what_was_imported_beside_a_rejected_module_goes_with_it(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = 1\n")
    file = apps.app("porch.py", before="from helpers import x")
    x_of(loader, apps)
    helpers.write_text("x = 2\n")
    apps.app("new.py", before="from helpers import x")
    with loader.stage([helpers]) as staged:
        assert x_of(loader, apps, "new.py") == 2
        staged.reject(file)
        staged.commit()
    assert "apps.new" not in sys.modules
    assert x_of(loader, apps, "new.py") == 1


def test_what_fails_elsewhere_is_not_tried_again(apps: Folder, loader: AppLoader) -> None:
    a, b = apps.app("a.py", before="x = 1"), apps.app("b.py", before="x = 1")
    for name in ("a.py", "b.py"):
        x_of(loader, apps, name)
    a.write_text("1 / 0\n")
    with loader.stage([a]) as staged:
        staged.reject(a)
        staged.commit()
    apps.app("b.py", before="x = 2")
    assert stage(loader, b) == {"b.py"}


def test_a_failed_version_does_not_hide_the_apps_of_the_one_in_force(apps: Folder, loader: AppLoader) -> None:
    file = apps.app("porch.py")
    (found,) = loader.detect(apps.directory, (), ())
    loader.load(apps.manifest())
    file.write_text("1 / 0\n")
    with loader.stage([file]) as staged:
        assert list(staged.errors) == [file]
        assert loader.detect(apps.directory, (), ()) == [found]


def test_a_failure_that_is_over_does_not_hide_the_apps_of_the_file(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = 1\n")
    file = apps.app("porch.py", before="from helpers import x")
    x_of(loader, apps)
    helpers.write_text("x = \n")
    with loader.stage([helpers]) as staged:
        staged.reject(file)
        staged.commit()
    apps.app("helpers.py", "Extra")
    apps.app("porch.py")
    with loader.stage([helpers, file]):
        found = loader.detect(apps.directory, (), ())
    assert [app.key for app in found] == ["apps.helpers.Extra", "apps.porch.Porch"]


def test_a_module_that_no_app_imports_any_more_is_imported_anew_when_asked_for(apps: Folder, loader: AppLoader) -> None:
    plugin = apps.write("plugin.py", "x = 1\n")
    apps.app("porch.py", before="import importlib\nname = 'plugin'\nx = importlib.import_module(name).x")
    assert x_of(loader, apps) == 1
    plugin.write_text("x = 2\n")
    assert stage(loader, plugin) == set()
    assert "apps.plugin" not in sys.modules


def test_reimport_loads_a_file_anew_though_it_is_the_same(apps: Folder, loader: AppLoader) -> None:
    apps.app("porch.py")
    old = loader.load(apps.manifest())
    loader.reimport(apps.manifest(), DulyConfig.hermetic())
    assert loader.load(apps.manifest()) is not old


def test_reimport_of_a_bad_file_leaves_the_old_version(apps: Folder, loader: AppLoader) -> None:
    file = apps.app("porch.py")
    old = loader.load(apps.manifest())
    file.write_text("1 / 0\n")
    with pytest.raises(AppImportError, match="ZeroDivisionError"):
        loader.reimport(apps.manifest(), DulyConfig.hermetic())
    assert loader.load(apps.manifest()) is old


def test_modules_of_apps_that_are_gone_are_forgotten(apps: Folder, loader: AppLoader) -> None:
    apps.write("shared.py", "")
    apps.write("alone.py", "")
    apps.app("a.py", before="import shared, alone")
    apps.app("b.py", before="import shared")
    for name in ("a.py", "b.py"):
        loader.load(apps.manifest(name))
    loader.keep_only([apps.manifest("b.py")])
    left = {name for name in sys.modules if name.startswith("apps.")}
    assert left == {"apps.shared", "apps.b"}


def test_a_hundred_reloads_leave_no_modules_behind(apps: Folder, loader: AppLoader) -> None:
    helpers = apps.write("helpers.py", "x = 0\n")
    apps.app("porch.py", before="from helpers import x")
    x_of(loader, apps)
    count = len(sys.modules)
    for number in range(1, 101):
        helpers.write_text(f"x = {number}\n")
        stage(loader, helpers)
        assert x_of(loader, apps) == number
    assert len(sys.modules) == count
