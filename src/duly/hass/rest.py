"""Requests over HTTP: which are made again, and what their failures mean.

A request is made again only if that cannot do anything twice: a GET after any failure of the
connection, a time-out, or 502, 503, 504; any other only if the connection was refused.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from duly.hass.errors import HassAuthError, HassCommandError, HassError, HassTimeoutError, HassUnavailableError
from duly.hass.outgoing import query_of, sendable
from duly.hass.results import RestResponse

if TYPE_CHECKING:
    from duly.config import DulyConfig
    from duly.hass.link import Link
    from duly.lifecycle.logs import PartLogger
    from duly.lifecycle.root import Root

ATTEMPTS: Final = 5
FIRST_WAIT_SECONDS: Final = 0.5
"""Before the second attempt; doubled before each further one. Of each wait, up to half is left off at random."""
_PASSING: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt, as it is sent."""

    method: str
    url: str
    params: Mapping[str, str]
    data: Any
    """JSON; ``None``: no body."""
    headers: Mapping[str, str] = field(repr=False)
    verify_ssl: bool
    connection_seconds: float
    """What the connection may take to open."""


Open = Callable[[Request], Awaitable[RestResponse]]
"""Makes one attempt and gives the answer, whatever its status.

Raises ``ConnectionRefusedError`` if the connection was refused, any other ``OSError`` if there was none or it was lost.
"""


class Rest(Protocol):
    """Who asks Home Assistant over HTTP."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,  # noqa: ANN401 - JSON
    ) -> RestResponse:
        """The answer to a request below ``/api/``; raises ``HassError``."""
        ...


class RestClient:
    """Makes requests. Reads the settings anew for each, so that they hold after a reload; has no state of its own."""

    def __init__(
        self, duly: Root, link: Link, opened: Open, logger: PartLogger, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._duly = duly
        self._link = link
        self._open = opened
        self._logger = logger
        self._chance = chance

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,  # noqa: ANN401 - JSON
    ) -> RestResponse:
        """The answer to a request below ``/api/``, if it is one of success.

        Raises:
            HassUnavailableError: the link is not up, or no connection could be had.
            HassTimeoutError: no answer in time.
            HassAuthError: the token is refused.
            HassCommandError: Home Assistant said no, with the status as its code.
        """
        query, body = query_of(params), None if data is None else sendable(data)
        what = f"{method} /api/{path}"
        start = asyncio.get_running_loop().time()
        end = start + self._config.websocket.total_timeout_seconds
        attempt = 1
        while True:
            if not self._link.connected:
                raise self._link.unavailable()
            request = self._request(method, path, query, body)
            again, result = await self._attempt(request, what, start, end)
            if isinstance(result, RestResponse):
                return result
            wait = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * (1 - self._chance() / 2)
            if not again or attempt == ATTEMPTS or asyncio.get_running_loop().time() + wait >= end:
                raise result
            self._logger.debug("%s is tried again in %.2f s: %s", what, wait, result)
            await asyncio.sleep(wait)
            attempt += 1

    @property
    def _config(self) -> DulyConfig:
        return self._duly.config

    def _request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Request:  # noqa: ANN401 - JSON
        config = self._config
        return Request(
            method=method,
            url=f"{config.base_url.rstrip('/')}/api/{path}",
            params=query,
            data=body,
            headers=config.auth_headers,
            verify_ssl=config.verify_ssl,
            connection_seconds=config.websocket.connection_timeout_seconds,
        )

    async def _attempt(
        self, request: Request, what: str, start: float, end: float
    ) -> tuple[bool, RestResponse | HassError]:
        """The answer, or what it failed with, and whether the request may then be made again."""
        loop = asyncio.get_running_loop()
        reads = request.method == "GET"
        seconds = min(self._config.websocket.response_timeout_seconds, end - loop.time())
        try:
            async with asyncio.timeout(seconds):
                answer = await self._open(request)
        except TimeoutError:
            return reads, HassTimeoutError(what, round(loop.time() - start, 1))
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            return reads or refused, self._not_reached(what, error, sent=not (reads or refused))
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return False, answer
        return reads and answer.status in _PASSING, self._refusal(request, answer)

    def _not_reached(self, what: str, error: OSError, *, sent: bool) -> HassUnavailableError:
        reason = str(error) or type(error).__name__
        outcome = ": whether it was done is not known" if sent else ""
        text = f"Home Assistant could not be asked {what} at {self._config.base_url}: {reason}{outcome}"
        return HassUnavailableError(text, state=self._link.state, last_error=reason)

    def _refusal(self, request: Request, answer: RestResponse) -> HassError:
        config = self._config
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return HassAuthError(
                f"Home Assistant at {config.base_url} refuses the token {config.truncated_token} for {request.method} "
                f"{request.url}: set 'token' to one that an administrator has made in their profile",
                base_url=config.base_url,
            )
        return HassCommandError(str(answer.status), _message_of(request, answer))


def _message_of(request: Request, answer: RestResponse) -> str:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if isinstance(told, Mapping) and isinstance(told.get("message"), str):
        return f"{request.method} {request.url}: {told['message']}"
    if answer.status < HTTPStatus.BAD_REQUEST:
        return f"{request.method} {request.url}: it has moved, set 'base_url' to where Home Assistant is"
    if answer.status == HTTPStatus.NOT_FOUND:
        return f"{request.method} {request.url}: there is no such address, check that the integration for it is loaded"
    return f"{request.method} {request.url}: {answer.text[:200]}"
