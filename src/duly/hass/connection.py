"""One connection to Home Assistant, from the taking of the token to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from logging import LoggerAdapter
from typing import Any, TypeAlias

from duly.events import RawState
from duly.hass.calls import Call, Calls, answer_within
from duly.hass.errors import HassCommandError
from duly.hass.transport import Socket

RawEvent: TypeAlias = Mapping[str, Any]

_ONE_FRAME_FOR_MANY = {"type": "supported_features", "features": {"coalesce_messages": 1}}
_ALL_EVENTS = {"type": "subscribe_events"}
_ALL_STATES = {"type": "get_states"}
_ANSWERS = {"result", "pong"}


class Connection:
    """Reads: hands answers to who waits for them, and events to its caller. Only the task that made it reads."""

    def __init__(self, socket: Socket, ha_version: str, seconds: float, logger: LoggerAdapter[Any]) -> None:
        """Wait ``seconds`` for each answer while states are loaded."""
        self.ha_version = ha_version
        self.calls = Calls(socket, logger)
        self._socket = socket
        self._seconds = seconds
        self._logger = logger
        self._subscription: Call | None = None
        self._told_bad_frame = False

    async def load(self, keep: Callable[[RawEvent], None]) -> list[RawState]:
        """Subscribe to all events, and then give all states; events that come meanwhile are kept.

        Raises:
            HassCommandError: Home Assistant refuses.
            HassTimeoutError: it does not answer in time.
            SocketClosedError: the connection is lost.
        """
        try:
            await self._ask(self.calls.put(_ONE_FRAME_FOR_MANY), keep)
        except HassCommandError as error:  # an old Home Assistant sends each message in a frame of its own
            self._logger.debug("messages are not sent several in a frame: %s", error)
        self._subscription = self.calls.put(_ALL_EVENTS)
        await self._ask(self._subscription, keep)
        states = await self._ask(self.calls.put(_ALL_STATES), keep)
        if not isinstance(states, list):
            raise ConnectionError(f"Home Assistant sent {type(states).__name__} in place of its states")
        return states

    async def _ask(self, call: Call, keep: Callable[[RawEvent], None]) -> Any:  # noqa: ANN401 - of the answer
        """Read until it is answered."""
        try:
            async with answer_within(call, self._seconds):
                while not call.done.done():
                    for event in await self.receive():
                        keep(event)
        finally:
            call.done.cancel()  # unless it is there
        return call.done.result()

    async def receive(self) -> list[RawEvent]:
        """The events of the next frame.

        Raises:
            SocketClosedError: the connection has ended.
        """
        text = await self._socket.receive()
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            frame = None
        messages = frame if isinstance(frame, list) else [frame]
        return [event for event in map(self._take, messages) if event is not None]

    def _take(self, message: object) -> RawEvent | None:
        """Its event, if it is one; answers are handed over."""
        if not isinstance(message, dict):
            self._tell_bad_frame(message)
            return None
        kind = message.get("type")
        if kind == "event" and self._subscription is not None and message.get("id") == self._subscription.number:
            event = message.get("event")
            return event if isinstance(event, dict) else {}
        if isinstance(kind, str) and kind in _ANSWERS:
            self.calls.answer(message)
        else:
            self._logger.debug("a message of type %s is not meant for anybody here", kind)
        return None

    def _tell_bad_frame(self, message: object) -> None:
        if not self._told_bad_frame:
            self._told_bad_frame = True
            self._logger.warning("Home Assistant sent something that is no message, left out: %.80r", message)
