"""What only a real network can do wrong."""

import asyncio
import socket
import ssl

import pytest
import trustme
from aiohttp import web

from duly.hass.aiohttp_transport import AiohttpTransport
from tests.hass.lines import endpoint, tcp_line
from tests.hass.test_transport import run

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("megabytes", [5, 64])
def test_a_message_of_many_megabytes_is_read(megabytes: int) -> None:
    async def main() -> None:
        async with tcp_line(heartbeat_seconds=30) as other:
            link = await other.transport.open(other.endpoint)
            saying = asyncio.create_task(other.say("x" * (megabytes * MEGABYTE)))
            assert len(await link.receive()) == megabytes * MEGABYTE
            await saying
            await link.close()

    run(main())


def trusted() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_certificate_that_nobody_knows_is_refused_and_the_error_names_the_setting() -> None:
    async def main() -> None:
        async with tcp_line(trusted()) as other:
            with pytest.raises(ConnectionError, match="verify_ssl"):
                await other.transport.open(other.endpoint)

    run(main())


def test_without_verify_ssl_any_certificate_will_do() -> None:
    async def main() -> None:
        async with tcp_line(trusted(), verify_ssl=False) as other:
            link = await other.transport.open(other.endpoint)
            await other.say("here")
            assert await link.receive() == "here"
            await link.close()

    run(main())


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "ip_bans.yaml"),
        (404, "HTTP 404: .*without a path"),
        (200, "HTTP 200: .*without a path"),
        (502, "HTTP 502$"),
    ],
)
def test_what_is_no_websocket_is_refused_with_its_status(status: int, said: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            with pytest.raises(ConnectionError, match=said):
                await AiohttpTransport().open(endpoint(f"ws://127.0.0.1:{runner.addresses[0][1]}/"))
        finally:
            await runner.cleanup()

    run(main())


@pytest.mark.parametrize(("scheme", "limit"), [("wss", "connect_seconds"), ("ws", "total_seconds")])
def test_an_end_that_takes_the_connection_and_says_nothing_is_given_up_in_time(scheme: str, limit: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:  # the system takes the connection
            url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/api/websocket"
            with pytest.raises(TimeoutError, match=r"did not answer in time: .*0\.1 s"):
                await AiohttpTransport().open(endpoint(url, **{limit: 0.1}))

    run(main())


def test_the_limit_of_the_opening_does_not_end_the_connection() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with tcp_line(total_seconds=0.3, connect_seconds=0.3, heartbeat_seconds=30) as other:
            link = await other.transport.open(other.endpoint)
            loop.call_later(0.5, lambda: loop.create_task(other.say("still here")))
            assert await link.receive() == "still here"
            await link.close()

    run(main())


def test_a_server_that_does_not_speak_tls_is_not_blamed_on_its_certificate() -> None:
    async def main() -> None:
        async with tcp_line() as other:
            secure = other.endpoint.url.replace("ws:", "wss:")
            with pytest.raises(ConnectionError, match=r"TLS: .*; without a certificate, base_url begins with http$"):
                await AiohttpTransport().open(endpoint(secure))

    run(main())


def test_an_address_that_is_none_cannot_be_reached() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionError, match="cannot be reached"):
            await AiohttpTransport().open(endpoint("ws://127.0.0.1:1/api/websocket"))
        with pytest.raises(ConnectionError, match="cannot be reached"):
            await AiohttpTransport().open(endpoint("ws:///api/websocket"))

    run(main())
