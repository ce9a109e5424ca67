"""Checks a value by a JSON Schema: the part of it that ours uses, and no other."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, name: type(value) in _TYPES[name],
    "enum": lambda value, choices: value in choices,
    "minimum": lambda value, least: type(value) not in _TYPES["number"] or value >= least,
    "exclusiveMinimum": lambda value, bound: type(value) not in _TYPES["number"] or value > bound,
    "maximum": lambda value, most: type(value) not in _TYPES["number"] or value <= most,
    "required": lambda value, names: not isinstance(value, dict) or all(name in value for name in names),
    "unknown": lambda value, _: False,
}
_ELSEWHERE = {"$ref", "allOf", "anyOf", "items", "properties", "additionalProperties"}
_NOTES = {"$schema", "$defs", "title", "description", "default", "examples"}


def violations(value: object, schema: Schema, root: Schema, at: str = "") -> list[str]:
    """Where and by which keyword the value is refused."""
    assert schema.keys() <= {*_RULES, *_ELSEWHERE, *_NOTES}
    broken = [keyword for keyword, rule in _RULES.items() if keyword in schema and not rule(value, schema[keyword])]
    if choices := schema.get("anyOf"):
        broken += ["anyOf"] if all(violations(value, choice, root) for choice in choices) else []
    deeper = [
        found for step, part, inner in _parts(value, schema, root) for found in violations(part, inner, root, at + step)
    ]
    return [f"{at}: {keyword}" for keyword in broken] + deeper


def _parts(value: object, schema: Schema, root: Schema) -> Iterator[tuple[str, object, Schema]]:
    """What else must hold: of a part of the value, at a step below it, by which schema."""
    yield from (("", value, inner) for inner in schema.get("allOf", ()))
    if "$ref" in schema:
        yield "", value, _at(root, schema["$ref"])
    if isinstance(value, list) and "items" in schema:
        yield from ((f".{place}", item, schema["items"]) for place, item in enumerate(value))
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        others = {"unknown": True} if others is False else others
        yield from ((f".{name}", part, named.get(name, others)) for name, part in value.items())


def _at(root: Schema, pointer: str) -> Schema:
    found = root
    for step in pointer.split("/")[1:]:
        found = found[step]
    return found
