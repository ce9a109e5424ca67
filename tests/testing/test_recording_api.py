"""The api that only keeps what it is asked for."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from whenever import Time, ZonedDateTime

from duly.hass import ConnectionState, EntityNotFoundError, HassCommandError, HassUnavailableError
from duly.hass.api import Api, ApiSyncFacade
from duly.hass.api_twin import HelpersTwin
from duly.hass.helpers import Helpers
from duly.hass.methods import ApiMethods
from duly.states import LightState
from duly.testing import ApiCall, RecordingApi, VirtualClock, run_virtual
from duly.testing.recorded_methods import METHODS, RecordedHelpers
from duly.testing.recording_api import AppRecordingApi, RecordingTwin

Asks = Callable[[RecordingApi], Coroutine[Any, Any, Any]]
NOT_METHODS = {"connected", "connection_state", "helpers", "waits", "wait_connected"}


def names_of(cls: type) -> set[str]:
    """The public names of a class."""
    return {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}


def do(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - its result
    return asyncio.run(work)


# --- the same surface ------------------------------------------------------------------------------------------------


def test_it_has_the_methods_of_the_api_with_their_signatures() -> None:
    for name in names_of(ApiMethods) - NOT_METHODS | {"wait_connected"}:
        for cls in (RecordingApi, AppRecordingApi):
            assert inspect.signature(getattr(cls, name)) == inspect.signature(getattr(Api, name)), name
            assert inspect.iscoroutinefunction(getattr(cls, name)), name
        assert inspect.signature(getattr(RecordingTwin, name)) == inspect.signature(getattr(ApiSyncFacade, name)), name
    for name in names_of(Helpers):
        assert inspect.signature(getattr(RecordedHelpers, name)) == inspect.signature(getattr(Helpers, name)), name
        assert inspect.signature(getattr(HelpersTwin, name)) == inspect.signature(getattr(Helpers, name)), name


def test_every_method_that_asks_for_something_is_recorded() -> None:
    helpers = {f"helpers.{name}" for name in names_of(Helpers)}
    assert set(METHODS) == names_of(ApiMethods) - NOT_METHODS | helpers


# --- reads -----------------------------------------------------------------------------------------------------------


def test_reads_come_from_the_states_it_was_given() -> None:
    api = RecordingApi({"light.porch": {"state": "on", "attributes": {"brightness": 5}}, "counter.hits": 3})

    async def main() -> None:
        state = await api.get_state("light.porch")
        assert isinstance(state, LightState)
        assert (await api.get_state_raw("light.porch"))["attributes"] == {"brightness": 5}
        assert await api.get_state_value("counter.hits") == 3
        assert await api.get_attribute("light.porch", "brightness") == 5
        assert await api.entity_exists("light.porch")
        assert not await api.entity_exists("light.no")
        assert await api.get_state_or_none("light.no") is None
        assert [each.entity_id for each in await api.get_states()] == ["light.porch", "counter.hits"]
        assert len(await api.get_states_raw()) == 2
        with pytest.raises(EntityNotFoundError):
            await api.get_state("light.no")

    do(main())
    assert api.get_calls() == []


def test_states_can_be_seeded_and_taken_away() -> None:
    api = RecordingApi()
    api.seed("light.porch", True, brightness=5)
    assert do(api.get_state_value("light.porch")) is True
    api.seed("light.porch", None)
    assert not do(api.entity_exists("light.porch"))


def test_what_is_set_is_read_back() -> None:
    api = RecordingApi({"sensor.x": {"state": "1", "attributes": {"unit": "m"}}})

    async def main() -> None:
        assert (await api.set_state("sensor.x", 2, {"note": "new"})).state == "2"
        assert (await api.get_state_raw("sensor.x"))["attributes"] == {"note": "new"}
        await api.set_state("sensor.new", "on")
        assert await api.entity_exists("sensor.new")
        await api.delete_entity("sensor.new")
        assert not await api.entity_exists("sensor.new")

    do(main())
    assert [call.method for call in api.get_calls()] == ["set_state", "set_state", "delete_entity"]


def test_a_write_that_is_refused_is_kept_too() -> None:
    api = RecordingApi()
    with pytest.raises(EntityNotFoundError):
        do(api.delete_entity("sensor.gone"))
    api.assert_called("delete_entity", entity_id="sensor.gone")


# --- writes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "method", "arguments"),
    [
        (
            lambda api: api.call_service("light", "turn_on", {"area_id": "a"}, brightness=5),
            "call_service",
            {
                "domain": "light",
                "service": "turn_on",
                "target": {"area_id": "a"},
                "return_response": False,
                "wait": True,
                "timeout": None,
                "brightness": 5,
            },
        ),
        (
            lambda api: api.turn_on("light.porch", brightness=5),
            "turn_on",
            {"entity_id": "light.porch", "domain": "homeassistant", "brightness": 5},
        ),
        (lambda api: api.turn_off("light.a", "light"), "turn_off", {"entity_id": "light.a", "domain": "light"}),
        (lambda api: api.toggle(entity_id="a.b"), "toggle", {"entity_id": "a.b", "domain": "homeassistant"}),
        (lambda api: api.fire_event("lit"), "fire_event", {"event_type": "lit", "data": None}),
        (lambda api: api.ws_send_json(type="ping"), "ws_send_json", {"type": "ping"}),
        (
            lambda api: api.helpers.create("counter", name="Hits"),
            "helpers.create",
            {"domain": "counter", "name": "Hits"},
        ),
        (
            lambda api: api.helpers.update("counter", "hits", icon="i"),
            "helpers.update",
            {"domain": "counter", "helper_id": "hits", "icon": "i"},
        ),
        (
            lambda api: api.helpers.delete("counter", "hits"),
            "helpers.delete",
            {"domain": "counter", "helper_id": "hits"},
        ),
    ],
)  # fmt: skip
def test_a_write_is_kept_with_its_arguments(ask: Asks, method: str, arguments: dict[str, Any]) -> None:
    api = RecordingApi()
    do(ask(api))
    (call,) = api.get_calls(method)
    assert (call.method, call.arguments) == (method, arguments)


def test_a_call_keeps_what_was_passed_and_when() -> None:
    clock = VirtualClock(ZonedDateTime(2025, 7, 1, 7, tz="Europe/Berlin"))
    api = RecordingApi()
    run_virtual(api.turn_on("light.porch", brightness=5), clock)
    (call,) = api.get_calls()
    assert isinstance(call, ApiCall)
    assert (call.args, call.kwargs) == (("light.porch",), {"brightness": 5})
    assert call.at == ZonedDateTime(2025, 7, 1, 7, tz="Europe/Berlin")
    assert str(call) == "2025-07-01T07:00:00+02:00[Europe/Berlin] turn_on('light.porch', brightness=5)"


def test_a_call_stays_as_it_was_made() -> None:
    api, lights, options = RecordingApi(), ["light.a"], {"deep": [1]}
    do(api.turn_on(lights, options=options))
    lights.append("light.b")
    options["deep"].append(2)
    api.assert_called("turn_on", entity_id=["light.a"], options={"deep": [1]})


def test_a_service_gives_a_context_and_no_response() -> None:
    api = RecordingApi()
    first, second = do(api.turn_on("light.a")), do(api.call_service("light", "turn_on"))
    assert first.response is None
    assert first.context.id != second.context.id


def test_a_service_that_is_not_waited_for_is_kept() -> None:
    api = RecordingApi()
    do(api.call_service("counter", "increment", wait=False))
    api.assert_called("call_service", domain="counter", wait=False)


def test_helpers_that_are_made_and_changed_come_back_with_an_id() -> None:
    api = RecordingApi()
    assert do(api.helpers.create("counter", name="Door hits")) == {"id": "door_hits", "name": "Door hits"}
    assert do(api.helpers.update("counter", "hits", icon="i")) == {"id": "hits", "icon": "i"}
    assert do(api.helpers.delete("counter", "hits")) is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.call_service("light.turn_on", ""),
        lambda api: api.turn_on("light.a", x=object()),
        lambda api: api.set_state("porch", "on"),
        lambda api: api.helpers.create("light", name="x"),
        lambda api: api.get_history("light.a,light.b", "2025-01-01"),
        lambda api: api.ws_send_and_wait(kind="x"),
    ],
)
def test_wrong_arguments_are_refused_as_by_the_api_and_not_kept(ask: Asks) -> None:
    api = RecordingApi()
    api.respond("get_history", [])
    with pytest.raises((ValueError, TypeError)):
        do(ask(api))
    assert api.get_calls() == []


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "method"),
    [
        (lambda api: api.get_config(), "get_config"),
        (lambda api: api.get_services(), "get_services"),
        (lambda api: api.get_panels(), "get_panels"),
        (lambda api: api.get_history("light.a", "2025-01-01"), "get_history"),
        (lambda api: api.get_histories(["light.a"], "2025-01-01"), "get_histories"),
        (lambda api: api.get_logbook("light.a", "2025-01-01", "2025-01-02"), "get_logbook"),
        (lambda api: api.render_template("{{ 1 }}"), "render_template"),
        (lambda api: api.get_camera_image("camera.a"), "get_camera_image"),
        (lambda api: api.get_calendars(), "get_calendars"),
        (lambda api: api.get_calendar_events("calendar.a", "2025-01-01", "2025-01-02"), "get_calendar_events"),
        (lambda api: api.helpers.list("counter"), "helpers.list"),
        (lambda api: api.call_service("weather", "get_forecasts", return_response=True), "call_service"),
        (lambda api: api.ws_send_and_wait(type="x"), "ws_send_and_wait"),
        (lambda api: api.rest_request("GET", "config"), "rest_request"),
    ],
)
def test_what_it_cannot_know_needs_an_answer_of_the_test(ask: Asks, method: str) -> None:
    api = RecordingApi()
    with pytest.raises(LookupError, match=rf"{method}\(\) has no answer here: give it one with respond\('{method}'"):
        do(ask(api))
    answer = object()
    api.respond(method, answer)
    assert do(ask(api)) is answer
    assert do(ask(api)) is answer


@pytest.mark.parametrize(
    ("answer", "error"), [(HassCommandError("not_found", "no such service"), HassCommandError), (OSError, OSError)]
)
def test_an_answer_may_be_an_error(answer: object, error: type[Exception]) -> None:
    api = RecordingApi()
    api.respond("turn_on", answer)
    with pytest.raises(error):
        do(api.turn_on("light.porch"))
    api.assert_called("turn_on", entity_id="light.porch")


def test_an_answer_stands_for_the_deed() -> None:
    api = RecordingApi({"light.porch": "on"})
    api.respond("set_state", "said")
    api.respond("get_state_value", "told")
    assert do(api.set_state("light.porch", "off")) == "said"
    assert do(api.get_state_value("light.porch")) == "told"
    assert do(api.get_state_raw("light.porch"))["state"] == "on"


def test_the_answer_to_one_method_is_not_that_to_another() -> None:
    api = RecordingApi()
    api.respond("call_service", HassCommandError("not_found", "no such service"))
    do(api.turn_on("light.porch"))
    api.assert_call_count("call_service", 0)


@pytest.mark.parametrize(("name", "hint"), [("turn_onn", ", perhaps 'turn_on'"), ("zzz", ""), ("seed", "")])
def test_a_method_that_there_is_not_is_no_name(name: str, hint: str) -> None:
    api = RecordingApi()
    for ask in (lambda: api.respond(name, None), lambda: api.get_calls(name), lambda: api.assert_not_called(name)):
        with pytest.raises(ValueError, match=f"Api has no method '{name}'{hint}$"):
            ask()


def test_reads_cannot_be_asserted() -> None:
    with pytest.raises(ValueError, match="get_state only reads, and calls of it are not kept"):
        RecordingApi().assert_not_called("get_state")


# --- assertions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def called() -> RecordingApi:
    api = RecordingApi()
    run_virtual(api.turn_on("light.porch", brightness=5, at=Time(7)))
    run_virtual(api.fire_event("lit"))
    return api


def test_assertions_that_hold_say_nothing(called: RecordingApi) -> None:
    called.assert_called("turn_on")
    called.assert_called("turn_on", entity_id="light.porch")
    called.assert_called("turn_on", domain="homeassistant", at=Time(7))
    called.assert_called_exact("turn_on", "light.porch", at=Time(7), brightness=5)
    called.assert_called_exact("turn_on", entity_id="light.porch", domain="homeassistant", brightness=5, at=Time(7))
    called.assert_called_exact("fire_event", "lit")
    called.assert_not_called("turn_off")
    called.assert_not_called("turn_on", entity_id="light.hall")
    called.assert_not_called("turn_on", flash=None)
    called.assert_call_count("turn_on", 1)
    called.assert_call_count("turn_off", 0)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda api: api.assert_called("turn_off"), "turn_off was not called;"),
        (lambda api: api.assert_called("turn_on", entity_id="x.y"), "turn_on was not called with entity_id='x.y';"),
        (lambda api: api.assert_called("turn_on", flash=None), "turn_on was not called with flash=None;"),
        (
            lambda api: api.assert_called_exact("turn_on", "light.porch"),
            "turn_on was not called with exactly entity_id='light.porch', domain='homeassistant';",
        ),
        (lambda api: api.assert_not_called("turn_on"), "turn_on was called;"),
        (lambda api: api.assert_not_called("turn_on", brightness=5), "turn_on was called with brightness=5;"),
        (lambda api: api.assert_call_count("turn_on", 2), "turn_on was called 1 times, not 2;"),
    ],
)
def test_an_assertion_that_fails_shows_what_was_called(
    called: RecordingApi, check: Callable[[RecordingApi], None], text: str
) -> None:
    with pytest.raises(AssertionError) as raised:
        check(called)
    first, *calls = str(raised.value).splitlines()
    assert first == f"{text} what was called:"
    assert calls == [
        "  2025-01-01T00:00:00+00:00[UTC] turn_on('light.porch', brightness=5, at=Time(\"07:00:00\"))",
        "  2025-01-01T00:00:00+00:00[UTC] fire_event('lit')",
    ]


def test_an_assertion_that_fails_says_if_nothing_was_called() -> None:
    with pytest.raises(AssertionError, match="turn_on was not called; what was called: nothing"):
        RecordingApi().assert_called("turn_on")


def test_arguments_that_do_not_fit_the_method_are_no_assertion(called: RecordingApi) -> None:
    with pytest.raises(TypeError):
        called.assert_called_exact("fire_event", "lit", colour="red")
    for check in (called.assert_called, called.assert_not_called):
        with pytest.raises(TypeError, match="fire_event has no argument 'colour', it has event_type, data"):
            check("fire_event", colour="red")


def test_reset_forgets_calls_and_answers_but_no_states(called: RecordingApi) -> None:
    called.seed("light.porch", "on")
    called.respond("get_config", {})
    called.reset()
    assert called.get_calls() == []
    assert do(called.entity_exists("light.porch"))
    with pytest.raises(LookupError):
        do(called.get_config())


# --- the link --------------------------------------------------------------------------------------------------------


def test_offline_every_call_is_refused_at_once_and_not_kept() -> None:
    api = RecordingApi({"light.porch": "on"})
    api.respond("get_config", {})
    api.go_offline()
    assert (api.connected, api.connection_state) == (False, ConnectionState.WAITING)
    for work in (
        api.turn_on("light.porch"),
        api.get_state("light.porch"),
        api.get_config(),
        api.helpers.list("counter"),
    ):
        with pytest.raises(HassUnavailableError, match="the test has gone offline") as raised:
            do(work)
        assert raised.value.state is ConnectionState.WAITING
        assert raised.value.since is not None
    assert api.get_calls() == []
    api.go_online()
    assert (api.connected, api.connection_state) == (True, ConnectionState.CONNECTED)
    assert do(api.get_state_value("light.porch")) is True


def test_who_waits_for_the_link_goes_on_once_it_is_there() -> None:
    async def main() -> None:
        api = RecordingApi()
        await api.wait_connected()
        api.go_offline()
        with pytest.raises(TimeoutError):
            await api.wait_connected(timeout=5)
        waiting = asyncio.create_task(api.wait_connected())
        await asyncio.sleep(60)
        assert not waiting.done()
        api.go_online()
        await waiting

    run_virtual(main())


# --- the blocking twin -----------------------------------------------------------------------------------------------


def test_the_twin_needs_no_loop() -> None:
    api = RecordingApi({"light.porch": "on"})
    api.sync.turn_on("light.porch", brightness=5)
    assert api.sync.get_state_value("light.porch") is True
    assert api.sync.helpers.create("counter", name="Hits") == {"id": "hits", "name": "Hits"}
    assert api.sync.connected
    assert api.sync.connection_state is ConnectionState.CONNECTED
    api.assert_called("turn_on", entity_id="light.porch", brightness=5)
    api.assert_called("helpers.create", domain="counter")


def test_on_a_loop_the_twin_is_refused_as_any() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            RecordingApi().sync.turn_on("light.porch")

    do(main())


def test_without_a_loop_no_link_comes_while_it_is_waited_for() -> None:
    api = RecordingApi()
    api.sync.wait_connected()
    api.go_offline()
    with pytest.raises(TimeoutError, match=r"call go_online\(\) first"):
        api.sync.wait_connected()


# --- the fixture -----------------------------------------------------------------------------------------------------


def test_the_fixture_is_one_by_itself(duly_api: RecordingApi) -> None:
    duly_api.seed("sun.sun", "below_horizon")
    do(duly_api.turn_on("light.porch"))
    duly_api.assert_called("turn_on", entity_id="light.porch")
