"""What an app asks over the link: what is sent, and what is made of the answer."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from whenever import Time, TimeDelta

from duly.events import HassContext
from duly.hass import HassCommandError, HassTimeoutError, HassUnavailableError, ServiceResponse
from duly.hass.api import Api
from duly.hass.connection_state import ConnectionState
from duly.states import LightState
from duly.testing import run_virtual
from tests.hass.api_kit import Desk, desk

CONTEXT = {"id": "01M7", "parent_id": None, "user_id": "u"}
Asks = Callable[[Api], Coroutine[Any, Any, Any]]


def sent(ask: Asks) -> dict[str, Any]:
    """The one command that it sends."""
    place = desk(answers={"call_service": {"context": CONTEXT}})
    run_virtual(ask(place.api))
    assert len(place.link.sent) == 1
    return place.link.sent[0]


def calling(domain: str, service: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the command
    return {"type": "call_service", "domain": domain, "service": service, "service_data": data, **more}


@pytest.mark.parametrize(
    ("ask", "command"),
    [
        (lambda api: api.call_service("light", "turn_on"), calling("light", "turn_on", {})),
        (
            lambda api: api.call_service("light", "turn_on", {"area_id": ["a"]}, level=5, fade=TimeDelta(seconds=2)),
            calling("light", "turn_on", {"level": 5, "fade": 2}, target={"area_id": ["a"]}),
        ),
        (
            lambda api: api.call_service("weather", "get_forecasts", return_response=True, type="daily"),
            calling("weather", "get_forecasts", {"type": "daily"}, return_response=True),
        ),
        (
            lambda api: api.call_service("input_datetime", "set_datetime", target=None, time=Time(7)),
            calling("input_datetime", "set_datetime", {"time": "07:00:00"}),
        ),
        (
            lambda api: api.call_service("x", "y", self=1, id=2),
            calling("x", "y", {"self": 1, "id": 2}),
        ),
        (
            lambda api: api.turn_on("light.porch"),
            calling("homeassistant", "turn_on", {}, target={"entity_id": "light.porch"}),
        ),
        (
            lambda api: api.turn_on("light.a", "light", level=5, target="x", timeout=3),
            calling("light", "turn_on", {"level": 5, "target": "x", "timeout": 3}, target={"entity_id": "light.a"}),
        ),
        (
            lambda api: api.turn_off(("light.a", "switch.b")),
            calling("homeassistant", "turn_off", {}, target={"entity_id": ["light.a", "switch.b"]}),
        ),
        (
            lambda api: api.toggle(["light.a"], domain="light"),
            calling("light", "toggle", {}, target={"entity_id": ["light.a"]}),
        ),
        (
            lambda api: api.fire_event("porch.lit", {"at": Time(7)}),
            {"type": "fire_event", "event_type": "porch.lit", "event_data": {"at": "07:00:00"}},
        ),
        (lambda api: api.fire_event("lit"), {"type": "fire_event", "event_type": "lit", "event_data": {}}),
        (lambda api: api.get_config(), {"type": "get_config"}),
        (lambda api: api.get_services(), {"type": "get_services"}),
        (lambda api: api.get_panels(), {"type": "get_panels"}),
        (lambda api: api.get_states_raw(), {"type": "get_states"}),
        (lambda api: api.ws_send_and_wait(type="ping"), {"type": "ping"}),
        (lambda api: api.ws_send_and_wait(type="x/y", at=Time(7)), {"type": "x/y", "at": "07:00:00"}),
    ],
)  # fmt: skip
def test_a_method_sends_its_command(ask: Asks, command: dict[str, Any]) -> None:
    assert sent(ask) == command


def test_a_service_gives_its_context_and_its_response() -> None:
    place = desk(answers={"call_service": {"context": CONTEXT, "response": {"forecast": [1]}}})
    result = run_virtual(place.api.call_service("weather", "get_forecasts", return_response=True))
    assert result == ServiceResponse(HassContext("01M7", None, "u"), {"forecast": [1]})


def test_a_service_without_response_gives_none() -> None:
    place = desk(answers={"call_service": {"context": CONTEXT}})
    assert run_virtual(place.api.turn_on("light.porch")) == ServiceResponse(HassContext("01M7", None, "u"), None)


def test_the_time_limit_of_a_call_goes_to_the_link() -> None:
    place = desk(answers={"call_service": {"context": CONTEXT}})
    run_virtual(place.api.call_service("script", "slow", timeout=60))
    run_virtual(place.api.call_service("script", "fast"))
    assert place.link.timeouts == [60, None]


def test_without_waiting_nothing_is_answered() -> None:
    place = desk()
    assert run_virtual(place.api.call_service("counter", "increment", wait=False)) == ServiceResponse(None, None)
    assert place.link.not_awaited == [calling("counter", "increment", {})]
    assert not place.link.sent


def test_a_command_may_be_sent_without_waiting() -> None:
    place = desk()
    run_virtual(place.api.ws_send_json(type="ping"))
    assert place.link.not_awaited == [{"type": "ping"}]


@pytest.mark.parametrize(
    ("ask", "error", "text"),
    [
        (lambda api: api.call_service("light.turn_on", ""), ValueError, "domain .* give domain and service apart"),
        (lambda api: api.call_service("light", "light.turn_on"), ValueError, "service must be a name"),
        (lambda api: api.call_service("light", "turn_on", "light.porch"), TypeError, "target must be a mapping"),
        (lambda api: api.call_service("light", "turn_on", x=object()), TypeError, r"service data\['x'\] cannot"),
        (lambda api: api.call_service("a", "b", wait=False, timeout=3), ValueError, "wait=False"),
        (lambda api: api.call_service("a", "b", wait=False, return_response=True), ValueError, "wait=False"),
        (lambda api: api.call_service("a", "b", timeout=0), ValueError, "timeout must be a number of seconds .* got 0"),
        (lambda api: api.call_service("a", "b", timeout=True), ValueError, "timeout must be .* got True"),
        (lambda api: api.call_service("a", "b", timeout=float("nan")), ValueError, "timeout must be .* got nan"),
        (lambda api: api.turn_on(None), TypeError, "entity_id must be text .* or a list of them, got None"),
        (lambda api: api.toggle(["light.a", 5]), TypeError, r"entity_id must be .* got \['light.a', 5\]"),
        (lambda api: api.fire_event(""), ValueError, "event_type must not be empty"),
        (lambda api: api.fire_event(None), TypeError, "event_type must be text, got None"),
        (lambda api: api.ws_send_and_wait(kind="x"), ValueError, "a command needs its 'type'"),
        (lambda api: api.ws_send_json(type="x", id=5), ValueError, "a command gets its 'id' from the link"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_and_nothing_is_sent(ask: Asks, error: type[Exception], text: str) -> None:
    place = desk()
    with pytest.raises(error, match=text):
        run_virtual(ask(place.api))
    assert not place.link.sent
    assert not place.link.not_awaited


def test_all_states_come_typed() -> None:
    raw = [{"entity_id": "light.porch", "state": "on", "attributes": {}}]
    place = desk(answers={"get_states": raw})
    (state,) = run_virtual(place.api.get_states())
    assert isinstance(state, LightState)
    assert state.value is True
    assert run_virtual(place.api.get_states_raw()) == raw


@pytest.mark.parametrize("error", [HassCommandError("not_found", "no such service"), HassTimeoutError("x", 15)])
def test_what_the_link_raises_reaches_the_caller(error: Exception) -> None:
    place = desk(answers={"call_service": error})
    with pytest.raises(type(error)) as raised:
        run_virtual(place.api.turn_on("light.porch"))
    assert raised.value is error


ASKS: list[Asks] = [
    lambda api: api.call_service("light", "turn_on"),
    lambda api: api.call_service("light", "turn_on", wait=False),
    lambda api: api.turn_on("light.porch"),
    lambda api: api.fire_event("lit"),
    lambda api: api.get_states(),
    lambda api: api.get_config(),
    lambda api: api.helpers.list("counter"),
    lambda api: api.helpers.update("counter", "hits", name="Hits"),
    lambda api: api.ws_send_and_wait(type="ping"),
    lambda api: api.ws_send_json(type="ping"),
    lambda api: api.get_state("light.porch"),
    lambda api: api.set_state("light.porch", "on"),
    lambda api: api.get_history("light.porch", "2025-01-01"),
    lambda api: api.render_template("{{ 1 }}"),
    lambda api: api.rest_request("GET", "config"),
]


@pytest.mark.parametrize("ask", ASKS)
def test_all_raise_at_once_while_the_link_is_down(ask: Asks) -> None:
    place: Desk = desk()
    place.link.state = ConnectionState.WAITING
    with pytest.raises(HassUnavailableError) as raised:
        run_virtual(ask(place.api))
    assert raised.value.state is ConnectionState.WAITING
    assert raised.value.last_error == "gone"
    assert not place.replies.requests
