"""A bus within one event loop that behaves as NATS does, for tests and for programs of one process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from duly.dispatch.bus import (
    PENDING_MESSAGES,
    MessageBus,
    Raw,
    Subscription,
    checked_group,
    checked_pattern,
    checked_subject,
    matches,
    nobody_listens,
    wire_of,
)
from duly.dispatch.tracing import injected


class InMemoryBus(MessageBus):
    """Owns its subscriptions. Guarded by the event loop on which it is used.

    Of a queue group each member in turn gets a message; everybody else gets each. A message goes through JSON, so
    nobody shares it.
    """

    def __init__(self, *, pending: int = PENDING_MESSAGES) -> None:
        """So many messages may wait in each subscription."""
        self._pending = pending
        self._connected = False
        self._subscriptions: list[Subscription] = []
        self._turns: dict[str, count[int]] = {}
        """How many messages a queue group has had."""

    async def connect(self) -> None:
        """Get ready. Idempotent."""
        self._connected = True

    async def close(self) -> None:
        """End all subscriptions. Idempotent."""
        self._connected = False
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()
        self._turns.clear()

    async def publish(
        self,
        subject: str,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Give a message to whoever has subscribed. See ``MessageBus.publish``."""
        self._check_connected()
        raw = Raw(checked_subject(subject), wire_of(message), reply, injected(headers) or {})
        if not self._offer(raw) and reply is not None:
            self._offer(nobody_listens(reply))

    async def subscribe(self, subject: str, queue_group: str | None = None) -> Subscription:
        """Take the messages of a subject. See ``MessageBus.subscribe``."""
        self._check_connected()
        subscription = Subscription(
            checked_pattern(subject), checked_group(queue_group), self._unsubscribe, self._pending
        )
        self._subscriptions.append(subscription)
        return subscription

    def _offer(self, raw: Raw) -> int:
        """Give it to all that have a right to it; how many these are."""
        receivers = list(self._receivers(raw.subject))
        for subscription in receivers:
            subscription.offer(raw)
        return len(receivers)

    def _receivers(self, subject: str) -> Iterator[Subscription]:
        groups: dict[str, list[Subscription]] = {}
        for subscription in self._subscriptions:
            if not matches(subscription.subject, subject):
                continue
            if subscription.queue_group is None:
                yield subscription
            else:
                groups.setdefault(subscription.queue_group, []).append(subscription)
        for group, members in groups.items():
            yield members[next(self._turns.setdefault(group, count())) % len(members)]

    async def _unsubscribe(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def _check_connected(self) -> None:
        if not self._connected:
            raise RuntimeError("the bus is not connected: call connect first")
