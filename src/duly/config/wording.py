"""What a setting may be, in words, from the JSON Schema of its model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from duly.config.apps import AppsConfig
from duly.config.manifest import FIELDS, AppManifest
from duly.config.problems import KeyPath, as_toml

NO_LIMIT = '"none" for no limit'


def field_at(model: type[BaseModel], path: KeyPath) -> tuple[type[BaseModel], str | None]:
    """The model that a key path leads to, and its field there; ``None`` if the path ends at the model."""
    for key in path:
        if model is AppsConfig and key not in model.model_fields:
            model = AppManifest
            continue
        if model is AppManifest:
            key = FIELDS.get(str(key), key)  # noqa: PLW2901 - the same key
        field = model.model_fields.get(str(key))
        kind = field.annotation if field is not None else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return model, str(key)
        model = kind
    return model, None


def allowed(model: type[BaseModel], name: str) -> str:
    """What the field may be: "must be a whole number of 1 or more"."""
    return f"must be {_described(_schema(model, name))}"


def example(model: type[BaseModel], name: str, default: object) -> str | None:
    """One valid value, as in TOML; ``None`` if the words alone say it. ``default``: that of the settings, if any."""
    schema = _schema(model, name)
    examples = schema.get("examples", [])
    value = examples[0] if examples else schema.get("default") if default is None else default
    return spelled(value) if isinstance(value, str | int | float | Path) or value else None


def spelled(value: object) -> str:
    """A default as in TOML, or in words where that shows nothing."""
    if value is None:
        return "none"
    return "an empty list" if value in ((), []) else as_toml(value)


def nearest(key: str, known: Iterable[str]) -> str:
    """What was probably meant, else what there is."""
    names = list(known)
    close = difflib.get_close_matches(key.lower(), names, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(names)}"


def _schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    """The JSON Schema of a field; empty if there is none of that name."""
    found: dict[str, Any] = model.model_json_schema()["properties"].get(name, {})
    return found


def _described(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        *most, last = map(as_toml, schema["enum"])
        return f"{', '.join(most)} or {last}"
    if "anyOf" in schema:
        return _one_of(schema)
    if schema.get("items", {}).get("type") == "object":
        return "a table, or a list of tables"
    kind = "path" if schema.get("format") == "path" else schema.get("type", "")
    return f"{_KINDS.get(kind, 'a table')}{_range(schema)}"


_KINDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "path": "a path, as text",
    "string": "text",
    "array": "a list of texts",
}


def _one_of(schema: Mapping[str, Any]) -> str:
    """Of what this package has: a number of either type, or something or none."""
    options = [option for option in schema["anyOf"] if option.get("type") != "null"]
    types = {option.get("type") for option in options}
    if types == {"integer", "number"}:
        return f"a number{_range({**schema, **options[-1]})}"
    nullable = len(options) < len(schema["anyOf"])
    words = _described(options[0])
    return f"{words}, or {NO_LIMIT}" if nullable and types == {"number"} else words


def _range(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum", schema.get("ge")), schema.get("maximum", schema.get("le"))
    above = schema.get("exclusiveMinimum", schema.get("gt"))
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of {least} or more"
    return "" if above is None else f" greater than {above}"
