"""What the client of NATS lets get lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise a cancellation that has got lost inside, as it does in ``asyncio.wait_for`` before Python 3.12."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError
