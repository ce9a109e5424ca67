"""The streams of a fleet, made where there are none.

A stream that is there is used as it is: whoever made it may have had reasons. It is refused only where the promise of
once per slot would not hold; where it would not after an outage that is longer than the duplicate window, it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final, Literal, TypeVar

import structlog
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from duly.core.errors import DulyError
from duly.dispatch.backoff import backoff
from duly.dispatch.bus import matches
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.subjects import Subjects

log = structlog.get_logger("duly.dispatch")

T = TypeVar("T")

SHORTEST_WINDOW: Final = 10.0
"""Seconds for which a stream has to know a message again: another replica takes over within 5 s."""

_DAY = 86_400.0
_PATIENCE_SECONDS = 15.0
_ANSWER_SECONDS = 3.0
_SILENT_SECONDS = 2.0
"""After so many it is told that JetStream does not answer."""
_PAUSE_SECONDS = 1.0
"""Between two questions, at most."""
_CORE = "Without it there is 'delivery: core', for a single replica"
_NAME_IN_USE = 10058
_FORGETS = (
    "what was consumed is no longer in the stream, so nobody can find out whether a message is out already once the "
    "duplicate window is over: after a longer outage it may be published twice. Make the window longer than any "
    "outage is to last, or use a stream with the retention 'limits'"
)


class StreamError(DulyError):
    """The stream cannot be used, or cannot be made."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a stream is kept, if it has to be made."""

    name: str | None = None
    """``None``: the one that has the subjects, or else a new one that goes by the prefix."""
    replicas: int = 1
    duplicate_window: float = 120.0
    """Seconds for which the server knows a message again."""
    storage: Literal["file", "memory"] = "file"
    max_age: float | None = 7 * _DAY
    """Seconds after which a message goes, whether somebody had it or not; ``None``: never."""
    max_bytes: int | None = None
    """Above it the oldest messages go; ``None``: no limit."""


async def ensure_stream(bus: NatsBus, subjects: Subjects, settings: StreamSettings) -> str:
    """The name of the stream of goals and tasks, which is made if there is none.

    Raises:
        StreamError: it does not take these subjects, it knows messages again for too short a time, or the server
            does not make it, for instance because it runs without JetStream.
    """
    return await _ensure(bus, settings.name, subjects.stream, [subjects.goals, subjects.tasks], settings)


async def ensure_results_stream(bus: NatsBus, subjects: Subjects, settings: StreamSettings) -> str:
    """The name of the stream of results and dead letters, which is made if there is none.

    Raises:
        StreamError: as for ``ensure_stream``.
    """
    wanted = [subjects.all_results, subjects.all_dead_letters]
    return await _ensure(bus, None, subjects.results_stream, wanted, settings)


async def duplicate_window_of(bus: NatsBus, stream: str) -> float:
    """For how many seconds a stream, which there is, knows a message again.

    Raises:
        StreamError: the server does not answer.
    """
    info = await _answer(bus, partial(_info, stream))
    return info.config.duplicate_window or 0.0


async def _ensure(bus: NatsBus, asked: str | None, default: str, subjects: list[str], settings: StreamSettings) -> str:
    if settings.duplicate_window < SHORTEST_WINDOW:
        raise StreamError(_too_short("asked for", settings.duplicate_window))
    while True:
        name = asked or await _stream_of(bus, subjects) or default
        try:
            found: StreamInfo | None = await _answer(bus, partial(_info, name))
        except NotFoundError:
            found = await _made(bus, name, subjects, settings)
        if found is not None:
            _check(found, subjects)
            _compare(found, settings)
            return name


async def _stream_of(bus: NatsBus, subjects: list[str]) -> str | None:
    """The stream that takes the first of them; ``None``: there is none."""
    try:
        return await _answer(bus, lambda jetstream: jetstream.find_stream_name_by_subject(subjects[0]))
    except NotFoundError:
        return None


async def _info(name: str, jetstream: JetStreamContext) -> StreamInfo:
    return await jetstream.stream_info(name)


async def _made(bus: NatsBus, name: str, subjects: list[str], settings: StreamSettings) -> StreamInfo | None:
    """The new stream; ``None``: somebody else has just made it."""
    config = StreamConfig(
        name=name,
        description="made by duly",
        subjects=subjects,
        num_replicas=settings.replicas,
        storage=StorageType(settings.storage),
        duplicate_window=settings.duplicate_window,
        max_age=settings.max_age,
        max_bytes=settings.max_bytes,
    )
    try:
        made = await _answer(bus, lambda jetstream: jetstream.add_stream(config))
    except APIError as error:
        if error.err_code == _NAME_IN_USE:
            return None
        raise StreamError(
            f"the stream {name} of {', '.join(subjects)} could not be made: {error.description}; "
            "if another stream takes these subjects, name it under 'stream'"
        ) from error
    log.info("bus.stream_made", stream=name, subjects=subjects, replicas=settings.replicas, storage=settings.storage)
    return made


def _check(found: StreamInfo, subjects: list[str]) -> None:
    config = found.config
    for subject in subjects:
        if not any(matches(pattern, subject) for pattern in config.subjects or ()):
            raise StreamError(
                f"the stream {config.name} takes {', '.join(config.subjects or ())}, and not {subject}: "
                "add it to the stream, or name another under 'stream'"
            )
    if config.duplicate_window < SHORTEST_WINDOW:
        raise StreamError(_too_short(f"of the stream {config.name}", config.duplicate_window))


def _too_short(which: str, window: float) -> str:
    return (
        f"the duplicate window {which} is {window:g} s: it has to be {SHORTEST_WINDOW:g} s at least, "
        "so that a replica that takes over publishes nothing twice"
    )


def _compare(found: StreamInfo, settings: StreamSettings) -> None:
    """Tell what is other than asked for."""
    config = found.config
    pairs = {
        "replicas": (config.num_replicas, settings.replicas),
        "storage": (config.storage, settings.storage),
        "duplicate_window": (config.duplicate_window, settings.duplicate_window),
    }
    for setting, (value, wanted) in pairs.items():
        if value != wanted:
            log.warning("bus.stream_differs", stream=config.name, setting=setting, found=value, asked_for=wanted)
    if config.retention not in {None, RetentionPolicy.LIMITS}:
        log.warning(
            "bus.stream_forgets",
            stream=config.name,
            retention=config.retention,
            duplicate_window=config.duplicate_window,
            message=_FORGETS,
        )


async def _answer(bus: NatsBus, ask: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """What JetStream answers; it is asked again while it has no leader, or is starting."""
    silence = _Silence(bus)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for attempt in count():
                await bus.until_connected()
                try:
                    return await ask(bus.client.jetstream(timeout=_ANSWER_SECONDS))
                except Error as error:
                    if isinstance(error, APIError) and not isinstance(error, ServiceUnavailableError):
                        raise
                    silence.note(error)
                await asyncio.sleep(min(backoff(attempt), _PAUSE_SECONDS))
    except TimeoutError:
        raise StreamError(
            f"JetStream does not answer ({silence.reason}): does the server run with it, as by -js? {_CORE}"
        ) from None
    raise AssertionError


class _Silence:
    """How long JetStream has not answered a question, and why."""

    def __init__(self, bus: NatsBus) -> None:
        self.reason = "no connection"
        self._bus = bus
        self._began = bus.loop.time()
        self._told = False

    def note(self, error: Error) -> None:
        """Tell it, once it has lasted a while.

        Raises:
            StreamError: the server has no JetStream.
        """
        self.reason = _in_words(error)
        if self._told or self._bus.loop.time() - self._began < _SILENT_SECONDS:
            return
        self._told = True
        if isinstance(error, ServiceUnavailableError) and self._bus.connected and self._bus.surely_without_jetstream:
            raise StreamError(f"the server runs without JetStream: start it with -js. {_CORE}")
        log.warning("bus.jetstream_silent", error=self.reason)


def _in_words(error: Error) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_ANSWER_SECONDS:g} s"
    if isinstance(error, ServiceUnavailableError):
        return error.description or "nobody takes its requests: it is off, starting, or without a leader"
    return str(error) or type(error).__name__
