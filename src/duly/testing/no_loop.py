"""What is carried out without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def carried_out(work: Coroutine[Any, Any, T], stuck: str) -> T:
    """The result of what waits for nothing.

    Raises:
        RuntimeError: it does wait; with the text ``stuck``.
    """
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError(stuck)
