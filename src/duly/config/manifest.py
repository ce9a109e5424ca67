"""What is known of an app before its file is imported."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from duly.config.values import HomePath
from duly.directories import seen

log = logging.getLogger("duly.config")

RESERVED_KEY = "__duly__"
RESERVED_PREFIX = "__duly__."

ALIASES: Mapping[str, tuple[str, ...]] = {
    "filename": ("filename", "file_name"),
    "class_name": ("class_name", "class", "module", "module_name"),
    "app_config": ("config", "app_config"),
}
"""What a field may be called in an app table; the first that is there counts."""

FIELDS: Mapping[str, str] = {name: field for field, names in ALIASES.items() for name in names}
"""By what a field may be called: the field."""

TABLE_KEYS = ("filename", "class_name", "app_dir", "enabled", "display_name", "config", "auto_loaded")
"""What an app table may say, by the usual name."""

REQUIRED_KEYS = ("filename", "class_name")
"""Without which a table defines no app."""


def is_reserved_key(key: str) -> bool:
    """Whether the key of an app is one that Duly keeps for its own parts."""
    return key == RESERVED_KEY or key.startswith(RESERVED_PREFIX)


def by_field(table: Mapping[str, Any]) -> dict[str, Any]:
    """An app table with the names of fields in place of what they may be called too."""
    found = {field: table[name] for field, names in ALIASES.items() for name in reversed(names) if name in table}
    return {**found, **{key: value for key, value in table.items() if key not in FIELDS}}


def missing(table: Mapping[str, Any], fields: Collection[str]) -> list[str]:
    """Those of the fields that a table, named by field, leaves out or empty."""
    return [field for field in fields if table.get(field) in (None, "")]


class AppManifest(BaseModel):
    """One app: where its class is, and the configuration of each of its instances.

    A value; whoever made it owns it. Validates on assignment. Keys of an app table that are no fields are kept in
    ``model_extra``, and left out of dumps unless ``include`` is given.
    """

    model_config = ConfigDict(extra="allow", validate_assignment=True, coerce_numbers_to_str=True)

    app_key: str
    """The app's key in the configuration."""
    enabled: bool = True
    """Whether it may run."""
    filename: str
    """Its file, relative to ``app_dir``."""
    class_name: str
    """The class of the app in that file."""
    display_name: str = Field(default="", validate_default=True)
    """Name shown to people; empty is ``class_name``."""
    app_dir: HomePath
    """Directory of the file; a relative one counts from the working directory."""
    app_config: list[dict[str, Any]] = Field(default_factory=list, validate_default=True)
    """Configuration of each instance, one table or a list of them; never empty, each with an ``instance_name``."""
    auto_loaded: bool = False
    """Whether it was found by detection."""
    full_path: Path
    """Resolved path of the file."""

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - what the caller gives
        """Read a table as a user writes it; an instance, as on assignment, is left alone."""
        if not isinstance(given, Mapping):
            return handler(given)
        table = by_field(given)
        if left_out := missing(table, (*REQUIRED_KEYS, "app_dir")):
            raise ValueError(f"app {table.get('app_key', '?')!r} lacks {', '.join(left_out)}: add what is missing")
        return handler(_with_extras(table, {key for key in table if key not in cls.model_fields}))

    @field_validator("app_config", mode="before")
    @classmethod
    def _as_list(cls, given: Any) -> Any:  # noqa: ANN401 - as it was written
        if given is None or given in ({}, []):
            return [{}]
        return [given] if isinstance(given, Mapping) else given

    @field_validator("app_config")
    @classmethod
    def _name_instances(cls, given: list[dict[str, Any]], info: ValidationInfo) -> list[dict[str, Any]]:
        usual = info.data.get("class_name", "")
        return [
            {**table, "instance_name": f"{usual}.{index}"} if missing(table, ["instance_name"]) else table
            for index, table in enumerate(given)
        ]

    @field_validator("display_name", mode="before")
    @classmethod
    def _name_for_people(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - as it was written
        return info.data.get("class_name", "") if given in (None, "") else given

    @field_validator("app_dir", "full_path")
    @classmethod
    def _resolve(cls, given: Path) -> Path:
        return given.resolve()

    @model_validator(mode="after")
    def _split_file(self) -> Self:
        """A directory that is a file names the file too."""
        file = self.app_dir
        if seen(file.is_file):
            log.warning(
                "app %s: app_dir %s is a file, taken as its filename; name the directory instead", self.app_key, file
            )
            self.__dict__ |= {"app_dir": file.parent, "filename": file.name, "full_path": file}
        return self

    @model_serializer(mode="wrap")
    def _leave_out_extras(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        if info.include is None:
            for key in self.model_extra or ():
                dumped.pop(key, None)
        return dumped

    def __repr__(self) -> str:
        return f"<AppManifest {self.display_name} ({self.class_name}) - enabled={self.enabled} file={self.filename}>"


def _with_extras(table: dict[str, Any], extras: set[str]) -> dict[str, Any]:
    """The table with its extra keys as configuration too, where they can belong to one instance only."""
    if not extras:
        return table
    config = table.get("app_config") or {}
    if not isinstance(config, Mapping):
        fate = "ignored, since config is a list"
    elif shared := sorted(extras & set(config)):
        fate = f"ignored, since config says {', '.join(shared)} too"
    else:
        fate = "taken as if written there"
        table = {**table, "app_config": {**config, **{key: table[key] for key in table if key in extras}}}
    written = ", ".join(_with_hint(key) for key in table if key in extras)
    belong, they = ("belongs", "it is") if len(extras) == 1 else ("belong", "they are")
    log.warning("app %s: %s %s under config; %s %s", table.get("app_key"), written, belong, they, fate)
    return table


def _with_hint(key: str) -> str:
    near = difflib.get_close_matches(key, TABLE_KEYS, n=1)
    return f"{key} (did you mean {near[0]}?)" if near else key
