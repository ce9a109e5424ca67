"""What an app asks of Home Assistant over the link."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from duly.events import hass_context
from duly.hass.outgoing import name_of, seconds_of, sendable
from duly.hass.results import ServiceResponse
from duly.states import AnyState, state_of

if TYPE_CHECKING:
    from duly.hass.link import Link


class SocketMethods:
    """Commands over the link; none is sent twice. All raise ``HassUnavailableError`` at once while it is not up."""

    _link: Link

    async def call_service(
        self,
        /,
        domain: str,
        service: str,
        target: Mapping[str, Any] | None = None,
        *,
        return_response: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109 - named by the contract
        **data: Any,  # noqa: ANN401 - what the service takes
    ) -> ServiceResponse:
        """Call a service, and wait until Home Assistant says how it went.

        ``timeout`` in seconds; ``None``: ``websocket.response_timeout_seconds``. Without ``wait`` it returns once the
        call is sent, and a refusal is logged as a WARNING.

        Raises:
            HassCommandError: there is no such service, its data are wrong, or it has failed.
            HassTimeoutError: no answer in time.
        """
        message = _service_call(domain, service, target, data)
        if return_response:
            message["return_response"] = True
        if not wait:
            if return_response or timeout is not None:
                raise ValueError("wait=False cannot go with return_response or timeout: nothing is waited for")
            await self._link.send(message)
            return ServiceResponse()
        return _service_response(await self._link.command(message, timeout=seconds_of(timeout)))

    async def turn_on(
        self,
        /,
        entity_id: str | Collection[str],
        domain: str = "homeassistant",
        **data: Any,  # noqa: ANN401 - as call_service
    ) -> ServiceResponse:
        """Call ``turn_on`` of a domain for one entity or several."""
        return await self._switch("turn_on", entity_id, domain, data)

    async def turn_off(
        self,
        /,
        entity_id: str | Collection[str],
        domain: str = "homeassistant",
        **data: Any,  # noqa: ANN401 - as call_service
    ) -> ServiceResponse:
        """Call ``turn_off`` of a domain for one entity or several."""
        return await self._switch("turn_off", entity_id, domain, data)

    async def toggle(
        self,
        /,
        entity_id: str | Collection[str],
        domain: str = "homeassistant",
        **data: Any,  # noqa: ANN401 - as call_service
    ) -> ServiceResponse:
        """Call ``toggle`` of a domain for one entity or several."""
        return await self._switch("toggle", entity_id, domain, data)

    async def _switch(
        self, service: str, entity_id: str | Collection[str], domain: str, data: Mapping[str, Any]
    ) -> ServiceResponse:
        target = {"entity_id": _one_or_several(entity_id)}
        return _service_response(await self._link.command(_service_call(domain, service, target, data)))

    async def fire_event(self, event_type: str, data: Mapping[str, Any] | None = None) -> None:
        """Send an event through Home Assistant's bus."""
        message = {"type": "fire_event", "event_type": _event_type(event_type), "event_data": sendable(data or {})}
        await self._link.command(message)

    async def get_states(self) -> list[AnyState]:
        """All entities, as Home Assistant has them now."""
        return [state_of(raw) for raw in await self._link.command({"type": "get_states"})]

    async def get_states_raw(self) -> list[dict[str, Any]]:
        """As ``get_states``, as it came."""
        states: list[dict[str, Any]] = await self._link.command({"type": "get_states"})
        return states

    async def get_config(self) -> dict[str, Any]:
        """Home Assistant's settings: place, units, version, components."""
        return await self._table("get_config")

    async def get_services(self) -> dict[str, Any]:
        """All services by domain and name, with their fields."""
        return await self._table("get_services")

    async def get_panels(self) -> dict[str, Any]:
        """The panels of the side bar."""
        return await self._table("get_panels")

    async def ws_send_and_wait(self, /, **message: Any) -> Any:  # noqa: ANN401 - any command, any answer
        """Send any command, ``type`` and its fields, and give the ``result`` of the answer."""
        return await self._link.command(_command(message))

    async def ws_send_json(self, /, **message: Any) -> None:  # noqa: ANN401 - any command
        """Send any command and return once it is written; a refusal is logged as a WARNING."""
        await self._link.send(_command(message))

    async def _table(self, command: str) -> dict[str, Any]:
        table: dict[str, Any] = await self._link.command({"type": command})
        return table


def _service_call(
    domain: str, service: str, target: Mapping[str, Any] | None, data: Mapping[str, Any]
) -> dict[str, Any]:
    hint = ": give domain and service apart"
    message = {
        "type": "call_service",
        "domain": name_of(domain, "domain", hint),
        "service": name_of(service, "service", hint),
        "service_data": sendable(data, "service data"),
    }
    if target is not None:
        if not isinstance(target, Mapping):
            raise TypeError(f"target must be a mapping such as {{'entity_id': 'light.kitchen'}}, got {target!r:.200}")
        message["target"] = sendable(target, "target")
    return message


def _one_or_several(entity_id: object) -> str | list[str]:
    if isinstance(entity_id, str):
        return entity_id
    if not isinstance(entity_id, Collection) or not all(isinstance(each, str) for each in entity_id):
        raise TypeError(f"entity_id must be text such as 'light.kitchen', or a list of them, got {entity_id!r:.200}")
    return list(entity_id)


def _service_response(result: Mapping[str, Any] | None) -> ServiceResponse:
    found = result or {}
    context = found.get("context")
    return ServiceResponse(None if context is None else hass_context(context), found.get("response"))


def _command(message: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(message.get("type"), str) or not message["type"]:
        raise ValueError(f"a command needs its 'type', such as type='get_config', got {message!r:.200}")
    if "id" in message:
        raise ValueError("a command gets its 'id' from the link: leave it out")
    plain: dict[str, Any] = sendable(message, "message")
    return plain


def _event_type(given: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"event_type must be text, got {given!r:.200} of type {type(given).__name__}")
    if not given:
        raise ValueError("event_type must not be empty")
    return given
