"""What Home Assistant tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, TypeVar

from whenever import OffsetDateTime, ZonedDateTime

from duly.events.event import Event, EventPayload
from duly.events.missing import MISSING_VALUE
from duly.events.topics import HASS_PREFIX

DataT = TypeVar("DataT")
RawState: TypeAlias = Mapping[str, Any]
"""A state as Home Assistant sends it: ``entity_id``, ``state``, ``attributes``, ``last_changed``, …"""


@dataclass(frozen=True, slots=True)
class HassContext:
    """What an event of Home Assistant, or a state, is due to. Events of one cause share the ``id``."""

    id: str
    parent_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class HassPayload(EventPayload[DataT]):
    """What an event of Home Assistant carries. ``origin`` is ``LOCAL`` or ``REMOTE``; ``event_id`` the context's."""

    event_type: str
    context: HassContext

    @property
    def entity_id(self) -> str | None:
        """The entity that the event is about."""
        return self._text("entity_id")

    @property
    def domain(self) -> str | None:
        """The domain of the entity, or of the service."""
        return self._text("domain")

    @property
    def service(self) -> str | None:
        """The service that was called, registered or removed."""
        return self._text("service")

    def _text(self, name: str) -> str | None:
        data = self.data
        found = data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class StateChangeData:
    """A change of an entity, of its state or of its attributes alone."""

    entity_id: str
    old_state: RawState | None
    """``None``: there was none, or the event was made up."""
    new_state: RawState | None
    """``None``: the entity was removed."""

    @property
    def old_state_value(self) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
        """The old state; ``MISSING_VALUE``: there was none."""
        return MISSING_VALUE if self.old_state is None else self.old_state.get("state", MISSING_VALUE)

    @property
    def new_state_value(self) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
        """The new state; ``MISSING_VALUE``: there is none."""
        return MISSING_VALUE if self.new_state is None else self.new_state.get("state", MISSING_VALUE)

    @property
    def state_value_has_changed(self) -> bool:
        """Whether the state itself is another, and not its attributes alone."""
        return bool(self.old_state_value != self.new_state_value)

    @property
    def domain(self) -> str:
        """What stands before the dot in the entity's id."""
        return self.entity_id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class CallServiceData:
    """A service is called."""

    domain: str
    service: str
    service_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ComponentLoadedData:
    """A component has been loaded."""

    component: str


@dataclass(frozen=True, slots=True)
class ServiceData:
    """A service has come, or has gone."""

    domain: str
    service: str


class RawStateChangeEvent(Event[HassPayload[StateChangeData]]):
    """An entity has changed; states are Home Assistant's dicts."""

    __slots__ = ()


class CallServiceEvent(Event[HassPayload[CallServiceData]]):
    """A service is called."""

    __slots__ = ()


class ComponentLoadedEvent(Event[HassPayload[ComponentLoadedData]]):
    """A component has been loaded."""

    __slots__ = ()


class ServiceRegisteredEvent(Event[HassPayload[ServiceData]]):
    """There is a new service."""

    __slots__ = ()


class ServiceRemovedEvent(Event[HassPayload[ServiceData]]):
    """A service is no more."""

    __slots__ = ()


AnyHassEvent: TypeAlias = Event[HassPayload[Any]]


def hass_event(raw: Mapping[str, Any]) -> AnyHassEvent:
    """An event as Home Assistant sends it, as an object; fields it does not know are ignored.

    Raises:
        KeyError, TypeError, ValueError: it lacks something, or has something of another kind.
    """
    event_type, data, context = raw["event_type"], raw["data"], hass_context(raw["context"])
    if not isinstance(event_type, str) or not isinstance(data, Mapping):
        raise TypeError(f"an event needs a type that is text, and data, got {event_type!r} with {type(data).__name__}")
    make = _KNOWN.get(event_type)
    kind, value = (Event, data) if make is None else make(data)
    payload = HassPayload(
        value, context.id, str(raw.get("origin", "LOCAL")), moment(raw["time_fired"]), event_type, context
    )
    return kind(HASS_PREFIX + event_type, payload)


def hass_context(raw: Mapping[str, Any]) -> HassContext:
    """A context as Home Assistant sends it."""
    return HassContext(_text(raw, "id"), raw.get("parent_id"), raw.get("user_id"))


def is_state(raw: object) -> TypeGuard[RawState]:
    """Whether it has what every state has that Home Assistant sends; there may be no attributes."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("state"), str):
        return False
    return isinstance(raw.get("attributes"), Mapping | None)


def moment(text: str) -> ZonedDateTime:
    """A time as Home Assistant sends it, in UTC."""
    return OffsetDateTime.parse_iso(text).to_tz("UTC")


def moment_in(raw: RawState, name: str) -> ZonedDateTime | None:
    """A time of a state, in UTC; ``None``: there is none."""
    try:
        return moment(raw[name])
    except (KeyError, TypeError, ValueError):
        return None


def _state_changed(data: Mapping[str, Any]) -> tuple[type[AnyHassEvent], StateChangeData]:
    old, new = data["old_state"], data["new_state"]
    for state in (old, new):
        if state is not None and not is_state(state):
            raise TypeError(f"a state needs the text 'state', and attributes by name, got {state!r:.200}")
    return RawStateChangeEvent, StateChangeData(_text(data, "entity_id"), old, new)


def _call_service(data: Mapping[str, Any]) -> tuple[type[AnyHassEvent], CallServiceData]:
    details = data.get("service_data") or {}
    if not isinstance(details, Mapping):
        raise TypeError(f"service_data must be a mapping, got {details!r:.200}")
    return CallServiceEvent, CallServiceData(_text(data, "domain"), _text(data, "service"), details)


def _component_loaded(data: Mapping[str, Any]) -> tuple[type[AnyHassEvent], ComponentLoadedData]:
    return ComponentLoadedEvent, ComponentLoadedData(_text(data, "component"))


def _service_registered(data: Mapping[str, Any]) -> tuple[type[AnyHassEvent], ServiceData]:
    return ServiceRegisteredEvent, _service(data)


def _service_removed(data: Mapping[str, Any]) -> tuple[type[AnyHassEvent], ServiceData]:
    return ServiceRemovedEvent, _service(data)


def _service(data: Mapping[str, Any]) -> ServiceData:
    return ServiceData(_text(data, "domain"), _text(data, "service"))


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {value!r:.200}")
    return value


_KNOWN: Mapping[str, Callable[[Mapping[str, Any]], tuple[type[AnyHassEvent], Any]]] = {
    "state_changed": _state_changed,
    "call_service": _call_service,
    "component_loaded": _component_loaded,
    "service_registered": _service_registered,
    "service_removed": _service_removed,
}
