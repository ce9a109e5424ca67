"""The api of an app: its life, its link, and its blocking twin."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from duly.config import DulyConfig
from duly.hass import ConnectionState, HassCommandError, HassUnavailableError
from duly.hass.api import Api, ApiResource, ApiSyncFacade, add_api
from duly.hass.api_twin import HelpersTwin
from duly.hass.helpers import Helpers
from duly.hass.methods import ApiMethods
from duly.hass.state_manager import StateManager
from duly.lifecycle import Resource
from duly.states import LightState
from duly.testing import run_virtual
from tests.hass.api_kit import TOKEN, GivenAnswers, desk, said
from tests.hass.test_http import serving
from tests.lifecycle.house import House, run

CONTEXT = {"id": "01M7", "parent_id": None, "user_id": "u"}


def methods_of(cls: type) -> set[str]:
    """The public methods and properties of a class."""
    return {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}


# --- life ------------------------------------------------------------------------------------------------------------


def test_an_api_has_a_parent() -> None:
    with pytest.raises(AssertionError, match="make it with add_child"):
        Api(House())


def test_an_app_gets_the_api_that_the_resource_names() -> None:
    class OwnApi(Api):
        pass

    class OwnResource(ApiResource):
        api_class = OwnApi

    house = House()
    assert type(add_api(house.add_child(Resource))) is Api
    house.add_child(OwnResource, link=GivenAnswers())
    assert type(add_api(house.add_child(Resource))) is OwnApi


@pytest.mark.parametrize("ask", [lambda api: api.turn_on("light.porch"), lambda api: api.get_state("light.porch")])
def test_without_a_token_every_call_names_the_setting(ask: Callable[[Api], Any]) -> None:
    api = House().add_child(Resource).add_child(Api)
    with pytest.raises(HassUnavailableError, match="token") as raised:
        run_virtual(ask(api))
    assert raised.value.state is ConnectionState.DISABLED
    assert not api.connected
    assert api.connection_state is ConnectionState.DISABLED


def test_waiting_without_a_token_ends_at_once() -> None:
    api = House().add_child(Resource).add_child(Api)
    with pytest.raises(HassUnavailableError, match="token"):
        run_virtual(api.wait_connected())


def test_an_api_takes_a_link_that_comes_later() -> None:
    house = House()
    api = house.add_child(Resource).add_child(Api)
    house.add_child(ApiResource, link=GivenAnswers({"get_config": {"version": "2025.1"}}))
    api.link_anew()
    assert run_virtual(api.get_config()) == {"version": "2025.1"}
    assert api.connected


def test_its_state_is_that_of_the_link() -> None:
    place = desk()
    place.link.state = ConnectionState.SYNCING
    assert place.api.connection_state is ConnectionState.SYNCING
    assert not place.api.connected


def test_waiting_ends_when_the_link_is_up_or_the_time_is_over() -> None:
    async def main() -> None:
        place = desk()
        waiting = asyncio.create_task(place.api.wait_connected())
        await asyncio.sleep(3600)
        assert place.api.waits.unmet == 1
        place.link.up.set()
        await waiting
        assert place.api.waits.unmet == 0
        place.link.up.clear()
        with pytest.raises(TimeoutError):
            await place.api.wait_connected(timeout=5)
        assert place.api.waits.unmet == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(place.api.wait_connected(), timeout=5)
        assert place.api.waits.unmet == 1

    run_virtual(main())


@pytest.mark.parametrize("timeout", [0, -1, True, float("nan"), float("inf")])
def test_a_wait_has_a_limit_that_is_one(timeout: float) -> None:
    async def main() -> None:
        place = desk()
        states = place.api.add_child(StateManager)
        for wait in (place.api.wait_connected, states.wait_synced):
            with pytest.raises(ValueError, match=rf"timeout must be a number of seconds greater than 0, got {timeout}"):
                await wait(timeout)
        assert place.api.waits.unmet == states.waits.unmet == 0

    run_virtual(main())


def test_the_level_of_its_log_is_that_of_the_settings() -> None:
    place = desk(logging={"api": "DEBUG"})
    assert place.api.logger.isEnabledFor(10)
    assert place.resource.logger.isEnabledFor(10)


def test_aiohttp_is_loaded_with_the_first_request_only() -> None:
    code = "import sys; import duly.hass.api; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_requests_go_over_connections_that_end_with_the_resource() -> None:
    peers: set[object] = set()

    async def light(request: web.Request) -> web.Response:
        assert request.transport is not None
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response({"entity_id": "light.porch", "state": "on", "attributes": {}})

    async def main() -> None:
        async with serving(light) as port:
            house = House(DulyConfig.hermetic(token=TOKEN, base_url=f"http://127.0.0.1:{port}"))
            resource = house.add_child(ApiResource, link=GivenAnswers())
            api = house.add_child(Resource).add_child(Api)
            for _ in range(2):
                await resource.initialize()
                assert isinstance(await api.get_state("light.porch"), LightState)
                assert await api.get_state_value("light.porch") is True
                await resource.shutdown()
            assert resource._session is None
        assert len(peers) == 2

    run(main())


# --- the blocking twin -----------------------------------------------------------------------------------------------


def test_the_twin_has_all_methods_with_their_signatures() -> None:
    wanted = methods_of(ApiMethods) - {"waits"}
    assert wanted <= methods_of(ApiSyncFacade)
    for name in wanted - {"helpers", "connected", "connection_state"}:
        assert inspect.signature(getattr(ApiSyncFacade, name)) == inspect.signature(getattr(Api, name)), name
        assert not inspect.iscoroutinefunction(getattr(ApiSyncFacade, name))
    for name in methods_of(Helpers):
        assert inspect.signature(getattr(HelpersTwin, name)) == inspect.signature(getattr(Helpers, name)), name


def test_a_thread_waits_for_what_is_asked() -> None:
    light = {"entity_id": "light.porch", "state": "on", "attributes": {}}
    place = desk(said(light), answers={"call_service": {"context": CONTEXT}, "counter/list": [{"id": "hits"}]})
    api = place.api.sync

    def work() -> None:
        context = api.turn_on("light.porch", brightness=5).context
        assert context is not None
        assert context.id == "01M7"
        assert isinstance(api.get_state("light.porch"), LightState)
        assert api.helpers.list("counter") == [{"id": "hits"}]
        assert api.connected
        assert api.connection_state is ConnectionState.CONNECTED
        with pytest.raises(ValueError, match="entity_id must be one id"):
            api.get_state("porch")

    async def main() -> None:
        await place.house.initialize()
        await place.api.initialize()
        await place.house.worker_pool.run(work)
        await place.house.shutdown()

    run(main())


def test_a_thread_sees_the_error_of_the_call() -> None:
    place = desk(answers={"call_service": HassCommandError("not_found", "no such service")})

    async def main() -> None:
        await place.house.initialize()
        await place.api.initialize()
        with pytest.raises(HassCommandError, match="no such service"):
            await place.house.worker_pool.run(place.api.sync.call_service, "no", "such")
        await place.house.shutdown()

    run(main())


def test_on_the_loop_the_twin_is_refused() -> None:
    place = desk()

    async def main() -> None:
        await place.api.initialize()
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            place.api.sync.turn_on("light.porch")
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            place.api.sync.helpers.list("counter")
        await place.api.shutdown()

    run(main())
    assert not place.link.sent


def test_a_thread_waits_as_long_as_the_call_may_take() -> None:
    place = desk(20.0, lifecycle={"run_sync_timeout_seconds": 1}, websocket={"response_timeout_seconds": 30})

    async def main() -> bytes:
        await place.house.initialize()
        await place.api.initialize()
        image: bytes = await place.house.worker_pool.run(place.api.sync.get_camera_image, "camera.gate")
        await place.house.shutdown()
        return image

    assert run_virtual(main()) == b'"too late"'


def test_a_thread_that_waits_is_let_go_when_the_app_stops() -> None:
    place = desk(1000.0, websocket={"response_timeout_seconds": 2000, "total_timeout_seconds": 5000})

    async def main() -> None:
        await place.house.initialize()
        await place.api.initialize()
        waiting = asyncio.create_task(place.house.worker_pool.run(place.api.sync.get_calendars))
        await asyncio.sleep(1)
        await place.api.shutdown()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await place.house.shutdown()

    run_virtual(main())
