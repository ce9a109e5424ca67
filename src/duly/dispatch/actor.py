"""An actor: something on the bus with an inbox, that does what it is told until it is asked to stop."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from duly.dispatch.addresses import DEFAULT_URL
from duly.lifecycle.signals import Signals
from duly.lifecycle.tasks import raced

if TYPE_CHECKING:
    from duly.dispatch.bus import MessageBus, Raw, Received, Subscription

log = structlog.get_logger("duly.dispatch")

_SECONDS_TO_END = 10.0
"""What is left to everything after a stop was asked for; then the process is ended."""
_MOST_ANSWERS = 32
"""Messages of the inbox that are dealt with at a time."""


class BaseActor(ABC):
    """Owns its subscriptions and its tasks while ``run`` goes on. Guarded by the event loop."""

    def __init__(self, actor_id: str, nats_url: str = DEFAULT_URL, *, bus: MessageBus | None = None) -> None:
        """Speak on ``bus``; ``None``: on NATS at ``nats_url``."""
        self.actor_id = actor_id
        self.nats_url = nats_url
        self._bus = bus
        self._stopping = asyncio.Event()
        self._why = ""
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def bus(self) -> MessageBus:
        """The bus on which it speaks."""
        if self._bus is None:
            from duly.dispatch.nats_bus import NatsBus  # noqa: PLC0415 - who brings a bus needs no client of NATS

            self._bus = NatsBus(self.nats_url, name=self.actor_id)
        return self._bus

    async def connect(self) -> None:
        """Connect the bus."""
        await self.bus.connect()

    async def disconnect(self) -> None:
        """Close the bus: what was published is sent before."""
        await self.bus.close()

    async def subscribe(self, subject: str, queue_group: str | None = None) -> Subscription:
        """The messages of a subject; of actors with the same ``queue_group`` one gets each."""
        return await self.bus.subscribe(subject, queue_group)

    async def publish(self, subject: str, message: Mapping[str, Any]) -> None:
        """Send a message."""
        await self.bus.publish(subject, message)

    def request_stop(self, reason: str) -> None:
        """Have ``run`` return; from any thread or signal handler of the loop's thread. Idempotent."""
        self._why = self._why or reason
        self._stopping.set()

    async def run(self, subject: str, queue_group: str | None = None) -> None:
        """Answer what comes on ``subject`` until asked to stop, by SIGTERM, SIGINT or ``request_stop``.

        A task of the actor that fails ends it, with what the task has raised; the others are ended before.
        """
        loop = asyncio.get_running_loop()
        with Signals(lambda name: loop.call_soon_threadsafe(self.request_stop, name), limit=_SECONDS_TO_END):
            try:
                if await self._unless_stopped(self._start()):
                    await self._serve(await self.subscribe(subject, queue_group))
            finally:
                await self.on_stop()
                await self.disconnect()

    async def on_start(self) -> None:  # noqa: B027 - a hook, not every actor has something to do
        """Called once the bus is connected."""

    async def on_stop(self) -> None:  # noqa: B027 - a hook, not every actor has something to do
        """Called before the bus is closed, also after a failure."""

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What else goes on while the actor runs, by name. None may end before the stop."""
        return {}

    async def drain(self) -> None:  # noqa: B027 - a hook, not every actor has something to do
        """Called when the stop was asked for, while all services still run; returns when they may be ended."""

    async def on_reload(self) -> None:  # noqa: B027 - a hook, not every actor has something to do
        """Called when the fleet is told to read its files again."""

    @abstractmethod
    async def handle_message(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Deal with a message of the inbox; what is returned is the answer, ``None``: there is none."""

    def refusal(self, error: str) -> Mapping[str, Any] | None:
        """The answer to what is no message, or could not be dealt with; ``None``: somebody else gives one."""
        return {"ok": False, "error": error}

    async def _start(self) -> None:
        await self.connect()
        await self.on_start()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do it; False: the stop was asked for meanwhile."""
        working = await raced(work, self._stopping.wait())
        if working.cancelled():
            return False
        working.result()
        return True

    async def _serve(self, inbox: Subscription) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._answer(inbox, group), name=f"{self.actor_id}:inbox")]
                for name, service in self.services().items():
                    tasks.append(group.create_task(self._watched(name, service), name=f"{self.actor_id}:{name}"))
                await self._stopping.wait()
                log.info("scheduler.stopping", actor=self.actor_id, why=self._why)
                await self.drain()
                for task in (*tasks, *self._answers):
                    task.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _watched(self, name: str, service: Coroutine[Any, Any, None]) -> None:
        """A service that ends before the stop has failed: nobody would see that it is gone."""
        await service
        if not self._stopping.is_set():
            raise RuntimeError(f"{name} of {self.actor_id} has ended before the stop")

    async def _answer(self, inbox: Subscription, group: asyncio.TaskGroup) -> None:
        inbox.when_malformed = self._refuse
        async for message in inbox:
            while len(self._answers) >= _MOST_ANSWERS:
                await asyncio.wait(self._answers, return_when=asyncio.FIRST_COMPLETED)
            task = group.create_task(self._answer_one(message), name=f"{self.actor_id}:answer")
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer_one(self, message: Received) -> None:
        failed = await self._tried(self._deal_with(message), message.subject)
        if failed is not None:
            error = f"{type(failed).__name__}: {failed}"
            await self._tried(self._reply(message.reply, self.refusal(error)), message.subject)

    async def _deal_with(self, message: Received) -> None:
        await self._reply(message.reply, await self.handle_message(message))

    async def _refuse(self, raw: Raw, error: str) -> None:
        await self._tried(self._reply(raw.reply, self.refusal(error)), raw.subject)

    async def _reply(self, reply: str | None, answer: Mapping[str, Any] | None) -> None:
        if answer is not None and reply is not None:
            await self.bus.publish(reply, answer)

    async def _tried(self, work: Coroutine[Any, Any, None], subject: str) -> Exception | None:
        """Do something for one message; what it raises, which is given back, concerns no other."""
        try:
            await work
        except Exception as error:  # the top of a message
            log.exception("scheduler.message_failed", subject=subject, error=str(error))
            return error
        return None
