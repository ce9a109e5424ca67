"""What the methods of a bus listen to: a topic, and filters of their own on its events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

from duly.bus.accessors import attribute_of, get_path
from duly.bus.conditions import text_or_glob
from duly.bus.globs import is_glob
from duly.bus.judging import instance_of, test_of
from duly.bus.listener import Predicate
from duly.bus.predicates import (
    AttrComparison,
    AttrDidChange,
    AttrFrom,
    AttrTo,
    DidChange,
    DomainMatches,
    ServiceMatches,
    StateComparison,
    StateDidChange,
    StateFrom,
    StateTo,
    ValueIs,
)
from duly.core.arguments import is_text
from duly.events import MISSING_VALUE, Event, RawState, Topic
from duly.events.topics import DULY_PREFIX, HASS_PREFIX, of_entity, of_service

Changed: TypeAlias = bool | Callable[[Any, Any], Any] | type
"""Whether old and new value must differ; or a condition that both must satisfy together."""


@final
class NotGiven:
    """The class of ``NOT_GIVEN``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven()
"""There is no such demand: every other value, ``None`` included, is one."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a listener listens to."""

    topic: str
    own: tuple[Predicate, ...] = ()
    """The filters of the method; all must hold."""
    takes_mappings: bool = False
    """Whether ``where`` may have mappings of service data."""
    change: StateChange | None = None
    """``None``: it does not listen to an entity, or to a glob of them."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """The terms on which a listener is told of a change of an entity."""

    entity_id: str
    attr: str | None
    """``None``: the state itself."""
    changed: Changed = True
    changed_from: Any = NOT_GIVEN
    changed_to: Any = NOT_GIVEN
    immediate: bool = False
    duration: float | None = None

    def filters(self) -> Filters:
        """As filters.

        Raises:
            ValueError: an id or a name is none, or the terms do not go together.
            TypeError: ``changed`` is nothing that can be asked.
        """
        self._check()
        glob = is_glob(self.entity_id)
        to = () if self.changed_to is NOT_GIVEN else (self._to(),)
        return Filters(of_entity(self.entity_id), (*self.beginning(), *to), change=None if glob else self)

    def beginning(self) -> tuple[Predicate, ...]:
        """The filters on the change, without the one on the new value."""
        attr, comparison = self.attr, self.changed
        found: list[Predicate] = []
        if comparison is True:
            found.append(StateDidChange() if attr is None else AttrDidChange(attr))
        elif comparison is not False:
            found.append(StateComparison(comparison) if attr is None else AttrComparison(attr, comparison))
        if self.changed_from is not NOT_GIVEN:
            found.append(StateFrom(self.changed_from) if attr is None else AttrFrom(attr, self.changed_from))
        return tuple(found)

    def value_of(self, state: RawState) -> Any:  # noqa: ANN401 - of any kind
        """Of a state, what the listener looks at; ``MISSING_VALUE``: it has none."""
        return state.get("state", MISSING_VALUE) if self.attr is None else attribute_of(state, self.attr)

    def meets(self) -> Callable[[Any], bool] | None:
        """Whether a value is as ``changed_to`` demands; ``None``: it demands nothing."""
        if self.changed_to is NOT_GIVEN:
            return None
        return test_of(instance_of(self.changed_to, "changed_to"))

    def _to(self) -> Predicate:
        return StateTo(self.changed_to) if self.attr is None else AttrTo(self.attr, self.changed_to)

    def _check(self) -> None:
        entity_id = checked_entity(self.entity_id)
        if not (isinstance(self.changed, bool) or callable(self.changed)):
            raise TypeError(f"changed must be True, False or a condition of two values, got {self.changed!r}")
        for name, given in (("immediate", self.immediate), ("duration", self.duration is not None)):
            if given and is_glob(entity_id):
                raise ValueError(f"{name} needs one entity, got the glob {entity_id!r}: listen to each by itself")
        if self.immediate and self.changed_from is not NOT_GIVEN:
            raise ValueError(
                f"immediate and changed_from do not go together, got changed_from={self.changed_from!r}: a first state "
                "has none before it, so it could never hold"
            )


def checked_entity(entity_id: object) -> str:
    """An id of an entity, or a glob.

    Raises:
        ValueError: it is neither.
    """
    if is_text(entity_id) and isinstance(entity_id, str):
        domain, dot, name = entity_id.partition(".")
        if is_glob(entity_id) or (domain and dot and name and "." not in name):
            return entity_id
    raise ValueError(f"entity_id must be 'domain.object' or a glob, got {entity_id!r}")


def checked_attr(attr: object) -> str:
    """The name of an attribute.

    Raises:
        ValueError: it is none.
    """
    if not (isinstance(attr, str) and attr):
        raise ValueError(f"attr must be the name of an attribute, got {attr!r}")
    return attr


def checked_own_topic(topic: object) -> str:
    """A topic that an app may send to.

    Raises:
        ValueError: it is empty, has wildcards, or is kept for events of Home Assistant or of Duly.
    """
    text = _checked_topic(topic)
    if is_glob(text):
        raise ValueError(f"topic must have no wildcards, got {text!r}: an event is sent to one topic")
    if text.startswith((HASS_PREFIX, DULY_PREFIX)):
        raise ValueError(f"topic must not be below {HASS_PREFIX!r} or {DULY_PREFIX!r}, got {text!r}: choose another")
    return text


def topic(given: object) -> Filters:
    """All events of a topic, or of those that a glob fits."""
    return Filters(_checked_topic(given))


def call_service(domain: str | None, service: str | None) -> Filters:
    """Calls of a service; ``None``: of any."""
    _check_part("domain", domain)
    _check_part("service", service)
    if domain is None and service is None:
        return Filters(Topic.HASS_EVENT_CALL_SERVICE.value, takes_mappings=True)
    return Filters(of_service(domain or "*", service or "*"), takes_mappings=True)


def component_loaded(component: str | None) -> Filters:
    """A component was loaded; ``None``: any."""
    _check_part("component", component)
    return Filters(Topic.HASS_EVENT_COMPONENT_LOADED.value, _fields(component=component))


def service_registered(domain: str | None, service: str | None) -> Filters:
    """A service is new; ``None``: any."""
    _check_part("domain", domain)
    _check_part("service", service)
    own: list[Predicate] = []
    if domain is not None:
        own.append(DomainMatches(domain))
    if service is not None:
        own.append(ServiceMatches(service))
    return Filters(Topic.HASS_EVENT_SERVICE_REGISTERED.value, tuple(own))


def app_state(app_key: str | None, status: str | None) -> Filters:
    """An instance of an app has changed its status; ``None``: of any app, to any."""
    _check_part("app_key", app_key)
    _check_part("status", status)
    return Filters(Topic.DULY_EVENT_APP_STATE_CHANGED.value, _fields(app_key=app_key, status=status))


def service_status(status: str | None) -> Filters:
    """A service has changed its status to this one; ``None``: its status, to any, or its readiness."""
    _check_part("status", status)
    own: tuple[Predicate, ...] = () if status is None else (*_fields(status=status), DidChange(status_old_new))
    return Filters(Topic.DULY_EVENT_SERVICE_STATUS.value, own)


def status_old_new(event: Event[Any]) -> tuple[str, str]:
    """The status of a service before and now."""
    data = event.payload.data
    return data.previous_status, data.status


def _fields(**wanted: str | None) -> tuple[Predicate, ...]:
    return tuple(
        ValueIs(get_path(f"payload.data.{name}"), text_or_glob(value))
        for name, value in wanted.items()
        if value is not None
    )


def _check_part(name: str, value: object) -> None:
    if value is not None and not is_text(value):
        raise ValueError(f"{name} must be a text that is not empty, or None, got {value!r}")


def _checked_topic(topic: object) -> str:
    if not (isinstance(topic, str) and topic):
        raise ValueError(f"topic must be a text that is not empty, got {topic!r}")
    return str(topic)
