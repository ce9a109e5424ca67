"""A version of an app, checked before anything of it starts: its class, and the configuration of each instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from duly.apps.app import App
from duly.apps.app_config import AppConfig
from duly.apps.errors import AppConfigurationError, ConfigProblem
from duly.config import AppManifest, DulyConfig
from duly.config.active import active
from duly.config.problems import dotted, shown


@dataclass(frozen=True, slots=True)
class Version:
    """What an app would run with."""

    app_class: type[App[Any]] | None
    """``None``: it cannot be loaded."""
    configs: tuple[AppConfig | Exception, ...]
    """Of each instance, or why it is refused."""
    error: Exception | None = None
    """Why it cannot be loaded."""
    latest: bool = True
    """Whether it is what its files contain, and not what they contained before they went bad."""

    @property
    def problems(self) -> list[Exception]:
        """What is wrong with it: why it cannot be loaded, else why configurations are refused."""
        return [self.error] if self.error else [config for config in self.configs if isinstance(config, Exception)]

    @property
    def problem(self) -> Exception | None:
        """The first thing that is wrong with it."""
        return next(iter(self.problems), None)


def version_of(app_class: type[App[Any]], manifest: AppManifest, config: DulyConfig) -> Version:
    """Check the configuration of each instance; variables are those that ``config`` knows."""
    with active(config):
        return Version(app_class, tuple(_configs(app_class, manifest)))


def _configs(app_class: type[App[Any]], manifest: AppManifest) -> Iterator[AppConfig | Exception]:
    taken: dict[str, int] = {}
    for index, table in enumerate(manifest.app_config):
        try:
            config = app_class.config_class(**table)
        except ValidationError as error:
            prefix = app_class.config_class.model_config.get("env_prefix", "")
            yield AppConfigurationError(manifest.app_key, index, tuple(_problems(error, table, prefix)))
            continue
        except Exception as error:  # noqa: BLE001 - a validator of the user's may raise anything
            yield error
            continue
        except SystemExit as error:  # would end the loop, and with it all other apps
            yield RuntimeError(f"the configuration called sys.exit({error.code!r}): raise a ValueError instead")
            continue
        name = config.instance_name
        if taken.setdefault(name, index) != index:
            problem = ConfigProblem("instance_name", repr(name), f"must differ from that of instance {taken[name]}")
            yield AppConfigurationError(manifest.app_key, index, (problem,))
        else:
            yield config


def _problems(error: ValidationError, table: Mapping[str, Any], prefix: str) -> Iterator[ConfigProblem]:
    for found in error.errors(include_url=False, include_context=False):
        path = found["loc"]
        if found["type"] == "default_factory_not_called":  # follows from another one
            continue
        value = "" if found["type"] == "missing" or not path else shown(path, found["input"])
        variable = f"{prefix}{path[0]}" if value and path[0] not in table else ""
        yield ConfigProblem(dotted(path), value, found["msg"].removeprefix("Value error, "), variable)
