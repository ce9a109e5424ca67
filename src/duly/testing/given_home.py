"""Home Assistant as a test plays it: its states, its events, and whether it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from whenever import TimeDelta

from duly.core.clock import Clock, zoned
from duly.events import RawState

if TYPE_CHECKING:
    from duly.testing.given_link import GivenLink

_UTC = TimeDelta()

Value: TypeAlias = str | bool | int | float | None
"""What a state is set to: text as it is, numbers as text, a bool as ``on`` or ``off``; ``None``: no entity."""
GivenStates: TypeAlias = Mapping[str, Any]
"""By entity id: a ``Value``, or a mapping with ``state`` and ``attributes``."""


class GivenHome:
    """Owns the states of entities, and whether the link is up; outlives processes. Guarded by its harness."""

    def __init__(self, clock: Clock, states: GivenStates) -> None:
        """With these states from the beginning.

        Raises:
            TypeError, ValueError: one is not as it must be.
        """
        self.up = True
        self._clock = clock
        self._states: dict[str, RawState] = {}
        self._events = 0
        self._latest = 0
        self._link: GivenLink | None = None
        for entity_id, given in states.items():
            value, attributes = _parts_of(given)
            self._put(entity_id, value, attributes)

    @property
    def states(self) -> list[RawState]:
        """All, as Home Assistant sends them."""
        return list(self._states.values())

    def state(self, entity_id: str) -> RawState | None:
        """The state of an entity; ``None``: there is no such entity."""
        return self._states.get(entity_id)

    def is_reached_by(self, link: GivenLink | None) -> None:
        """Tell this link what happens from now on; ``None``: nobody."""
        self._link = link

    # --- what happens there ------------------------------------------------------------------------------------------

    def seed(self, entity_id: str, value: Value, attributes: Mapping[str, Any]) -> None:
        """Have an entity stand so, without an event."""
        change = self._change(entity_id, value, attributes)
        if self.up and self._link is not None:
            self._link.apply(change)

    async def change(self, entity_id: str, value: Value, attributes: Mapping[str, Any]) -> None:
        """Let an entity become so."""
        await self._bring(self._change(entity_id, value, attributes))

    async def fire(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Let an event happen."""
        await self._bring(self._raw_event(event_type, data))

    async def go(self) -> None:
        """Let the link be lost."""
        if self.up:
            self.up = False
            if self._link is not None:
                await self._link.lose()

    async def come(self) -> None:
        """Let the link come up."""
        if not self.up:
            self.up = True
            if self._link is not None:
                await self._link.sync()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _bring(self, raw: Mapping[str, Any]) -> None:
        if self.up and self._link is not None:
            await self._link.bring(raw)

    def _change(self, entity_id: str, value: Value, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        old = self._states.get(entity_id)
        self._put(entity_id, value, attributes)
        data = {"entity_id": entity_id, "old_state": old, "new_state": self._states.get(entity_id)}
        return self._raw_event("state_changed", data)

    def _put(self, entity_id: str, value: Value, attributes: Mapping[str, Any]) -> None:
        domain, _, name = entity_id.partition(".")
        if not domain or not name:
            raise ValueError(f"an entity id is made of a domain, a dot and a name, got {entity_id!r}")
        old = self._states.get(entity_id)
        if value is None:
            self._states.pop(entity_id, None)
            return
        text, now = _text_of(value), self._now()
        merged = {**(old["attributes"] if old else {}), **attributes}
        self._states[entity_id] = {
            "entity_id": entity_id,
            "state": text,
            "attributes": {name: attribute for name, attribute in merged.items() if attribute is not None},
            "last_changed": old["last_changed"] if old and old["state"] == text else now,
            "last_reported": now,
            "last_updated": now,
            "context": self._context(),
        }

    def _raw_event(self, event_type: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        new = data.get("new_state") if event_type == "state_changed" else None
        context = new["context"] if new else self._context()
        time = self._now()
        return {"event_type": event_type, "data": data, "origin": "LOCAL", "time_fired": time, "context": context}

    def _context(self) -> Mapping[str, Any]:
        self._events += 1
        return {"id": f"{self._events:026}", "parent_id": None, "user_id": None}

    def _now(self) -> str:
        """The time on its own clock: that of another machine, which is not set back when ours is."""
        self._latest = max(self._latest, self._clock.now())
        return zoned(self._latest, "UTC").to_fixed_offset(_UTC).format_iso()


def _parts_of(given: Value | Mapping[str, Any]) -> tuple[Value, Mapping[str, Any]]:
    """The value and the attributes of a state that a test gives."""
    if not isinstance(given, Mapping):
        return given, {}
    if unknown := given.keys() - {"state", "attributes"}:
        raise ValueError(f"a state is given by 'state' and 'attributes', got also {', '.join(sorted(unknown))}")
    if "state" not in given:
        raise ValueError(f"a state needs 'state', got {dict(given)!r:.200}")
    return given["state"], given.get("attributes", {})


def _text_of(value: Value) -> str:
    """The text that Home Assistant would have for it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"a state is a text, a number or a bool, got {value!r} of type {type(value).__name__}")
