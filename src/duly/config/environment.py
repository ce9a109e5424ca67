"""Variables of the environment, and of ``.env`` files that stand for them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv.main import resolve_variables
from dotenv.parser import Original, parse_stream

from duly.config.errors import ConfigurationError
from duly.config.layers import Layer, Origin
from duly.config.problems import KeyPath, Problem
from duly.config.toml_file import read_text

DELIMITER = "__"

_IMPORTED: dict[str, str] = {}
"""What ``import_variables`` has put into ``os.environ``, which all threads share; only ever added to."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Variables by name; those that are empty are left out."""

    values: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)
    """The line of a file that each one is from; none for the process itself."""
    unread: tuple[str, ...] = ()
    """Lines of files that say nothing."""

    def origin(self, name: str, written: KeyPath) -> Origin:
        """Where a variable was set."""
        if place := self.places.get(name):
            return Origin(f"environment variable {name} ({place})", written)
        return Origin(f"environment variable {name}", written, undo="unset the variable")

    def layer(self, prefix: str | None, aliases: Mapping[str, str]) -> Layer | None:
        """The settings among them: names that begin with ``prefix``, if any, and ``aliases`` by name in capitals.

        ``None`` if there are none.
        """
        values: dict[str, Any] = {}
        names: dict[KeyPath, str] = {}
        for name, path in self._settings(prefix, aliases):
            table: Any = values
            for key in path[:-1]:
                inner = table.get(key)
                table = table.setdefault(key, {}) if isinstance(inner, dict | None) else {}
            given = _decoded(self.values[name])
            if isinstance(given, dict) and isinstance(table.get(path[-1]), dict):
                given = {**given, **table[path[-1]]}
            table[path[-1]] = given
            names[path] = name
        return Layer(values, lambda path: self._locate(names, path)) if values else None

    def names(self, prefix: str, aliases: Mapping[str, str]) -> tuple[str, ...]:
        """Those that are settings."""
        return tuple(name for name, _ in self._settings(prefix, aliases))

    def _settings(self, prefix: str | None, aliases: Mapping[str, str]) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Names and key paths, those of whole tables first, since single keys hold over them."""
        found: dict[tuple[str, ...], str] = {}
        for name in self.values:
            if prefix and name.upper().startswith(prefix):
                found[tuple(name[len(prefix) :].lower().split(DELIMITER))] = name
        by_alias = {name.upper(): name for name in self.values}
        for alias, key in aliases.items():
            if alias in by_alias:
                found.setdefault((key,), by_alias[alias])
        return sorted(((name, path) for path, name in found.items()), key=lambda item: len(item[1]))

    def _locate(self, names: Mapping[KeyPath, str], path: KeyPath) -> Origin:
        """The variable that sets a value or the table around it, else one that sets something in that table."""
        near = path
        while near not in names:
            inside = (name for setting, name in names.items() if setting[: len(near)] == near)
            if name := next(inside, None):
                return self.origin(name, path)
            near = near[:-1]
        return self.origin(names[near], path)


def _decoded(text: str) -> Any:  # noqa: ANN401 - whatever JSON says
    """Lists and tables, which are written as JSON; all else is the text itself."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def of_process() -> Variables:
    """The environment of the process, without what Duly has put there from ``.env`` files."""
    return Variables({name: value for name, value in os.environ.items() if value and _IMPORTED.get(name) != value})


def of_files(paths: Iterable[Path]) -> Variables:
    """The variables of ``.env`` files; of a name in several of them the last counts.

    Raises:
        ConfigurationError: some cannot be read.
    """
    values: dict[str, str] = {}
    places: dict[str, str] = {}
    unread: list[str] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            text = read_text(path)
        except ConfigurationError as error:
            problems += error.problems
            continue
        bindings = list(parse_stream(StringIO(text)))
        given = [(binding.key, binding.value) for binding in bindings if binding.key is not None]
        found = {name: value for name, value in resolve_variables(given, override=True).items() if value}
        lines = {binding.key: _line(binding.original) for binding in bindings}
        values |= found
        places |= {name: f"{path}, line {lines[name]}" for name in found}
        unread += [f"{path}, line {_line(binding.original)}" for binding in bindings if binding.error]
    if problems:
        raise ConfigurationError(problems)
    return Variables(values, places, tuple(unread))


def _line(original: Original) -> int:
    """The line of a variable; what is blank above it is counted to it."""
    blank = len(original.string) - len(original.string.lstrip())
    return original.line + original.string[:blank].count("\n")


def import_variables(values: Mapping[str, str]) -> tuple[str, ...]:
    """Put variables into ``os.environ`` that are not there, and give their names."""
    names = tuple(name for name in values if name not in os.environ)
    for name in names:
        os.environ[name] = _IMPORTED[name] = values[name]
    return names
