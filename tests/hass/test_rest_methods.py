"""What an app asks over HTTP: what is sent, and what is made of the answer."""

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from whenever import Date, PlainDateTime, ZonedDateTime

from duly.hass import (
    EntityNotFoundError,
    HassCommandError,
    HistoryEntry,
    RestResponse,
    StateConversionError,
)
from duly.hass.api import Api
from duly.hass.rest import Request
from duly.states import LightState
from duly.testing import VirtualClock, run_virtual
from tests.hass.api_kit import desk, said, text

ANSWERS = Path(__file__).with_name("answers")
LIGHT = {
    "entity_id": "light.porch",
    "state": "on",
    "attributes": {"brightness": 5},
    "last_changed": "2025-01-05T23:00Z",
}
BERLIN = ZonedDateTime(2025, 1, 6, tz="Europe/Berlin")
MIDNIGHT = "2025-01-06T00%3A00%3A00%2B01%3A00"
OF_LIGHT: tuple[str, str, dict[str, str], Any] = ("GET", "states/light.porch", {}, None)
NOT_FOUND = said({"message": "Entity not found."}, 404)
Asks = Callable[[Api], Coroutine[Any, Any, Any]]


def recorded(name: str) -> RestResponse:
    """An answer of a real Home Assistant."""
    return RestResponse(200, (ANSWERS / f"{name}.json").read_bytes(), "application/json")


def asked(ask: Asks, answer: RestResponse) -> tuple[Any, Request]:
    """What it gives, and the one request that it makes, in Berlin."""
    place = desk(answer)
    result = run_virtual(ask(place.api), VirtualClock(BERLIN))
    assert len(place.replies.requests) == 1
    return result, place.replies.last


def short(request: Request) -> tuple[str, str, dict[str, str], Any]:
    """Method, address below ``/api/``, parameters and body."""
    return request.method, request.url.partition("/api/")[2], dict(request.params), request.data


@pytest.mark.parametrize(
    ("ask", "answer", "request_made", "result"),
    [
        (lambda api: api.get_state_raw("light.porch"), said(LIGHT), OF_LIGHT, LIGHT),
        (lambda api: api.get_state_value("light.porch"), said(LIGHT), OF_LIGHT, True),
        (lambda api: api.get_attribute("light.porch", "brightness"), said(LIGHT), OF_LIGHT, 5),
        (lambda api: api.get_attribute("light.porch", "effect"), said(LIGHT), OF_LIGHT, None),
        (lambda api: api.entity_exists("light.porch"), said(LIGHT), OF_LIGHT, True),
        (lambda api: api.entity_exists("light.no"), NOT_FOUND, ("GET", "states/light.no", {}, None), False),
        (lambda api: api.get_state_or_none("light.no"), NOT_FOUND, ("GET", "states/light.no", {}, None), None),
        (lambda api: api.delete_entity("light.porch"), said({}), ("DELETE", "states/light.porch", {}, None), None),
        (
            lambda api: api.render_template("{{ 1 + x }}", {"x": Date(2025, 1, 6)}),
            text("3"),
            ("POST", "template", {}, {"template": "{{ 1 + x }}", "variables": {"x": "2025-01-06"}}),
            "3",
        ),
        (lambda api: api.render_template("{{ 1 }}"), text("1"), ("POST", "template", {}, {"template": "{{ 1 }}"}), "1"),
        (
            lambda api: api.get_camera_image("camera.gate"),
            RestResponse(200, b"\xff\xd8", "image/jpeg"),
            ("GET", "camera_proxy/camera.gate", {}, None),
            b"\xff\xd8",
        ),
        (
            lambda api: api.get_camera_image("camera.gate", BERLIN),
            RestResponse(200, b"\xff\xd8", "image/jpeg"),
            ("GET", "camera_proxy/camera.gate", {"time": "2025-01-06T00:00:00+01:00"}, None),
            b"\xff\xd8",
        ),
        (lambda api: api.get_calendars(), said([{"name": "Bins"}]), ("GET", "calendars", {}, None), [{"name": "Bins"}]),
        (
            lambda api: api.get_calendar_events("calendar.town", Date(2025, 1, 6), "2025-01-13"),
            recorded("calendar_events"),
            (
                "GET",
                "calendars/calendar.town",
                {"start": "2025-01-06T00:00:00+01:00", "end": "2025-01-13T00:00:00+01:00"},
                None,
            ),
            json.loads((ANSWERS / "calendar_events.json").read_text()),
        ),
        (
            lambda api: api.get_logbook("light.porch", BERLIN, PlainDateTime(2025, 1, 6, 12)),
            recorded("logbook"),
            (
                "GET",
                f"logbook/{MIDNIGHT}",
                {"entity": "light.porch", "end_time": "2025-01-06T12:00:00+01:00"},
                None,
            ),
            json.loads((ANSWERS / "logbook.json").read_text()),
        ),
        (
            lambda api: api.rest_request("get", "/api/config", params={"a": 1}),
            text("x"),
            ("GET", "config", {"a": "1"}, None),
            text("x"),
        ),
        (
            lambda api: api.rest_request("POST", "services/light/turn_on", data={"at": BERLIN}),
            said([]),
            ("POST", "services/light/turn_on", {}, {"at": "2025-01-06T00:00:00+01:00"}),
            said([]),
        ),
    ],
)  # fmt: skip
def test_a_method_makes_its_request(
    ask: Asks, answer: RestResponse, request_made: tuple[str, str, dict[str, str], Any], result: object
) -> None:
    given, request = asked(ask, answer)
    assert short(request) == request_made
    assert given == result


@pytest.mark.parametrize(
    "ask", [lambda api: api.get_state("light.porch"), lambda api: api.get_state_or_none("light.porch")]
)
def test_a_state_comes_typed(ask: Asks) -> None:
    state, _ = asked(ask, said(LIGHT))
    assert isinstance(state, LightState)
    assert state.attributes.brightness == 5


def test_a_value_that_fits_no_type_raises_as_in_states() -> None:
    with pytest.raises(StateConversionError):
        asked(lambda api: api.get_state_value("light.porch"), said({**LIGHT, "state": "odd"}))


@pytest.mark.parametrize(
    ("state", "sent"), [("on", "on"), (5, "5"), (21.5, "21.5"), ("unavailable", "unavailable"), ("", "")]
)
def test_a_state_is_set_as_text_with_its_attributes(state: str | float, sent: str) -> None:
    given, request = asked(
        lambda api: api.set_state("light.porch", state, {"since": Date(2025, 1, 6)}), said(LIGHT, 201)
    )
    assert short(request) == ("POST", "states/light.porch", {}, {"state": sent, "attributes": {"since": "2025-01-06"}})
    assert isinstance(given, LightState)


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.get_state("light.no"),
        lambda api: api.get_state_raw("light.no"),
        lambda api: api.get_state_value("light.no"),
        lambda api: api.get_attribute("light.no", "brightness"),
        lambda api: api.delete_entity("light.no"),
    ],
)
def test_a_state_that_is_not_there_is_an_error_of_its_own(ask: Asks) -> None:
    with pytest.raises(EntityNotFoundError, match=r"there is no entity 'light\.no'") as raised:
        asked(ask, NOT_FOUND)
    assert raised.value.entity_id == "light.no"
    assert isinstance(raised.value, KeyError)


def test_another_refusal_of_a_state_stays_what_it_is() -> None:
    with pytest.raises(HassCommandError) as raised:
        asked(lambda api: api.entity_exists("light.no"), said({"message": "odd"}, 400))
    assert raised.value.code == "400"


def test_a_404_of_something_else_is_a_refusal() -> None:
    with pytest.raises(HassCommandError) as raised:
        asked(lambda api: api.get_calendars(), text("404: Not Found", 404))
    assert raised.value.code == "404"


# --- history ---------------------------------------------------------------------------------------------------------


def at(iso: str) -> ZonedDateTime:
    return ZonedDateTime.parse_iso(f"{iso}+00:00[UTC]")


PERIOD = f"history/period/{MIDNIGHT}"


def test_history_is_the_states_of_the_entity() -> None:
    entries, request = asked(lambda api: api.get_history("sensor.outside", BERLIN), recorded("history"))
    params = {"filter_entity_id": "sensor.outside", "significant_changes_only": "0"}
    assert short(request) == ("GET", PERIOD, params, None)
    assert [entry.state for entry in entries] == ["-3.9", "-3.9", "unavailable"]
    assert entries[1] == HistoryEntry(
        "sensor.outside",
        "-3.9",
        at("2025-01-05T23:00:00"),
        at("2025-01-05T23:12:41.307182"),
        {
            "state_class": "measurement",
            "unit_of_measurement": "°C",
            "device_class": "temperature",
            "friendly_name": "Outside door",
        },
    )


def test_a_minimal_history_tells_all_of_the_ends_only() -> None:
    entries, request = asked(
        lambda api: api.get_history("sensor.outside", "2025-01-06", Date(2025, 1, 7), minimal_response=True),
        recorded("history_minimal"),
    )
    assert dict(request.params) == {
        "filter_entity_id": "sensor.outside",
        "significant_changes_only": "0",
        "end_time": "2025-01-07T00:00:00+01:00",
        "minimal_response": "",
    }
    assert entries[1] == HistoryEntry("sensor.outside", "-4.1", at("2025-01-05T23:31:07.441"), None, None)
    assert [entry.last_updated is None for entry in entries] == [False, True, True, False]
    assert {entry.entity_id for entry in entries} == {"sensor.outside"}


def test_a_history_without_attributes_has_none() -> None:
    entries, request = asked(
        lambda api: api.get_history("sensor.outside", BERLIN, significant_changes_only=True, no_attributes=True),
        recorded("history_no_attributes"),
    )
    assert dict(request.params) == {
        "filter_entity_id": "sensor.outside",
        "significant_changes_only": "1",
        "no_attributes": "",
    }
    assert [entry.attributes for entry in entries] == [{}, {}]


def test_histories_have_a_list_for_each_that_was_asked_for() -> None:
    ids = ["binary_sensor.gate", "sensor.outside", "sensor.new"]
    found, request = asked(lambda api: api.get_histories(ids, BERLIN), recorded("history"))
    assert request.params["filter_entity_id"] == "binary_sensor.gate,sensor.outside,sensor.new"
    assert list(found) == ids
    assert [len(entries) for entries in found.values()] == [1, 3, 0]


@pytest.mark.parametrize("answer", [said([]), said([[]])])
def test_an_entity_without_history_has_an_empty_one(answer: RestResponse) -> None:
    assert asked(lambda api: api.get_history("sensor.new", BERLIN), answer)[0] == []


def test_histories_of_nothing_are_not_asked_for() -> None:
    place = desk()
    assert run_virtual(place.api.get_histories([], BERLIN)) == {}
    assert not place.replies.requests


# --- wrong arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda api: api.get_history("light.a,light.b", BERLIN), ValueError, "entity_id .* got 'light.a,light.b'"),
        (lambda api: api.get_histories(["light.a,light.b"], BERLIN), ValueError, "entity_ids must be one id"),
        (lambda api: api.get_histories("light.a", BERLIN), TypeError, "put it in a list"),
        (lambda api: api.get_history("light.a", "soon"), ValueError, "start must be a date and time"),
        (lambda api: api.get_history("light.a", BERLIN, 5), TypeError, "end must be"),
        (lambda api: api.get_histories([], "soon"), ValueError, "start must be a date and time"),
        (lambda api: api.get_logbook("light.a,light.b", BERLIN, BERLIN), ValueError, "entity_id must be one id"),
        (lambda api: api.get_logbook("light.a", BERLIN, None), TypeError, "end must be"),
        (lambda api: api.get_state("porch"), ValueError, "entity_id must be one id"),
        (lambda api: api.get_camera_image("camera/x"), ValueError, "entity_id must be one id"),
        (lambda api: api.get_calendar_events("town", BERLIN, BERLIN), ValueError, "calendar_id must be one id"),
        (lambda api: api.set_state("light.a", True), TypeError, "got True: of a switch it is 'on'"),
        (lambda api: api.set_state("light.a", None), TypeError, "state must be text or a number, got None"),
        (lambda api: api.rest_request("", "config"), ValueError, "method must be one of HTTP"),
        (lambda api: api.rest_request("GET", "config?x=1"), ValueError, "its parameters go in params"),
        (lambda api: api.rest_request("GET", "../auth"), ValueError, "path must be what stands behind /api/"),
        (lambda api: api.rest_request("GET", None), TypeError, "path must be text"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_and_nothing_is_asked(ask: Asks, error: type[Exception], message: str) -> None:
    place = desk()
    with pytest.raises(error, match=message):
        run_virtual(ask(place.api))
    assert not place.replies.requests
