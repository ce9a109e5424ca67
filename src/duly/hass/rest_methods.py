"""What an app asks of Home Assistant over HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from duly.hass.errors import EntityNotFoundError, HassCommandError
from duly.hass.outgoing import Moment, entity_id_of, entity_ids_of, in_path, moment_text, sendable
from duly.hass.results import HistoryEntry, RestResponse, history_of
from duly.states import AnyState, state_of

if TYPE_CHECKING:
    from duly.hass.rest import Rest


class RestMethods:
    """Requests over HTTP; see ``duly.hass.rest`` for which are made again.

    All raise ``HassUnavailableError`` at once while the link is not up.
    """

    _rest: Rest

    # --- states ------------------------------------------------------------------------------------------------------

    async def get_state(self, entity_id: str) -> AnyState:
        """An entity as Home Assistant has it now.

        Raises:
            EntityNotFoundError: there is none.
        """
        return state_of(await self._state(entity_id))

    async def get_state_or_none(self, entity_id: str) -> AnyState | None:
        """An entity as Home Assistant has it now; ``None``: there is none."""
        try:
            return state_of(await self._state(entity_id))
        except EntityNotFoundError:
            return None

    async def get_state_raw(self, entity_id: str) -> dict[str, Any]:
        """As ``get_state``, as it came."""
        return await self._state(entity_id)

    async def get_state_value(self, entity_id: str) -> Any:  # noqa: ANN401 - by the class of the state
        """The value of an entity, see ``State.value``."""
        return state_of(await self._state(entity_id)).value

    async def get_attribute(self, entity_id: str, name: str) -> Any:  # noqa: ANN401 - whatever it is
        """An attribute of an entity as it came; ``None``: it has none of that name."""
        return ((await self._state(entity_id)).get("attributes") or {}).get(name)

    async def entity_exists(self, entity_id: str) -> bool:
        """Whether there is such an entity."""
        try:
            await self._state(entity_id)
        except EntityNotFoundError:
            return False
        return True

    async def set_state(
        self, entity_id: str, state: str | float, attributes: Mapping[str, Any] | None = None
    ) -> AnyState:
        """Write what Home Assistant shows of an entity, which is made if there is none; no device is told.

        The attributes that it had are replaced by these.
        """
        body = {"state": _state_text(state), "attributes": sendable(attributes or {}, "attributes")}
        answer = await self._rest.request("POST", _state_path(entity_id), data=body)
        return state_of(answer.json())

    async def delete_entity(self, entity_id: str) -> None:
        """Remove the state of an entity; one that belongs to a device comes back with its next change.

        Raises:
            EntityNotFoundError: there is none.
        """
        await self._of_entity("DELETE", entity_id)

    # --- the past ----------------------------------------------------------------------------------------------------

    async def get_history(
        self,
        entity_id: str,
        start: Moment,
        end: Moment | None = None,
        *,
        significant_changes_only: bool = False,
        minimal_response: bool = False,
        no_attributes: bool = False,
    ) -> list[HistoryEntry]:
        """The states that an entity had, in order of time, the one at ``start`` first.

        ``end``, if ``None``, is a day after ``start``. A minimal response tells all of the first and the last entry
        only. An entity that there is no history of has none.
        """
        entity_id_of(entity_id)
        flags = (significant_changes_only, minimal_response, no_attributes)
        return (await self._history([entity_id], start, end, flags))[entity_id]

    async def get_histories(
        self,
        entity_ids: Collection[str],
        start: Moment,
        end: Moment | None = None,
        *,
        significant_changes_only: bool = False,
        minimal_response: bool = False,
        no_attributes: bool = False,
    ) -> dict[str, list[HistoryEntry]]:
        """As ``get_history``, of several entities: each that was asked for has its list."""
        flags = (significant_changes_only, minimal_response, no_attributes)
        return await self._history(entity_ids_of(entity_ids), start, end, flags)

    async def get_logbook(self, entity_id: str, start: Moment, end: Moment) -> list[dict[str, Any]]:
        """What the logbook says of an entity, in order of time."""
        path = f"logbook/{in_path(moment_text(start, 'start'))}"
        params = {"entity": entity_id_of(entity_id), "end_time": moment_text(end, "end")}
        return await self._list(path, params)

    # --- other -------------------------------------------------------------------------------------------------------

    async def render_template(self, template: str, variables: Mapping[str, Any] | None = None) -> str:
        """What Home Assistant makes of a template."""
        body: dict[str, Any] = {"template": template}
        if variables is not None:
            body["variables"] = sendable(variables, "variables")
        return (await self._rest.request("POST", "template", data=body)).text

    async def get_camera_image(self, entity_id: str, timestamp: Moment | None = None) -> bytes:
        """A picture of a camera, in the format that it has."""
        path = f"camera_proxy/{in_path(entity_id_of(entity_id))}"
        params = None if timestamp is None else {"time": moment_text(timestamp, "timestamp")}
        return (await self._rest.request("GET", path, params=params)).body

    async def get_calendars(self) -> list[dict[str, Any]]:
        """All calendars, with name and ``entity_id``."""
        return await self._list("calendars")

    async def get_calendar_events(self, calendar_id: str, start: Moment, end: Moment) -> list[dict[str, Any]]:
        """The entries of a calendar, named by its entity's id, that begin before ``end`` and end after ``start``."""
        path = f"calendars/{in_path(entity_id_of(calendar_id, 'calendar_id'))}"
        return await self._list(path, {"start": moment_text(start, "start"), "end": moment_text(end, "end")})

    async def rest_request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,  # noqa: ANN401 - JSON
    ) -> RestResponse:
        """Any request; ``path`` is what stands behind ``/api/``, ``data`` is sent as JSON.

        Raises:
            HassCommandError: the answer is not one of success.
        """
        return await self._rest.request(_method(method), _path(path), params=params, data=data)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _state(self, entity_id: str) -> dict[str, Any]:
        raw: dict[str, Any] = (await self._of_entity("GET", entity_id)).json()
        return raw

    async def _of_entity(self, method: str, entity_id: str) -> RestResponse:
        try:
            return await self._rest.request(method, _state_path(entity_id))
        except HassCommandError as error:
            if error.code == str(HTTPStatus.NOT_FOUND.value):
                raise EntityNotFoundError(entity_id) from None
            raise

    async def _history(
        self, entity_ids: list[str], start: Moment, end: Moment | None, flags: tuple[bool, bool, bool]
    ) -> dict[str, list[HistoryEntry]]:
        path = f"history/period/{in_path(moment_text(start, 'start'))}"
        significant, minimal, bare = flags
        params: dict[str, str] = {
            "filter_entity_id": ",".join(entity_ids),
            "significant_changes_only": "1" if significant else "0",
        }
        if end is not None:
            params["end_time"] = moment_text(end, "end")
        params |= dict.fromkeys(["minimal_response"] * minimal + ["no_attributes"] * bare, "")
        if not entity_ids:
            return {}
        found = {entry[0].entity_id: entry for raw in await self._list(path, params) if (entry := history_of(raw))}
        return {entity_id: found.get(entity_id, []) for entity_id in entity_ids}

    async def _list(self, path: str, params: Mapping[str, Any] | None = None) -> list[Any]:
        items: list[Any] = (await self._rest.request("GET", path, params=params)).json()
        return items


def _state_path(entity_id: str) -> str:
    return f"states/{in_path(entity_id_of(entity_id))}"


def _state_text(given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise TypeError(f"state must be text or a number, got {given!r:.200}: of a switch it is 'on' or 'off'")
    return str(given)


def _method(given: object) -> str:
    if not isinstance(given, str) or not given.isalpha():
        raise ValueError(f"method must be one of HTTP such as 'GET', got {given!r}")
    return given.upper()


def _path(given: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"path must be text, got {given!r:.200} of type {type(given).__name__}")
    path = given.removeprefix("/").removeprefix("api/")
    if "?" in path or "#" in path or ".." in path.split("/"):
        raise ValueError(f"path must be what stands behind /api/, its parameters go in params, got {given!r}")
    return path
