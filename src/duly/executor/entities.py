"""What is remembered of single listeners and jobs: by identity, and no longer than they live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import ref

from duly.core.clock import SECOND, Clock

StateT = TypeVar("StateT")

_WINDOW = 60 * SECOND
_MOST_REMEMBERED = 1_000


class ByEntity(Generic[StateT]):
    """States of entities. Never takes one entity for another, whatever they compare equal to.

    Guarded by the event loop, but for what is forgotten when an entity dies: any thread may find that out.
    """

    def __init__(self) -> None:
        self._states: dict[int, tuple[ref[object], StateT]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def get(self, entity: object) -> StateT | None:
        """What was set; ``None``: nothing."""
        found = self._states.get(id(entity))
        return found[1] if found is not None and found[0]() is entity else None

    def set(self, entity: object, state: StateT) -> None:
        """Remember ``state`` while the entity lives."""
        key, states = id(entity), self._states

        def forget(dead: ref[object]) -> None:
            found = states.get(key)
            if found is not None and found[0] is dead:
                states.pop(key, None)

        states[key] = (ref(entity, forget), state)

    def keep(self, wanted: Callable[[StateT], bool]) -> None:
        """Forget the others."""
        for key, (_, state) in list(self._states.items()):  # a copy: what dies meanwhile is forgotten by any thread
            if not wanted(state):
                self._states.pop(key, None)


class OncePerMinute:
    """Says of each entity once in 60 s that it is time for a warning. Guarded by the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: ByEntity[int] = ByEntity()

    def __len__(self) -> int:
        return len(self._last)

    def due(self, entity: object) -> bool:
        """Whether to warn now; if so, it counts as done."""
        now = self._clock.monotonic()
        self._last.keep(lambda last: now - last < _WINDOW)
        if self._last.get(entity) is not None:
            return False
        if len(self._last) > _MOST_REMEMBERED:
            self._last = ByEntity()
        self._last.set(entity, now)
        return True
