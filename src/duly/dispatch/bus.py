"""What messages travel on: JSON objects under subjects, to whoever has subscribed.

Subjects are those of NATS: tokens with dots between them. In a subscription ``*`` stands for one token and a last
``>`` for one or more.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Self
from uuid import uuid4

import structlog

from duly.core.errors import DulyError

log = structlog.get_logger("duly.dispatch")

PENDING_MESSAGES: Final = 65_536
"""Messages that may wait in a subscription; what comes beyond them is dropped, as NATS does."""

_NO_HEADERS: Final[Mapping[str, str]] = {}
_SUBJECT = re.compile(r"[^\s.*>]+(?:\.[^\s.*>]+)*")
_PATTERN = re.compile(r"(?:(?:\*|[^\s.*>]+)\.)*(?:>|\*|[^\s.*>]+)")
_SHOWN = 200
_QUOTED = 60
_STATUS = "Status"
_NOBODY_LISTENS = "503"


class BusError(DulyError):
    """The bus cannot be reached, or refuses what it was asked."""


class Received(dict[str, Any]):
    """A message as it came; equal to the plain ``dict``."""

    __slots__ = ("headers", "reply", "subject")

    def __init__(
        self,
        message: Mapping[str, Any],
        subject: str,
        reply: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.subject = subject
        self.reply = reply
        """Where an answer is expected; ``None``: nowhere."""
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as it is on the wire."""

    subject: str
    data: bytes
    reply: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def says_nobody_listens(self) -> bool:
        """Whether the bus itself has answered, for nobody has subscribed to what was asked."""
        return not self.data and self.headers.get(_STATUS) == _NOBODY_LISTENS


class Subscription:
    """The messages of a subject, in the order in which they came. Guarded by the event loop.

    What is no JSON object is left out. A bus makes one, and gives it what comes by ``offer``.
    """

    def __init__(
        self,
        subject: str,
        queue_group: str | None,
        leave: Callable[[Subscription], Awaitable[None]],
        pending: int = PENDING_MESSAGES,
    ) -> None:
        """``leave`` ends it on the bus; so many messages may wait in it."""
        self.subject = subject
        self.queue_group = queue_group
        self.dropped = 0
        """Messages that were not taken because too many waited."""
        self.when_malformed: Callable[[Raw, str], Awaitable[None]] | None = None
        """Awaited with each message that is left out, and what is wrong with it, before the next one is given."""
        self._leave = leave
        self._limit = pending
        self._waiting: deque[Raw] = deque()
        self._changed = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> Self:
        """The messages, until ``unsubscribe``."""
        return self

    async def __anext__(self) -> Received:
        """The next one."""
        while True:
            raw = await self._next()
            received = _read(raw)
            if isinstance(received, Received):
                return received
            if self.when_malformed is not None:
                await self.when_malformed(raw, received)

    async def answer(self) -> Received | None:
        """The next one, as an answer to what was asked; ``None``: nobody listens there.

        Raises:
            BusError: the subscription has ended.
        """
        try:
            while True:
                raw = await self._next()
                if raw.says_nobody_listens:
                    return None
                received = _read(raw)
                if isinstance(received, Received):
                    return received
        except StopAsyncIteration:
            raise BusError(f"the subscription to {self.subject} ended before an answer came") from None

    async def unsubscribe(self) -> None:
        """End it; what waits in it is discarded. Idempotent."""
        if not self._ended:
            self.end()
            await self._leave(self)

    def offer(self, raw: Raw) -> None:
        """Take a message in, or drop it if too many wait."""
        if self._ended:
            return
        if len(self._waiting) >= self._limit:
            self._drop()
            return
        self._waiting.append(raw)
        self._changed.set()

    def end(self) -> None:
        """Have the iteration stop."""
        self._ended = True
        self._waiting.clear()
        self._changed.set()

    async def _next(self) -> Raw:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def _drop(self) -> None:
        if not self.dropped:
            log.warning("bus.slow_subscriber", subject=self.subject, queue_group=self.queue_group, limit=self._limit)
        self.dropped += 1


class MessageBus(ABC):
    """Publishes and subscribes. Guarded by the event loop on which it is connected."""

    @abstractmethod
    async def connect(self) -> None:
        """Get ready. Idempotent."""

    @abstractmethod
    async def close(self) -> None:
        """Send what was published, end all subscriptions. Idempotent."""

    @abstractmethod
    async def publish(
        self,
        subject: str,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a message to whoever has subscribed to its subject.

        Raises:
            TypeError: something in it is no JSON.
            ValueError: the subject is none, or a number is no JSON.
            BusError: it cannot be sent.
        """

    @abstractmethod
    async def subscribe(self, subject: str, queue_group: str | None = None) -> Subscription:
        """Take the messages of a subject; of those with the same ``queue_group`` one takes each.

        Raises:
            ValueError: the subject or the group is none.
        """

    async def request(self, subject: str, message: Mapping[str, Any], timeout: float) -> Received:  # noqa: ASYNC109 - the contract of the bus
        """Publish a message, and give the first answer.

        Raises:
            TimeoutError: nobody listens there, or there was no answer within so many seconds.
            BusError: the bus was closed meanwhile.
        """
        inbox = await self.subscribe(f"_INBOX.{uuid4().hex}")
        try:
            async with asyncio.timeout(timeout):
                await self.publish(subject, message, reply=inbox.subject)
                answer = await inbox.answer()
        except TimeoutError:
            raise TimeoutError(f"nobody answered on {subject} within {timeout:g} s") from None
        finally:
            await inbox.unsubscribe()
        if answer is None:
            raise TimeoutError(f"nobody listens on {subject}")
        return answer

    async def flush(self) -> None:  # noqa: B027 - most have nothing to wait for
        """Wait until all that was published has been sent.

        Raises:
            BusError: it may not have been.
        """

    @property
    def connected(self) -> bool:
        """Whether what is published gets away now."""
        return True

    async def until_connected(self) -> None:  # noqa: B027 - as ``flush``
        """Wait until it does."""


def nobody_listens(reply: str) -> Raw:
    """What a bus answers to a question that nobody can hear."""
    return Raw(reply, b"", headers={_STATUS: _NOBODY_LISTENS})


def wire_of(message: Mapping[str, Any]) -> bytes:
    """A message as bytes.

    Raises:
        TypeError: something in it is no JSON.
        ValueError: a number or a text in it is no JSON, or it contains itself.
    """
    if not isinstance(message, dict):
        if not isinstance(message, Mapping):
            raise TypeError(f"a message is a mapping, got {type(message).__name__}")
        message = dict(message)
    try:
        return _encoder.encode(message).encode()
    except RecursionError:
        raise ValueError("a message that contains itself, or is nested without end, is no JSON") from None


def checked_subject(subject: str) -> str:
    """Give a subject back on which can be published.

    Raises:
        ValueError: it is none.
    """
    if _SUBJECT.fullmatch(subject):
        return subject
    raise ValueError(f"a subject is tokens with dots between them, without blanks, * and >, got {subject!r}")


def checked_pattern(pattern: str) -> str:
    """Give a subject back to which one can subscribe.

    Raises:
        ValueError: it is none.
    """
    if _PATTERN.fullmatch(pattern):
        return pattern
    raise ValueError(f"a subscription is tokens with dots between them, each may be *, the last >, got {pattern!r}")


def matches(pattern: str, subject: str) -> bool:
    """Whether a subscription takes a subject; ``subject`` may be a subscription that is narrower."""
    *head, last = pattern.split(".")
    tokens = subject.split(".")
    if last != ">":
        head.append(last)
    if len(tokens) < len(head) or (last == ">") == (len(tokens) == len(head)):
        return False
    return all(want in {"*", token} for want, token in zip(head, tokens, strict=False))


def checked_group(queue_group: str | None) -> str | None:
    """Give the name of a queue group back.

    Raises:
        ValueError: it has blanks, or is empty.
    """
    if queue_group is not None and re.fullmatch(r"\S+", queue_group) is None:
        raise ValueError(f"a queue group is a name without blanks, got {queue_group!r}")
    return queue_group


def _read(raw: Raw) -> Received | str:
    """A message from the wire; a text: what is wrong with it, which is no JSON object."""
    error = f"a message is a JSON object, got {_quoted(raw.data)}"
    try:
        message = _decoder.decode(raw.data.decode())
    except (ValueError, RecursionError) as why:
        error = f"{error}: {why}"
    else:
        if isinstance(message, dict):
            return Received(message, raw.subject, raw.reply, raw.headers)
    log.debug("bus.malformed_message", subject=raw.subject, error=error, data=raw.data[:_SHOWN])
    return error


def _quoted(data: bytes) -> str:
    """The begin of it, for people."""
    text = data[:_QUOTED].decode(errors="backslashreplace")
    return f"{text!r} and more" if len(data) > _QUOTED else repr(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
_decoder = json.JSONDecoder(parse_constant=_no_number)
