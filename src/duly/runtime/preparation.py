"""What is checked before anything starts; nothing is created on disk before all of it has passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from duly.apps.load_errors import AppPrecheckFailedError
from duly.apps.precheck import precheck
from duly.config.errors import ConfigurationError

if TYPE_CHECKING:
    from duly.apps.loader import AppLoader
    from duly.config import DulyConfig

    AppCheck: TypeAlias = Callable[[DulyConfig, AppLoader], None]


def prepare(config: DulyConfig, loader: AppLoader) -> None:
    """Import ``.env`` files, find the apps, try to load them, make directories.

    Raises:
        ConfigurationError: with all that is wrong.
    """
    check(config, loader)
    config.ensure_directories()


def check(config: DulyConfig, loader: AppLoader, check_apps: AppCheck = precheck) -> None:
    """Import ``.env`` files, find the apps, try to load them, look at the directories; nothing is made on disk.

    Raises:
        ConfigurationError: with all that is wrong.
    """
    config.import_env_files()  # before code of users is imported, which may read the environment
    config.app_finder = loader.detect
    try:
        config.set_validated_app_manifests()
    except ConfigurationError as error:
        raise with_more(error, loader, check_apps) from None
    errors = [_refusal(lambda: check_apps(config, loader)), _refusal(config.check_directories)]
    found = [error for error in errors if error is not None]
    if found:
        raise _together(found)


def with_more(error: ConfigurationError, loader: AppLoader, check_apps: AppCheck = precheck) -> ConfigurationError:
    """The error together with what is wrong besides, as far as the rest of the settings can be checked."""
    rest = error.rest
    more = None if rest is None else _refusal(lambda: check(rest, loader, check_apps))
    return error if more is None else _together([error, more])


def _refusal(look: Callable[[], None]) -> ConfigurationError | None:
    try:
        look()
    except ConfigurationError as error:
        return error
    return None


def _together(errors: list[ConfigurationError]) -> ConfigurationError:
    if len(errors) == 1:
        return errors[0]
    problems = [problem for error in errors for problem in error.problems]
    failures = [failure for error in errors if isinstance(error, AppPrecheckFailedError) for failure in error.failures]
    return AppPrecheckFailedError(failures, problems) if failures else ConfigurationError(problems)
