"""The commands of one connection, and who waits for their answers.

Home Assistant refuses an id that is not higher than the last, so only one task writes, and it numbers what it writes.
Whoever has a command waits for a future: its end does not depend on a network that is stuck.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from logging import LoggerAdapter
from typing import TYPE_CHECKING, Any, TypeAlias

from duly.hass.errors import HassCommandError, HassTimeoutError, HassUnavailableError
from duly.hass.transport import Socket

if TYPE_CHECKING:
    Unavailable: TypeAlias = Callable[[str], HassUnavailableError]
    """Makes the error for a command that came to nothing; given what became of it."""


@dataclass(slots=True, eq=False)
class Call:
    """A command under way."""

    name: str
    body: str
    """JSON without its opening brace and id."""
    done: asyncio.Future[Any]
    awaits_answer: bool
    """Whether ``done`` is the answer, and not only that it is written."""
    number: int = 0
    """0: not written yet."""


@asynccontextmanager
async def answer_within(call: Call, seconds: float) -> AsyncIterator[None]:
    """A wait for the answer.

    Raises:
        HassTimeoutError: it took longer.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():  # it came from within
            raise
        raise HassTimeoutError(call.name, seconds) from None


class Calls:
    """Owns what is to be written and what is to be answered; guarded by the event loop."""

    def __init__(self, socket: Socket, logger: LoggerAdapter[Any]) -> None:
        self._socket = socket
        self._logger = logger
        self._queue: deque[Call] = deque()
        self._queued = asyncio.Event()
        self._unanswered: dict[int, Call] = {}
        self._number = 0
        self._ended: Unavailable | None = None

    # --- who has a command -------------------------------------------------------------------------------------------

    def put(self, message: Mapping[str, Any], *, awaits_answer: bool = True) -> Call:
        """Have a command written.

        Raises:
            HassUnavailableError: the connection has ended.
            TypeError, ValueError: it cannot be sent.
        """
        call = Call(_name_of(message), _body_of(message), _future(), awaits_answer)
        if self._ended is not None:
            raise self._ended(f"{call.name} was not sent")
        self._queue.append(call)
        self._queued.set()
        return call

    async def command(self, message: Mapping[str, Any], seconds: float) -> Any:  # noqa: ANN401 - depends on the command
        """The result that Home Assistant gives.

        Raises:
            HassCommandError: it gives none.
            HassTimeoutError: no answer within so many seconds.
            HassUnavailableError: the connection has ended.
        """
        call = self.put(message)
        try:
            async with answer_within(call, seconds):
                return await call.done
        finally:
            self._unanswered.pop(call.number, None)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Return once it is written."""
        await self.put(message, awaits_answer=False).done

    # --- the connection ----------------------------------------------------------------------------------------------

    async def write(self) -> None:
        """Write what there is, in order, until cancelled or the socket is lost, which the reader sees as well."""
        while True:
            while self._queue:
                call = self._queue.popleft()
                if call.done.done():  # given up
                    continue
                self._number = call.number = self._number + 1
                self._unanswered[call.number] = call
                try:
                    await self._socket.send(f'{{"id": {call.number}, {call.body}')
                except OSError:
                    return
                if not call.awaits_answer and not call.done.done():
                    call.done.set_result(None)
            self._queued.clear()
            await self._queued.wait()

    def answer(self, message: Mapping[str, Any]) -> None:
        """Take an answer of Home Assistant."""
        number = message.get("id")
        call = self._unanswered.pop(number, None) if isinstance(number, int) else None
        if call is None:
            self._logger.debug("an answer to command %s came late, or nobody waits for it", number)
            return
        refusal = None if message.get("success", True) else _refusal(message.get("error"))
        if call.done.done():
            self._tell_late(call, refusal)
        elif refusal is not None:
            call.done.set_exception(refusal)
        else:
            call.done.set_result(message.get("result"))

    def _tell_late(self, call: Call, refusal: HassCommandError | None) -> None:
        if refusal is not None and not call.awaits_answer:
            self._logger.warning("%s, which was sent without waiting, has failed: %s", call.name, refusal)
        elif call.awaits_answer:
            self._logger.debug("the answer to %s came late", call.name)

    def end(self, unavailable: Unavailable) -> None:
        """The connection has ended: whoever waits is told at once, and so is whoever comes."""
        if self._ended is not None:
            return
        self._ended = unavailable
        for call in (*self._unanswered.values(), *self._queue):
            if not call.done.done():
                what = "was sent, and whether it was done is not known" if call.number else "was not sent"
                call.done.set_exception(unavailable(f"{call.name} {what}"))
        self._unanswered.clear()
        self._queue.clear()


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _name_of(message: Mapping[str, Any]) -> str:
    """As it is called in errors, without its data, which may be secret."""
    kind = str(message.get("type"))
    if kind == "call_service":
        return f"{kind} {message.get('domain')}.{message.get('service')}"
    return kind


def _body_of(message: Mapping[str, Any]) -> str:
    if not isinstance(message.get("type"), str) or "id" in message:
        raise ValueError(f"a command needs the text 'type', and gets its id by itself, got the keys {sorted(message)}")
    return json.dumps(dict(message), allow_nan=False)[1:]


def _refusal(error: object) -> HassCommandError:
    details = error if isinstance(error, Mapping) else {}
    return HassCommandError(str(details.get("code", "unknown_error")), str(details.get("message", "")))
