"""The modules of apps: how files below app directories become modules, and how many of them are replaced at once.

A file is one module under whatever name it is imported: ``{directory name}.{relative path}`` is its own; a name that
begins below the directory (``import helpers``) gives the same object, if no installed package has that name. Sources
are compiled anew each time: files of compiled code go by whole seconds and sizes, and would hide a quick edit.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from duly.apps.contents import digest
from duly.apps.dependencies import INIT, dependencies, imports_of
from duly.apps.import_lock import ImportLock
from duly.apps.load_errors import AppImportError
from duly.core.clock import SECOND, SystemClock
from duly.directories import seen

_CLOCK = SystemClock()  # imports take real time
_WITHDRAW_SECONDS = 0.5
"""How long the end waits for an import that goes on."""


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A file as it was when it became a module."""

    name: str
    path: Path
    module: ModuleType
    digest: str | None
    """Of its content; ``None``: it was not there, and is an empty package."""
    imports: frozenset[Path]
    """The files that it may mean by its imports."""


class AppModules:
    """Owns the directories, the table of modules in force, and their entries in ``sys.modules`` and in their packages.

    Whoever changes the table on purpose holds ``lock``. An import that an app makes while it runs adds to it without,
    in one step of a dictionary (the import system has locks of its own, and two orders would be a deadlock); so the
    table is gone through in copies.
    """

    def __init__(self) -> None:
        self.lock: Final = ImportLock()
        self.directories: dict[Path, str] = {}
        """Each with its name as a package."""
        self.table: dict[Path, LoadedModule] = {}
        self.failed: dict[Path, frozenset[Path]] = {}
        """Files that are not in force since their import failed, with what they meant by their imports."""
        self.importing: Path | None = None
        """The file that is being imported on purpose, which may take long."""
        self._since = 0
        """When that began, in monotonic nanoseconds."""
        self.executing: dict[Path, int] = {}
        """Files whose code is being executed, each with its thread."""
        self.given_up: set[Path] = set()
        """Those of them that are not waited for: until they end, no thread can import them."""
        self._odd: dict[str, Path] = {}
        """Files that their module names do not lead to, since there is a dot in theirs."""
        self.closed = False
        """Whether nothing is imported any more."""
        self._finders = (Finder(self, self.find_inside), Finder(self, self.find_bare))
        sys.meta_path.insert(0, self._finders[0])  # names that begin with a directory's go first
        sys.meta_path.append(self._finders[1])  # those that begin below one go last

    def withdraw(self) -> None:
        """Take all modules and finders out of the interpreter, for good.

        What an import brings that has not ended by then is taken out when it does.
        """
        owned = self.lock.acquire(timeout=_WITHDRAW_SECONDS)
        self.closed = True
        for finder in self._finders:
            with suppress(ValueError):  # withdrawn before
                sys.meta_path.remove(finder)
        if owned:
            try:
                self.put({})
            finally:
                self.lock.release()

    # --- names -------------------------------------------------------------------------------------------------------

    def add_directory(self, directory: Path) -> None:
        """Let files below it be imported. A name that is taken, by an installed package or by another, gets a ``_``."""
        directory = directory.resolve()
        if directory not in self.directories:
            name = directory.name.replace(".", "_") or "apps"
            while name in self.directories.values() or _is_foreign(name, directory):
                name += "_"
            self.directories[directory] = name

    def name_of(self, path: Path) -> str:
        """The module name of a file below one of the directories, the innermost one counting."""
        directory = max((found for found in self.directories if path.is_relative_to(found)), key=lambda d: len(d.parts))
        parts = path.relative_to(directory).with_suffix("").parts
        inside = parts[:-1] if path.name == INIT else parts
        return ".".join([self.directories[directory], *(part.replace(".", "_") for part in inside)])

    def find(self, name: str) -> Path | None:
        """The file for a name that begins with a directory's; a package's is its ``__init__.py``, there or not."""
        first, *rest = name.split(".")
        home = next((home for home, package in self.directories.items() if package == first), None)
        return self._odd.get(name) or (None if home is None else _file(home, rest))

    def find_inside(self, name: str) -> Path | None:
        """The file for a name that begins with a directory's, or with a package below one."""
        package, _, child = name.rpartition(".")
        parent = sys.modules.get(package)
        return self.find(f"{parent.__name__}.{child}" if parent is not None and _is_of_app(parent) else name)

    def find_bare(self, name: str) -> Path | None:
        """The file right below one of the directories for a name without dots.

        Raises:
            ImportError: several directories have one.
        """
        if "." in name:
            return None
        files = {file for home in self.directories if (file := _file(home, [name])) is not None}
        if len(files) > 1:
            found = " and ".join(sorted(self.name_of(file) for file in files))
            raise ImportError(f"{name!r} may mean {found}: import it by one of these names", name=name)
        return files.pop() if files else None

    def spec(self, name: str, path: Path | None) -> ModuleSpec | None:
        """How the import system is to get at the file under that name."""
        if path is None:
            return None
        loaded = self.table.get(path)
        own = self.name_of(path) if loaded is None else loaded.name
        if own != name:
            return ModuleSpec(name, _OtherName(own))
        loader = _FileLoader(self, name, path)
        package = [str(path.parent)] if path.name == INIT else None
        if seen(path.is_file):
            return importlib.util.spec_from_file_location(name, path, loader=loader, submodule_search_locations=package)
        spec = ModuleSpec(name, loader, is_package=True)
        spec.submodule_search_locations = package
        return spec

    # --- modules -----------------------------------------------------------------------------------------------------

    def module(self, path: Path) -> ModuleType:
        """The module in force of a file, which is imported if there is none yet.

        Raises:
            AppImportError: it cannot be; what the import has brought along is taken back.
            RuntimeError: nothing is imported any more.
        """
        self._refuse_if_closed()
        loaded = self.table.get(path)
        if loaded is not None:
            return loaded.module
        if self.given_up:
            self._refuse_stuck(path)
        before = self.table.copy()
        self._since, self.importing = _CLOCK.monotonic(), path
        try:
            self._import(path)
            return self.table[path].module
        except BaseException as error:
            self._refuse_if_closed()
            if not self.lock.keep(self._end_import):
                raise  # it was given up, and taken back then
            self.put(before)
            if not isinstance(error, Exception | SystemExit):
                raise
            raise AppImportError(error, path, self.directories) from error
        finally:
            self.lock.keep(self._end_import)
            if self.closed:
                self.put({})

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise RuntimeError("apps are imported no more: their loader is closed")

    def _refuse_stuck(self, path: Path) -> None:
        """Raise if the file needs one whose import was given up and goes on: it would be waited for."""
        for stuck in sorted(self.given_up.copy() & {path, *dependencies(path, self.imports)}):
            error = ImportError(f"the import of {stuck} still goes on: correct the file and start Duly again")
            raise AppImportError(error, path, self.directories)

    def _end_import(self) -> None:
        self.importing = None

    def give_up(self, path: Path, seconds: float) -> bool:
        """Let others import if the import of this file has gone on for so long; whether it has.

        It goes on beside, and leaves nothing behind when it ends. Until then its files cannot be imported.
        """
        thread = self.lock.take(lambda: self.importing == path and _CLOCK.monotonic() - self._since >= seconds * SECOND)
        if thread is None:
            return False
        try:
            self.importing = None
            stuck = {file for file, by in self.executing.copy().items() if by == thread}
            self.given_up |= stuck
            self.failed |= {file: loaded.imports for file in stuck if (loaded := self.table.get(file)) is not None}
            self.put({file: loaded for file, loaded in self.table.copy().items() if file not in stuck})
        finally:
            self.lock.release()
        return True

    def _import(self, path: Path) -> None:
        name = self.name_of(path)
        found = self.find(name)
        if found is None:
            self._odd[name] = path
        elif found != path:
            raise ImportError(f"{path} and {found} would both be the module {name}: rename one of them", name=name)
        importlib.import_module(name)

    @property
    def imports(self) -> dict[Path, frozenset[Path]]:
        """What each file means by its imports, those that failed to be imported included."""
        return {**self.failed.copy(), **{path: loaded.imports for path, loaded in self.table.copy().items()}}

    def put(self, table: Mapping[Path, LoadedModule]) -> None:
        """Make this the table in force: what is not in it can no longer be imported without being loaded anew."""
        now = self.table.copy()
        leaving = [loaded for path, loaded in now.items() if table.get(path) is not loaded]
        coming = [loaded for path, loaded in table.items() if now.get(path) is not loaded]
        gone = {id(sys.modules.get(loaded.name, loaded.module)) for loaded in leaving}  # it may have replaced itself
        names = {name: module for name, module in list(sys.modules.items()) if id(module) in gone}
        for name, module in names.items():
            del sys.modules[name]
            package, _, child = name.rpartition(".")
            if package not in names and vars(sys.modules.get(package, sys)).get(child) is module:
                delattr(sys.modules[package], child)
        for loaded in coming:
            sys.modules[loaded.name] = loaded.module
            self.failed.pop(loaded.path, None)
        for loaded in coming:
            package, _, child = loaded.name.rpartition(".")
            if package in sys.modules:
                setattr(sys.modules[package], child, loaded.module)
        self.table = dict(table)


def _file(directory: Path, parts: Sequence[str]) -> Path | None:
    """The file of a dotted name, with the precedence that Python gives; it is asked for modules of anybody."""
    base = directory.joinpath(*parts)
    package, module = base / INIT, base.with_name(f"{base.name}.py")
    if seen(package.is_file) or not parts:
        return package
    if seen(module.is_file):
        return module
    return package if seen(base.is_dir) else None


def _is_of_app(module: ModuleType | None) -> bool:
    return isinstance(getattr(getattr(module, "__spec__", None), "loader", None), _FileLoader)


def _is_foreign(name: str, directory: Path) -> bool:
    """Whether a top-level module that has nothing to do with the directory bears the name."""
    if name in sys.stdlib_module_names or _is_of_app(sys.modules.get(name)):
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return name in sys.modules
    if spec is None or spec.origin is None:
        return False  # a mere directory, somewhere on the path
    return directory not in [Path(place).resolve() for place in spec.submodule_search_locations or ()]


class Finder(MetaPathFinder):
    """Asked by the interpreter for a module: looks for it among the files of apps."""

    def __init__(self, modules: AppModules, find: Callable[[str], Path | None]) -> None:
        self.modules = modules
        self._find = find

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of that name, if one of the files has it."""
        del path, target
        return self.modules.spec(fullname, self._find(fullname))


class _FileLoader(SourceFileLoader):
    """Loads one file, compiled anew, and enters it in the table from when it begins."""

    def __init__(self, modules: AppModules, name: str, path: Path) -> None:
        super().__init__(name, str(path))
        self._modules = modules
        self._path = path
        self._source = b""

    def exec_module(self, module: ModuleType) -> None:
        """Execute it; a file that is not there is an empty package."""
        modules, path = self._modules, self._path
        there = path.is_file()
        self._source = path.read_bytes() if there else b""
        known = modules.failed.pop(path, frozenset[Path]())
        modules.executing[path] = threading.get_ident()
        try:
            known = imports_of(ast.parse(self._source, str(path)), path, modules.directories)
            modules.table[path] = LoadedModule(self.name, path, module, digest(self._source) if there else None, known)
            super().exec_module(module)
        except BaseException:
            modules.table.pop(path, None)
            modules.failed[path] = known
            raise
        finally:
            del modules.executing[path]
            modules.given_up.discard(path)

    def get_code(self, fullname: str) -> CodeType:
        """Compile what was read."""
        del fullname
        return self.source_to_code(self._source, str(self._path))


class _OtherName(Loader):
    """Gives the module of another name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def create_module(self, spec: ModuleSpec) -> None:
        """Import it before this name is entered, so that modules which import each other get the same object."""
        del spec
        self._module = importlib.import_module(self._name)

    def exec_module(self, module: ModuleType) -> None:
        """Put it in the place of what was made for this name."""
        assert self._module is not None  # noqa: S101 - made by create_module
        sys.modules[module.__name__] = self._module
