"""What an app holds of a listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.bus.bus import Bus
    from duly.bus.listener import Listener


class Subscription:
    """A listener that is registered, and how to end it. Has no state of its own."""

    __slots__ = ("_bus", "listener")

    def __init__(self, bus: Bus, listener: Listener) -> None:
        self._bus = bus
        self.listener = listener

    @property
    def name(self) -> str:
        """The name of the listener."""
        return self.listener.name

    @property
    def topic(self) -> str:
        """The topic that it is registered for, which may be a glob."""
        return self.listener.topic

    @property
    def db_id(self) -> int:
        """Its row in the ledger."""
        db_id = self.listener.db_id
        assert db_id is not None  # noqa: S101 - a subscription is handed out when it is registered
        return db_id

    @property
    def cancelled(self) -> bool:
        """Whether the listener has ended, by ``cancel``, with its owner, or because its one match has been handled."""
        return self.listener not in self._bus.live

    def cancel(self) -> None:
        """End the listener: no execution starts any more, one that runs goes on. From any thread; idempotent."""
        self._bus.remove_listener(self)

    def __repr__(self) -> str:
        return f"<Subscription {self.name!r} on {self.topic}>"
