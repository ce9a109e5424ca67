"""What the bus knows of states: it reads them through this, and does not import who has them."""

from collections.abc import Callable
from typing import Protocol

from duly.events import RawState


class StatesReader(Protocol):
    """The states of Home Assistant as last known. Guarded by the event loop."""

    @property
    def fresh(self) -> bool:
        """Whether they are loaded and the link is up, so that they are those of Home Assistant now."""
        ...

    def raw(self, entity_id: str) -> RawState | None:
        """The state of an entity as Home Assistant sent it; ``None``: there is no such entity, or no states yet."""
        ...

    def on_sync(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` after each sync with Home Assistant, until the function that this gives is called."""
        ...


class NoStates:
    """Without Home Assistant there are no states. Owns who waits for them: they may come with a token, later."""

    fresh = False

    def __init__(self) -> None:
        self._calls: dict[object, Callable[[], object]] = {}

    def raw(self, entity_id: str) -> None:  # noqa: ARG002 - of its protocol
        """There is none."""
        return

    def on_sync(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` after each sync of who takes its place, until the function that this gives is called."""
        key = object()
        self._calls[key] = call
        return lambda: self._calls.pop(key, None) and None

    def give_way(self, reader: StatesReader) -> None:
        """Let those who wait hear of the syncs of ``reader``."""
        reader.on_sync(self._synced)

    def _synced(self) -> None:
        for call in tuple(self._calls.values()):
            call()
