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

    __slots__ = ("_enrolled", "entry_config", "marks", "open", "paused_at")

    def __init__(self, actor_id: str, entry: ScheduleEntry, chain: Chain, enrolled: Enrolled) -> None:
        Arming.__init__(self, f"{actor_id}/{entry.name}", chain, entry.policy())
        self.entry_config = entry
        """What it dispatches; the chain may be older, as a reload exchanges this alone if the schedule is the same."""
        self._enrolled = enrolled
        self.open: dict[int, None] = dict.fromkeys(enrolled.position.open)
        """Slots that were begun and have no row yet, in their order."""
        self.marks: dict[int, bytes] = {}
        """Their execution ids."""
        self.paused_at = enrolled.position.paused_at
        self.paused = self.paused_at is not None

    @property
    def name(self) -> str:
        """The name of the entry."""
        return self.entry_config.name

    @property
    def parents(self) -> tuple[int, int]:
        """Row ids of its job and of its schedule."""
        return self._enrolled.job_id, self._enrolled.schedule_id

    def position(self) -> Position:
        """How far it is."""
        begun = self._enrolled.position
        return Position(
            trigger_id=begun.trigger_id,
            spec=begun.spec,
            zone=begun.zone,
            first=begun.first,
            pending=self.pending,
            open=tuple(self.open),
            paused_at=self.paused_at,
        )


EntryRun: TypeAlias = Run[LiveEntry]
