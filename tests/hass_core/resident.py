"""An app that lives on while Home Assistant comes and goes."""

from __future__ import annotations

from typing import Any

from duly.events import DulyLinkEvent, RawStateChangeEvent
from tests.embedded.filed import discrepancies
from tests.faults.app_folder import STALLED, soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Heard, Hearing, RunningDuly, seconds_now

HANDLERS = ("input_boolean.lamp_state", "light.lamp")
"""Listeners for one entity each, named after it."""
ON_TIME = 1.0
"""Seconds after its moment by which a job has begun, on a machine under load: the next is due then."""


class Resident(Hearing):
    """Hears of a lamp and a counter, notes when the link comes and goes, and has a job every second."""

    async def on_initialize(self) -> None:
        self.reconnected: list[DulyLinkEvent] = []
        self.disconnected: list[DulyLinkEvent] = []
        self.counted: list[Heard] = []
        for entity_id in HANDLERS:
            await self.bus.on_state_change(entity_id, handler=self.hear, changed_from=is_known, name=entity_id)
        await self.bus.on_state_change("counter.hits", handler=self.count)
        await self.bus.on_websocket_connected(handler=self.come)
        await self.bus.on_websocket_disconnected(handler=self.go)
        await self.scheduler.run_every(self.tick, seconds=1, name="tick")

    async def count(self, event: RawStateChangeEvent) -> None:
        self.counted.append(Heard(event, seconds_now()))

    async def come(self, event: DulyLinkEvent) -> None:
        if not event.payload.data.first:  # that may have been before the app was there
            self.reconnected.append(event)

    async def go(self, event: DulyLinkEvent) -> None:
        self.disconnected.append(event)

    async def tick(self) -> None:
        """Do nothing, on time."""


def is_known(state: object) -> bool:
    """Whether there was a state before: Home Assistant tells of its start, too."""
    return state in {"on", "off"}


def until_settled(duly: RunningDuly, home: HomeAssistant) -> None:
    """Wait until Duly has what there is of a Home Assistant that has just started."""
    home.wait_ready()
    states = duly.app(Resident).states
    soon(lambda: all(states.get(entity_id) for entity_id in HANDLERS))
    soon(lambda: all(states[entity_id].state == home.remote.state(entity_id) for entity_id in HANDLERS))


def toggle_once(duly: RunningDuly, home: HomeAssistant) -> None:
    """Toggle the lamp, and see that every handler runs exactly once."""
    resident = duly.app(Resident)
    resident.heard.clear()
    home.remote.call("light", "toggle", entity_id="light.lamp")
    soon(lambda: len(resident.heard) >= len(HANDLERS))
    duly.catch_up(home)
    assert sorted(each.event.payload.entity_id for each in resident.heard) == sorted(HANDLERS)


def assert_job_was_on_time(duly: RunningDuly, seconds: float) -> None:
    """The job has run at every one of its moments, for so long at least; its ledger adds up."""
    rows: list[tuple[Any, ...]] = duly.rows("tick", "status, reason, execution_start_ts - scheduled_ts")
    assert len(rows) >= seconds
    not_on_time = [row for row in rows if row[:2] != ("success", None) or row[2] >= ON_TIME]
    assert len(not_on_time) <= STALLED, not_on_time
    assert discrepancies(duly.ledger) == []
