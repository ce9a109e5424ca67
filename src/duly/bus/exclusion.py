"""Which of Home Assistant's events no listener gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from duly.bus.globs import glob_test
from duly.events import CallServiceEvent, Event, HassPayload

if TYPE_CHECKING:
    from duly.config import DulyConfig

_MOST_REMEMBERED = 4_096


class Exclusion:
    """Owns what the settings exclude, as last seen, and the verdicts on entities. Guarded by the event loop."""

    def __init__(self) -> None:
        self._domains: tuple[str, ...] = ()
        self._entities: tuple[str, ...] = ()
        self._verdicts: dict[str, bool] = {}

    def covers(self, event: Event[Any], config: DulyConfig) -> bool:
        """Whether the event is kept from all listeners, by the settings as they are now."""
        domains, entities = config.bus_excluded_domains, config.bus_excluded_entities
        if domains is not self._domains or entities is not self._entities:
            self._domains, self._entities, self._verdicts = domains, entities, {}
        if type(event) is CallServiceEvent:
            return _is_debug_log(event)
        if not (domains or entities):
            return False
        payload = event.payload
        entity_id = payload.entity_id if isinstance(payload, HassPayload) else None
        return entity_id is not None and self._excludes(entity_id)

    def _excludes(self, entity_id: str) -> bool:
        verdict = self._verdicts.get(entity_id)
        if verdict is None:
            domain = entity_id.partition(".")[0]
            verdict = _fits(domain, self._domains) or _fits(entity_id, self._entities)
            if len(self._verdicts) >= _MOST_REMEMBERED:
                self._verdicts.clear()
            self._verdicts[entity_id] = verdict
        return verdict


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return any(glob_test(pattern)(text) for pattern in patterns)


def _is_debug_log(event: CallServiceEvent) -> bool:
    """Whether somebody writes a debug line to Home Assistant's log: who logs what it hears would hear itself."""
    data = event.payload.data
    return data.domain == "system_log" and data.service == "write" and data.service_data.get("level") == "debug"
