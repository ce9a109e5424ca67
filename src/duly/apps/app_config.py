"""The configuration of one app instance: its ``config`` table, then the process environment, then ``.env`` files.

Variables are read for the fields of the class only; extra keys come from the table.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import TypeVar

from duly.config.active import ACTIVE_CONFIG
from duly.config.environment import of_files, of_process
from duly.config.logs import LEVELS, LevelName
from duly.config.manifest import is_reserved_key
from duly.config.sources import Sources, search_places

log = logging.getLogger("duly.apps.config")

NEVER_READ = frozenset({"PATH", "HOME", "USER", "SHELL", "PWD", "LANG", "TERM", "TZ", "LOGNAME", "HOSTNAME"})
"""Variables that tell of the process, not of an app; a class with a prefix may read its own of these names."""


def _variables() -> Mapping[str, str]:
    """What this process may read: as the running Duly says, else those of the process and its ``.env`` files."""
    config = ACTIVE_CONFIG.get()
    if config is not None:
        return config.get_app_variables()
    return {**of_files(Sources(places=search_places()).env_files).values, **of_process().values}


class AppConfig(BaseSettings):
    """What the user of an app tells one instance of it; a subclass adds fields.

    Raises:
        pydantic.ValidationError: a field is missing or wrong.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(extra="allow", coerce_numbers_to_str=True)

    instance_name: str = ""
    log_level: LevelName | None = None
    """Of the app's logger; ``None``: that of ``logging.apps``."""
    app_key: str = ""

    @field_validator("log_level", mode="before")
    @classmethod
    def _to_level(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - as it was written
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.upper() in LEVELS:
            return value.upper()
        name = info.data.get("instance_name") or "an app"
        warning = f"log_level of {name}: {value!r} is no log level, INFO is used; choose one of {LEVELS}"
        config = ACTIVE_CONFIG.get()
        if config is None or config.is_first(warning):  # a version of an app is checked several times
            log.warning(warning)
        return "INFO"

    @field_validator("app_key")
    @classmethod
    def _refuse_reserved(cls, key: str) -> str:
        if is_reserved_key(key):
            raise ValueError("__duly__ and the prefix __duly__. are reserved for parts of Duly: rename it")
        return key

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the base
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The table, then variables."""
        return init_settings, Variables(settings_cls, _variables())


ConfigT = TypeVar("ConfigT", bound=AppConfig, default=AppConfig)


class Variables(EnvSettingsSource):
    """The fields of a class that variables set; empty ones do not count."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name if self.case_sensitive else name.lower(): value
            for name, value in self._variables.items()
            if value and (self.env_prefix or name.upper() not in NEVER_READ)
        }

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,  # noqa: ANN401 - text, or what was made of it
        value_is_complex: bool,  # noqa: FBT001 - signature of the base
    ) -> Any:  # noqa: ANN401 - as above
        """Give what is no JSON as it is: it is refused, with the other problems, unless the table sets the field."""
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError:
            return value
