"""An entry as the engine of the leader holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from duly.core.decisions import Arming, Run
from duly.dispatch.fleet import Position

if TYPE_CHECKING:
    from duly.core.trigger import Chain
    from duly.dispatch.enrolling import Enrolled
    from duly.dispatch.entry import ScheduleEntry


class LiveEntry(Arming):
    """An entry in the engine, and where its slots are recorded. Guarded by the event loop."""

    __slots__ = ("entry_config", "first", "job_id", "marks", "open", "paused_at", "schedule_id", "spec", "trigger_id")

    def __init__(self, actor_id: str, entry: ScheduleEntry, chain: Chain, enrolled: Enrolled) -> None:
        Arming.__init__(self, f"{actor_id}/{entry.name}", chain, entry.policy())
        self.entry_config = entry
        """What it dispatches; the chain may be older, as a reload exchanges this alone if the schedule is the same."""
        self.trigger_id, self.spec = enrolled.trigger_id, enrolled.spec
        self.first = enrolled.first
        self.job_id, self.schedule_id = enrolled.job_id, enrolled.schedule_id
        self.open: dict[int, None] = dict.fromkeys(enrolled.open)
        """Slots that were begun and have no row yet, in their order."""
        self.marks: dict[int, bytes] = {}
        """Their execution ids."""
        self.paused_at = enrolled.paused_at
        self.paused = enrolled.paused_at is not None

    @property
    def name(self) -> str:
        """The name of the entry."""
        return self.entry_config.name

    @property
    def parents(self) -> tuple[int, int]:
        """Row ids of its job and of its schedule."""
        return self.job_id, self.schedule_id

    def position(self) -> Position:
        """How far it is."""
        return Position(
            trigger_id=self.trigger_id,
            spec=self.spec,
            zone=self.entry_config.zone,
            first=self.first,
            pending=self.pending,
            open=tuple(self.open),
            paused_at=self.paused_at,
        )


EntryRun: TypeAlias = Run[LiveEntry]
