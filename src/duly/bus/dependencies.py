"""What handlers may ask for, ``D``: annotations of their parameters. Type checkers see the plain types.

``Annotated[T, accessor]`` makes more of them; ``conversion`` says what becomes a ``T``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from duly.bus.accessors import (
    get_context,
    get_domain,
    get_entity_id,
    get_path,
    get_state_object_new,
    get_state_object_old,
)
from duly.events import Event, HassContext, HassPayload, MissingValue, RawStateChangeEvent
from duly.events.hass import RawState
from duly.states import AnyState

__all__ = [
    "Domain",
    "EntityId",
    "EventContext",
    "EventData",
    "MaybeDomain",
    "MaybeEntityId",
    "MaybeStateNew",
    "MaybeStateOld",
    "StateNew",
    "StateOld",
    "TypedStateChangeData",
    "TypedStateChangeEvent",
]

StateT = TypeVar("StateT", bound=AnyState)
DataT = TypeVar("DataT")

StateNew: TypeAlias = Annotated[StateT, get_state_object_new]
"""The state now, typed."""
StateOld: TypeAlias = Annotated[StateT, get_state_object_old]
"""The state before, typed."""
MaybeStateNew: TypeAlias = Annotated[StateT | None, get_state_object_new]
"""The state now, typed; ``None``: the entity was removed."""
MaybeStateOld: TypeAlias = Annotated[StateT | None, get_state_object_old]
"""The state before, typed; ``None``: there was none."""

EntityId: TypeAlias = Annotated[str, get_entity_id]
"""The one entity that the event is about."""
MaybeEntityId: TypeAlias = Annotated[str | MissingValue, get_entity_id]
"""The same; ``MISSING_VALUE``: there is none."""
Domain: TypeAlias = Annotated[str, get_domain]
"""The domain of the entity or service."""
MaybeDomain: TypeAlias = Annotated[str | MissingValue, get_domain]
"""The same; ``MISSING_VALUE``: there is none."""

EventContext: TypeAlias = Annotated[HassContext, get_context]
"""What the event is due to."""
EventData: TypeAlias = Annotated[DataT, get_path("payload.data")]
"""What the event carries."""


@dataclass(frozen=True, slots=True)
class TypedStateChangeData(Generic[StateT]):
    """A change of an entity, with typed states."""

    entity_id: str
    old_state: StateT | None
    """``None``: there was none, or the event was made up."""
    new_state: StateT | None
    """``None``: the entity was removed."""


class TypedStateChangeEvent(Event[HassPayload[TypedStateChangeData[StateT]]]):
    """An entity has changed; its states are typed."""

    __slots__ = ()

    @classmethod
    def of(cls, event: RawStateChangeEvent, read: Callable[[RawState], StateT]) -> TypedStateChangeEvent[StateT]:
        """The event, with states as ``read`` gives them."""
        data = event.payload.data
        old, new = (None if state is None else read(state) for state in (data.old_state, data.new_state))
        payload: Any = replace(event.payload, data=TypedStateChangeData(data.entity_id, old, new))  # type: ignore[arg-type] # data of another type is the point
        return TypedStateChangeEvent(event.topic, payload)
