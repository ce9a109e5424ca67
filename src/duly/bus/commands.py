"""What the bus asks the executor for beside calls of handlers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from duly.executor import InvokeHandler


@dataclass(slots=True, kw_only=True)
class RaiseFilterError(InvokeHandler):
    """Fail in place of a handler, because a filter of its listener has."""

    logged: ClassVar[bool] = False

    error: BaseException

    async def call(self) -> None:
        """Fail."""
        raise self.error
