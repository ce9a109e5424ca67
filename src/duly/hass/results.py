"""What Home Assistant answers, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whenever import ZonedDateTime

from duly.events import HassContext
from duly.events.hass import moment


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """What a call of a service gave."""

    context: HassContext | None = None
    """Events that the call causes share its id. ``None``: the answer was not waited for."""
    response: Any = None
    """What the service answers, if it was asked for."""


@dataclass(frozen=True, slots=True)
class RestResponse:
    """An answer over HTTP."""

    status: int
    body: bytes
    content_type: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 - whatever it is
        """What the body says as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A state that an entity had. Of a minimal answer only the first and the last entry have everything."""

    entity_id: str
    state: str
    last_changed: ZonedDateTime
    last_updated: ZonedDateTime | None = None
    """``None``: not told."""
    attributes: Mapping[str, Any] | None = None
    """``None``: not told."""


def history_of(raw: Sequence[Mapping[str, Any]]) -> list[HistoryEntry]:
    """The states of one entity, as ``history/period`` gives them: at least the first names the entity."""
    entity_id = next((entry["entity_id"] for entry in raw if "entity_id" in entry), "")
    return [_entry(entity_id, entry) for entry in raw]


def _entry(entity_id: str, raw: Mapping[str, Any]) -> HistoryEntry:
    changed, updated = raw.get("last_changed"), raw.get("last_updated")
    return HistoryEntry(
        entity_id,
        raw["state"],
        moment(changed or raw["last_updated"]),
        moment(updated) if updated else None,
        raw.get("attributes"),
    )
