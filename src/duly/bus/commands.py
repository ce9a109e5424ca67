"""What the bus asks the executor for beside calls of handlers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Self

from duly.executor import InvokeHandler


@dataclass(slots=True, kw_only=True)
class RaiseFilterError(InvokeHandler):
    """Fail in place of a handler, because a filter of its listener has."""

    logged: ClassVar[bool] = False

    error: BaseException

    @classmethod
    def in_place_of(cls, command: InvokeHandler, error: BaseException) -> Self:
        """What ``error`` makes of the call of a handler."""
        return cls(**{each.name: getattr(command, each.name) for each in fields(command)}, error=error)

    async def call(self) -> None:
        """Fail."""
        raise self.error
