"""From changed files to exchanged apps: find what has changed, load it, apply it; whatever is bad leaves the old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from duly.apps.changes import ChangeSet, changes_between
from duly.apps.contents import Contents, digest_of, python_files
from duly.apps.import_thread import in_import_thread
from duly.apps.loader import app_file
from duly.config import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from duly.apps.handler import AppHandler
    from duly.apps.loader import AppLoader
    from duly.apps.staging import Staged
    from duly.config import AppManifest, DulyConfig
    from duly.lifecycle.logs import PartLogger

T = TypeVar("T")

_DECISIVE = frozenset({"dev_mode", "allow_only_app_in_prod"})
"""Settings by which ``only_app`` blocks apps or does not."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with the apps, now that new versions are in force."""

    changes: ChangeSet
    kept: Mapping[str, Exception]
    """Why apps stay as they are, by key."""
    moved: bool
    """Whether manifests, or the settings by which apps are blocked, are others than before."""
    settings: Sequence[str]
    """Paths of settings that are others than before."""


class Reloader:
    """Owns what was last seen of files, and the manifests that the running apps were made by.

    One reload at a time, in the order of asking; its parts that import and read run in an import thread.
    """

    def __init__(self, config: DulyConfig, loader: AppLoader, handler: AppHandler, logger: PartLogger) -> None:
        self._config = config
        self._loader = loader
        self._handler = handler
        self._logger = logger
        self.tell: Callable[[frozenset[Path]], object] = lambda _: None
        """Called with the changed files before each reload; must not wait."""
        self.tell_of_settings: Callable[[Collection[str]], object] = lambda _: None
        """Called with the paths of changed settings, before apps are exchanged; must not wait."""
        self._turn = asyncio.Lock()
        self._contents = Contents({path: digest_of(path) for path in self._settings_files()})
        self._waiting: set[Path] = set()
        """Changed files that had no effect yet, since the settings could not be used."""
        self._applied: dict[str, AppManifest] = {}
        """What the running apps were made by."""
        self._configs: dict[str, list[object]] = {}
        """What they were told."""

    async def begin(self) -> None:
        """Take what is in force for what the running apps were made of."""
        await in_import_thread(self._look)

    async def reload(self) -> ChangeSet:
        """Bring the apps to what files and settings say now; gives what was changed."""
        async with self._turn:
            changed = await in_import_thread(self._changed_files)
            if not changed:
                return ChangeSet()
            self.tell(frozenset(changed))
            troubled = {app.app_key for app in self._handler.snapshot().apps if app.reload_error is not None}
            plan = await self._watched(in_import_thread(self._prepare, troubled=troubled))
            if plan is None:
                return ChangeSet()
            if plan.settings:
                self.tell_of_settings(plan.settings)
            for app_key, error in plan.kept.items():
                self._handler.keep(app_key, error)
            if plan.changes or plan.moved:
                await self._handler.apply_changes(plan.changes)
            await in_import_thread(self._tidy)
            return plan.changes

    async def _watched(self, work: Awaitable[T]) -> T:
        """The result of the work; that it takes long is logged, since a module may never come to its end."""
        task = asyncio.ensure_future(work)
        limit = self._config.lifecycle.app_startup_timeout_seconds
        if not (await asyncio.wait({task}, timeout=limit))[0]:
            files = ", ".join(sorted(map(str, self._waiting)))
            self._logger.error(
                "a reload has not ended after %s s, an import may hang: changed files are %s", limit, files
            )
        return await task

    # --- what has changed --------------------------------------------------------------------------------------------

    def _look(self) -> None:
        files = {path: digest_of(path) for path in self._code_files()}
        self._contents.take({**files, **self._loader.digests()})
        self._applied = dict(self._config.apps.manifests)
        self._configs = self._configs_now()

    def _settings_files(self) -> set[Path]:
        return self._config.env_files | self._config.toml_files

    def _code_files(self) -> set[Path]:
        apps = self._config.apps
        manifests = apps.manifests.values()
        directories = {apps.directory.resolve(), *(manifest.app_dir for manifest in manifests)}
        found = {path for directory in directories for path in python_files(directory, apps.exclude_dirs)}
        return found.union(map(app_file, manifests), self._loader.digests())

    def _configs_now(self) -> dict[str, list[object]]:
        """What each app would be told now."""
        return {
            app_key: self._loader.configs(manifest, self._config)
            for app_key, manifest in _enabled(self._config.apps.manifests).items()
        }

    def _changed_files(self) -> set[Path]:
        changed = self._contents.changed(self._settings_files() | self._code_files())
        self._waiting |= changed
        return changed

    def _tidy(self) -> None:
        """Forget what is not needed any more, and take note of what apps are told that were imported meanwhile."""
        self._loader.keep_only(_enabled(self._applied).values())
        enabled = _enabled(self._config.apps.manifests)
        self._configs = {
            key: self._configs.get(key) or self._loader.configs(manifest, self._config)
            for key, manifest in enabled.items()
        }

    # --- new versions ------------------------------------------------------------------------------------------------

    def _prepare(self, *, troubled: Collection[str]) -> _Plan | None:
        """Put new settings and new versions in force, as far as they are good; ``None``: the settings are not.

        ``troubled`` apps do not have their latest version. What is in force already, as after a reload by hand, is left
        out unless there are such: then it may be the file of one, as it was before.
        """
        code = {path for path in self._waiting if path.suffix == ".py"}
        read = code != self._waiting
        if not troubled:
            code -= {path for path, digest in self._loader.digests().items() if digest == digest_of(path)}
        manifests = self._config.apps.manifests
        with self._loader.stage(code) as staged:
            settings = self._take_settings(read=read)
            if settings is None:
                return None
            self._loader.know(self._config.apps.manifests.values())
            changes, kept = self._settle(staged, troubled if read else ())
            staged.commit()
        self._waiting.clear()
        new = self._config.apps.manifests
        self._applied = {key: self._applied.get(key, new[key]) if key in kept else new[key] for key in new}
        return _Plan(changes, kept, not _DECISIVE.isdisjoint(settings) or dict(new) != dict(manifests), settings)

    def _take_settings(self, *, read: bool) -> Sequence[str] | None:
        """Make the manifests anew, after reading the settings again if need be.

        Gives the paths of those that are others now; ``None``: they cannot be used, and are as before.
        """
        if read:
            result = self._config.reload()
            return None if result.problems else result.changed
        try:
            self._config.set_validated_app_manifests()
        except ConfigurationError as error:
            self._logger.error("reload refused, the apps stay as they were\n%s", error)  # noqa: TRY400 - as in reload()
            return None
        return ()

    def _settle(self, staged: Staged, troubled: Collection[str]) -> tuple[ChangeSet, Mapping[str, Exception]]:
        """Put the old modules back where a new version cannot take the place of one that is there.

        ``troubled`` apps may have been told again what they were told before their trouble.

        Gives the changes that remain, and why apps are not among them.
        """
        kept: dict[str, Exception] = {}
        while (bad := self._first_bad(staged)) is not None:
            file, error = bad
            rejected = staged.reject(file)
            kept |= {key: error for key, manifest in self._applied.items() if app_file(manifest) in rejected}
            self._config.set_validated_app_manifests()  # what is found in files is found in the old modules again
        manifests, configs = self._config.apps.manifests, self._configs_now()
        reconfigured = {key for key, told in configs.items() if told and told != (self._configs.get(key) or told)}
        reconfigured |= {key for key in configs if key in troubled and self._loader.is_latest(manifests[key])}
        changes = changes_between(self._applied, manifests, staged.app_files, reconfigured)
        for app_key in changes.reload_apps.difference(kept):
            error_in_config = self._loader.problem(manifests[app_key], self._config)
            if error_in_config is not None:
                kept[app_key] = error_in_config
        self._configs = {key: self._configs.get(key, told) if key in kept else told for key, told in configs.items()}
        stay = _enabled(self._applied).keys() & _enabled(manifests).keys()
        return changes.without(kept), {key: error for key, error in kept.items() if key in stay}

    def _first_bad(self, staged: Staged) -> tuple[Path, Exception] | None:
        """A file whose new version cannot take the place of the old one, and why."""
        manifests = self._config.apps.manifests
        for app_key in sorted(changes_between(self._applied, manifests, staged.app_files).reimport_apps):
            file = app_file(manifests[app_key])
            if staged.replaces(file):
                error = staged.errors.get(file) or self._loader.problem(manifests[app_key], self._config)
                if error is not None:
                    return file, error
        return None


def _enabled(manifests: Mapping[str, AppManifest]) -> dict[str, AppManifest]:
    return {app_key: manifest for app_key, manifest in manifests.items() if manifest.enabled}
