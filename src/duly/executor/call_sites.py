"""Where in the user's code a job or a listener was made: the line, and the text of the call."""

from __future__ import annotations

import ast
import sys
import tokenize
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

_OURS: Final = ("duly.scheduler", "duly.core", "duly.bus", "duly.lifecycle.sync_facade", __name__)
"""Modules, with what they contain, whose frames stand between the user's code and here."""
_INSTRUCTION: Final = 2
"""Bytes."""


class CallSite(NamedTuple):
    """A call in the user's code."""

    location: str
    """``file:line``."""
    source: str
    """The text of the call expression; empty if the source cannot be had."""


UNKNOWN: Final = CallSite("<unknown>:0", "")


def call_site() -> CallSite:
    """The nearest call outside of Duly's own modules, seen from the caller. Never raises."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to look at one's callers
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is None:
        return UNKNOWN
    return CallSite(f"{frame.f_code.co_filename}:{frame.f_lineno}", _source(frame))


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return isinstance(name, str) and any(name == ours or name.startswith(f"{ours}.") for ours in _OURS)


def _source(frame: FrameType) -> str:
    """The text of the call that the frame is about to make."""
    code = frame.f_code
    _, line, _, column = next(islice(code.co_positions(), frame.f_lasti // _INSTRUCTION, None), (None,) * 4)
    if line is None or column is None:  # Python was told to keep no columns
        return ""
    path = Path(code.co_filename)
    try:
        status = path.stat()
    except (OSError, ValueError):  # a ValueError for what cannot be a path
        return ""
    calls = _calls(path, status.st_mtime_ns, status.st_size)
    return "" if calls is None else calls.text((line, column))


class _Calls:
    """All call expressions of a source file. Immutable."""

    def __init__(self, text: str, path: Path) -> None:
        self._lines = [line.encode() for line in text.split("\n")]
        calls = (node for node in ast.walk(ast.parse(text, path)) if isinstance(node, ast.Call))
        self._starts = {(call.end_lineno, call.end_col_offset): (call.lineno, call.col_offset) for call in calls}
        """By their end, which the running code knows exactly; a call in a chain begins elsewhere there."""

    def text(self, end: tuple[int, int]) -> str:
        """The call that ends there; empty if none does. Lines from 1, columns in bytes."""
        start = self._starts.get(end)
        if start is None:
            return ""
        (first, left), (last, right) = start, end
        lines = self._lines[first - 1 : last]
        lines[-1] = lines[-1][:right]
        lines[0] = lines[0][left:]
        return b"\n".join(lines).decode()


@lru_cache(maxsize=256)
def _calls(path: Path, _changed: int, _size: int) -> _Calls | None:
    """The calls of a file as it is now: an app that is loaded anew has another text. ``None``: it cannot be parsed."""
    try:
        with tokenize.open(path) as file:
            return _Calls(file.read(), path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):  # the last by what is nested too deeply
        return None
