"""The blocking twins of what an app asks of Home Assistant."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from duly.hass.connection_state import ConnectionState
from duly.hass.helpers import Helpers
from duly.hass.methods import ApiMethods
from duly.lifecycle.sync_facade import Twin, blocking

T = TypeVar("T")


class HelpersTwin:
    """The blocking twin of ``Helpers``: waits as the twin of the api does that it belongs to."""

    def __init__(self, api: Twin) -> None:
        self._api = api

    @property
    def part(self) -> Helpers:
        """What it is the twin of."""
        helpers: Helpers = self._api.part.helpers
        return helpers

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return self._api._wait_for(work)  # noqa: SLF001 - the same wait

    list = blocking(Helpers.list)
    create = blocking(Helpers.create)
    update = blocking(Helpers.update)
    delete = blocking(Helpers.delete)


class ApiTwin:
    """The methods of ``ApiMethods``, blocking. Who inherits it says how to wait."""

    part: Any
    _wait_for: Any

    @property
    def helpers(self) -> HelpersTwin:
        """The helpers that people make in Home Assistant's settings."""
        return HelpersTwin(self)

    @property
    def connected(self) -> bool:
        """Whether the link is up."""
        api: ApiMethods = self.part
        return api.connected

    @property
    def connection_state(self) -> ConnectionState:
        """How the link stands."""
        api: ApiMethods = self.part
        return api.connection_state

    call_service = blocking(ApiMethods.call_service)
    turn_on = blocking(ApiMethods.turn_on)
    turn_off = blocking(ApiMethods.turn_off)
    toggle = blocking(ApiMethods.toggle)
    fire_event = blocking(ApiMethods.fire_event)
    get_states = blocking(ApiMethods.get_states)
    get_states_raw = blocking(ApiMethods.get_states_raw)
    get_config = blocking(ApiMethods.get_config)
    get_services = blocking(ApiMethods.get_services)
    get_panels = blocking(ApiMethods.get_panels)
    get_state = blocking(ApiMethods.get_state)
    get_state_or_none = blocking(ApiMethods.get_state_or_none)
    get_state_raw = blocking(ApiMethods.get_state_raw)
    get_state_value = blocking(ApiMethods.get_state_value)
    get_attribute = blocking(ApiMethods.get_attribute)
    entity_exists = blocking(ApiMethods.entity_exists)
    set_state = blocking(ApiMethods.set_state)
    delete_entity = blocking(ApiMethods.delete_entity)
    get_history = blocking(ApiMethods.get_history)
    get_histories = blocking(ApiMethods.get_histories)
    get_logbook = blocking(ApiMethods.get_logbook)
    render_template = blocking(ApiMethods.render_template)
    get_camera_image = blocking(ApiMethods.get_camera_image)
    get_calendars = blocking(ApiMethods.get_calendars)
    get_calendar_events = blocking(ApiMethods.get_calendar_events)
    ws_send_and_wait = blocking(ApiMethods.ws_send_and_wait)
    ws_send_json = blocking(ApiMethods.ws_send_json)
    rest_request = blocking(ApiMethods.rest_request)
    wait_connected = blocking(ApiMethods.wait_connected)
