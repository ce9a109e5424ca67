"""Commands over the link, and what becomes of them when it is lost."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from duly.hass.connection_state import ConnectionState
from duly.hass.errors import HassCommandError, HassTimeoutError, HassUnavailableError
from tests.hass.link_room import LinkRoom, in_link_room, now
from tests.hass.peer import Peer, Refusal

_S = ConnectionState

TURN_ON = {"type": "call_service", "domain": "light", "service": "turn_on"}


def begun(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(work)


def test_a_command_gives_the_result_of_its_answer(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.answers["get_config"] = lambda _: {"version": "7"}
        assert await room.link.command({"type": "get_config"}) == {"version": "7"}
        assert await room.link.command({"type": "ping"}) is None

    in_link_room(tmp_path, main)


def test_answers_may_come_in_any_order(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        peer.silent = {"echo"}
        peer.answers["echo"] = lambda message: message["value"]
        calls = [begun(room.link.command({"type": "echo", "value": value})) for value in "abc"]
        await room.settled()
        first, second, third = map(peer.answer, peer.commands("echo"))
        peer.say(third)
        peer.say([second, first])
        assert await asyncio.gather(*calls) == ["a", "b", "c"]

    in_link_room(tmp_path, main)


def test_ids_rise_in_the_order_written_also_when_some_are_given_up_meanwhile(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        peer.passable.clear()
        calls = [begun(room.link.command({**TURN_ON, "number": number})) for number in range(20)]
        await room.settled()
        for call in calls[5:15]:
            call.cancel()
        peer.passable.set()
        await asyncio.wait(calls)
        assert [each["number"] for each in peer.commands("call_service")] == [*range(5), *range(15, 20)]
        ids = [each["id"] for each in peer.sent[1:]]
        assert ids == sorted(set(ids))

    in_link_room(tmp_path, main)


def test_a_refusal_is_raised_with_its_code_and_its_words(tmp_path: Path) -> None:
    def refuse(_: object) -> object:
        raise Refusal("service_validation_error", "too bright")

    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.answers["call_service"] = refuse
        with pytest.raises(HassCommandError, match="too bright") as caught:
            await room.link.command(TURN_ON)
        assert (caught.value.code, caught.value.message) == ("service_validation_error", "too bright")
        assert room.link.connected

    in_link_room(tmp_path, main)


@pytest.mark.parametrize("error", [None, "no", {}, {"code": 5}])
def test_a_refusal_that_says_nothing_is_one_all_the_same(tmp_path: Path, error: object) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.silent = {"call_service"}
        call = begun(room.link.command(TURN_ON))
        await room.settled()
        room.peer.say({"id": 4, "type": "result", "success": False, "error": error})
        with pytest.raises(HassCommandError):
            await call

    in_link_room(tmp_path, main)


@pytest.mark.parametrize(("given", "waited"), [(None, 15), (2.5, 2.5)])
def test_an_answer_is_awaited_for_its_time_and_no_longer(tmp_path: Path, given: float | None, waited: float) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.silent = {"call_service"}
        begin = now()
        with pytest.raises(HassTimeoutError, match=r"call_service light\.turn_on .* whether it was done is not known"):
            await room.link.command(TURN_ON, timeout=given)
        assert now() - begin == pytest.approx(waited)
        assert room.link.connected

    in_link_room(tmp_path, main)


def test_a_late_answer_and_one_to_nobody_are_of_no_account(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.silent = {"call_service"}
        with pytest.raises(HassTimeoutError):
            await room.link.command(TURN_ON)
        for number in (4, 4, 99, None):
            room.peer.say({"id": number, "type": "result", "success": False, "error": {"code": "x"}})
        await room.settled()
        assert room.link.connected

    with caplog.at_level(logging.DEBUG, "duly.WebsocketService"):
        in_link_room(tmp_path, main, logging={"websocket": "DEBUG"})
    assert {each.levelno for each in caplog.records if "answer" in each.getMessage()} == {logging.DEBUG}


def test_sending_returns_once_written_and_a_later_refusal_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> object:
        raise Refusal("not_found", "no such service")

    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        peer.silent = {"call_service"}
        await room.link.send({**TURN_ON, "service_data": {"code": "secret"}})
        (command,) = peer.commands("call_service")
        assert caplog.records[-1].levelno == logging.INFO
        peer.answers["call_service"] = refuse
        peer.say(peer.answer(command))
        await room.settled()

    in_link_room(tmp_path, main)
    assert caplog.records[-1].levelno == logging.WARNING
    assert "call_service light.turn_on" in caplog.records[-1].getMessage()
    assert "no such service" in caplog.records[-1].getMessage()
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "message",
    [{}, {"domain": "light"}, {"type": 5}, {"type": "ping", "id": 7}, {"type": "x", "value": float("nan")}],
)
def test_what_is_no_command_is_refused_before_it_is_sent(tmp_path: Path, message: dict[str, Any]) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        sent = len(room.peer.sent)
        with pytest.raises(ValueError, match=r"JSON|a command needs"):
            await room.link.command(message)
        with pytest.raises(TypeError):
            await room.link.send({"type": "x", "value": object()})
        assert len(room.peer.sent) == sent

    in_link_room(tmp_path, main)


@pytest.mark.parametrize("silent", [True, False])
def test_on_a_loss_every_waiting_call_fails_at_once(tmp_path: Path, silent: bool) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        if silent:
            peer.silent = {"call_service"}  # written, and not answered
            said = "was sent, and whether it was done is not known"
        else:
            peer.passable.clear()
            said = "was not sent"
        calls = [begun(room.link.command(TURN_ON)) for _ in range(3)]
        await asyncio.sleep(1)
        begin = now()
        peer.drop(1006, "gone")
        done, _ = await asyncio.wait(calls)
        assert now() - begin < 0.001
        errors = [call.exception() for call in done]
        assert len({id(error) for error in errors}) == 3
        for error in errors:
            assert isinstance(error, HassUnavailableError)
            assert f"call_service light.turn_on {said}" in str(error) or not silent
            assert (error.state, error.last_error) == (_S.WAITING, "gone (code 1006)")
            assert error.since is not None

    in_link_room(tmp_path, main)


def test_a_command_is_never_sent_twice(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        peer.silent = {"call_service"}
        heard = peer.sent
        call = begun(room.link.command(TURN_ON))
        await room.settled()
        peer.drop()
        with pytest.raises(HassUnavailableError):
            await call
        await asyncio.sleep(60)
        await room.linked()
        assert len(heard) == 5
        assert peer.commands("call_service") == []

    in_link_room(tmp_path, main)


def test_an_answer_of_the_earlier_connection_answers_no_command_of_this_one(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer = room.peer
        peer.silent = {"call_service"}
        call = begun(room.link.command(TURN_ON))
        await room.settled()
        old, late = peer.socket, peer.answer(peer.commands("call_service")[0])
        peer.drop()
        await asyncio.wait([call])
        await asyncio.sleep(60)
        await room.linked()
        call = begun(room.link.command(TURN_ON))
        await room.settled()
        assert peer.commands("call_service")[0]["id"] == late["id"]
        assert old is not None
        old.put(str(late))
        await room.settled()
        assert not call.done()
        call.cancel()

    in_link_room(tmp_path, main)


def test_without_link_a_command_fails_at_once_and_says_since_when_why_and_what_comes(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(4)  # attempts: at once, after 1 s and after 3 s; the next after 7 s
        begin = now()
        for call in (room.link.command(TURN_ON), room.link.send(TURN_ON)):
            with pytest.raises(HassUnavailableError) as caught:
                await call
            assert caught.value.state is _S.WAITING
            assert caught.value.last_error == "connection refused"
            assert str(caught.value.since) == "2025-01-01T00:00:00+00:00[UTC]"
            for part in ("http://127.0.0.1:8123", "since 2025-01-01T00:00:00", "refused", "at 2025-01-01T00:00:07"):
                assert part in str(caught.value)
        assert now() == begin

    peer = Peer()
    peer.refuse()
    in_link_room(tmp_path, main, peer)


@pytest.mark.parametrize("stage", ["authenticating", "syncing"])
def test_while_the_link_is_not_up_yet_no_command_is_taken(tmp_path: Path, stage: str) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(1)
        assert room.stands() == stage
        with pytest.raises(HassUnavailableError, match="under way"):
            await room.link.command(TURN_ON)

    peer = Peer()
    if stage == "authenticating":
        peer.greets = False
    else:
        peer.silent = {"get_states"}
    in_link_room(tmp_path, main, peer)
