"""How a message reaches the wire, as dispatching sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from duly.core.errors import DulyError


class UndeliverableError(DulyError):
    """A message that no server will take, such as one that is too large; trying again does not help."""


class Delivery(Protocol):
    """Publishes messages of slots. Guarded by the event loop."""

    @property
    def connected(self) -> bool:
        """Whether a server can be reached now; False: ``deliver`` waits."""
        ...

    async def deliver(
        self, subject: str, message: Mapping[str, Any], message_id: str, *, since: int | None = None
    ) -> bool:
        """Publish until the server has acknowledged it; False: it had the message of this id already.

        ``since`` is when somebody may first have published it, nanoseconds since the epoch; ``None``: not before now.
        Waits for as long as the server is away.

        Raises:
            UndeliverableError: no server will take it.
        """
        ...

    async def until_connected(self) -> None:
        """Wait until a server can be reached."""
        ...
