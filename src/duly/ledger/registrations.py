"""What is stored of listeners and jobs when they are registered."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duly.core.trigger import StoredType
from duly.ledger.records import SourceTier, storable_text

_NOT_SERIALIZABLE = json.dumps("<NON_SERIALIZABLE>")


@dataclass(frozen=True, slots=True)
class ListenerRegistration:
    """A listener, as an app registers it. ``debounce``, ``throttle`` and ``duration`` are seconds."""

    app_key: str
    instance_index: int
    handler_method: str
    topic: str
    debounce: float | None
    throttle: float | None
    once: bool
    priority: int
    predicate_description: str | None
    human_description: str | None
    source_location: str
    registration_source: str | None
    name: str | None = None
    """``None``: it goes by its ``handler_method``."""
    source_tier: SourceTier = "app"
    mode: str = "queued"
    immediate: bool = False
    duration: float | None = None
    entity_id: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduledJobRegistration:
    """A job, as it is registered."""

    app_key: str
    instance_index: int
    job_name: str
    handler_method: str
    trigger_type: StoredType | None
    trigger_label: str = ""
    trigger_detail: str | None = None
    trigger_id: str | None = None
    group: str | None = None
    name_auto: bool = False
    args_json: str = "[]"
    kwargs_json: str = "{}"
    source_location: str = ""
    registration_source: str | None = None
    source_tier: SourceTier = "app"
    mode: str = "single"
    misfire: str = "run_once"


def arguments_json(arguments: Sequence[Any] | Mapping[str, Any]) -> str:
    """Arguments of a job as JSON: keys sorted, unknown types as text; a stand-in if even that fails. Never raises."""
    if not arguments:
        return "{}" if isinstance(arguments, Mapping) else "[]"
    try:
        return json.dumps(arguments, sort_keys=True, default=str).encode("utf-8", "replace").decode("utf-8")
    except Exception:  # noqa: BLE001 - whatever the classes of a user's values raise
        return _NOT_SERIALIZABLE


def method_name(function: Callable[..., Any]) -> str:
    """A callable as it is stored: its qualified name, or its text if it has none."""
    return storable_text(getattr(function, "__qualname__", None) or function) or ""


def is_framework_key(app_key: str) -> bool:
    """Whether a key is one of Duly's own parts."""
    return app_key == "__duly__" or app_key.startswith("__duly__.")
