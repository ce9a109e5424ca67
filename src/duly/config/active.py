"""The settings of the Duly that runs in the current context."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duly.config.root import DulyConfig

ACTIVE_CONFIG: ContextVar[DulyConfig | None] = ContextVar("duly_active_config", default=None)
"""Set by the runtime around everything that runs in it; tasks and worker threads inherit it."""


@contextmanager
def active(config: DulyConfig) -> Iterator[None]:
    """Inside, these are the settings of the Duly that runs."""
    former = ACTIVE_CONFIG.set(config)
    try:
        yield
    finally:
        ACTIVE_CONFIG.reset(former)
