"""Requests over HTTP on virtual time: which are made again, when, and what their failures mean."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.hass import HassAuthError, HassCommandError, HassError, HassTimeoutError, HassUnavailableError
from duly.hass.connection_state import ConnectionState
from duly.hass.results import RestResponse
from duly.testing import run_virtual
from tests.hass.api_kit import TOKEN, Desk, Reply, desk, said, text

REFUSED = ConnectionRefusedError("connection refused")
RESET = ConnectionResetError("connection reset by peer")


def ask(place: Desk, method: str = "GET") -> tuple[RestResponse | HassError, float]:
    """What a request gave, and the seconds it took."""

    async def main() -> tuple[RestResponse | HassError, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        result: RestResponse | HassError
        try:
            result = await place.api.rest_request(method, "config", data=None if method == "GET" else {})
        except HassError as error:
            result = error
        return result, round(loop.time() - start, 3)

    return run_virtual(main())


def attempts(method: str, *replies: Reply, **options: Any) -> list[float]:  # noqa: ANN401 - those of desk
    """The seconds at which attempts were made, from the first on."""
    place = desk(*replies, **options)
    ask(place, method)
    return [round(time - place.replies.times[0], 3) for time in place.replies.times]


# --- retries ---------------------------------------------------------------------------------------------------------


def test_a_get_is_made_five_times_with_doubling_waits() -> None:
    assert attempts("GET", REFUSED) == [0, 0.5, 1.5, 3.5, 7.5]


def test_up_to_half_of_each_wait_is_left_off_at_random() -> None:
    assert attempts("GET", REFUSED, chance=lambda: 1.0) == [0, 0.25, 0.75, 1.75, 3.75]


@pytest.mark.parametrize(
    "failure",
    [REFUSED, RESET, ConnectionError("no route"), OSError("no such host"), text("", 502), text("", 503), text("", 504)],
)
def test_a_get_is_made_again_after_what_may_pass(failure: Reply) -> None:
    place = desk(failure, failure, said({"fine": True}))
    result, _ = ask(place)
    assert isinstance(result, RestResponse)
    assert result.json() == {"fine": True}


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 500, 501])
def test_a_get_is_not_made_again_after_an_answer_that_will_stay(status: int) -> None:
    assert attempts("GET", text("no", status)) == [0]


def test_a_get_is_made_again_after_a_time_out() -> None:
    place = desk(100.0, said(1), websocket={"response_timeout_seconds": 10})
    result, seconds = ask(place)
    assert isinstance(result, RestResponse)
    assert seconds == 10.5


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_made_again_only_if_the_connection_was_refused(method: str) -> None:
    assert attempts(method, REFUSED) == [0, 0.5, 1.5, 3.5, 7.5]


@pytest.mark.parametrize("failure", [RESET, ConnectionError("cut"), OSError("odd"), text("", 503), 100.0])
def test_other_methods_are_made_once_if_something_may_have_happened(failure: Reply) -> None:
    assert attempts("POST", failure) == [0]


def test_a_post_that_was_refused_first_is_not_made_again_after_another_failure() -> None:
    assert attempts("POST", REFUSED, RESET) == [0, 0.5]


def test_all_attempts_together_take_no_longer_than_the_total() -> None:
    place = desk(100.0, websocket={"response_timeout_seconds": 15, "total_timeout_seconds": 40})
    result, seconds = ask(place)
    assert isinstance(result, HassTimeoutError)
    assert seconds == 40
    assert place.replies.times == [0, 15.5, 31.5]


def test_nothing_is_waited_for_that_would_come_too_late() -> None:
    place = desk(REFUSED, websocket={"total_timeout_seconds": 2})
    result, seconds = ask(place)
    assert isinstance(result, HassUnavailableError)
    assert seconds == 1.5
    assert place.replies.times == [0, 0.5, 1.5]


SLOW, DEAD, BUSY, WRONG = 3.0, 100.0, text("", 503), text("", 400)


def expected(method: str, replies: list[Reply], response: int, total: int, chances: list[float]) -> list[float]:
    """The times of the attempts, by the rule in the contract."""
    times, now = [0.0], 0.0
    for attempt, chance in enumerate(chances):
        reply = replies[min(attempt, len(replies) - 1)]
        limit = min(response, total - now)
        over_time = isinstance(reply, float) and reply >= limit
        now += limit if over_time else reply if isinstance(reply, float) else 0
        passing = over_time or reply in (REFUSED, RESET, BUSY)
        wait = 0.5 * 2**attempt * (1 - chance / 2)
        if not passing or (method != "GET" and reply is not REFUSED) or now + wait >= total:
            break
        now += wait
        times.append(now)
    return times


@given(
    st.sampled_from(["GET", "POST", "DELETE", "HEAD"]),
    st.lists(st.sampled_from([REFUSED, RESET, BUSY, WRONG, SLOW, DEAD]), min_size=1, max_size=6),
    st.integers(1, 20),
    st.integers(1, 60),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4),
)
def test_attempts_follow_the_rule_whatever_fails(
    method: str, replies: list[Reply], response: int, total: int, chances: list[float]
) -> None:
    limits = {"response_timeout_seconds": response, "total_timeout_seconds": total}
    place = desk(*replies, chance=iter([*chances, 0.0]).__next__, websocket=limits)
    _, seconds = ask(place, method)
    assert place.replies.times == pytest.approx(expected(method, replies, response, total, chances), abs=0.01)
    assert len(place.replies.times) <= 5
    assert seconds <= total + 0.001


# --- failures --------------------------------------------------------------------------------------------------------


def test_no_answer_in_time_is_an_unknown_outcome() -> None:
    result, _ = ask(desk(100.0, websocket={"response_timeout_seconds": 7}), "POST")
    assert isinstance(result, HassTimeoutError)
    assert result.seconds == 7
    assert str(result) == (
        "Home Assistant did not answer POST /api/config within 7 s: whether it was done is not known"
    )


def test_no_error_is_a_time_out_of_python() -> None:
    result, _ = ask(desk(100.0))
    assert not isinstance(result, TimeoutError)


def test_no_connection_is_unavailable_with_the_reason() -> None:
    result, _ = ask(desk(REFUSED, base_url="http://home:1"))
    assert isinstance(result, HassUnavailableError)
    assert result.state is ConnectionState.CONNECTED
    assert result.last_error == "connection refused"
    assert str(result) == "Home Assistant could not be asked GET /api/config at http://home:1: connection refused"


def test_a_lost_connection_of_a_write_says_that_the_outcome_is_unknown() -> None:
    result, _ = ask(desk(RESET), "POST")
    assert str(result).endswith("connection reset by peer: whether it was done is not known")


def test_a_refused_token_is_named_without_being_shown() -> None:
    result, _ = ask(desk(text("401: Unauthorized", 401), base_url="http://home:1"))
    assert isinstance(result, HassAuthError)
    assert result.base_url == "http://home:1"
    assert "'token'" in str(result)
    assert TOKEN not in str(result)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (said({"message": "Invalid entity ID specified."}, 400), "Invalid entity ID specified."),
        (text("404: Not Found", 404), "there is no such address, check that the integration for it is loaded"),
        (text("500 Internal Server Error", 500), "500 Internal Server Error"),
        (said(["odd"], 500), '["odd"]'),
        (text("", 307), "it has moved, set 'base_url' to where Home Assistant is"),
    ],
)
def test_a_refusal_carries_status_and_message(answer: RestResponse, message: str) -> None:
    result, _ = ask(desk(answer, base_url="http://home:1"))
    assert isinstance(result, HassCommandError)
    assert result.code == str(answer.status)
    assert result.message == f"GET http://home:1/api/config: {message}"


# --- the link and the settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in ConnectionState if state is not ConnectionState.CONNECTED])
def test_nothing_is_asked_while_the_link_is_not_up(state: ConnectionState) -> None:
    place = desk()
    place.link.state = state
    result, seconds = ask(place)
    assert isinstance(result, HassUnavailableError)
    assert seconds == 0
    assert not place.replies.requests


def test_no_further_attempt_is_made_once_the_link_is_lost() -> None:
    def lose(_: object) -> RestResponse:
        place.link.state = ConnectionState.WAITING
        return text("", 503)

    place = desk(lose)
    result, seconds = ask(place)
    assert isinstance(result, HassUnavailableError)
    assert result.state is ConnectionState.WAITING
    assert seconds <= 0.5
    assert len(place.replies.requests) == 1


def test_the_settings_are_read_for_each_request() -> None:
    place = desk(said(1), base_url="http://home:1/", verify_ssl=False)
    ask(place)
    place.house.config.token, place.house.config.base_url = "another", "https://hut/ha"
    place.house.config.verify_ssl = True
    place.house.config.websocket.connection_timeout_seconds = 3
    ask(place)
    first, second = place.replies.requests
    assert first.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert (first.url, first.verify_ssl) == ("http://home:1/api/config", False)
    assert second.headers == {"Authorization": "Bearer another"}
    assert (second.url, second.verify_ssl) == ("https://hut/ha/api/config", True)
    assert second.connection_seconds == 3


def test_a_request_does_not_show_the_token() -> None:
    place = desk(said(1))
    ask(place)
    assert TOKEN not in repr(place.replies.last)


def test_a_cancelled_request_is_given_up() -> None:
    async def main() -> None:
        place = desk(100.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await place.api.get_calendars()
        assert len(place.replies.requests) == 1

    run_virtual(main())


def test_a_time_limit_of_the_caller_stays_the_callers() -> None:
    async def inner(work: Callable[[], Awaitable[object]]) -> str:
        try:
            async with asyncio.timeout(3):
                await work()
        except TimeoutError:
            return "mine"
        return "none"

    place = desk(100.0)
    assert run_virtual(inner(place.api.get_calendars)) == "mine"
