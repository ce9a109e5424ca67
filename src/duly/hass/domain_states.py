"""The states of one domain, as a mapping."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from duly.states import AnyState
from duly.states.errors import EntityNotFoundError

if TYPE_CHECKING:
    from duly.hass.known_states import KnownStates

S = TypeVar("S", bound=AnyState)
D = TypeVar("D")


class DomainStates(Mapping[str, S], Generic[S]):
    """The states of a domain by entity id, as they are whenever it is asked; also found by what stands behind the dot.

    ``keys``, ``values``, ``items`` and iteration go through those of the moment at which they were asked for. Before
    states have been loaded all of it raises ``StatesNotReadyError``.
    """

    __slots__ = ("_kind", "_known", "domain")

    def __init__(self, known: Callable[[], KnownStates], domain: str, kind: type[S]) -> None:
        """Show those of ``domain`` as ``kind``; ``known`` gives the states that there are."""
        self._known = known
        self._kind = kind
        self.domain = domain

    def __getitem__(self, name: str) -> S:
        """The state of an entity.

        Raises:
            EntityNotFoundError: there is none.
            ValueError: it is of another domain.
        """
        entity_id = self._entity_id(name)
        raw = self._known().get(entity_id)
        if raw is None:
            raise EntityNotFoundError(entity_id)
        return self._kind(raw)

    def __getattr__(self, name: str) -> NoReturn:
        entity_id = f"{self.domain}.{name}"
        raise AttributeError(f"entities are not attributes: ask for states[{entity_id!r}]")

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        entity_id = name if "." in name else f"{self.domain}.{name}"
        return entity_id.startswith(f"{self.domain}.") and self._known().get(entity_id) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return self._known().size_of(self.domain)

    def __repr__(self) -> str:
        return f"<{self._kind.__name__} of the domain {self.domain}>"

    def keys(self) -> KeysView[str]:
        """The entity ids."""
        return self._now().keys()

    def values(self) -> ValuesView[S]:
        """The states."""
        return self._states().values()

    def items(self) -> ItemsView[str, S]:
        """Entity ids with states."""
        return self._states().items()

    def _states(self) -> dict[str, S]:
        return {entity_id: self._kind(raw) for entity_id, raw in self._now().items()}

    def _now(self) -> dict[str, Mapping[str, Any]]:
        return self._known().of_domain(self.domain)

    def _entity_id(self, name: str) -> str:
        if "." not in name:
            return f"{self.domain}.{name}"
        if not name.startswith(f"{self.domain}."):
            raise ValueError(f"{name!r} is not of the domain {self.domain!r}: ask for it as states[{name!r}]")
        return name
