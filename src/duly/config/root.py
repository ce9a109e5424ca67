"""The root of all settings: ``[duly]``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from duly.config.active import ACTIVE_CONFIG
from duly.config.app_tables import AppFinder, manifests_of
from duly.config.apps import AppsConfig
from duly.config.database import DatabaseConfig
from duly.config.dev_mode import defaults_of, detected
from duly.config.environment import Variables, import_variables, of_process
from duly.config.errors import ConfigurationError, DulyNotInitializedError
from duly.config.explanations import Explanation, explain, silence
from duly.config.file_watcher import FileWatcherConfig
from duly.config.group import ConflictError, Group
from duly.config.lifecycle import LifecycleConfig
from duly.config.logs import LoggingConfig
from duly.config.problems import KeyPath, Problem, truncated
from duly.config.reloading import Reload, difference
from duly.config.scheduler import SchedulerConfig
from duly.config.sources import Loaded, Sources, load, search_places
from duly.config.values import AbsolutePath, Int
from duly.config.web_api import WebApiConfig
from duly.config.websocket import WebSocketConfig
from duly.directories import create_directory, default_directory, seen, why_read_only, why_unusable

log = logging.getLogger("duly.config")

_GROUPS = ("database", "websocket", "logging", "lifecycle", "web_api", "apps", "scheduler", "file_watcher")


def _group() -> Any:  # noqa: ANN401 - a table, of which validation makes the group
    return {}


def _by_mode(production: Any, dev: Any) -> Callable[[dict[str, Any]], Any]:  # noqa: ANN401 - any setting
    return lambda values: dev if values["dev_mode"] else production


class DulyConfig(BaseModel):
    """All settings of one process; validates on assignment, and a refused value leaves the old one in place.

    Made with ``DulyConfig(...)``, it reads its sources: arguments, the environment, ``.env`` files, ``duly.toml``.
    ``load`` is told which files to read, ``hermetic`` reads nothing but its arguments.

    Raises:
        ConfigurationError: with all problems that were found in all sources.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        validate_default=True,  # makes the groups of what has not been written
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    dev_mode: bool = False
    """Comes first, since defaults of others depend on it."""
    database: DatabaseConfig = Field(default_factory=_group)
    websocket: WebSocketConfig = Field(default_factory=_group)
    logging: LoggingConfig = Field(default_factory=_group)
    lifecycle: LifecycleConfig = Field(default_factory=_group)
    web_api: WebApiConfig = Field(default_factory=_group)
    apps: AppsConfig = Field(default_factory=_group)
    scheduler: SchedulerConfig = Field(default_factory=_group)
    file_watcher: FileWatcherConfig = Field(default_factory=_group)
    config_file: Path | str | None = "duly.toml"
    """What was asked for; never steers the search."""
    env_file: Path | str | None = ".env"
    """What was asked for; never steers the search."""
    base_url: str = "http://127.0.0.1:8123"
    """Address of Home Assistant."""
    verify_ssl: bool = True
    token: str | None = Field(default=None, repr=False)
    config_dir: AbsolutePath = Field(default_factory=partial(default_directory, "config"))
    data_dir: AbsolutePath = Field(default_factory=partial(default_directory, "data"))
    import_dot_env_files: bool = True
    run_app_precheck: bool = True
    allow_startup_if_app_precheck_fails: bool = Field(default_factory=_by_mode(production=False, dev=True))
    duly_event_buffer_size: Int = Field(default=1000, ge=1)
    """Capacity of the channel that feeds the bus."""
    default_cache_size: Int = Field(default=100 * 1024 * 1024, ge=1)
    """In bytes."""
    strict_lifecycle: bool = False
    """Raise instead of warn on invalid changes of status."""
    asyncio_debug_mode: bool = False
    state_proxy_poll_interval_seconds: Int = Field(default_factory=_by_mode(production=30, dev=15), ge=1)
    disable_state_proxy_polling: bool = False
    bus_excluded_domains: tuple[str, ...] = Field(default=(), examples=[["sun", "media_*"]])
    """Glob patterns."""
    bus_excluded_entities: tuple[str, ...] = Field(default=(), examples=[["sensor.*_rssi"]])
    """Glob patterns."""
    allow_reload_in_prod: bool = False
    allow_only_app_in_prod: bool = False

    _sources: Sources = PrivateAttr()
    _loaded: Loaded = PrivateAttr()
    """What the sources said when they were last read."""
    _warned: set[str] = PrivateAttr(default_factory=set)
    """What apps have warned of; only ever added to, by any thread."""
    _app_finder: AppFinder | None = PrivateAttr(default=None)

    def __init__(self, sources: Sources | None = None, /, **values: Any) -> None:  # noqa: ANN401 - any setting
        sources = sources or Sources(arguments=values, places=search_places())
        dev_mode, sign = detected() if sources.dev_mode is None else (sources.dev_mode, None)
        loaded = load(sources, type(self))
        for warning in loaded.warnings:
            log.warning(warning)
        written = loaded.stack.values
        try:
            self.__pydantic_validator__.validate_python({"dev_mode": dev_mode, **written}, self_instance=self)
            refused = bool(loaded.problems or loaded.stack.problems)
        except ValidationError:
            refused = True
        if refused:
            problems, sound = explain(self._explanation(loaded, dev_mode=dev_mode), loaded, type(self))
            rest = None if sound is None else self._rest(sources, loaded, {"dev_mode": dev_mode, **sound})
            raise ConfigurationError(problems, rest)
        if "dev_mode" not in written:
            self.model_fields_set.discard("dev_mode")
            if sign:
                log.info("dev mode is on, since %s; set dev_mode to choose", sign)
        self._sources, self._loaded = sources, loaded

    @classmethod
    def load(
        cls,
        *,
        config_file: Path | str | None = None,
        env_file: Path | str | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Self:
        """Settings as a command reads them: a named file replaces all of its kind, ``flags`` hold over all else.

        ``flags`` are by field. Raises as the class does.
        """
        named = {name: path for name, path in (("config_file", config_file), ("env_file", env_file)) if path}
        paths: dict[str, Any] = {name: Path(path).absolute() for name, path in named.items()}
        return cls(Sources(flags={**named, **(flags or {})}, places=search_places(), **paths))

    @classmethod
    def hermetic(cls, **values: Any) -> Self:  # noqa: ANN401 - any setting
        """Settings of these values and defaults alone, in production mode unless told otherwise."""
        return cls(Sources(arguments=values, dev_mode=False))

    @property
    def ledger_path(self) -> Path:
        """The file of the ledger."""
        return self.database.path or self.data_dir / "duly.db"

    @classmethod
    def _rest(cls, sources: Sources, loaded: Loaded, values: Mapping[str, Any]) -> Self | None:
        """Settings of those values that are fine; ``None``: they cannot be had, of groups made elsewhere."""
        config = cls.__new__(cls)
        try:
            with silence():
                cls.__pydantic_validator__.validate_python(values, self_instance=config)
        except ValidationError:
            return None
        config._sources, config._loaded = sources, loaded  # noqa: SLF001 - made here
        return config

    @classmethod
    def get_config(cls) -> DulyConfig:
        """The settings of the Duly that runs in the current context.

        Raises:
            DulyNotInitializedError: none runs.
        """
        config = ACTIVE_CONFIG.get()
        if config is None:
            raise DulyNotInitializedError("no Duly runs in this context: ask for its settings from code that it runs")
        return config

    def problem_at(self, path: KeyPath, value: object, fix: str) -> Problem:
        """What is wrong with a value, found after the settings were read: told with where it was written."""
        return self._loaded.stack.or_default(path).problem(value, fix)

    def _explanation(self, loaded: Loaded, *, dev_mode: bool) -> Explanation:
        """Explains in terms of the defaults of the mode that was written, else of ``dev_mode``."""
        with suppress(ValidationError):
            dev_mode = TypeAdapter(bool).validate_python(loaded.stack.values.get("dev_mode", dev_mode))
        return Explanation(loaded.stack, type(self), type(self).hermetic(dev_mode=dev_mode))

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - any setting
        before, was_set = self.__dict__.copy(), self.model_fields_set.copy()
        try:
            super().__setattr__(name, value)
        except ValueError:  # pydantic checks the whole only after the value has taken its place
            self.__dict__.clear()
            self.__dict__.update(before)
            self.model_fields_set.intersection_update(was_set)
            raise

    # --- what follows from the settings ---

    @property
    def app_finder(self) -> AppFinder | None:
        """What looks for apps that are not configured; ``None``: nothing does."""
        return self._app_finder

    @app_finder.setter
    def app_finder(self, finder: AppFinder | None) -> None:
        self._app_finder = finder

    @property
    def env_files(self) -> set[Path]:
        """The ``.env`` files that there are."""
        return set(self._sources.env_files)

    @property
    def toml_files(self) -> set[Path]:
        """The TOML files that there are, and those of Hassette that were used."""
        return {*self._sources.toml_files, *self._loaded.hassette_files}

    def get_watchable_files(self) -> set[Path]:
        """Files and directories of which a change matters, as far as they exist."""
        manifests = self.apps.manifests.values()
        of_apps = {self.apps.directory, *(path for app in manifests for path in (app.full_path, app.app_dir))}
        return {path.absolute() for path in self.env_files | self.toml_files | of_apps if seen(path.exists)}

    @property
    def auth_headers(self) -> dict[str, str]:
        """What authenticates a request to Home Assistant; empty without a token."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request to Home Assistant."""
        return {**self.auth_headers, "Content-Type": "application/json"}

    @property
    def truncated_token(self) -> str:
        """As much of the token as may be shown."""
        return truncated(self.token)

    def ensure_directories(self) -> None:
        """Make the directories for configuration and data.

        Raises:
            ConfigurationError: one cannot be used.
        """
        self._use_directories(create_directory)

    def check_directories(self) -> None:
        """See whether the directories for configuration and data can be used, as far as that shows; make nothing.

        Raises:
            ConfigurationError: one cannot.
        """
        self._use_directories(why_unusable)

    def _use_directories(self, use: Callable[[Path], str | None]) -> None:
        reasons = {"config_dir": use(self.config_dir), "data_dir": use(self.data_dir)}
        if self.database.path is None:  # caches do without
            reasons["data_dir"] = reasons["data_dir"] or why_read_only(self.data_dir)
        problems = [
            self.problem_at((name,), str(getattr(self, name)), f"{reason}; name a directory that can be used")
            for name, reason in reasons.items()
            if reason
        ]
        if problems:
            raise ConfigurationError(problems)

    def get_app_variables(self) -> dict[str, str]:
        """The environment as configurations of apps read it: of the process, then what the ``.env`` files said."""
        return {name: value for variables in reversed(self._variables()) for name, value in variables.values.items()}

    def app_variable(self, name: str) -> str | None:
        """Where apps read a variable from, told as in problems; ``None`` if it is not set. The case does not matter."""
        for variables in self._variables():
            for each in variables.values:
                if each.lower() == name.lower():
                    return variables.origin(each, ()).text
        return None

    def _variables(self) -> tuple[Variables, ...]:
        """Those of the process, then those of the files."""
        dotenv = self._loaded.dotenv
        return (dotenv,) if self._sources.hermetic else (of_process(), dotenv)

    def import_env_files(self) -> tuple[str, ...]:
        """Put the variables of the ``.env`` files into ``os.environ``, but for those that are there.

        Does nothing without ``import_dot_env_files``. Gives the names of those that were put there.
        """
        return import_variables(self._loaded.dotenv.values) if self.import_dot_env_files else ()

    def is_first(self, warning: str) -> bool:
        """Whether nothing has warned of this since the settings were read."""
        news = warning not in self._warned
        self._warned.add(warning)
        return news

    def set_validated_app_manifests(self) -> None:
        """Make the manifests of all apps, configured and found; if that fails, the old ones stay.

        Raises:
            ConfigurationError: with all that is wrong.
        """
        try:
            self.apps.manifests = manifests_of(self.apps, self.app_finder)
        except ValidationError as error:
            found = self._explanation(self._loaded, dev_mode=self.dev_mode).problems(error)
            refused = {str(path[1]) for keys in found for path in keys}
            raise ConfigurationError(found.values(), self._without_apps(refused)) from None

    def _without_apps(self, keys: Collection[str]) -> DulyConfig | None:
        """The same without some of the configured apps; ``None`` if none of them is configured."""
        kept = {key: table for key, table in self.apps.apps.items() if key not in keys}
        if len(kept) == len(self.apps.apps):
            return None
        rest = self.model_copy()
        rest.apps = self.apps.model_copy(update={"apps": kept})
        return rest

    def reload(self) -> Reload:
        """Read all sources again, all or nothing, and make the manifests anew.

        What is wrong is logged, and the settings stay as they were.
        """
        try:
            fresh = type(self)(replace(self._sources, dev_mode=self.dev_mode))
            fresh.app_finder = self.app_finder
            fresh.apps.manifests = self.apps.manifests  # what was found before is no news
            fresh.set_validated_app_manifests()
        except ConfigurationError as error:
            log.error("reload refused, the settings stay as they were\n%s", error)  # noqa: TRY400 - no error of ours
            return Reload(problems=tuple(error.problems))
        result = difference(self, fresh)
        self.__dict__.update(fresh.__dict__)
        self.model_fields_set.clear()
        self.model_fields_set.update(fresh.model_fields_set)
        self._loaded, self._warned = fresh._loaded, fresh._warned  # noqa: SLF001 - made here
        if result.waiting:
            log.warning("waiting for a restart: %s", ", ".join(result.waiting))
        return result

    # --- checks ---

    @field_validator(*_GROUPS, mode="wrap")
    @classmethod
    def _fill(cls, given: Any, make: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:  # noqa: ANN401 - any
        """Give a group that comes as a table the defaults that it has here; copy one that was made elsewhere."""
        group = make(given)
        if isinstance(given, Group):
            return given.model_copy()
        defaults = defaults_of(str(info.field_name), dev_mode=info.data.get("dev_mode", False))
        group.fall_back_on(defaults)
        return group

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        with suppress(ValueError):  # of a port, or brackets, that cannot be
            parts = urlsplit(url)
            if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
                return url
        raise ValueError("must have http or https and a host, for example http://homeassistant.local:8123")

    @field_validator("token")
    @classmethod
    def _blank_is_none(cls, token: str | None) -> str | None:
        return token if token and token.strip() else None

    @model_validator(mode="after")
    def _logs_go_first(self) -> Self:
        """Log records must not outlive the executions that they refer to."""
        logs, executions = self.logging.log_retention_days, self.database.retention_days
        if logs > executions:
            raise ConflictError(
                f"logging.log_retention_days ({logs}) must not be greater than database.retention_days ({executions}):"
                " lower the first or raise the second",
                ("logging", "log_retention_days"),
                ("database", "retention_days"),
            )
        return self
