"""A part that stands for an app, with a bus of its own, in a hall; and states without a Home Assistant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from whenever import ZonedDateTime

from duly.bus import Bus
from duly.core.clock import SECOND, current, nanoseconds, zoned
from duly.events import Event, RawState, hass_event
from duly.lifecycle import Resource, ResourceRole
from duly.lifecycle.root import Root
from tests.bus.hall import BEGIN, Hall, in_hall, started
from tests.executor.plant import Row, rows_of
from tests.lifecycle.house import PATIENCE

T = TypeVar("T")


class Porch(Resource):
    """Stands for an app."""

    role: ClassVar[ResourceRole] = ResourceRole.APP

    def __init__(self, duly: Root, *, parent: Resource | None = None, app_key: str = "porch", index: int = 0) -> None:
        self.key = app_key
        super().__init__(duly, parent=parent)
        self.index = index
        self.app_key = app_key
        self.bus = self.add_child(Bus)

    def _own_name(self) -> str:
        return f"Duly.{self.key}"


class KnownStates:
    """The states of a Home Assistant, as far as the bus sees them."""

    def __init__(self) -> None:
        self.fresh = False
        self._states: dict[str, RawState] = {}
        self._calls: dict[int, Callable[[], object]] = {}
        self._number = 0

    @property
    def waiting(self) -> int:
        """How many wait for a sync."""
        return len(self._calls)

    def raw(self, entity_id: str) -> RawState | None:
        return self._states.get(entity_id)

    def on_sync(self, call: Callable[[], object]) -> Callable[[], None]:
        self._number += 1
        number = self._number
        self._calls[number] = call
        return lambda: self._calls.pop(number, None) and None

    def put(self, state: RawState | None, entity_id: str) -> None:
        """As an event leaves it."""
        if state is None:
            self._states.pop(entity_id, None)
        else:
            self._states[entity_id] = state

    def sync(self, *states: RawState) -> None:
        """All states come anew."""
        self._states = {state["entity_id"]: state for state in states}
        self.fresh = True
        for call in list(self._calls.values()):
            call()


def state(
    entity_id: str,
    value: str,
    *,
    changed: float = 0.0,
    updated: float | None = None,
    **attributes: Any,  # noqa: ANN401 - of any kind
) -> dict[str, Any]:
    """A state as Home Assistant sends it; times in seconds since the begin."""
    return {
        "entity_id": entity_id,
        "state": value,
        "attributes": attributes,
        "last_changed": iso(changed),
        "last_updated": iso(changed if updated is None else updated),
        "context": {"id": "01J", "parent_id": None, "user_id": None},
    }


def iso(seconds: float) -> str:
    """A time as Home Assistant writes it."""
    return at(seconds).to_instant().format_iso().replace("Z", "+00:00")


def at(seconds: float) -> ZonedDateTime:
    """So many seconds after the begin."""
    return zoned(nanoseconds(BEGIN) + round(seconds * SECOND), "UTC")


class Scene:
    """A hall with a porch that has started, where things change."""

    def __init__(self, hall: Hall, porch: Porch) -> None:
        self.hall = hall
        self.porch = porch
        self.bus = porch.bus
        self.service = hall.bus
        self.states = KnownStates()
        hall.bus.states = self.states
        self.calls: list[tuple[float, Any]] = []
        """When a handler was called, and with what."""

    @property
    def elapsed(self) -> float:
        """Seconds since the begin."""
        return (current().now() - nanoseconds(BEGIN)) / SECOND

    async def noted(self, event: Event[Any]) -> None:
        """A handler: notes when it is called, and with which state."""
        new = event.payload.data.new_state
        self.calls.append((self.elapsed, None if new is None else new["state"]))

    async def told(self, event: Event[Any]) -> None:
        """A handler: notes when it is called, and with what data."""
        self.calls.append((self.elapsed, event.payload.data))

    async def change(
        self,
        value: str | None,
        entity_id: str = "light.lamp",
        **attributes: Any,  # noqa: ANN401 - of any kind
    ) -> None:
        """An entity changes now, as Home Assistant would tell it: the states know first. ``None``: it is removed."""
        old, now = self.states.raw(entity_id), self.elapsed
        if value is None:
            new = None
        else:
            since = now if old is None or old["state"] != value else _seconds(old["last_changed"])
            new = state(entity_id, value, changed=since, updated=now, **attributes)
        self.states.put(new, entity_id)
        data = {"entity_id": entity_id, "old_state": old, "new_state": new}
        await self.happen("state_changed", **data)

    async def happen(self, event_type: str, **data: object) -> None:
        """Home Assistant tells of an event, and it is handled."""
        context = {"id": "01J", "parent_id": None, "user_id": None}
        raw = {"event_type": event_type, "data": data, "context": context, "time_fired": iso(self.elapsed)}
        await self.service.send(hass_event(raw))
        await self.service.idle(PATIENCE)

    async def call(self, domain: str, service: str, **service_data: object) -> None:
        """A service of Home Assistant is called."""
        await self.happen("call_service", domain=domain, service=service, service_data=service_data)

    async def emit(self, *data: object, topic: str = "lamp") -> None:
        """Events of the app, one after the other, until they are handled."""
        for each in data:
            await self.bus.emit(topic, each)
        await self.service.idle(PATIENCE)

    async def until(self, second: float) -> None:
        """Until so many seconds after the begin, and what is due then is done."""
        await asyncio.sleep(second - self.elapsed)
        await self.service.idle(PATIENCE)

    def listeners(self) -> list[Row]:
        """The stored listeners."""
        return rows_of(self.hall.path, "listeners")

    @property
    def timers(self) -> int:
        """How many run."""
        return len(self.service.timers)


def _seconds(text: str) -> float:
    moment = ZonedDateTime.parse_iso(text.replace("+00:00", "+00:00[UTC]"))
    return (nanoseconds(moment) - nanoseconds(BEGIN)) / SECOND


def in_scene(
    folder: Path,
    main: Callable[[Scene], Coroutine[Any, Any, T]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> T:
    """Run ``main`` on virtual time, with a porch that has started, and is stopped afterwards."""

    async def body(hall: Hall) -> T:
        porch = hall.house.add_child(Porch)
        await porch.initialize()
        return await main(Scene(hall, porch))

    return in_hall(folder, body, **settings)


def in_real_scene(
    folder: Path,
    main: Callable[[Scene], Coroutine[Any, Any, None]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> None:
    """As ``in_scene``, in real time."""

    async def body() -> None:
        async with asyncio.timeout(PATIENCE), started(folder, **settings) as hall:
            porch = hall.house.add_child(Porch)
            await porch.initialize()
            await main(Scene(hall, porch))

    asyncio.run(body())
