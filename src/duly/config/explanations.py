"""From what pydantic found to problems that name file, key, value and what to do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from duly.config.app_tables import manifests_of
from duly.config.group import ConflictError
from duly.config.layers import Origin, Stack, duplicate
from duly.config.problems import KeyPath, Problem, dotted, shown
from duly.config.sources import Loaded
from duly.config.wording import allowed, example, field_at, nearest, spelled

log = logging.getLogger("duly.config")

_NOTHING: Final = object()

_RANGE = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})

_OURS = ("app_", "value_error")
"""How kinds of errors begin whose own text says what to do."""


Problems: TypeAlias = dict[tuple[KeyPath, ...], Problem]
"""Problems, each by the keys that it is about."""


def explain(
    explanation: Explanation, loaded: Loaded, settings: type[BaseModel]
) -> tuple[list[Problem], dict[str, Any] | None]:
    """All problems of settings that were refused, those of their sources and of the manifests to come included.

    Also gives the values without what is wrong, as ``sound`` does; ``None`` if a source could not be read.

    What values mean for each other is checked only when each of them is fine, so the bad ones are left out and the
    rest is checked again. Nothing is said of that if a source could not be read, which may have said otherwise.
    """
    found: Problems = {}
    unreadable = loaded.problems + loaded.stack.problems
    while True:
        bad = {key for keys in found for key in keys}
        again = _problems(explanation, _without(loaded.stack.values, {_written_whole(path) for path in bad}), settings)
        new = {keys: problem for keys, problem in again.items() if not bad.intersection(keys)}
        if not new:
            told = [problem for keys, problem in found.items() if len(keys) == 1 or not unreadable]
            return unreadable + told, None if unreadable else sound(loaded.stack.values, bad)
        found |= new


def sound(values: Mapping[str, Any], bad: Collection[KeyPath]) -> dict[str, Any] | None:
    """The values without bad ones, and without the apps that have any; ``None``: where apps are is not known."""
    if any(path[:2] in {("apps",), ("apps", "directory")} for path in bad):
        return None
    apps = {path[: 3 if path[1] == "apps" else 2] for path in bad if path[0] == "apps"}
    return _without(values, apps.union(map(_written_whole, bad)))


@contextmanager
def silence() -> Iterator[None]:
    """Validate inside what has been validated once: what is only warned of has been told."""
    log.addFilter(_silence)
    try:
        yield
    finally:
        log.removeFilter(_silence)


def _problems(explanation: Explanation, values: Mapping[str, Any], settings: type[BaseModel]) -> Problems:
    config: Any = settings.__new__(settings)
    try:
        with silence():
            settings.__pydantic_validator__.validate_python(values, self_instance=config)
            manifests_of(config.apps, None)
    except ValidationError as error:
        return explanation.problems(error)
    return {}


def _silence(_record: logging.LogRecord) -> bool:
    return False


def _written_whole(path: KeyPath) -> KeyPath:
    """The path as far as there are tables: of a list nothing can be left out."""
    return tuple(takewhile(lambda key: isinstance(key, str), path))


def _without(values: Mapping[str, Any], bad: Collection[KeyPath], above: KeyPath = ()) -> dict[str, Any]:
    """What is left of tables."""
    rest = {key: value for key, value in values.items() if (*above, key) not in bad}
    return {
        key: _without(value, bad, (*above, key)) if isinstance(value, Mapping) else value for key, value in rest.items()
    }


class Explanation:
    """Explains the errors of one validation; holds what was validated, changes nothing."""

    def __init__(self, stack: Stack, settings: type[BaseModel], defaults: BaseModel) -> None:
        self._stack = stack
        self._settings = settings
        self._defaults = defaults

    def problems(self, error: ValidationError) -> Problems:
        """The problems that pydantic has found; of several about one key the first."""
        found: Problems = {}
        for details in error.errors(include_url=False):
            if details["type"] == "default_factory_not_called":  # only says that another field is wrong
                continue
            cause = details.get("ctx", {}).get("error")
            if isinstance(cause, ConflictError):
                keys = tuple((*details["loc"], *key) for key in cause.keys)
                found.setdefault(keys, self._conflict(keys, cause))
            else:
                path = self._given(self._stack.as_written(details["loc"]))
                found.setdefault((path,), self._single(path, details))
        return found

    def _given(self, loc: KeyPath) -> KeyPath:
        """The part of a place that is a key path; below a plain value pydantic goes on with names of alternatives."""
        for length in range(1, len(loc)):
            value = self._value(loc[:length])
            if value is not _NOTHING and not isinstance(value, Mapping) and not _is_place(value, loc[length]):
                return loc[:length]
        return loc

    def _single(self, path: KeyPath, details: ErrorDetails) -> Problem:
        origin = self._origin(path)
        if details["type"] == "app_duplicate":
            return duplicate(origin, self._origin(("apps", *path)))
        value = self._value(path)
        return origin.problem(details["input"] if value is _NOTHING else value, self._fix(path, details, origin))

    def _origin(self, path: KeyPath) -> Origin:
        if path[0] == "apps" and not self._stack.has(path[:2]) and len(path) > 1:
            return Origin("app directory", path)  # found there, not written anywhere
        return self._stack.or_default(path)

    def _fix(self, path: KeyPath, details: ErrorDetails, origin: Origin) -> str:
        if details["type"] == "extra_forbidden":
            model, _ = field_at(self._settings, path[:-1])
            return f"unknown key; {nearest(str(path[-1]), _settable(model))}"
        model, name = field_at(self._settings, path)
        if details["type"].startswith(_OURS):
            return str(details.get("ctx", {}).get("error", details["msg"]))
        if name is None:
            return f"must be a table of settings: {', '.join(_settable(model))}"
        words, default = allowed(model, name), self._default(path)
        if details["type"] not in _RANGE and (valid := example(model, name, None if default is _NOTHING else default)):
            words = f"{words}, for example {valid}"
        return words if default is _NOTHING else f"{words}; {origin.undo} to use the default ({spelled(default)})"

    def _conflict(self, keys: tuple[KeyPath, ...], cause: ConflictError) -> Problem:
        values = [self._value(key) for key in keys]
        written = [key for key, value in zip(keys, values, strict=True) if value is not _NOTHING]
        origins = [self._stack.or_default(key) for key in written]
        effective = [
            self._default(key) if value is _NOTHING else value for key, value in zip(keys, values, strict=True)
        ]
        together = " and ".join(shown(key, value) for key, value in zip(keys, effective, strict=True))
        return Problem(_together(origins), " and ".join(map(dotted, keys)), together, str(cause))

    def _value(self, path: KeyPath) -> Any:  # noqa: ANN401 - as it was written
        """The value that was written, ``_NOTHING`` if none was."""
        value: Any = self._stack.values
        for key in path:
            if not (isinstance(value, Mapping) and key in value) and not _is_place(value, key):
                return getattr(value, str(key), _NOTHING) if isinstance(value, BaseModel) else _NOTHING
            value = value[key]
        return value

    def _default(self, path: KeyPath) -> Any:  # noqa: ANN401 - any setting
        """The default, ``_NOTHING`` if there is none."""
        value: Any = self._defaults
        for key in path:
            value = getattr(value, str(key), _NOTHING)
        return value


def _is_place(value: object, key: str | int) -> bool:
    return isinstance(value, list | tuple) and isinstance(key, int) and 0 <= key < len(value)


def _settable(model: type[BaseModel]) -> Iterator[str]:
    """What a user may write in a table; manifests are made, and apps have tables of their own."""
    return (name for name in model.model_fields if name != "manifests")


def _together(origins: list[Origin]) -> str:
    """Where several keys were written."""
    places = {origin.place for origin in origins}
    lines = [str(origin.line) for origin in origins if origin.line is not None]
    if len(places) == 1 and len(lines) > 1:
        return f"{origins[0].place}, lines {' and '.join(lines)}"
    return " and ".join(dict.fromkeys(origin.text for origin in origins)) or "defaults"
