"""An api with its link and its connections over HTTP given by the test, which stand for Home Assistant."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from duly.config import DulyConfig
from duly.hass.api import Api, ApiResource
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassUnavailableError
from duly.hass.rest import Request
from duly.hass.results import RestResponse
from duly.lifecycle import Resource
from tests.lifecycle.house import House

TOKEN = "the-token-of-the-porch"  # noqa: S105 - opens nothing


class GivenAnswers:
    """A link that keeps what is sent, and answers by the type of the command."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.sent: list[dict[str, Any]] = []
        self.timeouts: list[float | None] = []
        self.not_awaited: list[dict[str, Any]] = []
        self.state = ConnectionState.CONNECTED
        self.up = asyncio.Event()
        """Set by a test for whom ``wait_connected`` is to end."""

    @property
    def connected(self) -> bool:
        return self.state is ConnectionState.CONNECTED

    def snapshot(self) -> LinkSnapshot:
        return LinkSnapshot(self.state, since=0)

    def unavailable(self) -> HassUnavailableError:
        return HassUnavailableError("the link is down", state=self.state, last_error="gone")

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ASYNC109, ANN401 - as in Link
        self._check()
        json.dumps(message, allow_nan=False)
        self.sent.append(dict(message))
        self.timeouts.append(timeout)
        answer = self.answers.get(message["type"])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def send(self, message: Mapping[str, Any]) -> None:
        self._check()
        self.not_awaited.append(dict(message))

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in Link
        async with asyncio.timeout(timeout):
            await self.up.wait()

    def _check(self) -> None:
        if not self.connected:
            raise self.unavailable()


Reply = RestResponse | Exception | float | Callable[[Request], RestResponse]
"""An answer; a failure; as a number, so many seconds of silence; or made of the request."""


class GivenReplies:
    """Takes requests, and replies with one after the other; the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.times: list[float] = []

    async def __call__(self, request: Request) -> RestResponse:
        self.requests.append(request)
        self.times.append(round(asyncio.get_running_loop().time(), 3))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, RestResponse):
            return reply
        if callable(reply):
            return reply(request)
        await asyncio.sleep(reply)
        return said("too late")

    @property
    def last(self) -> Request:
        return self.requests[-1]


def said(value: Any, status: int = 200) -> RestResponse:  # noqa: ANN401 - any JSON
    """An answer in JSON."""
    return RestResponse(status, json.dumps(value).encode(), "application/json")


def text(value: str, status: int = 200) -> RestResponse:
    """An answer in plain text."""
    return RestResponse(status, value.encode(), "text/plain")


@dataclass
class Desk:
    """An api, and who answers it."""

    house: House
    link: GivenAnswers
    replies: GivenReplies
    resource: ApiResource
    api: Api


def desk(
    *replies: Reply,
    answers: Mapping[str, Any] | None = None,
    chance: Callable[[], float] = lambda: 0.0,
    **settings: Any,  # noqa: ANN401 - any setting
) -> Desk:
    """One with these replies to requests and answers to commands; ``chance`` is that of the waits."""
    house = House(DulyConfig.hermetic(token=TOKEN, strict_lifecycle=True, **settings))
    link, given = GivenAnswers(answers), GivenReplies(*replies or (said({}),))
    resource = house.add_child(ApiResource, link=link, opened=given)
    resource.rest._chance = chance
    owner = house.add_child(Resource)
    return Desk(house, link, given, resource, owner.add_child(Api))
