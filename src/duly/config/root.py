"""The root of all settings: ``[duly]``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from duly.config.apps import AppsConfig
from duly.config.database import DatabaseConfig
from duly.config.directories import default_directory
from duly.config.file_watcher import FileWatcherConfig
from duly.config.lifecycle import LifecycleConfig
from duly.config.logs import LoggingConfig
from duly.config.scheduler import SchedulerConfig
from duly.config.values import AbsolutePath, Int
from duly.config.web_api import WebApiConfig
from duly.config.websocket import WebSocketConfig

_DEFAULTS: dict[str, dict[str, Any]] = {
    "lifecycle": {"startup_timeout_seconds": 10},
    "websocket": {"total_timeout_seconds": 40},
}
"""Of keys that have another default here than in a group on its own."""


class DulyConfig(BaseModel):
    """All settings of one process; validates on assignment, and a refused value leaves the old one in place."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, coerce_numbers_to_str=True, allow_inf_nan=False)

    database: DatabaseConfig = Field(default_factory=DatabaseConfig)
    websocket: WebSocketConfig = Field(default_factory=partial(WebSocketConfig, **_DEFAULTS["websocket"]))
    logging: LoggingConfig = Field(default_factory=LoggingConfig)
    lifecycle: LifecycleConfig = Field(default_factory=partial(LifecycleConfig, **_DEFAULTS["lifecycle"]))
    web_api: WebApiConfig = Field(default_factory=WebApiConfig)
    apps: AppsConfig = Field(default_factory=AppsConfig)
    scheduler: SchedulerConfig = Field(default_factory=SchedulerConfig)
    file_watcher: FileWatcherConfig = Field(default_factory=FileWatcherConfig)
    config_file: Path | str | None = "duly.toml"
    """What was asked for; never steers the search."""
    env_file: Path | str | None = ".env"
    """What was asked for; never steers the search."""
    dev_mode: bool = False
    base_url: str = "http://127.0.0.1:8123"
    """Address of Home Assistant."""
    verify_ssl: bool = True
    token: str | None = None
    config_dir: AbsolutePath = Field(default_factory=partial(default_directory, "config"))
    data_dir: AbsolutePath = Field(default_factory=partial(default_directory, "data"))
    import_dot_env_files: bool = True
    run_app_precheck: bool = True
    allow_startup_if_app_precheck_fails: bool = False
    duly_event_buffer_size: Int = Field(default=1000, ge=1)
    """Capacity of the channel that feeds the bus."""
    default_cache_size: Int = Field(default=100 * 1024 * 1024, ge=1)
    """In bytes."""
    strict_lifecycle: bool = False
    """Raise instead of warn on invalid changes of status."""
    asyncio_debug_mode: bool = False
    state_proxy_poll_interval_seconds: Int = Field(default=30, ge=1)
    disable_state_proxy_polling: bool = False
    bus_excluded_domains: tuple[str, ...] = ()
    """Glob patterns."""
    bus_excluded_entities: tuple[str, ...] = ()
    """Glob patterns."""
    allow_reload_in_prod: bool = False
    allow_only_app_in_prod: bool = False

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - any setting
        before, was_set = self.__dict__.copy(), self.model_fields_set.copy()
        try:
            super().__setattr__(name, value)
        except ValueError:  # pydantic checks the whole only after the value has taken its place
            self.__dict__.clear()
            self.__dict__.update(before)
            self.model_fields_set.intersection_update(was_set)
            raise

    @field_validator(*_DEFAULTS, mode="before")
    @classmethod
    def _fill_defaults(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - what the caller gives
        """Give a group that comes as a table the defaults that it has here."""
        return {**_DEFAULTS[str(info.field_name)], **given} if isinstance(given, dict) else given

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"base_url needs http or https and a host, as in http://127.0.0.1:8123, not {url!r}")
        return url

    @field_validator("token")
    @classmethod
    def _blank_is_none(cls, token: str | None) -> str | None:
        return token if token and token.strip() else None

    @model_validator(mode="after")
    def _logs_go_first(self) -> Self:
        """Log records must not outlive the executions that they refer to."""
        logs, executions = self.logging.log_retention_days, self.database.retention_days
        if logs > executions:
            raise ValueError(
                f"logging.log_retention_days ({logs}) must not be greater than database.retention_days ({executions}):"
                " lower the first or raise the second"
            )
        return self
