"""How a ``RecordingApi`` reaches the Home Assistant that a test plays: what it answers by itself, and what it does not.

It answers from the states it has, and tells of what is written: a state that is set becomes so, an event that is fired
happens, a service that is called does nothing but be heard of, as Home Assistant tells of each call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from duly.core import clock as clocks
from duly.core.clock import zoned
from duly.events import RawState
from duly.events.event import new_event_id
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassCommandError, HassUnavailableError
from duly.hass.results import RestResponse
from duly.hass.waits import within
from duly.lifecycle.crossing import running_loop

if TYPE_CHECKING:
    from duly.hass.link import Link
    from duly.testing.given_home import GivenHome

answered_by_test: ContextVar[bool] = ContextVar("duly_answered_by_test", default=False)
"""Whether the test says what the call that is under way gives: then nothing is answered or done here."""


class Unanswered(Exception):  # noqa: N818 - no error: seen by the recorder alone
    """There is no answer here."""


class RecordedLink:
    """A link on which nothing is sent. Stands as ``beneath`` does; has no state of its own."""

    def __init__(self, home: GivenHome, beneath: Link) -> None:
        self._home = home
        self._beneath = beneath

    @property
    def state(self) -> ConnectionState:
        """How it stands."""
        return self._beneath.state

    @property
    def connected(self) -> bool:
        """Whether all features are up."""
        return self._beneath.connected

    def snapshot(self) -> LinkSnapshot:
        """How it stands, with times and counts."""
        return self._beneath.snapshot()

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it while it is not up."""
        return self._beneath.unavailable()

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in Link
        """Until it is up."""
        await self._beneath.wait_connected(timeout)

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ARG002, ASYNC109, ANN401 - as in Link
        """Answer what can be answered."""
        _check()
        kind = message["type"]
        if kind == "get_states":
            return [dict(state) for state in self._home.states]
        if kind == "fire_event":
            await self._home.fire(message["event_type"], message["event_data"])
        elif kind == "call_service":
            await self._home.fire("call_service", _service_data(message))
            if message.get("return_response"):
                raise Unanswered
        else:
            raise Unanswered
        return {"context": {"id": new_event_id(), "parent_id": None, "user_id": None}}

    async def send(self, message: Mapping[str, Any]) -> None:
        """As ``command``."""
        await self.command(message)


class RecordedRest:
    """Answers requests about states. Has no state of its own."""

    def __init__(self, home: GivenHome) -> None:
        self._home = home

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,  # noqa: ARG002 - as in Rest
        data: Any = None,  # noqa: ANN401 - JSON
    ) -> RestResponse:
        """Answer what can be answered."""
        _check()
        kind, _, name = path.partition("/")
        if kind != "states":
            raise Unanswered
        entity_id = unquote(name)
        if method == "POST":
            await self._set(entity_id, data)
        state = self._home.state(entity_id)
        if state is None:
            raise HassCommandError(str(HTTPStatus.NOT_FOUND.value), f"there is no {entity_id!r}")
        if method == "DELETE":
            await self._home.change(entity_id, None, {})
        return RestResponse(HTTPStatus.OK, json.dumps(state).encode(), "application/json")

    async def _set(self, entity_id: str, data: Mapping[str, Any]) -> None:
        """Set a state; the attributes that it had go."""
        before: RawState = self._home.state(entity_id) or {"attributes": {}}
        await self._home.change(entity_id, data["state"], dict.fromkeys(before["attributes"]) | data["attributes"])


class LoneLink:
    """The link to a home that no Duly is linked to. Guarded by the event loop, if there is one."""

    def __init__(self, home: GivenHome) -> None:
        self._home = home
        self._since = clocks.current().now()
        self._up = asyncio.Event()
        self.turned()

    def turned(self) -> None:
        """Take note that the home has come or gone."""
        self._since = clocks.current().now()
        (self._up.set if self._home.up else self._up.clear)()

    @property
    def state(self) -> ConnectionState:
        """How it stands."""
        return ConnectionState.CONNECTED if self._home.up else ConnectionState.WAITING

    @property
    def connected(self) -> bool:
        """Whether the home is there."""
        return self._home.up

    def snapshot(self) -> LinkSnapshot:
        """How it stands."""
        return LinkSnapshot(self.state, self._since)

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it while it is not up."""
        since, why = zoned(self._since, "UTC"), "the test has gone offline"
        text = f"Home Assistant cannot be reached since {since}: {why}; go_online() brings it back"
        return HassUnavailableError(text, state=self.state, since=since, last_error=why)

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in Link
        """Until the home is there; without a loop nobody can bring it meanwhile."""
        if not self._home.up:
            if running_loop() is None:
                raise TimeoutError("Home Assistant does not come while this waits: call go_online() first")
            await within(timeout, self._up.wait(), "not connected", self.unavailable)

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ARG002, ASYNC109, ANN401 - as in Link
        """Nobody answers."""
        raise Unanswered

    async def send(self, message: Mapping[str, Any]) -> None:  # noqa: ARG002 - as in Link
        """Nobody takes it."""
        raise Unanswered


def _check() -> None:
    if answered_by_test.get():
        raise Unanswered


def _service_data(message: Mapping[str, Any]) -> dict[str, Any]:
    """What Home Assistant tells of a call: the target is part of the data."""
    details = {**message["service_data"], **message.get("target", {})}
    return {"domain": message["domain"], "service": message["service"], "service_data": details}
