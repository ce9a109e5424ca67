"""A TOML file with settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duly.config.errors import ConfigurationError
from duly.config.layers import Layer, Origin, duplicate
from duly.config.problems import KeyPath, Problem
from duly.config.toml_lines import Lines, scan

ROOT_TABLES = ("duly", "hassette")

_TWICE = re.compile(r"twice|overwrite|immutable|[Dd]uplicate")
"""In what ``tomllib`` says of a key or table that is there already."""

_PLACE = re.compile(
    r"(?P<reason>.*?)(?: \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class TomlFile:
    """What a file says, and where."""

    path: Path
    values: Mapping[str, Any]
    lines: Lines

    def under(self, root: str) -> Layer:
        """What stands in a root table.

        Raises:
            ConfigurationError: it is no table.
        """
        table = self.values.get(root, {})
        if not isinstance(table, Mapping):
            origin = self._locate((), (root,))
            raise ConfigurationError([origin.problem(table, f"must be a table: write [{root}] above its keys")])
        return Layer(table, lambda path: self._locate((root,), path))

    def outside(self) -> Layer:
        """What stands outside of the root tables."""
        values = {key: value for key, value in self.values.items() if key not in ROOT_TABLES}
        return Layer(values, lambda path: self._locate((), path))

    def _locate(self, root: KeyPath, path: KeyPath) -> Origin:
        return Origin(str(self.path), path, self.lines.find((*root, *path)))


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        fix = f"cannot be read: {error.strerror or error}; correct that, or remove the file"
    except UnicodeDecodeError as error:
        fix = f"cannot be read: it is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
    raise ConfigurationError([Problem(str(path), None, None, fix)])


def read_toml(path: Path) -> TomlFile:
    """A file, as far as TOML goes.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML.
    """
    text = read_text(path)
    lines = scan(text)
    try:
        return TomlFile(path, tomllib.loads(text), lines)
    except tomllib.TOMLDecodeError as error:
        problems = _duplicates(path, lines) if _TWICE.search(str(error)) else []
        raise ConfigurationError(problems or [_invalid(path, str(error))]) from None


def _duplicates(path: Path, lines: Lines) -> list[Problem]:
    """What is there twice; of what is in a table that is there twice, nothing is said."""
    twice = lines.twice
    outer = [each for each in twice if not any(each[:length] in twice for length in range(1, len(each)))]
    return [_duplicate(path, key_path, *twice[key_path]) for key_path in outer]


def _duplicate(path: Path, key_path: KeyPath, first: int, second: int) -> Problem:
    below = key_path[1:] if key_path[0] in ROOT_TABLES and len(key_path) > 1 else key_path
    one, other = (Origin(str(path), below, line) for line in (first, second))
    return duplicate(one, other, remedy="rename" if below[0] == "apps" else "remove")


def _invalid(path: Path, error: str) -> Problem:
    found = _PLACE.fullmatch(error)
    line, column = (found["line"], found["column"]) if found else (None, None)
    reason = found["reason"] if found else error
    place = f"line {line}, column {column}" if line else "end of the file"
    fix = f"no valid TOML at {place}: {reason[:1].lower()}{reason[1:]}"
    return Problem(str(path), None, None, fix, int(line) if line else None)
