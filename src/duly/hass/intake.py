"""What Home Assistant tells, made into events that the states know already."""

from __future__ import annotations

from collections.abc import Mapping
from logging import LoggerAdapter
from typing import Any

from duly.events import AnyHassEvent, RawStateChangeEvent, hass_event
from duly.hass.link import StatesSink


class Intake:
    """Owns what is counted of events; guarded by the event loop."""

    def __init__(self, logger: LoggerAdapter[Any]) -> None:
        self._logger = logger
        self._told: set[str] = set()
        self.events = 0
        self.bad_events = 0
        """Of which no event could be made."""

    def take(self, raw: Mapping[str, Any], sink: StatesSink) -> AnyHassEvent | None:
        """The event, which the states know already; ``None``: none can be made of it."""
        self.events += 1
        try:
            event = hass_event(raw)
        except (KeyError, TypeError, ValueError) as error:
            self._tell_bad(raw, error)
            return None
        if isinstance(event, RawStateChangeEvent):
            sink.apply(event)
        return event

    def _tell_bad(self, raw: Mapping[str, Any], error: Exception) -> None:
        self.bad_events += 1
        kind = str(raw.get("event_type"))
        if kind not in self._told:
            self._told.add(kind)
            self._logger.warning(
                "an event of type %s cannot be understood and is dropped; further ones are only counted: %r",
                kind,
                error,
            )
