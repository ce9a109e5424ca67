"""What becomes of a token that Home Assistant does not take."""

import asyncio
import logging
from pathlib import Path

import pytest

from duly.hass.connection_state import ConnectionState
from duly.hass.errors import HassAuthError, HassUnavailableError, StatesNotReadyError
from tests.hass.link_room import LinkRoom, in_link_room, supervise
from tests.hass.peer import TOKEN, Peer, Refusal

_S = ConnectionState


def refuse(_: object) -> object:
    raise Refusal("unauthorized", "Unauthorized")


def denying(kind: str) -> Peer:
    """A peer that does not take the token: at once, or when all events are subscribed to."""
    peer = Peer()
    deny(peer, kind)
    return peer


def deny(peer: Peer, kind: str) -> None:
    if kind == "auth_invalid":
        peer.token = None
    else:
        peer.answers["subscribe_events"] = refuse


KINDS = pytest.mark.parametrize("kind", ["auth_invalid", "unauthorized"])


@KINDS
def test_one_that_never_worked_ends_the_process_after_one_attempt(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, monkeypatch)
        await asyncio.sleep(1000)
        assert len(room.peer.attempts) == 1
        assert len(fatal) == 1
        assert room.link.status == "crashed"
        assert isinstance(room.link.exception, HassAuthError)
        assert room.link.exception.base_url == "http://127.0.0.1:8123"
        for part in ("http://127.0.0.1:8123", "eyJhbG...r-4711", "`token`", "DULY__TOKEN", "long-lived access token"):
            assert part in fatal[0]
        assert ("administrator (" in fatal[0]) == (kind == "unauthorized")

    in_link_room(tmp_path, main, denying(kind))


@KINDS
def test_one_that_has_worked_is_rejected_without_further_attempts_and_apps_go_on(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, monkeypatch)
        await room.linked()
        await asyncio.sleep(100)
        deny(room.peer, kind)
        room.peer.drop()
        await asyncio.sleep(100_000)
        assert room.stands() is _S.REJECTED
        assert len(room.peer.attempts) == 2
        assert (fatal, room.house.failures, room.link.status.value) == ([], [], "running")
        with pytest.raises(HassUnavailableError, match="no further attempt until token or base_url changes") as caught:
            await room.link.command({"type": "ping"})
        assert caught.value.state is _S.REJECTED
        assert "refuses the token" in str(caught.value.last_error)

    in_link_room(tmp_path, main)
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "refuses the token eyJhbG...r-4711" in errors[0]


def test_a_new_token_ends_the_rejection(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        await asyncio.sleep(100)
        room.peer.token = "another-token-of-the-peer"  # noqa: S105 - of nobody
        room.peer.drop()
        await asyncio.sleep(100)
        assert room.stands() is _S.REJECTED
        room.house.config.token = room.peer.token
        await room.link.relink()
        await room.linked()
        assert room.link.snapshot().generation == 3

    in_link_room(tmp_path, main)


def test_a_new_token_that_is_refused_too_is_rejected_again(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.token = None
        room.peer.drop()
        await asyncio.sleep(100)
        await room.link.relink()
        await asyncio.sleep(100)
        assert room.stands() is _S.REJECTED
        assert len(room.peer.attempts) == 3

    in_link_room(tmp_path, main)


@pytest.mark.parametrize("before", [_S.CONNECTED, _S.WAITING, _S.REJECTED])
def test_a_token_that_is_taken_away_ends_all_attempts_without_a_failure(
    tmp_path: Path, before: ConnectionState, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        if before is not _S.CONNECTED:
            await asyncio.sleep(100)
            room.peer.drop()
            room.peer.token = None
        if before is _S.WAITING:
            room.peer.refuse()
        await room.settled()
        assert room.stands() is before
        room.house.config.token = None
        await room.link.relink()
        await asyncio.sleep(1_000)
        assert room.stands() is _S.DISABLED
        assert room.house.failures == []
        with pytest.raises(HassUnavailableError, match="no token is set"):
            await room.link.command({"type": "ping"})

    in_link_room(tmp_path, main)
    assert "invalid status change" not in caplog.text


def test_who_waits_is_let_go_when_the_token_is_taken_away(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        waits = [asyncio.create_task(room.link.wait_connected()), asyncio.create_task(room.states.wait_synced())]
        await asyncio.sleep(0.5)
        room.house.config.token = None
        await room.link.relink()
        await room.settled()
        assert [type(each.exception()) for each in waits] == [HassUnavailableError, StatesNotReadyError]

    peer = Peer()
    peer.refuse()
    in_link_room(tmp_path, main, peer)


def test_an_exchange_that_takes_too_long_is_a_failed_attempt_and_no_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(9.9)
        assert room.stands() is _S.AUTHENTICATING
        await asyncio.sleep(0.2)
        assert room.stands() is _S.WAITING
        room.peer.silent = set()
        await room.linked()
        assert len(room.peer.attempts) == 2

    peer = Peer()
    peer.silent = {"auth"}
    in_link_room(tmp_path, main, peer)
    assert "did not take the token within 10 s" in caplog.text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("hello", "'hello'"),
        ("5", "'5'"),
        ('{"type": "auth_ok"}', "auth_required"),
        ("[]", "'[]'"),
    ],
)
def test_what_answers_like_nobody_knows_is_a_failed_attempt(
    tmp_path: Path, said: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        await room.settled()
        room.peer.say(said)
        await room.settled()
        assert room.stands() is _S.WAITING
        assert room.peer.sent == [], "who does not ask for the token does not get it"

    peer = Peer()
    peer.greets = False
    in_link_room(tmp_path, main, peer)
    assert "not Home Assistant" in caplog.text
    assert shown in caplog.text


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_socket_that_is_closed_during_the_exchange_is_a_failed_attempt(tmp_path: Path, when: str) -> None:
    async def main(room: LinkRoom) -> None:
        await room.settled()
        assert room.stands() is _S.AUTHENTICATING
        room.peer.drop(1000, "closed")
        await room.settled()
        assert room.stands() is _S.WAITING
        assert room.link.snapshot().last_error == "closed (code 1000)"

    peer = Peer()
    peer.greets = when == "after"
    peer.silent = {"auth"}
    in_link_room(tmp_path, main, peer)


@KINDS
def test_the_token_is_nowhere_in_the_log(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        supervise(room, monkeypatch)
        await room.linked()
        room.peer.say('{"type": "auth_required"}')
        deny(room.peer, kind)
        room.peer.drop()
        await asyncio.sleep(100)
        assert TOKEN not in str(room.link.unavailable())

    with caplog.at_level(logging.DEBUG):
        in_link_room(tmp_path, main, logging={"websocket": "DEBUG"})
        in_link_room(tmp_path / "again", refused_at_once, denying(kind))
    assert TOKEN not in caplog.text


async def refused_at_once(room: LinkRoom) -> None:
    await asyncio.sleep(10)
    ((_, error),) = room.house.failures
    assert TOKEN not in str(error)
