"""A task as the stream has delivered it, and the answer that it gets."""

from __future__ import annotations

import json
from contextlib import suppress

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from duly.dispatch.nats_bus import NatsBus

log = structlog.get_logger("duly.dispatch")

_CONFIRM_SECONDS = 2.0
_TRIES = 8
"""While a server can be reached. It has lost the consumer then, or delivers the task again anyhow."""


class Delivered:
    """Owned by who carries it out. Guarded by the event loop.

    Answers wait for as long as the server is away, and until it has confirmed them.
    """

    def __init__(self, bus: NatsBus, message: Msg) -> None:
        self._bus = bus
        self._message = message
        self.answered = False
        """Whether an answer is on its way: when it comes again after that, it is to be begun with again."""
        metadata = message.metadata
        self.number = metadata.num_delivered
        """How often it has been delivered, this time included."""
        self.stream = metadata.stream
        self.sequence = metadata.sequence.stream
        self.place = f"{self.stream}/{self.sequence}/{metadata.timestamp.isoformat()}"
        """Where it is, and since when: the same whenever it is delivered again."""

    @property
    def data(self) -> bytes:
        """What was published."""
        return self._message.data

    @property
    def subject(self) -> str:
        """Where it was published."""
        return self._message.subject

    @property
    def headers(self) -> dict[str, str]:
        """What came with it."""
        return dict(self._message.headers or {})

    def again(self, other: Delivered) -> None:
        """It was delivered again meanwhile: answers are given to that."""
        self._message = other._message
        self.number = other.number

    async def live(self) -> None:
        """Say that it is still being worked on, unless it is answered: that would undo the delay of the answer."""
        if self._bus.connected and not self.answered:
            with suppress(NatsError, OSError):
                await self._bus.client.publish(self._message.reply, Msg.Ack.Progress)

    async def acknowledge(self) -> None:
        """It is done."""
        await self._answer(Msg.Ack.Ack)

    async def terminate(self) -> None:
        """It is given up: nobody gets it any more."""
        await self._answer(Msg.Ack.Term)

    async def give_back(self, delay: float = 0.0) -> None:
        """Let it be delivered again, to any worker of the queue, in so many seconds."""
        wait = json.dumps({"delay": round(delay * 1e9)}).encode()
        await self._answer(Msg.Ack.Nak + b" " + wait if delay else Msg.Ack.Nak)

    async def _answer(self, answer: bytes) -> None:
        self.answered = True
        for _ in range(_TRIES):
            await self._bus.until_connected()
            try:
                await self._bus.client.request(self._message.reply, answer, timeout=_CONFIRM_SECONDS)
            except (NatsError, OSError, TimeoutError):  # lost on the way
                continue
            return
        log.warning("worker.answer_lost", sequence=self.sequence, answer=answer.decode(), delivered=self.number)
