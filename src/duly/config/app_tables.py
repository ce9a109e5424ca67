"""From app tables, and what detection has found, to manifests."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from duly.config.app_section import again, failure
from duly.config.apps import AppsConfig
from duly.config.manifest import RESERVED_PREFIX, AppManifest, by_field, is_reserved_key, missing
from duly.config.values import expanded
from duly.directories import seen

log = logging.getLogger("duly.config")

_MADE = ("app_key", "full_path")
"""Fields of a manifest that no table can give."""


class DetectedApp(Protocol):
    """An app that detection has found."""

    @property
    def key(self) -> str:
        """Its app key."""
        ...

    @property
    def filename(self) -> str:
        """Its file, relative to the app directory."""
        ...

    @property
    def class_name(self) -> str:
        """Its class."""
        ...


class AppFinder(Protocol):
    """Looks for apps below a directory."""

    def __call__(
        self, directory: Path, exclude_dirs: Collection[str], configured: Collection[Path], /
    ) -> Iterable[DetectedApp]:
        """All apps but those in directories with excluded names and in files that configured apps point to."""
        ...


def manifests_of(apps: AppsConfig, finder: AppFinder | None) -> dict[str, AppManifest]:
    """The manifests by app key: configured apps in order, then those that the finder finds; ``None`` finds nothing.

    Raises:
        pydantic.ValidationError: with all that is wrong, at places that begin with ``apps`` and the app key.
    """
    manifests, problems = _configured(apps)
    if not problems and finder is not None and apps.autodetect:
        manifests |= _detected(apps, finder, manifests)
    problems += [_unfit(manifest) for key, manifest in manifests.items() if not _is_fit(key)]
    if problems:
        raise ValidationError.from_exception_data("DulyConfig", problems)
    return manifests


def manifest_of(app_key: str, table: Mapping[str, Any], directory: Path) -> AppManifest:
    """The manifest of a configured app; ``directory`` is where its file is unless the table says otherwise.

    Raises:
        pydantic.ValidationError: with all that is wrong.
    """
    given = by_field(table)
    if made := [key for key in _MADE if key in given]:
        log.warning("app %s: %s cannot be set and is ignored: remove it", app_key, " and ".join(made))
    if missing(given, ["app_dir"]):
        given["app_dir"] = directory
    return AppManifest.model_validate({**given, **_located(given), "app_key": app_key})


def _located(given: Mapping[str, Any]) -> dict[str, Any]:
    """The file name with its suffix, and the full path."""
    name, directory = given.get("filename"), given["app_dir"]
    if isinstance(name, bool) or not isinstance(name, str | int | float) or not isinstance(directory, str | Path):
        return {"full_path": Path()}  # the manifest is refused for what is wrong here
    try:
        home = expanded(Path(directory))
    except ValueError:
        return {"full_path": Path()}  # as above
    file = Path(str(name))
    file = file if file.suffix or not file.name else file.with_name(f"{file.name}.py")
    return {"filename": str(file), "full_path": home / file}


def _configured(apps: AppsConfig) -> tuple[dict[str, AppManifest], list[InitErrorDetails]]:
    manifests: dict[str, AppManifest] = {}
    problems: list[InitErrorDetails] = []
    for key, table in apps.apps.items():
        try:
            manifests[key] = manifest_of(key, table, apps.directory)
        except ValidationError as error:
            problems += [again(found, "apps", key) for found in error.errors()]
    return manifests, problems


def _detected(apps: AppsConfig, finder: AppFinder, configured: Mapping[str, AppManifest]) -> dict[str, AppManifest]:
    if not seen(apps.directory.is_dir):
        log.warning("app directory %s does not exist, or is closed: no apps are looked for", apps.directory)
        return {}
    found: dict[str, AppManifest] = {}
    for app in finder(apps.directory, apps.exclude_dirs, {manifest.full_path for manifest in configured.values()}):
        if app.key in configured:
            log.debug("app %s is configured: the one found in %s does not count", app.key, app.filename)
            continue
        table = {"filename": app.filename, "class_name": app.class_name, "auto_loaded": True}
        found[app.key] = made = manifest_of(app.key, table, apps.directory)
        level = logging.DEBUG if made == apps.manifests.get(app.key) else logging.INFO
        log.log(level, "app %s found in %s", app.key, made.full_path)
    return found


def _is_fit(key: str) -> bool:
    """Whether it can be an app key; what stands before the first slash in the name of an instance is its app key."""
    return bool(key.strip()) and "/" not in key and not is_reserved_key(key)


def _unfit(manifest: AppManifest) -> InitErrorDetails:
    why = f"is reserved, as is all that begins with {RESERVED_PREFIX!r}"
    if not is_reserved_key(manifest.app_key):
        why = "must not be blank or contain '/'"
    return failure(
        "app_key_reserved",
        f"app key {manifest.app_key!r} of {manifest.full_path} {why}: rename the app",
        ("apps", manifest.app_key),
        manifest.app_key,
    )
