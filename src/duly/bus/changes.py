"""The accessor of all that differs between two states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from duly.events import MISSING_VALUE, Event, StateChangeData


@dataclass(frozen=True, slots=True)
class _AllChanges:
    exclude: frozenset[str]

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - a dict, or MISSING_VALUE
        data = event.payload.data
        if not isinstance(data, StateChangeData):
            return MISSING_VALUE
        return _changes(data.old_state or {}, data.new_state or {}, self.exclude)

    def __str__(self) -> str:
        return "changes"


def get_all_changes(
    exclude: Iterable[str] = ("last_reported", "last_updated", "last_changed", "context"),
) -> Callable[[Event[Any]], Any]:
    """All that differs between the states before and now: a dict of (old, new), nested as the states are.

    ``exclude`` holds at every depth. What is on one side only is ``MISSING_VALUE`` on the other. No change gives an
    empty dict.
    """
    if isinstance(exclude, str) or not isinstance(exclude, Iterable):
        raise ValueError(f"exclude must be a collection of names, got {exclude!r}")  # noqa: TRY004 - as of conditions
    return _AllChanges(frozenset(exclude))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], exclude: frozenset[str]) -> dict[str, Any]:
    found = {}
    for key in dict.fromkeys([*old, *new]):  # in their order, each once
        change = () if key in exclude else _change_of(old.get(key, MISSING_VALUE), new.get(key, MISSING_VALUE), exclude)
        if change:
            found[key] = change
    return found


def _change_of(old: Any, new: Any, exclude: frozenset[str]) -> dict[str, Any] | tuple[Any, ...]:  # noqa: ANN401 - of any kind
    """Empty: there is none."""
    mappings = [each for each in (old, new) if isinstance(each, Mapping)]
    if mappings and all(isinstance(each, Mapping) or each is MISSING_VALUE for each in (old, new)):
        return _changes(old or {}, new or {}, exclude)
    return () if old == new else (old, new)
