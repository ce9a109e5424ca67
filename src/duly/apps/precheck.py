"""Trying to load apps before anything starts."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from duly.apps.errors import AppConfigurationError
from duly.apps.load_errors import AppLoadError, AppPrecheckFailedError
from duly.config.manifest import by_field
from duly.config.problems import Problem

if TYPE_CHECKING:
    from duly.apps.loader import AppLoader
    from duly.config import AppManifest, DulyConfig

log = logging.getLogger("duly.apps.precheck")


def precheck(config: DulyConfig, loader: AppLoader) -> None:
    """Let apps import from each other; load the configured and enabled ones, and log those that cannot be started.

    Without ``run_app_precheck`` none is loaded.

    Raises:
        AppPrecheckFailedError: some failed, and ``allow_startup_if_app_precheck_fails`` is off.
    """
    loader.know(config.apps.manifests.values())
    if not config.run_app_precheck:
        return
    manifests = [one for one in config.apps.manifests.values() if one.enabled and not one.auto_loaded]
    failures = loader.check(manifests, config)
    for manifest, error in failures:
        log.error("app failed its check: app=%s\n%s", manifest.app_key, getattr(error, "traceback", "") or error)
    if failures and config.allow_startup_if_app_precheck_fails:
        keys = ", ".join(dict.fromkeys(manifest.app_key for manifest, _ in failures))
        log.warning("apps that failed their check are left out, the others are started: apps=%s", keys)
    else:
        refuse(config, failures)


def check_all(config: DulyConfig, loader: AppLoader) -> None:
    """As ``precheck``, of all that is enabled and all that was found, whatever the settings say; logs nothing.

    Raises:
        AppPrecheckFailedError: some failed.
    """
    loader.know(config.apps.manifests.values())
    failures = loader.check([one for one in config.apps.manifests.values() if one.enabled], config)
    known = {manifest.full_path for manifest, _ in failures}
    unread = [(str(path), error) for path, error in loader.undetected.items() if path not in known]
    refuse(config, failures, unread)


def refuse(
    config: DulyConfig,
    failures: Collection[tuple[AppManifest, Exception]],
    unread: Collection[tuple[str, AppLoadError]] = (),
) -> None:
    """Raise what tells of apps that failed, and of files that could not be read to look for apps, if there are any.

    Raises:
        AppPrecheckFailedError: there are.
    """
    problems = [problem for manifest, error in failures for problem in _problems(config, manifest, error)]
    problems += [_of_code(None, error) for _, error in unread]
    if problems:
        raise AppPrecheckFailedError([*((manifest.app_key, error) for manifest, error in failures), *unread], problems)


def _problems(config: DulyConfig, manifest: AppManifest, error: Exception) -> Iterator[Problem]:
    """What is wrong with the table of an app, or with its code."""
    table = ("apps", manifest.app_key)
    if isinstance(error, AppConfigurationError):
        yield from _of_config(config, manifest, error)
    elif not isinstance(error, AppLoadError):
        yield config.problem_at((*table, "config"), manifest.app_config, f"{type(error).__name__}: {error}")
    elif error.setting is None:
        yield _of_code(f"apps.{manifest.app_key}", error)
    else:
        fix = f"{error}"
        if error.setting == "filename":
            fix = f"{error.file}: {error.what} (apps.directory is {config.apps.directory}); {error.advice}"
        written = by_field(config.apps.apps.get(manifest.app_key, {})).get(error.setting)
        yield config.problem_at((*table, error.setting), written or getattr(manifest, error.setting), fix)


def _of_code(key: str | None, error: AppLoadError) -> Problem:
    """Of an app, ``None``: of a file that is only searched for apps."""
    other = "take the file out of the app directory" if key is None else "set enabled = false"
    return Problem(str(error.file), key, None, f"{error.what}; correct the code, or {other}", error.line)


def _of_config(config: DulyConfig, manifest: AppManifest, error: AppConfigurationError) -> Iterator[Problem]:
    """Told at the variable that has set a value, else at the value in the table, else at the table."""
    place = () if len(manifest.app_config) == 1 else (error.index,)
    for found in error.problems:
        fields = found.field.split(".") if found.field else []
        problem = config.problem_at(("apps", manifest.app_key, "config", *place, *fields), None, found.message)
        problem = replace(problem, value=found.value or None)
        variable = config.app_variable(found.variable) if found.variable else None
        yield problem if variable is None else replace(problem, file=variable, line=None)
