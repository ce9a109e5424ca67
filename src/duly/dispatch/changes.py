"""What a new file of schedules changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.schedule_file import ScheduleFile


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of entries, of those that are enabled. Immutable."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    rescheduled: tuple[str, ...]
    """Those whose schedule is another: they begin anew."""
    altered: tuple[str, ...]
    """Those that keep their schedule, and differ otherwise."""

    @classmethod
    def between(cls, before: ScheduleFile, after: ScheduleFile) -> Changes:
        """What must be done with the entries of ``before`` to have those of ``after``."""
        old, new = before.enabled, after.enabled
        kept = [name for name in new if name in old]
        rescheduled = [name for name in kept if _schedule(old[name]) != _schedule(new[name])]
        altered = [name for name in kept if name not in rescheduled and old[name] != new[name]]
        return cls(
            added=tuple(name for name in new if name not in old),
            removed=tuple(name for name in old if name not in new),
            rescheduled=tuple(rescheduled),
            altered=tuple(altered),
        )

    @property
    def changed(self) -> tuple[str, ...]:
        """Those that are in both files, and differ."""
        return (*self.rescheduled, *self.altered)


def _schedule(entry: ScheduleEntry) -> tuple[object, ...]:
    return entry.trigger_id, entry.spec, entry.zone


def settled_at_start(before: ScheduleFile, after: ScheduleFile) -> list[str]:
    """What differs between two files that a running scheduler cannot change: keys, with both values."""
    said: tuple[tuple[str, object, object], ...] = (
        ("name", before.name, after.name),
        ("subject_prefix", before.subjects.prefix, after.subjects.prefix),
        ("delivery", before.delivery, after.delivery),
        ("stream", before.stream, after.stream),
    )
    return [f"'{key}' was {old!r} and is {new!r}" for key, old, new in said if old != new]
