"""Home Assistant as a test scripts it: takes the place of the network, answers by itself, and fails on request.

It lives on the loop of the test, and so on its virtual time. Give it to the link as ``transport``.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from duly.core import clock as clocks
from duly.core.clock import zoned
from duly.hass.transport import Endpoint, SocketClosedError

TOKEN = "eyJhbGciOi.of.the-peer-4711"  # noqa: S105 - of nobody
VERSION = "2025.4.4"
EARLIER = "2024-12-31T12:00:00+00:00"
"""Before virtual time begins."""

Message = Mapping[str, Any]
Answer = Callable[[Message], object]
"""Gives the result of a command; raises ``Refusal``."""


class Refusal(Exception):  # noqa: N818 - what Home Assistant says, and no fault
    """Answers a command with an error."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.code = code


class PeerSocket:
    """One connection, from the side of the link."""

    def __init__(self, peer: "Peer", endpoint: Endpoint) -> None:
        self._peer = peer
        self._heartbeat = endpoint.heartbeat_seconds
        self._frames: deque[str | SocketClosedError] = deque()
        self._arrived = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.closed = False
        """By the link."""

    def put(self, frame: str | SocketClosedError) -> None:
        self._frames.append(frame)
        self._arrived.set()

    def stall(self) -> None:
        """Answer no ping from now on: the link notices at the latest 1.5 intervals later."""
        late = SocketClosedError("Home Assistant does not answer the heartbeat")
        self._timer = asyncio.get_running_loop().call_later(1.5 * self._heartbeat, self.put, late)

    async def send(self, text: str) -> None:
        if self.closed or self is not self._peer.socket:
            raise ConnectionResetError("the connection was lost")
        await self._peer.passable.wait()
        self._peer.hear(json.loads(text))

    async def receive(self) -> str:
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        if isinstance(first := self._frames[0], SocketClosedError):
            raise first
        self._frames.popleft()
        return str(first)

    async def close(self) -> None:
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.put(SocketClosedError("closed by Duly"))


class Peer:
    """Owns states, token and the one connection. ``accept`` and ``refuse`` say what becomes of attempts."""

    def __init__(self, *states: Message, token: str = TOKEN) -> None:
        self.states = {str(each["entity_id"]): dict(each) for each in states}
        self.token: str | None = token
        """That it takes; ``None``: none."""
        self.socket: PeerSocket | None = None
        """The connection; ``None``: there is none."""
        self.attempts: list[float] = []
        """Times of the loop at which a connection was asked for."""
        self.endpoints: list[Endpoint] = []
        self.sent: list[Message] = []
        """What the link has written on the present, or last, connection, in order."""
        self.answers: dict[str, Answer] = {
            "supported_features": _nothing,
            "subscribe_events": _nothing,
            "get_states": lambda _: [*self.states.values()],
            "call_service": lambda _: {"context": _context(), "response": None},
        }
        self.silent: set[str] = set()
        """Types of messages that it does not answer; see ``answer``."""
        self.passable = asyncio.Event()
        """Cleared: what the link sends does not get through."""
        self.passable.set()
        self.greets = True
        """Whether it asks for the token."""
        self._refusal: Callable[[], OSError] | None = None
        self._hold: asyncio.Event | None = None
        self._events = 0

    # --- attempts ----------------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """Let attempts succeed, from now on."""
        self._refusal = self._hold = None

    def refuse(self, reason: str = "connection refused") -> None:
        """Let attempts fail, from now on."""
        self._refusal = lambda: ConnectionRefusedError(reason)

    def swallow(self) -> None:
        """Let attempts get no answer, from now on, until their time is over."""
        self._hold = asyncio.Event()

    async def open(self, endpoint: Endpoint) -> PeerSocket:
        """As transport."""
        self.attempts.append(asyncio.get_running_loop().time())
        self.endpoints.append(endpoint)
        if self._refusal is not None:
            raise self._refusal()
        if self._hold is not None:
            await asyncio.wait_for(self._hold.wait(), endpoint.connect_seconds)
        self.sent = []
        self.socket = PeerSocket(self, endpoint)
        if self.greets:
            self.say({"type": "auth_required", "ha_version": VERSION})
        return self.socket

    # --- what it says ------------------------------------------------------------------------------------------------

    @property
    def subscription(self) -> int:
        """Id of the subscription to events; 0: there is none."""
        return next((int(each["id"]) for each in self.sent if each["type"] == "subscribe_events"), 0)

    def say(self, frame: object) -> None:
        """Send a frame: a message, several, or, as text, anything."""
        assert self.socket is not None, "there is no connection"
        self.socket.put(frame if isinstance(frame, str) else json.dumps(frame))

    def event(self, event_type: str, data: Message | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of the event
        """Send an event; the message, for who wants to send it once more."""
        message = self.event_message(event_type, data, **fields)
        self.say(message)
        return message

    def event_message(self, event_type: str, data: Message | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of the event
        """An event, not sent."""
        event = {
            "event_type": event_type,
            "data": data or {},
            "origin": "LOCAL",
            "time_fired": now_text(),
            "context": self._context(),
            **fields,
        }
        return {"id": self.subscription, "type": "event", "event": event}

    def state_changed(self, entity_id: str, state: str | None, **attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the entity
        """Change a state, ``None``: remove it, and send the event."""
        message = self.change_message(entity_id, state, **attributes)
        self.say(message)
        return message

    def change_message(self, entity_id: str, state: str | None, **attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the entity
        """Change a state; the event, not sent."""
        old = self.states.pop(entity_id, None)
        new = None if state is None else raw_state(entity_id, state, now_text(), **attributes)
        if new is not None:
            self.states[entity_id] = new
        return self.event_message("state_changed", {"entity_id": entity_id, "old_state": old, "new_state": new})

    def answer(self, message: Message) -> dict[str, Any]:
        """The answer to a command, not sent."""
        make = self.answers.get(str(message["type"]))
        error: dict[str, str] | None = None
        result: object = None
        if make is None:
            error = {"code": "unknown_command", "message": "Unknown command."}
        else:
            try:
                result = make(message)
            except Refusal as refusal:
                error = {"code": refusal.code, "message": str(refusal)}
        head = {"id": message["id"], "type": "result", "success": error is None}
        return {**head, **({"result": result} if error is None else {"error": error})}

    def commands(self, kind: str) -> list[Message]:
        """Those of a type that it has heard."""
        return [each for each in self.sent if each["type"] == kind]

    # --- what becomes of the connection ------------------------------------------------------------------------------

    def drop(self, code: int | None = None, reason: str = "the connection was lost") -> None:
        """End the connection; with a code in order, else as ``kill -9`` does."""
        assert self.socket is not None, "there is no connection"
        socket, self.socket = self.socket, None
        socket.put(SocketClosedError(reason, code))

    def stall(self) -> None:
        """Neither answer nor end the connection, as a stopped process does."""
        assert self.socket is not None, "there is no connection"
        self.passable.clear()
        self.socket.stall()

    # --- what it hears -----------------------------------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """Take a message of the link's."""
        self.sent.append(message)
        kind = message["type"]
        if kind in self.silent:
            return
        if kind == "auth":
            self._judge(message)
        elif kind == "ping":
            self.say({"id": message["id"], "type": "pong"})
        else:
            self.say(self.answer(message))

    def _judge(self, message: Message) -> None:
        if self.token is not None and message["access_token"] == self.token:
            self.say({"type": "auth_ok", "ha_version": VERSION})
        else:
            self.say({"type": "auth_invalid", "message": "Invalid access token or password"})
            self.drop(1000, "closed")

    def _context(self) -> dict[str, Any]:
        self._events += 1
        return {"id": f"context-{self._events}", "parent_id": None, "user_id": None}


def raw_state(entity_id: str, state: str, at: str = EARLIER, **attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the entity
    """A state as Home Assistant sends it."""
    times = dict.fromkeys(("last_changed", "last_reported", "last_updated"), at)
    return {"entity_id": entity_id, "state": state, "attributes": attributes, **times, "context": _context()}


def now_text() -> str:
    """The time as Home Assistant sends it."""
    return zoned(clocks.current().now(), "UTC").to_fixed_offset().format_iso()


def _context() -> dict[str, Any]:
    return {"id": "context-of-a-state", "parent_id": None, "user_id": None}


def _nothing(_: Message) -> None:
    return None
