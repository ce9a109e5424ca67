"""Levels, format, queue and persistence of logs: ``[duly.logging]``."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from duly.config.group import Group
from duly.config.values import Int

log = logging.getLogger("duly.config")

LevelName: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _level(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - as it was written
    """The level in capitals; ``INFO`` where there is none, with a warning if something else stands there."""
    if value is None:
        return "INFO"
    if isinstance(value, str) and value.upper() in LEVELS:
        return value.upper()
    log.warning("logging.%s: %r is no log level, INFO is used; choose one of %s", info.field_name, value, LEVELS)
    return "INFO"


Level = Annotated[LevelName, BeforeValidator(_level)]


def _general(values: dict[str, Any]) -> LevelName:
    level: LevelName = values["log_level"]
    return level


def _all_events(values: dict[str, Any]) -> bool:
    return bool(values["all_events"])


class LoggingConfig(Group):
    """What is logged, how, and for how long it is kept. A service without a level of its own has ``log_level``."""

    log_level: Level = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"
    log_queue_max: Int = Field(default=2000, ge=1)
    log_persistence_level: Level = "INFO"
    """The lowest level that is stored in the database."""
    log_retention_days: Int = Field(default=3, ge=1)
    database_service: Level = Field(default_factory=_general)
    bus_service: Level = Field(default_factory=_general)
    scheduler_service: Level = Field(default_factory=_general)
    app_handler: Level = Field(default_factory=_general)
    web_api: Level = Field(default_factory=_general)
    websocket: Level = Field(default_factory=_general)
    service_watcher: Level = Field(default_factory=_general)
    file_watcher: Level = Field(default_factory=_general)
    task_bucket: Level = Field(default_factory=_general)
    command_executor: Level = Field(default_factory=_general)
    apps: Level = Field(default_factory=_general)
    state_proxy: Level = Field(default_factory=_general)
    api: Level = Field(default_factory=_general)
    all_events: bool = False
    """Whether the bus logs every event at DEBUG."""
    all_hass_events: bool = Field(default_factory=_all_events)
    """Likewise for events of Home Assistant; ``None`` is as ``all_events``."""
    all_duly_events: bool = Field(default_factory=_all_events)
    """Likewise for Duly's own events; ``None`` is as ``all_events``."""

    @field_validator("all_hass_events", "all_duly_events", mode="before")
    @classmethod
    def _as_all_events(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - as it was written
        return info.data.get("all_events", False) if value is None else value
