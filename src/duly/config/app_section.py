"""The section ``[duly.apps]``: settings of its own and, beside them, one table for each app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from duly.config.manifest import ALIASES

SETTINGS = ("autodetect", "directory", "exclude_dirs", "extend_exclude_dirs")
"""Keys of the section that are settings."""

RESERVED_NAMES = ("apps", *SETTINGS, "manifests")
"""What no app can be named."""


def is_app(key: str, value: object) -> bool:
    """Whether an entry of the section defines an app."""
    return isinstance(value, Mapping) and key not in RESERVED_NAMES


def unnest_apps(section: Mapping[str, Any]) -> dict[str, Any]:
    """One source's section with ``apps.<key>`` as plain ``<key>``, so that sources meet under one spelling.

    What is there under both spellings, or under a reserved name, stays where it is, to be refused by ``AppsConfig``.
    """
    nested = section.get("apps")
    if not isinstance(nested, Mapping):
        return dict(section)
    moved = {key: table for key, table in nested.items() if key not in section and is_app(key, table)}
    left = {key: table for key, table in nested.items() if key not in moved}
    rest = {key: value for key, value in section.items() if key != "apps"}
    return {**rest, **moved, **({"apps": left} if left else {})}


def without_apps_of(own: Mapping[str, Any], migrated: Mapping[str, Any]) -> dict[str, Any]:
    """A section read for migration without the apps that Duly's own sources define; both unnested."""
    return {key: value for key, value in migrated.items() if not is_app(key, own.get(key))}


def gather(section: Mapping[str, Any]) -> tuple[dict[str, Any], list[InitErrorDetails]]:
    """The section with all app tables under ``apps``, and what is wrong with the names of apps."""
    problems = list(_misnamed(section))
    refused = {problem.get("loc") for problem in problems}
    kept = {key: value for key, value in section.items() if (key,) not in refused}
    tables = {key: value for key, value in kept.items() if is_app(key, value)}
    rest = {key: value for key, value in kept.items() if key not in tables}
    nested = rest.get("apps", {})
    if isinstance(nested, Mapping):
        rest["apps"] = {**tables, **{key: value for key, value in nested.items() if ("apps", key) not in refused}}
    return rest, problems


def _misnamed(section: Mapping[str, Any]) -> Iterator[InitErrorDetails]:
    nested = section.get("apps")
    inner = nested if isinstance(nested, Mapping) else {}
    one_app = any(alias in inner and not isinstance(inner[alias], Mapping) for alias in _MARKS)
    for key, value in section.items():
        if (key in SETTINGS and isinstance(value, Mapping)) or key == "manifests" or (key == "apps" and one_app):
            yield _reserved((key,), value)
        elif key in inner and is_app(key, value):
            yield failure("app_duplicate", f"app {key!r} is defined here and in apps.apps: rename one", (key,), value)
    if not one_app:
        yield from (_reserved(("apps", key), value) for key, value in inner.items() if key in RESERVED_NAMES)


_MARKS = (*ALIASES["filename"], *ALIASES["class_name"])
"""What only the table of an app says."""


def _reserved(loc: tuple[str, ...], value: object) -> InitErrorDetails:
    return failure(
        "app_name_reserved",
        f"app name {loc[-1]!r} conflicts with a reserved field ({', '.join(RESERVED_NAMES)}): rename the app",
        loc,
        value,
    )


def failure(kind: str, message: str, loc: tuple[str | int, ...], value: object) -> InitErrorDetails:
    """A problem as pydantic takes it, at a place below that of the model."""
    return InitErrorDetails(type=PydanticCustomError(kind, message), loc=loc, input=value)


def again(found: ErrorDetails, *above: str) -> InitErrorDetails:
    """A problem that pydantic has found, to be raised with others; ``above`` comes before its place."""
    known = PydanticCustomError(found["type"], found["msg"], found.get("ctx"))
    return InitErrorDetails(type=known, loc=(*above, *found["loc"]), input=found["input"])
