"""What the link expects of a transport: the same of aiohttp's over TCP and of the scripted peer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from duly.hass.transport import SocketClosedError
from tests.hass.lines import HEARTBEAT, MakeLine, scripted_line, tcp_line
from tests.lifecycle.house import PATIENCE

NOTE = '{"type": "note", "number": 1}'


@pytest.fixture(params=[scripted_line, tcp_line], ids=["scripted", "aiohttp"])
def line(request: pytest.FixtureRequest) -> MakeLine:
    make: MakeLine = request.param
    return make


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(limited())


def test_text_goes_both_ways_and_in_order(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            for number in range(3):
                await other.say(f"{number} ü\u2028{'x' * number}")
                await socket.send(NOTE.replace("1", str(number)))
            assert [await socket.receive() for _ in range(3)] == [f"{n} ü\u2028{'x' * n}" for n in range(3)]
            while len(other.heard) < 3:  # noqa: ASYNC110 - the other end is on the same loop
                await asyncio.sleep(0)
            assert other.heard == [NOTE.replace("1", str(number)) for number in range(3)]
            await socket.close()

    run(main())


def test_a_farewell_of_the_other_end_gives_its_code_and_its_reason_after_what_was_said(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            await other.say("last")
            closing = asyncio.create_task(other.close(4001, "enough"))
            assert await socket.receive() == "last"
            with pytest.raises(SocketClosedError, match=r"enough.*\(code 4001\)") as caught:
                await socket.receive()
            assert caught.value.code == 4001
            with pytest.raises(SocketClosedError):
                await socket.receive()
            await closing
            await socket.close()

    run(main())


def test_a_connection_that_breaks_has_no_code(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            receiving = asyncio.create_task(socket.receive())
            await asyncio.sleep(0)
            other.vanish()
            with pytest.raises(SocketClosedError) as caught:
                await receiving
            assert caught.value.code is None
            with pytest.raises(SocketClosedError):
                await socket.receive()
            await socket.close()

    run(main())


def test_sending_on_a_connection_that_has_broken_fails(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            other.vanish()
            with pytest.raises(SocketClosedError):
                await socket.receive()
            with pytest.raises(OSError, match=r"\w"):
                await socket.send(NOTE)
            await socket.close()

    run(main())


def test_sending_on_a_socket_that_was_closed_fails_and_closing_again_does_nothing(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            await socket.close()
            await socket.close()
            with pytest.raises(OSError, match=r"\w"):
                await socket.send(NOTE)
            with pytest.raises(SocketClosedError):
                await socket.receive()

    run(main())


def test_an_end_that_nobody_listens_at_refuses(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            await other.refuse()
            with pytest.raises(OSError, match=r"\w"):
                await other.transport.open(other.endpoint)

    run(main())


def test_an_end_that_answers_no_heartbeat_is_given_up_within_one_and_a_half_of_them(line: MakeLine) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            begin = loop.time()
            other.stall()
            with pytest.raises(SocketClosedError, match="heartbeat") as caught:
                await socket.receive()
            assert caught.value.code is None
            assert loop.time() - begin < 1.5 * HEARTBEAT + 1.0, "on a machine that is busy"
            await socket.close()

    run(main())


def test_an_end_that_answers_heartbeats_is_kept(line: MakeLine) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            loop.call_later(3 * HEARTBEAT, lambda: loop.create_task(other.say("here")))
            assert await socket.receive() == "here"
            await socket.close()

    run(main())


def test_a_reader_that_is_cancelled_may_read_on(line: MakeLine) -> None:
    async def main() -> None:
        async with line() as other:
            socket = await other.transport.open(other.endpoint)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.receive(), 0.01)
            await other.say("later")
            assert await socket.receive() == "later"
            await socket.close()

    run(main())
