"""Sockets by aiohttp."""

from __future__ import annotations

import asyncio
import math
from typing import Final

import aiohttp

from duly.hass.transport import Endpoint, Socket, SocketClosedError

LARGEST_MESSAGE: Final = 256 * 1024 * 1024
"""Bytes; all states of Home Assistant come as one message."""
_FAREWELL_SECONDS = 0.5
"""How long the peer has to answer a farewell."""
_BANNED = 403
_OUT_OF_ORDER = 500


class AiohttpTransport:
    """Opens each socket in a session of its own, so that nothing of a broken connection is used again."""

    async def open(self, endpoint: Endpoint) -> Socket:
        """A socket that is open."""
        limit = aiohttp.ClientTimeout(total=endpoint.total_seconds, connect=endpoint.connect_seconds)
        connector = aiohttp.TCPConnector(timeout_ceil_threshold=math.inf)  # or pings come up to a second later
        session = aiohttp.ClientSession(connector=connector, timeout=limit)
        try:
            socket = await session.ws_connect(
                endpoint.url,
                ssl=endpoint.verify_ssl,
                heartbeat=endpoint.heartbeat_seconds,
                max_msg_size=LARGEST_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL_SECONDS),
            )
        except BaseException as error:
            await session.close()
            if isinstance(error, aiohttp.ClientError | TimeoutError | ValueError):
                raise _plain(error, endpoint) from error
            raise
        return _AiohttpSocket(session, socket)


class _AiohttpSocket:
    """Owns the session."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket

    async def send(self, text: str) -> None:
        await self._socket.send_str(text)

    async def receive(self) -> str:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            text: str = message.data
            return text
        raise self._closed(message)

    def _closed(self, message: aiohttp.WSMessage) -> SocketClosedError:
        if message.type is aiohttp.WSMsgType.CLOSE:
            reason = f": {message.extra}" if message.extra else ""
            return SocketClosedError(f"Home Assistant closed the connection{reason}", message.data)
        if isinstance(self._socket.exception(), TimeoutError):
            return SocketClosedError("Home Assistant does not answer the heartbeat")
        if message.type is aiohttp.WSMsgType.ERROR:
            return SocketClosedError(f"the connection was lost: {message.data}")
        return SocketClosedError("the connection was lost")

    async def close(self) -> None:
        try:
            await self._socket.close()
        finally:
            closing = asyncio.ensure_future(self._session.close())
            await asyncio.shield(closing)  # also if cancelled: what is left open would be complained about


def _plain(error: Exception, endpoint: Endpoint) -> OSError:
    """The error in words of ours."""
    if isinstance(error, TimeoutError):
        waits = f"{endpoint.connect_seconds:g} s to connect, {endpoint.total_seconds:g} s in all"
        return TimeoutError(f"{endpoint.url} did not answer in time: {waits}")
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return ConnectionError(f"{endpoint.url} answered with HTTP {error.status}{_hint(error.status)}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ConnectionError(f"{endpoint.url} is not trusted: {error}; verify_ssl = false connects all the same")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ConnectionError(
            f"{endpoint.url} does not speak TLS: {error}; without a certificate, base_url begins with http"
        )
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return ConnectionError(f"{endpoint.url} cannot be reached: {cause}")


def _hint(status: int) -> str:
    """What may be wrong if a server answers so in place of opening a socket."""
    if status == _BANNED:
        return ": Home Assistant has banned this address, see its ip_bans.yaml"
    return "" if status >= _OUT_OF_ORDER else ": base_url must be the address of Home Assistant, without a path"
