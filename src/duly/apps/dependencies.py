"""Which files a module imports, read from its source, and what follows for a change.

An import is written down as every file that it may mean, whether that file is there or not: so a helper that is made
later, or that takes precedence over another, is known to concern those who ask for it. What stands under
``if TYPE_CHECKING`` is not imported when the program runs and does not count.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

INIT = "__init__.py"


def imports_of(tree: ast.AST, path: Path, directories: Mapping[Path, str]) -> frozenset[Path]:
    """Every file below one of the directories that the module at ``path`` may mean by its imports.

    The packages that it lies in are among them: they are imported before it. Directories come with their names as
    packages.
    """
    found = set(_packages_above(path, directories))
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(_absolute(alias.name, directories))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names if alias.name != "*")]
            for name in names:
                found.update(_relative(name, path, node.level) if node.level else _absolute(name, directories))
        elif isinstance(node, ast.Call):
            found.update(_called(node, path, directories))
    found.discard(path)
    return frozenset(file for file in found if any(file.is_relative_to(directory) for directory in directories))


def dependents(changed: Iterable[Path], imports: Mapping[Path, Collection[Path]]) -> set[Path]:
    """The changed files, and all that import one of them, directly or through others."""
    importers: defaultdict[Path, set[Path]] = defaultdict(set)
    for importer, files in imports.items():
        for file in files:
            importers[file].add(importer)
    return _reached(changed, importers)


def dependencies(path: Path, imports: Mapping[Path, Collection[Path]]) -> set[Path]:
    """The file, and all that it imports, directly or through others."""
    return _reached([path], imports)


def _reached(starts: Iterable[Path], steps: Mapping[Path, Collection[Path]]) -> set[Path]:
    reached: set[Path] = set()
    ahead = list(starts)
    while ahead:
        path = ahead.pop()
        if path not in reached:
            reached.add(path)
            ahead += steps.get(path, ())
    return reached


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    ahead = [tree]
    while ahead:
        node = ahead.pop()
        yield node
        skipped = node.body if isinstance(node, ast.If) and _is_type_checking(node.test) else []
        ahead += [child for child in ast.iter_child_nodes(node) if child not in skipped]


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _called(call: ast.Call, path: Path, directories: Mapping[Path, str]) -> Iterator[Path]:
    """What ``import_module("name")`` and ``__import__("name")`` may mean, if the name is written out."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if called in {"import_module", "__import__"} and isinstance(name, str):
        level = len(name) - len(name.lstrip("."))
        yield from _relative(name[level:], path, level) if level else _absolute(name, directories)


def _absolute(name: str, directories: Mapping[Path, str]) -> Iterator[Path]:
    parts = name.split(".")
    if parts[0] in sys.stdlib_module_names:
        return
    named = [directory for directory, package in directories.items() if package == parts[0]]
    for directory in named or directories:
        yield from _candidates(directory, parts[1:] if named else parts)


def _relative(name: str, path: Path, level: int) -> Iterator[Path]:
    package = path.parents[level - 1] if level <= len(path.parents) else path.parents[-1]
    return _candidates(package, name.split(".") if name else [])


def _candidates(directory: Path, parts: Sequence[str]) -> Iterator[Path]:
    """The files for a dotted name below a directory, and for each package on the way."""
    yield directory / INIT
    for part in parts:
        yield directory / f"{part}.py"
        directory /= part
        yield directory / INIT


def _packages_above(path: Path, directories: Collection[Path]) -> Iterator[Path]:
    for package in path.parents:
        yield package / INIT
        if package in directories:
            return
