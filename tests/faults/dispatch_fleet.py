"""Replicas of one scheduler in processes of their own, on a real server."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig, Header

from duly.core.clock import SECOND, SystemClock
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.subjects import Subjects
from tests.duly_process import DulyProcess
from tests.embedded.waiting import eventually
from tests.faults.dispatch_account import NAME, Stored

ITEMS = 3
"""What ``three_items`` gives."""

_SAMPLE_SECONDS = 0.2
_ASK_AGAIN_SECONDS = 0.05
"""Where nobody listens yet, it is said at once."""

T = TypeVar("T")


def three_items() -> list[dict[str, int]]:
    """What an entry with ``expand_from`` publishes."""
    return [{"item": number} for number in range(ITEMS)]


class DispatchFleet:
    """Owns the replicas; killed at the end of its ``with``."""

    def __init__(self, folder: Path, urls: Sequence[str], entries: Sequence[dict[str, object]], **top: object) -> None:
        self.folder, self.urls = folder, list(urls)
        self.config = folder / "schedules.yaml"
        self.subjects = Subjects()
        self._prints = folder / "prints"
        self._prints.mkdir()
        self._replicas: dict[str, DulyProcess] = {}
        self.write(entries, **top)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._replicas.values():
            each.__exit__(None, None, None)

    def write(self, entries: Sequence[dict[str, object]], **top: object) -> None:
        """Exchange the file of schedules, at once."""
        self.put_file(yaml.safe_dump({"name": NAME, **top, "schedules": list(entries)}))

    def put_file(self, text: str) -> None:
        """As ``write``, whatever the text is."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.replace(self.config)

    # --- replicas ----------------------------------------------------------------------------------------------------

    def start(self, *names: str, **environment: str) -> None:
        """Start replicas, each with a ledger of its own."""
        for name in names:
            command = ["dispatch", "--config", str(self.config), "--nats-url", ",".join(self.urls)]
            command += ["--ledger", str(self.ledger(name))]
            path = {"PYTHONPATH": ":".join(sys.path)}
            self._replicas[name] = DulyProcess(
                command, folder=self.folder, prints=self._prints, **{**path, **environment}
            )

    def ledger(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    @property
    def ledgers(self) -> list[Path]:
        return sorted(self.folder.glob("*.db"))

    def __getitem__(self, name: str) -> DulyProcess:
        return self._replicas[name]

    @property
    def said(self) -> list[dict[str, Any]]:
        """All that any of them has logged, the dead ones too."""
        lines = chain.from_iterable(path.read_text("utf-8").splitlines() for path in self._prints.glob("*.err"))
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def events(self, event: str) -> list[dict[str, Any]]:
        """What was logged under a name."""
        return [line for line in self.said if line["event"] == event]

    def stop(self, *names: str) -> None:
        """As SIGTERM does; all of them if none is named."""
        for name in names or tuple(self._replicas):
            self[name].until("scheduler.running")
            self[name].send(signal.SIGTERM)
        for name in names or tuple(self._replicas):
            process = self._replicas.pop(name)
            assert process.end() == 0, process.said

    def kill(self, name: str) -> None:
        """As kill -9 does."""
        self._replicas.pop(name).__exit__(None, None, None)

    def leader(self) -> str:
        """The one that answers for all; waits for it."""
        pids = {process.pid: name for name, process in self._replicas.items()}
        while True:
            answer = self.ask({"action": "health"})
            if answer["pid"] in pids:
                return pids[answer["pid"]]

    # --- the bus -----------------------------------------------------------------------------------------------------

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the leader answers; waits for one."""

        return self.on_bus(lambda bus: _answered(lambda: bus.request(self.subjects.inbox(NAME), message, 1.0)))

    def reload(self) -> None:
        """Tell all to read the file again."""

        async def tell(bus: NatsBus) -> None:
            await bus.publish(self.subjects.reload, {"action": "reload"})
            await bus.flush()

        self.on_bus(tell)

    def on_bus(self, work: Callable[[NatsBus], Awaitable[T]]) -> T:
        """Do something with a bus of its own."""

        async def do() -> T:
            bus = NatsBus(self.urls)
            await bus.connect()
            try:
                return await work(bus)
            finally:
                await bus.close()

        return asyncio.run(do())

    def stored(self, stream: str | None = None) -> list[Stored]:
        """All that is in the stream, in its order; waits while the node that it is asked of comes up."""
        return self.on_bus(lambda bus: _answered(lambda: _stored(bus, stream or self.subjects.stream)))

    def count(self) -> int:
        """How many messages are in the stream; 0: there is none yet."""

        async def count(bus: NatsBus) -> int:
            try:
                return (await bus.jetstream.stream_info(self.subjects.stream)).state.messages
            except Error:
                return 0

        return self.on_bus(count)

    def until_more(self, messages: int = 1) -> None:
        """Wait until the stream has so many more."""
        before = self.count()
        eventually(lambda: self.count() >= before + messages or self._ended(), 60, pause=0.05)
        assert not self._ended(), self.said[-3:]

    def _ended(self) -> bool:
        """Whether any of them has ended by itself."""
        return any(each.ended for each in self._replicas.values())


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What is answered, asked again until something is."""
    async with asyncio.timeout(30):
        while True:
            with suppress(TimeoutError, Error):
                return await ask()
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def _stored(bus: NatsBus, stream: str) -> list[Stored]:
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, headers_only=True, inactive_threshold=30)
    consumer = await bus.jetstream.add_consumer(stream, config)
    subscription = await bus.jetstream.pull_subscribe_bind(stream=stream, name=consumer.name)
    left, found = consumer.num_pending or 0, list[Stored]()
    while left > 0:
        for message in await subscription.fetch(min(left, 1_000), 5):
            at = int(message.metadata.timestamp.timestamp() * SECOND)
            found.append(Stored((message.headers or {})[Header.MSG_ID], at))
            left -= 1
    return found


# --- time ------------------------------------------------------------------------------------------------------------


class Stopwatch:
    """Says when so many seconds have passed since its making."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._began = self._clock.monotonic()

    @property
    def seconds(self) -> float:
        return (self._clock.monotonic() - self._began) / SECOND

    def until(self, seconds: float) -> None:
        """Wait until they have."""
        eventually(lambda: self.seconds >= seconds, seconds + 1, pause=0.01)


def slowness() -> float:
    """By what factor other work on the machine slows down a process now: 1 if there is none."""
    watch, began = Stopwatch(), time.thread_time()
    while time.thread_time() - began < _SAMPLE_SECONDS:
        pass
    return max(1.0, watch.seconds / _SAMPLE_SECONDS)


@contextmanager
def stopped(process: DulyProcess) -> Iterator[None]:
    """Keep a process from running, as a machine does that hangs."""
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)
