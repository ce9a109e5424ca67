import ast
from pathlib import Path

import pytest

from duly.apps.dependencies import dependencies, dependents, imports_of

APPS, ROOMS = Path("/srv/apps"), Path("/srv/rooms")
DIRECTORIES = {APPS: "apps", ROOMS: "rooms"}


def imported(source: str, path: str = "house/porch.py") -> set[str]:
    """What a file means, relative to the directory of apps; its packages left out."""
    found = imports_of(ast.parse(source), APPS / path, DIRECTORIES)
    packages = {parent / "__init__.py" for parent in (APPS / path).parents}
    return {str(file.relative_to(APPS)) for file in found - packages if file.is_relative_to(APPS)}


@pytest.mark.parametrize(
    ("source", "files"),
    [
        pytest.param("import helpers", {"helpers.py", "helpers/__init__.py"}, id="bare"),
        pytest.param("import apps.helpers as h", {"helpers.py", "helpers/__init__.py"}, id="absolute"),
        pytest.param("from apps import helpers", {"helpers.py", "helpers/__init__.py"}, id="from directory"),
        pytest.param(
            "from helpers import x",
            {"helpers.py", "helpers/__init__.py", "helpers/x.py", "helpers/x/__init__.py"},
            id="from",
        ),
        pytest.param("import a.b", {"a.py", "a/__init__.py", "a/b.py", "a/b/__init__.py"}, id="package"),
        pytest.param("from . import x", {"house/x.py", "house/x/__init__.py"}, id="relative"),
        pytest.param(
            "from .x import y",
            {"house/x.py", "house/x/__init__.py", "house/x/y.py", "house/x/y/__init__.py"},
            id="relative from",
        ),
        pytest.param("from .. import x", {"x.py", "x/__init__.py"}, id="up"),
        pytest.param("from ... import x", set(), id="out"),
        pytest.param("from ............ import x", set(), id="far out"),
        pytest.param("from helpers import *", {"helpers.py", "helpers/__init__.py"}, id="star"),
        pytest.param("def f():\n    import x", {"x.py", "x/__init__.py"}, id="in a function"),
        pytest.param("try:\n    import x\nexcept ImportError: pass", {"x.py", "x/__init__.py"}, id="tried"),
        pytest.param("importlib.import_module('apps.x')", {"x.py", "x/__init__.py"}, id="called"),
        pytest.param("import_module('.x', __package__)", {"house/x.py", "house/x/__init__.py"}, id="called relative"),
        pytest.param("__import__('x')", {"x.py", "x/__init__.py"}, id="dunder"),
        pytest.param("import_module(name)", set(), id="name unknown"),
        pytest.param("import json, os.path", set(), id="standard library"),
        pytest.param("if TYPE_CHECKING:\n    import x", set(), id="for type checkers"),
        pytest.param(
            "if typing.TYPE_CHECKING:\n    import x\nelse:\n    import y", {"y.py", "y/__init__.py"}, id="else"
        ),
    ],
)
def test_an_import_means_files(source: str, files: set[str]) -> None:
    assert imported(source) == files


def test_a_bare_name_may_mean_a_file_of_any_directory() -> None:
    found = imports_of(ast.parse("import x"), APPS / "porch.py", DIRECTORIES)
    assert {APPS / "x.py", ROOMS / "x.py"} <= found


def test_a_module_imports_the_packages_that_it_lies_in() -> None:
    found = imports_of(ast.parse(""), APPS / "a" / "b" / "c.py", DIRECTORIES)
    assert found == {APPS / "__init__.py", APPS / "a" / "__init__.py", APPS / "a" / "b" / "__init__.py"}


def test_relative_imports_of_a_package_begin_in_it() -> None:
    assert imported("from . import x", "house/__init__.py") == {"house/x.py", "house/x/__init__.py"}


A, B, C, D = (Path(name) for name in "abcd")
CIRCLE = {A: [B], B: [C], C: [B], D: []}


def test_dependents_are_all_that_import_a_changed_file_in_whatever_way() -> None:
    assert dependents([C], CIRCLE) == {A, B, C}
    assert dependents([D], CIRCLE) == {D}
    assert dependents([A], CIRCLE) == {A}


def test_dependents_of_a_file_that_was_not_there_are_those_that_asked_for_it() -> None:
    new = Path("new")
    assert dependents([new], {A: [new], B: [A], D: []}) == {new, A, B}


def test_dependencies_are_all_that_a_file_imports() -> None:
    assert dependencies(A, CIRCLE) == {A, B, C}
    assert dependencies(D, CIRCLE) == {D}
