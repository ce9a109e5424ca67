"""A key-value bucket of JetStream whose values are written only over what was read.

That the server did not answer is a ``TimeoutError``, whatever the reason: it is away, has no leader, or is busy. Then
nobody knows whether it has written, or still will.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import nats.errors
import structlog
from nats.js import errors
from nats.js.api import DiscardPolicy, Header, StorageType, StreamConfig

from duly.core.errors import DulyError
from duly.dispatch.cancellation import cancellation_kept
from duly.dispatch.delivery import UndeliverableError

if TYPE_CHECKING:
    from duly.core.clock import Clock
    from duly.dispatch.nats_bus import NatsBus

Storage: TypeAlias = Literal["file", "memory"]

log = structlog.get_logger("duly.dispatch")

_PATIENCE: Final = 2.0
"""Seconds after which a question is asked again."""
_PAUSE: Final = 0.1
"""Seconds until it is, if the answer is that there is nobody to answer."""
_CALM: Final = 2 * _PATIENCE
"""Seconds without a failure after which the bucket answers again: without a quorum some questions still succeed."""
_HEADERS: Final = 512
"""Bytes of a message beside its value, at most."""
_MICROSECOND: Final = 1_000
_NO_MESSAGE: Final = 10037
_WRONG_REVISION: Final = (10071, 10164)
_NAME_IN_USE: Final = 10058
"""Another replica has made the bucket meanwhile; its first revision differs."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a key holds."""

    value: dict[str, Any]
    """Empty: nothing."""
    revision: int
    """Grows with each write of any key of the bucket; 0: this one was never written."""


class Bucket:
    """One bucket, made where it is not there. Guarded by the event loop on which its bus is connected."""

    def __init__(self, bus: NatsBus, name: str, *, replicas: int = 1, storage: Storage = "file", clock: Clock) -> None:
        self.name = name
        self._bus = bus
        self._stream = f"KV_{name}"
        self._replicas = replicas
        self._storage = storage
        self._clock = clock
        self._losses = 0
        self._asked: set[asyncio.Timeout] = set()
        self._silent_at: float | None = None
        """The loop's time of the last failure, until the bucket answers again."""
        bus.when_lost(self._note_loss)

    @property
    def connection(self) -> int | None:
        """A number that changes with each new connection; ``None``: there is none."""
        return self._losses if self._bus.connected else None

    async def open(self) -> None:
        """Make the bucket, if there is none.

        Raises:
            DulyError: the server refuses to.
        """
        async with self._answered(_PATIENCE):
            try:
                found = await self._bus.jetstream.stream_info(self._stream)
            except errors.NotFoundError:
                await self._make()
            else:
                self._compare(found.config)

    async def read(self, key: str, seconds: float = _PATIENCE) -> Cell:
        """What a key holds, and may hold no longer."""
        async with self._answered(seconds):
            try:
                message = await self._bus.jetstream.get_last_msg(self._stream, self._subject(key))
            except errors.NotFoundError as error:
                if error.err_code != _NO_MESSAGE:
                    raise
                return Cell({}, 0)
        return Cell(self._parsed(key, message.data), message.seq or 0)

    async def write(self, key: str, value: bytes, over: int, seconds: float = _PATIENCE) -> int | None:
        """The revision with which the key now holds ``value``; ``None``: it holds another revision than ``over``.

        Raises:
            UndeliverableError: the server refuses it.
        """
        self.check(key, value)
        expected = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(over)}
        async with self._answered(seconds):
            try:
                return (await self._bus.jetstream.publish(self._subject(key), value, headers=expected)).seq
            except errors.BadRequestError as error:
                if error.err_code in _WRONG_REVISION:
                    return None
                raise UndeliverableError(f"{self._named(key)} is refused: {error.description}") from None

    def check(self, key: str, value: bytes) -> None:
        """See that a value is not too large.

        Raises:
            UndeliverableError: it is.
        """
        limit = self._bus.client.max_payload
        if len(value) + _HEADERS > limit:
            raise UndeliverableError(
                f"{self._named(key)} would hold {len(value)} bytes, and the server takes {limit}: raise its "
                "'max_payload', or share the schedules out among several schedulers"
            )

    def _named(self, key: str) -> str:
        return f"the key {key!r} of the bucket {self.name!r}"

    def _subject(self, key: str) -> str:
        return f"$KV.{self.name}.{key}"

    def _parsed(self, key: str, value: bytes | None) -> dict[str, Any]:
        try:
            parsed = json.loads(value or b"{}")
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise DulyError(f"{self._named(key)} was written by something else: {value!r}")
        return parsed

    @asynccontextmanager
    async def _answered(self, seconds: float) -> AsyncIterator[None]:
        """Make one error of all that mean that nobody has answered."""
        try:
            async with asyncio.timeout(seconds):
                await self._bus.until_connected()
            with cancellation_kept():
                async with asyncio.timeout(seconds) as asked:
                    self._asked.add(asked)
                    try:
                        yield
                    finally:
                        self._asked.discard(asked)
        except (TimeoutError, nats.errors.Error) as error:
            self._note_silence(error)
            if not isinstance(error, TimeoutError):
                await asyncio.sleep(_PAUSE)
            raise TimeoutError(f"the bucket {self.name!r} is out of reach: {error!r}") from None
        self._note_answer()

    def _note_loss(self) -> None:
        """Have those that wait for an answer ask again: it will not come."""
        self._losses += 1
        for asked in self._asked:
            if not asked.expired():
                asked.reschedule(asyncio.get_running_loop().time())

    def _note_silence(self, error: Exception) -> None:
        if self._silent_at is None:
            log.warning("scheduler.bucket_out_of_reach", bucket=self.name, error=repr(error))
        self._silent_at = asyncio.get_running_loop().time()

    def _note_answer(self) -> None:
        if self._silent_at is not None and asyncio.get_running_loop().time() - self._silent_at > _CALM:
            self._silent_at = None
            log.info("scheduler.bucket_answers", bucket=self.name)

    def _compare(self, config: StreamConfig) -> None:
        """Tell what is other than asked for: it stays as it was made."""
        found, asked = (config.num_replicas, config.storage), (self._replicas, self._storage)
        if found != asked:
            log.warning("scheduler.bucket_differs", bucket=self.name, found=found, asked_for=asked)

    async def _make(self) -> None:
        """Make it, as nats-py would, but with revisions that begin beyond those of one that was deleted."""
        config = StreamConfig(
            name=self._stream,
            subjects=[self._subject(">")],
            max_msgs_per_subject=1,
            first_seq=max(1, self._clock.now() // _MICROSECOND),
            num_replicas=self._replicas,
            storage=StorageType(self._storage),
            discard=DiscardPolicy.NEW,
            deny_delete=True,
            allow_rollup_hdrs=True,
            allow_direct=False,  # another server than the leader of the stream may be behind
        )
        try:
            await self._bus.jetstream.add_stream(config)
        except (errors.BadRequestError, errors.ServerError) as error:
            if error.err_code != _NAME_IN_USE:
                raise DulyError(
                    f"the bucket {self.name!r} with {self._replicas} replicas in {self._storage} storage cannot be "
                    f"made: {error.description}"
                ) from None
