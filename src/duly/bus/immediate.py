"""First calls: a listener that wants one is given the state there is, or the first that comes with the states."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from duly.bus.listener import Delivery
from duly.core import clock as clocks
from duly.core.clock import zoned
from duly.events import HassContext, HassPayload, RawStateChangeEvent, StateChangeData, Topic, hass_context
from duly.events.event import new_event_id

if TYPE_CHECKING:
    from duly.bus.listener import Listener
    from duly.bus.service import BusService
    from duly.events import RawState


class Immediates:
    """Owns which listeners of one bus still wait for the states; guarded by the event loop."""

    def __init__(self, service: BusService) -> None:
        self._service = service
        self._waiting: dict[Listener, Callable[[], None]] = {}
        """What makes them wait no longer."""

    def begin(self, listener: Listener) -> None:
        """Show it the state of its entity, once: now, or if no states are loaded yet after the first sync."""
        states, entity_id = self._service.states, listener.entity_id
        assert entity_id is not None  # noqa: S101 - it was checked that the listener is for one entity
        state = states.raw(entity_id)
        if state is not None:
            self._show(listener, state)
        elif not states.fresh:
            self._waiting[listener] = states.on_sync(functools.partial(self._synced, listener))

    def forget(self, listener: Listener) -> None:
        """Show it nothing any more."""
        stop_waiting = self._waiting.pop(listener, None)
        if stop_waiting is not None:
            stop_waiting()

    def _synced(self, listener: Listener) -> None:
        self.forget(listener)
        state = self._service.states.raw(listener.entity_id or "")
        if state is not None:
            self._show(listener, state)

    def _show(self, listener: Listener, state: RawState) -> None:
        event = event_of(listener.entity_id or "", state)
        if not self._service.excludes(event):
            self._service.offer(listener, Delivery(event, listener.topic, is_synthetic=True))


def event_of(entity_id: str, state: RawState) -> RawStateChangeEvent:
    """A change to the state there is from none, made up now."""
    context = _context(state)
    now = zoned(clocks.current().now(), "UTC")
    data = StateChangeData(entity_id, None, state)
    payload = HassPayload(data, context.id, "LOCAL", now, "state_changed", context)
    return RawStateChangeEvent(Topic.HASS_EVENT_STATE_CHANGED.value, payload)


def _context(state: RawState) -> HassContext:
    try:
        return hass_context(state["context"])
    except (KeyError, TypeError):
        return HassContext(new_event_id())
