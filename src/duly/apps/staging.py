"""Fresh versions of modules beside the ones in force, until it is decided which stay.

A change concerns the changed files and all that imports them. App files that share a concerned module form a group,
which gets fresh versions together or keeps the old ones together: no module is there in two versions, and an error in
one app holds up nobody who has nothing to do with it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import ModuleType

from duly.apps.contents import digest_of
from duly.apps.dependencies import dependencies, dependents, imports_of
from duly.apps.load_errors import AppLoadError, require_file
from duly.apps.modules import AppModules


class Staged:
    """Owns what must be known to put the former modules back; used by the thread that holds the lock of the modules."""

    def __init__(self, modules: AppModules, app_files: Collection[Path], changed: Collection[Path]) -> None:
        self.committed = False
        """Whether the fresh versions stay in force."""
        self.errors: dict[Path, AppLoadError] = {}
        """Why a fresh version of an app file could not be imported."""
        self._modules = modules
        self._before = modules.table.copy()
        news = {*changed, *_outdated(modules)}
        imports = _with_sources(news, modules)
        affected = dependents(news, imports)
        needs = [dependencies(file, imports) & affected for file in affected.intersection(app_files)]
        groups = _merged(needs)
        self._groups = [group for group in groups if not group.isdisjoint(changed)]
        self.app_files = frozenset(file for group in self._groups for file in group.intersection(app_files))
        """The app files of which there are fresh versions, or errors."""
        waiting = {file for group in groups if group not in self._groups for file in group}
        self._import(affected - waiting)

    def commit(self) -> None:
        """Let what is staged, and not rejected, stay in force."""
        self.committed = True

    def undo(self) -> None:
        """Put all former modules back."""
        self._modules.put(self._before)

    def replaces(self, app_file: Path) -> bool:
        """Whether a version of the file was in force before."""
        return app_file in self._before

    def former_of(self, file: Path) -> ModuleType | None:
        """The module that was in force before a fresh import that failed; ``None``: it did not fail."""
        return self._before[file].module if file in self._modules.failed and file in self._before else None

    def reject(self, app_file: Path) -> frozenset[Path]:
        """Put back what is in one group with that file, and give the app files among it."""
        group = next(group for group in self._groups if app_file in group)
        self._groups.remove(group)
        table, before = self._modules.table.copy(), self._before
        fresh = {path for path, loaded in table.items() if before.get(path) is not loaded}
        undone = group | (dependents(group, self._modules.imports) & fresh)
        kept = {path: loaded for path, loaded in table.items() if path not in undone}
        self._modules.put(kept | {path: before[path] for path in undone if path in before})
        rejected = self.app_files & group
        self.app_files -= rejected
        for path in rejected:
            self.errors.pop(path, None)
        return rejected

    def _import(self, files: Collection[Path]) -> None:
        self._modules.put({path: loaded for path, loaded in self._before.items() if path not in files})
        for file in sorted(self.app_files):
            try:
                require_file(file)
                self._modules.module(file)
            except AppLoadError as error:
                self.errors[file] = error


def _outdated(modules: AppModules) -> set[Path]:
    """Files that are not as they were imported, because a change of them was rejected."""
    return {path for path, loaded in modules.table.copy().items() if digest_of(path) != loaded.digest}


def _with_sources(files: Iterable[Path], modules: AppModules) -> Mapping[Path, Collection[Path]]:
    """What files mean by their imports, as they were imported; these files also as they are now."""
    imports: dict[Path, Collection[Path]] = dict(modules.imports)
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except (
            OSError,
            ValueError,
            SyntaxError,
            RecursionError,
            MemoryError,
        ):  # what is wrong with it is told where it is imported
            continue
        imports[file] = {*imports.get(file, ()), *imports_of(tree, file, modules.directories)}
    return imports


def _merged(sets: Iterable[set[Path]]) -> list[set[Path]]:
    """The sets, those that have something in common made one."""
    merged: list[set[Path]] = []
    for one in sets:
        apart = [other for other in merged if one.isdisjoint(other)]
        joined = one.union(*(other for other in merged if other not in apart))
        merged = [*apart, joined]
    return merged
