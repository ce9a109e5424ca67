"""The states, as an app reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from whenever import ZonedDateTime

from duly.hass.domain_states import DomainStates
from duly.hass.errors import EntityNotFoundError, StatesNotReadyError
from duly.hass.freshness import Freshness
from duly.hass.known_states import KnownStates
from duly.hass.no_link import DisabledLink
from duly.hass.outgoing import seconds_of
from duly.hass.state_proxy import StateProxy
from duly.hass.waits import Waits
from duly.lifecycle import Resource, find_part
from duly.lifecycle.sync_facade import SyncFacade, blocking
from duly.states import (
    AnyState,
    BinarySensorState,
    ClimateState,
    CounterState,
    CoverState,
    InputBooleanState,
    InputButtonState,
    InputDatetimeState,
    InputNumberState,
    InputSelectState,
    InputTextState,
    LightState,
    PersonState,
    SensorState,
    State,
    SwitchState,
    TimerState,
    state_of,
)
from duly.states.registry import class_of, known_domains
from duly.states.state import domain_of

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

S = TypeVar("S", bound=AnyState)


class StateManager(Resource):
    """The states of all entities, for one app; from any thread, without waiting.

    ``states["light.kitchen"]`` and ``states.light["kitchen"]`` are one state, ``states.light`` those of a domain.
    Before states have been loaded every reading raises ``StatesNotReadyError``, which says why.
    """

    log_setting: ClassVar[str] = "state_proxy"

    binary_sensor: DomainStates[BinarySensorState]
    climate: DomainStates[ClimateState]
    counter: DomainStates[CounterState]
    cover: DomainStates[CoverState]
    input_boolean: DomainStates[InputBooleanState]
    input_button: DomainStates[InputButtonState]
    input_datetime: DomainStates[InputDatetimeState]
    input_number: DomainStates[InputNumberState]
    input_select: DomainStates[InputSelectState]
    input_text: DomainStates[InputTextState]
    light: DomainStates[LightState]
    person: DomainStates[PersonState]
    sensor: DomainStates[SensorState]
    switch: DomainStates[SwitchState]
    timer: DomainStates[TimerState]

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self._proxy: StateProxy
        self.waits = Waits()
        """Those for states."""
        self.link_anew()

    @cached_property
    def sync(self) -> StatesSyncFacade:
        """Its blocking twin, made for who asks for it."""
        return self.add_child(StatesSyncFacade)

    def link_anew(self) -> None:
        """Take the states that there are now; without a token nobody has any."""
        self._proxy = find_part(self.duly, StateProxy) or StateProxy(self.duly, link=DisabledLink())

    # --- how they stand ----------------------------------------------------------------------------------------------

    @property
    def freshness(self) -> Freshness:
        """``never``, ``fresh``, or ``stale``: the link is down, and these are the last states known."""
        return self._proxy.freshness

    @property
    def synced_at(self) -> ZonedDateTime | None:
        """When all states were last loaded on a connection; ``None``: never."""
        return self._proxy.synced_at

    async def wait_synced(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - named by the contract
        """Until states have been loaded for the first time.

        Raises:
            TimeoutError: they were not within so many seconds.
            StatesNotReadyError: there is no token, so they never will.
        """
        limit = seconds_of(timeout)
        with self.waits.one():
            await self._proxy.wait_synced(limit)

    # --- one state, all states ---------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, wanted: str) -> AnyState: ...
    @overload
    def __getitem__(self, wanted: type[S]) -> DomainStates[S]: ...
    def __getitem__(self, wanted: str | type[AnyState]) -> AnyState | DomainStates[Any]:
        """The state of an entity, or the states of the domain of a class, as that class.

        Raises:
            EntityNotFoundError: there is no such entity.
            TypeError: the class is for no domain.
        """
        if isinstance(wanted, type):
            return self._of_class(wanted)
        raw = self._known().get(wanted)
        if raw is None:
            raise EntityNotFoundError(wanted)
        return state_of(raw)

    def get(self, entity_id: str) -> AnyState | None:
        """The state of an entity; ``None``: there is no such entity."""
        raw = self._known().get(entity_id)
        return None if raw is None else state_of(raw)

    def __contains__(self, entity_id: object) -> bool:
        return isinstance(entity_id, str) and self._known().get(entity_id) is not None

    def __iter__(self) -> Iterator[str]:
        """The ids of all entities there are now."""
        return iter(self._known().copy())

    def __len__(self) -> int:
        return len(self._known())

    def __bool__(self) -> bool:
        return True  # it is there, whether or not states are

    def values(self) -> list[AnyState]:
        """The states of all entities there are now."""
        return [state_of(raw) for raw in self._known().copy().values()]

    # --- the states of a domain --------------------------------------------------------------------------------------

    def domain(self, name: str) -> DomainStates[AnyState]:
        """The states of any domain, also of one that has no entities, or no class."""
        if not name or "." in name:
            raise ValueError(f"a domain is what stands before the dot of entity ids, got {name!r}")
        return DomainStates(self._known, name, class_of(name) or State)

    def __getattr__(self, name: str) -> DomainStates[AnyState]:
        """The states of a domain that has a class or entities."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        if class_of(name) is None and name not in self._domains(name):
            near = get_close_matches(name, [*known_domains(), *self._domains(name), *_OWN], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "check it"
            raise AttributeError(
                f"there is no domain {name!r}: {hint}; states.domain({name!r}) is for one that has no entities yet",
                name=name,
                obj=self,
            )
        return self.domain(name)

    def _known(self) -> KnownStates:
        return self._proxy.known

    def _domains(self, wanted: str) -> list[str]:
        try:
            return self._known().domains()
        except StatesNotReadyError as error:
            raise _DomainNotReadyError(f"whether it has a domain {wanted!r} is not known; {error.reason}") from None

    def _of_class(self, kind: type[AnyState]) -> DomainStates[AnyState]:
        domain = domain_of(kind)
        if domain is None:
            raise TypeError(f"{kind.__name__} is no class for the states of a domain: give it domain = '…'")
        return DomainStates(self._known, domain, kind)


class _DomainNotReadyError(StatesNotReadyError, AttributeError):
    """An ``AttributeError`` too, so that ``hasattr`` can be asked at any time."""


class StatesSyncFacade(SyncFacade):
    """The blocking twin of ``StateManager``, for code in worker threads: states themselves are read without waiting."""

    longest_wait: ClassVar[float | None] = threading.TIMEOUT_MAX

    wait_synced = blocking(StateManager.wait_synced)


_OWN = ("domain", "freshness", "get", "sync", "synced_at", "values", "wait_synced")
"""What a misspelt name may mean besides a domain."""
