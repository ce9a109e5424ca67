"""From a manifest to the class of an app, and from changed files to new versions of all apps that they concern."""

from __future__ import annotations

import inspect
import logging
import os
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from duly.apps.app import App
from duly.apps.app_sync import AppSync
from duly.apps.contents import digest_of, python_files
from duly.apps.dependencies import dependencies
from duly.apps.load_errors import AppClassError, AppFileError, AppImportError, AppLoadError, require_file
from duly.apps.modules import AppModules
from duly.apps.staging import Staged
from duly.apps.versions import version_of

if TYPE_CHECKING:
    from duly.config import AppManifest, DulyConfig

log = logging.getLogger("duly.apps.loader")


@dataclass(frozen=True, slots=True)
class DetectedApp:
    """An app class that was found in a file."""

    key: str
    """Its app key: dotted, from the name of the directory down to the class."""
    filename: str
    """Relative to the directory."""
    class_name: str


class AppLoader:
    """Owns the modules of all apps, and which files apps are in; a lock lets one thread at a time change them.

    Imports may take long: call it beside the event loop.
    """

    def __init__(self) -> None:
        self._modules = AppModules()
        self._app_files: set[Path] = set()
        self._staged: Staged | None = None
        """What is being staged, by whoever holds the lock."""
        self.undetected: dict[Path, AppImportError] = {}
        """Files in which the last detection could not look."""
        self._end = weakref.finalize(self, self._modules.withdraw)
        self._end.atexit = False  # an import that never ends would hold up the end of the process

    def close(self) -> None:
        """Take all modules of apps out of the interpreter."""
        self._end()

    @property
    def importing(self) -> Path | None:
        """The file that is being imported: nothing else can be until it ends or is given up."""
        return self._modules.importing

    def give_up(self, manifest: AppManifest, seconds: float) -> bool:
        """Let others be imported if ``load`` has been importing the file of this app for so long; whether it has.

        The import goes on beside; until it ends, files that need it cannot be imported.
        """
        return self._staged is None and self._modules.give_up(app_file(manifest), seconds)

    def know(self, manifests: Iterable[AppManifest]) -> None:
        """Let files in the directories of these apps be imported by all apps."""
        with self._modules.lock:
            for manifest in manifests:
                self._modules.add_directory(manifest.app_dir)

    def load(self, manifest: AppManifest) -> type[App[Any]]:
        """The class in the module in force, which is imported if there is none yet.

        Raises:
            AppLoadError: it cannot be had; told with file and line.
        """
        with self._modules.lock:
            self.know([manifest])
            path = app_file(manifest)
            if not path.is_relative_to(manifest.app_dir) or not manifest.full_path.is_relative_to(manifest.app_dir):
                advice = "set app_dir to the directory that it is in"
                raise AppFileError(f"lies outside of {manifest.app_dir}", manifest.full_path, advice=advice)
            self._app_files.add(path)
            if path not in self._modules.table:
                require_file(path)
            return _class_in(self._modules.module(path), manifest, path)

    def detect(self, directory: Path, exclude_dirs: Collection[str], configured: Collection[Path]) -> list[DetectedApp]:
        """The app classes defined in files below a directory, but for those in configured files.

        Files that cannot be imported are logged and left out.
        """
        if not directory.is_dir():
            log.warning("no apps are looked for: apps.directory %s is no directory", directory)
            return []
        with self._modules.lock:
            self._modules.add_directory(directory)
            self.undetected.clear()
            home = directory.resolve()
            return [
                DetectedApp(f"{_dotted(directory, file)}.{cls.__qualname__}", str(file), cls.__qualname__)
                for file in _files_of_apps(home, exclude_dirs, configured)
                for cls in self._classes_in_file(home / file)
            ]

    def check(self, manifests: Iterable[AppManifest], config: DulyConfig) -> list[tuple[AppManifest, Exception]]:
        """Those of the apps that cannot be loaded, or whose configurations are refused, with each reason."""
        return [(manifest, problem) for manifest in manifests for problem in self.problems(manifest, config)]

    def problems(self, manifest: AppManifest, config: DulyConfig) -> list[Exception]:
        """Why an app cannot be loaded, or its configurations are refused; none: it can be started."""
        try:
            return version_of(self.load(manifest), manifest, config).problems
        except AppLoadError as error:
            return [error]

    def problem(self, manifest: AppManifest, config: DulyConfig) -> Exception | None:
        """The first of its problems."""
        return next(iter(self.problems(manifest, config)), None)

    def configs(self, manifest: AppManifest, config: DulyConfig) -> list[object]:
        """What the instances of an app are told: values to compare, errors as text; nothing before it is imported."""
        if app_file(manifest) not in self._modules.table:
            return []
        try:
            version = version_of(self.load(manifest), manifest, config)
        except AppLoadError as error:
            return [str(error)]
        return [str(told) if isinstance(told, Exception) else told for told in version.configs]

    @contextmanager
    def stage(self, changed: Collection[Path]) -> Iterator[Staged]:
        """Import fresh versions of all modules that the changed files concern.

        They are in force within the block, for whoever loads; unless ``commit()`` is called there, the old ones are
        put back at its end. What shares a changed module stays or goes together; what has not, goes its own way.
        """
        with self._modules.lock:
            self._staged = Staged(self._modules, frozenset(self._app_files), changed)
            try:
                yield self._staged
            finally:
                if not self._staged.committed:
                    self._staged.undo()
                self._staged = None

    def reimport(self, manifest: AppManifest, config: DulyConfig) -> None:
        """Put a fresh version of an app's file in force, and of what imports it.

        Raises:
            AppLoadError: it cannot be loaded; the old version stays in force.
            AppConfigurationError: the configuration is refused by it; as above.
        """
        path = app_file(manifest)
        with self._modules.lock:
            self.know([manifest])
            self._app_files.add(path)
        with self.stage({path}) as staged:
            error = next(iter(staged.errors.values()), None) or self.problem(manifest, config)
            if error is not None:
                raise error
            staged.commit()

    def digests(self) -> Mapping[Path, str | None]:
        """What the files of the modules in force contained when they were imported."""
        with self._modules.lock:
            return {path: loaded.digest for path, loaded in self._modules.table.copy().items()}

    def is_latest(self, manifest: AppManifest) -> bool:
        """Whether the modules in force of an app are what its files contain now."""
        with self._modules.lock:
            table = self._modules.table.copy()
            needed = table.keys() & dependencies(app_file(manifest), self._modules.imports)
            return all(table[path].digest == digest_of(path) for path in needed)

    def keep_only(self, manifests: Iterable[AppManifest]) -> None:
        """Forget the files that no app is in any more, with the modules that only they need."""
        with self._modules.lock:
            kept = {path for manifest in manifests if (path := app_file(manifest)) in self._app_files}
            imports = self._modules.imports
            needed, unneeded = (
                {path for file in files for path in dependencies(file, imports)}
                for files in (kept, self._app_files - kept)
            )
            table = self._modules.table.copy()
            self._modules.put({path: table[path] for path in table if path in needed or path not in unneeded})
            self._app_files = kept

    # --- inside ------------------------------------------------------------------------------------------------------

    def _classes_in_file(self, path: Path) -> list[type[App[Any]]]:
        former = None if self._staged is None else self._staged.former_of(path)
        if former is not None:
            return app_classes(former)
        try:
            return app_classes(self._modules.module(path))
        except AppImportError as error:
            self.undetected[path] = error
            log.error("no apps are looked for in %s\n%s", path, error.traceback)  # noqa: TRY400 - it has what matters
            return []


def app_classes(module: ModuleType) -> list[type[App[Any]]]:
    """The app classes that a module defines itself, in their order, and has under the name of the class.

    Left out is what is only there to derive from: abstract, or with a name that begins with an underscore.
    """
    classes = (cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, App))
    defined = dict.fromkeys(cls for cls in classes if cls.__module__ == module.__name__)
    named = (cls for cls in defined if getattr(module, cls.__qualname__, None) is cls)
    return [cls for cls in named if not (inspect.isabstract(cls) or cls.__name__.startswith("_"))]


def _files_of_apps(home: Path, exclude_dirs: Collection[str], configured: Collection[Path]) -> Iterator[Path]:
    """The files below a directory in which apps are looked for, relative to it."""
    for path in python_files(home, exclude_dirs, _warn_of_closed):
        target = path.resolve()
        if not target.is_relative_to(home):
            log.debug("no apps are looked for in %s: it is a link to %s, which lies outside of %s", path, target, home)
        elif target not in configured:
            yield path.relative_to(home)


def _warn_of_closed(error: OSError) -> None:
    log.warning("no apps are looked for in %s: %s", error.filename, error.strerror)


def _dotted(directory: Path, file: Path) -> str:
    inside = file.parent if file.name == "__init__.py" else file.with_suffix("")
    return ".".join([directory.name, *inside.parts])


def app_file(manifest: AppManifest) -> Path:
    """Where the file of an app is; links below the directory stay, so that names are those that the user gave."""
    return Path(os.path.normpath(manifest.app_dir / manifest.filename))


def _class_in(module: ModuleType, manifest: AppManifest, path: Path) -> type[App[Any]]:
    name = manifest.class_name
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, App) and found not in {App, AppSync}:
        if not inspect.isabstract(found):
            return found
        what = f"{name} is abstract, without {', '.join(sorted(getattr(found, '__abstractmethods__', ())))}"
    elif found in {App, AppSync}:
        what = f"{name} is the class that apps derive from"
    elif found is not None:
        what = f"{name} derives from neither App nor AppSync"
    else:
        what = f"there is no class {name}"
    defined = ", ".join(cls.__qualname__ for cls in app_classes(module))
    advice = f"the app classes that it defines are {defined}" if defined else "it defines no app class"
    raise AppClassError(what, path, advice=f"{advice}; write class {name}(App), or correct class_name")
