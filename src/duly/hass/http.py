"""The connections for requests over HTTP, by aiohttp."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import aiohttp

from duly.hass.results import RestResponse

if TYPE_CHECKING:
    from duly.hass.rest import Request


class HttpSession:
    """Owns the connections to Home Assistant, which are made on the first request. Guarded by the event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self, request: Request) -> RestResponse:
        """Make one attempt, see ``duly.hass.rest.Open``."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.request(
                request.method,
                request.url,
                params=request.params,
                json=request.data,
                headers=request.headers,
                ssl=request.verify_ssl,
                allow_redirects=False,  # a POST would become a GET
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=request.connection_seconds),
            ) as answer:
                return RestResponse(answer.status, await answer.read(), answer.content_type)
        except aiohttp.ConnectionTimeoutError:
            raise ConnectionError(f"it took no connection within {request.connection_seconds:g} s") from None
        except aiohttp.ClientConnectorError as error:
            kind = ConnectionRefusedError if error.os_error.errno == errno.ECONNREFUSED else ConnectionError
            raise kind(str(error)) from error
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
