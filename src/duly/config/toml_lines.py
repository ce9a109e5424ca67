"""In which line of a TOML file a key stands, which ``tomllib`` does not tell."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from duly.config.problems import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TEXT = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3,5} (?!\")   # over several lines
    | '{3} .*? '{3,5} (?!')                    # likewise, as it is
    | \" (?: \\. | [^"\\\n] )* \"
    | ' [^'\n]* '
    """,
    re.DOTALL | re.VERBOSE,
)
_REST = re.compile(r"[^\n]*")
_OTHER = re.compile(r"[^,\]}#\n]+")


class _LostError(Exception):
    """What stands here is no TOML that the scan knows."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the keys of a file stand."""

    of: Mapping[KeyPath, int]
    """Line of each table and key: of its first mention."""
    twice: Mapping[KeyPath, tuple[int, int]]
    """Both lines of what is defined more than once."""

    def find(self, path: KeyPath) -> int | None:
        """The line of a key, else of what is around it; ``None`` if not even that is known."""
        while path and path not in self.of:
            path = path[:-1]
        return self.of.get(path)


def scan(text: str) -> Lines:
    """Find the keys of a file; of one that is no TOML, those before the place that cannot be read."""
    scanner = _Scanner(text)
    with suppress(_LostError):
        scanner.document()
    return Lines(scanner.lines, scanner.twice)


@dataclass
class _Scanner:
    """Reads just enough of the grammar to step over values; owned by one call of ``scan``."""

    text: str
    at: int = 0
    lines: dict[KeyPath, int] = field(default_factory=dict)
    twice: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    _defined: dict[KeyPath, int] = field(default_factory=dict)
    _dotted: dict[KeyPath, int] = field(default_factory=dict)
    _arrays: dict[KeyPath, int] = field(default_factory=dict)
    """How many tables each array of tables has so far."""
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [0, *(newline.end() for newline in re.finditer("\n", self.text))]

    def document(self) -> None:
        """Read all tables."""
        table: KeyPath = ()
        while self._skip(_BLANK) and self.at < len(self.text):
            if self._next_is("["):
                table = self._header()
            else:
                self._pair(table)
                self._skip(_REST)

    def _header(self) -> KeyPath:
        begin, is_array = self.at, self._next_is("[[")
        self._take("[[" if is_array else "[")
        keys = self._keys()
        self._take("]]" if is_array else "]")
        path = self._within(keys[:-1])
        path = (*path, keys[-1])
        if is_array:
            place = self._arrays.get(path, 0)
            self._arrays[path] = place + 1
            self._note(path, begin)
            path = (*path, place)
        self._define(path, begin)
        return path

    def _within(self, keys: KeyPath) -> KeyPath:
        """The path of a table that a header names, in the last table of each array on the way."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        begin = self.at
        *above, last = self._keys()
        for key in above:
            table = (*table, key)
            self._dot(table, begin)
        path = (*table, last)
        self._define(path, begin)
        self._take("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        if self._next_is("["):
            self._take("[")
            for place in count():
                if not self._goes_on("]"):
                    return
                self._note((*path, place), self.at)
                self._value((*path, place))
        elif self._next_is("{"):
            self._take("{")
            while self._goes_on("}"):
                self._pair(path)
        else:
            self._match(_TEXT if self._next_is('"') or self._next_is("'") else _OTHER)

    def _goes_on(self, end: str) -> bool:
        """Whether there is another item before ``end``, which is taken."""
        self._skip(_BLANK)
        while self._next_is(","):
            self._take(",")
            self._skip(_BLANK)
        if self._next_is(end):
            self._take(end)
            return False
        return True

    def _keys(self) -> tuple[str, ...]:
        return tuple(self._each_key())

    def _each_key(self) -> Iterator[str]:
        while True:
            self._skip(_SPACE)
            if self._next_is('"') or self._next_is("'"):
                yield _unquoted(self._match(_TEXT))
            else:
                yield self._match(_BARE_KEY)
            self._skip(_SPACE)
            if not self._next_is("."):
                return
            self._take(".")

    def _dot(self, path: KeyPath, begin: int) -> None:
        """A dotted key makes the tables on its way, which no header may have made."""
        line = self._note(path, begin)
        if path in self._defined:
            self.twice.setdefault(path, (self._defined[path], line))
        else:
            self._dotted.setdefault(path, line)

    def _define(self, path: KeyPath, begin: int) -> None:
        line = self._note(path, begin)
        if before := self._defined.get(path, self._dotted.get(path)):
            self.twice.setdefault(path, (before, line))
        else:
            self._defined[path] = self.lines[path] = line

    def _note(self, path: KeyPath, begin: int) -> int:
        line = bisect_right(self._starts, begin)
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        return line

    def _next_is(self, start: str) -> bool:
        return self.text.startswith(start, self.at)

    def _take(self, expected: str) -> None:
        self._skip(_SPACE)
        if not self._next_is(expected):
            raise _LostError
        self.at += len(expected)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return True

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise _LostError
        self.at = found.end()
        return found.group()


def _unquoted(key: str) -> str:
    if key.startswith('"'):
        try:
            return str(json.loads(key))
        except ValueError:  # an escape that only TOML knows
            pass
    return key[1:-1]
