"""The JSON Schema of ``duly.toml``, for editors; ``python -m duly.config.schema`` writes it into the package."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from duly.config.logs import LEVELS
from duly.config.manifest import ALIASES, REQUIRED_KEYS, TABLE_KEYS, AppManifest
from duly.config.root import DulyConfig
from duly.config.sources import TOKEN_KEYS

FILE = Path(__file__).with_name("duly.schema.json")

_OUTPUT_ONLY = {"manifests"}
_VARYING = {"config_dir", "data_dir", "directory", "dev_mode"}
"""Fields with another default on each machine or in each process."""

_NO_LIMIT = {"enum": ["none", "null"]}
"""How a file writes ``None``, where it means something."""

_APP = {"$ref": "#/$defs/app"}


def schema() -> dict[str, Any]:
    """The schema: settings under ``duly``, or at the top of the file, which counts as the same."""
    settings = _settings()
    at_the_top = {name: {"$ref": f"#/$defs/duly/properties/{name}"} for name in settings["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "duly.toml",
        "type": "object",
        "properties": {
            "duly": {"$ref": "#/$defs/duly"},
            "hassette": {"type": "object", "description": "Settings written for Hassette, which are read too."},
            **at_the_top,
        },
        "additionalProperties": False,
        "$defs": {"duly": settings, "app": _app()},
    }


def _settings() -> dict[str, Any]:
    config = DulyConfig.hermetic()
    settings = _table(DulyConfig, config)
    for name in DulyConfig.model_fields:
        if isinstance(group := getattr(config, name), BaseModel):
            settings["properties"][name] = _table(type(group), group)
    apps = settings["properties"]["apps"]
    apps["properties"]["apps"] = {"type": "object", "additionalProperties": _APP}
    apps["additionalProperties"] = _APP
    token = settings["properties"]["token"]
    return {**settings, "properties": {**settings["properties"], **dict.fromkeys(TOKEN_KEYS, token)}}


def _app() -> dict[str, Any]:
    fields = _table(AppManifest, None)["properties"]
    written = {key: fields["app_config" if key == "config" else key] for key in TABLE_KEYS}
    table = {"type": "object"}
    written["config"] = {**written["config"], "anyOf": [table, {"type": "array", "items": table}]}
    del written["config"]["type"], written["config"]["items"]
    other = {alias: fields[field] for field, aliases in ALIASES.items() for alias in aliases if alias not in written}
    other["app_config"] = written["config"]
    needed = [{"anyOf": [{"required": [alias]} for alias in ALIASES[key]]} for key in REQUIRED_KEYS]
    return {"type": "object", "description": "An app.", "properties": written | other, "allOf": needed}


def _table(model: type[BaseModel], defaults: BaseModel | None) -> dict[str, Any]:
    """The schema of a table of settings; groups in it are left as pydantic gives them."""
    docs = dict(_docs(model))
    values = {} if defaults is None else defaults.model_dump(mode="json", exclude=_VARYING)
    given = model.model_json_schema()["properties"]
    fields = {name: _field(given[name]) for name in model.model_fields if name not in _OUTPUT_ONLY}
    for name, field in fields.items():
        if name in docs:
            field["description"] = docs[name]
        if values.get(name) is not None:
            field["default"] = values[name]
    return {
        "type": "object",
        "description": _one_line(inspect.getdoc(model) or ""),
        "properties": fields,
        "additionalProperties": False,
    }


def _field(given: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a value as a file writes it, from that of pydantic."""
    if "anyOf" in given:
        return _choice(given)
    field = {key: value for key, value in given.items() if key not in {"title", "default", "format"}}
    if field.get("enum") == list(LEVELS):
        field["enum"] = [*LEVELS, *map(str.lower, LEVELS)]
    return field


def _choice(given: Mapping[str, Any]) -> dict[str, Any]:
    """A number that may be whole or not, or a value that may be ``None``."""
    types = {choice["type"]: _field(choice) for choice in given["anyOf"]}
    limits = {name: given[key] for key, name in (("ge", "minimum"), ("gt", "exclusiveMinimum")) if key in given}
    value = {**types.get("number", types.get("string", {})), **limits}
    return {"anyOf": [value, _NO_LIMIT]} if "null" in types and "number" in types else value


def _docs(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """What stands below each field in the source."""
    body = ast.parse(inspect.getsource(model)).body[0]
    if isinstance(body, ast.ClassDef):
        for field, below in pairwise(body.body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                    yield name, _one_line(doc)


def _one_line(doc: str) -> str:
    return re.sub(r"\s+", " ", doc.partition("\n\n")[0]).replace("``", "`")


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
