"""Requests over HTTP against a server on this machine, with real connections."""

import asyncio
import contextlib
import dataclasses
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web

from duly.hass.http import HttpSession
from duly.hass.rest import Request

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port of the loopback."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening, ssl_context=tls).start()
        yield listening.getsockname()[1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def session() -> AsyncIterator[HttpSession]:
    opened = HttpSession()
    try:
        yield opened
    finally:
        await opened.close()


def to(url: str, method: str = "GET", data: object = None, *, verify_ssl: bool = True, **params: str) -> Request:
    return Request(method, url, params, data, {"Authorization": "Bearer t"}, verify_ssl, connection_seconds=5)


async def mirror(request: web.Request) -> web.Response:
    """Answers with what was asked."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "decoded": request.path,
            "query": dict(request.query),
            "authorization": request.headers.get("Authorization"),
            "body": (await request.read()).decode(),
            "kind": request.content_type,
        }
    )


def test_a_request_arrives_as_it_was_made() -> None:
    async def main() -> None:
        async with serving(mirror) as port, session() as http:
            url = f"http://127.0.0.1:{port}/api/history/period/2025-01-06T00%3A00%3A00%2B01%3A00"
            answer = await http.open(to(url, end_time="2025-01-07T00:00:00+01:00", minimal_response=""))
            heard = answer.json()
            assert answer.status == 200
            assert answer.content_type == "application/json"
            assert heard["decoded"] == "/api/history/period/2025-01-06T00:00:00+01:00"
            assert heard["query"] == {"end_time": "2025-01-07T00:00:00+01:00", "minimal_response": ""}
            assert heard["authorization"] == "Bearer t"
            assert (heard["method"], heard["body"]) == ("GET", "")

    asyncio.run(main())


def test_a_body_is_sent_as_json() -> None:
    async def main() -> None:
        async with serving(mirror) as port, session() as http:
            heard = (await http.open(to(f"http://127.0.0.1:{port}/api/template", "POST", {"template": "ä"}))).json()
            assert json.loads(heard["body"]) == {"template": "ä"}
            assert heard["kind"] == "application/json"

    asyncio.run(main())


def test_bytes_come_whole() -> None:
    picture = bytes(range(256)) * 8192

    async def image(request: web.Request) -> web.Response:
        return web.Response(body=picture, content_type="image/jpeg")

    async def main() -> None:
        async with serving(image) as port, session() as http:
            answer = await http.open(to(f"http://127.0.0.1:{port}/x"))
            assert answer.body == picture
            assert answer.content_type == "image/jpeg"

    asyncio.run(main())


def test_a_redirect_is_not_followed() -> None:
    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    async def main() -> None:
        async with serving(moved) as port, session() as http:
            assert (await http.open(to(f"http://127.0.0.1:{port}/x", "POST", {}))).status == 302

    asyncio.run(main())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_told_apart(host: str) -> None:
    async def main() -> None:
        async with session() as http:
            with pytest.raises(ConnectionRefusedError):
                await http.open(to(f"http://{host}:{free_port()}/x"))

    asyncio.run(main())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_is_cut_is_another_failure(method: str) -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def main() -> None:
        async with serving(cut) as port, session() as http:
            with pytest.raises(ConnectionError) as raised:
                await http.open(to(f"http://127.0.0.1:{port}/x", method, {}))
            assert not isinstance(raised.value, ConnectionRefusedError)

    asyncio.run(main())


def test_an_answer_that_breaks_off_is_another_failure() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def main() -> None:
        async with serving(half) as port, session() as http:
            with pytest.raises(ConnectionError):
                await http.open(to(f"http://127.0.0.1:{port}/x"))

    asyncio.run(main())


def test_an_unknown_host_is_another_failure() -> None:
    async def main() -> None:
        async with session() as http:
            with pytest.raises(ConnectionError, match=r"nowhere\.invalid") as raised:
                await http.open(to("http://nowhere.invalid/x"))
            assert not isinstance(raised.value, ConnectionRefusedError)

    asyncio.run(main())


def test_a_connection_that_does_not_come_is_another_failure() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as waiting:
            for _ in range(4):  # who fills the backlog, so that nobody else gets through
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(listening.getsockname())
            async with session() as http:
                request = to(f"http://127.0.0.1:{listening.getsockname()[1]}/x")
                with pytest.raises(ConnectionError, match=r"it took no connection within 0\.1 s"):
                    await http.open(dataclasses.replace(request, connection_seconds=0.1))

    asyncio.run(main())


def test_certificates_are_verified_unless_the_settings_say_otherwise() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(tls)

    async def main() -> None:
        async with serving(mirror, tls) as port, session() as http:
            url = f"https://127.0.0.1:{port}/x"
            assert (await http.open(to(url, verify_ssl=False))).status == 200
        async with serving(mirror, tls) as port, session() as http:
            with pytest.raises(ConnectionError, match="certificate"):
                await http.open(to(f"https://127.0.0.1:{port}/x"))

    asyncio.run(main())


def test_connections_are_used_again_and_closed_at_the_end() -> None:
    peers: list[object] = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response()

    async def main() -> None:
        async with serving(note) as port:
            async with session() as http:
                for _ in range(3):
                    await http.open(to(f"http://127.0.0.1:{port}/x"))
            await http.close()
            async with session() as another:
                await another.open(to(f"http://127.0.0.1:{port}/x"))
        assert len(set(peers[:3])) == 1
        assert peers[3] != peers[0]

    asyncio.run(main())


def test_a_session_may_be_used_again_after_it_was_closed() -> None:
    async def main() -> None:
        async with serving(mirror) as port, session() as http:
            await http.open(to(f"http://127.0.0.1:{port}/x"))
            await http.close()
            assert (await http.open(to(f"http://127.0.0.1:{port}/x"))).status == 200

    asyncio.run(main())
