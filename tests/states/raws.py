"""States as Home Assistant sends them."""

from typing import Any

from duly.events import RawState

CONTEXT = {"id": "01JD3Q0Z7W1Q0M4E6V0A9B8C7D", "parent_id": None, "user_id": "52a1"}


def raw(entity_id: str, state: str = "on", **attributes: Any) -> RawState:  # noqa: ANN401 - as Home Assistant sends them
    """The state of an entity."""
    return {
        "entity_id": entity_id,
        "state": state,
        "attributes": attributes,
        "last_changed": "2025-06-01T10:00:00.000001+00:00",
        "last_updated": "2025-06-01T11:00:00+00:00",
        "last_reported": "2025-06-01T12:00:00.500000+00:00",
        "context": CONTEXT,
    }
