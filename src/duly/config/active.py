"""The settings of the Duly that runs in the current context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.config.root import DulyConfig

ACTIVE_CONFIG: ContextVar[DulyConfig | None] = ContextVar("duly_active_config", default=None)
"""Set by the runtime around everything that runs in it; tasks and worker threads inherit it."""
