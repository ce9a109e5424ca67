"""The jobs of one scheduler that are live."""

from __future__ import annotations

from duly.core.scheduled_job import ScheduledJob
from duly.executor.live_items import LiveItems


class LiveJobs(LiveItems[ScheduledJob]):
    """The jobs of one scheduler from their adding to their end, by name and by group. Guarded by the event loop."""

    def __init__(self) -> None:
        super().__init__(lambda job: job.name)
        self._groups: dict[str, dict[ScheduledJob, None]] = {}

    def of_group(self, group: str) -> list[ScheduledJob]:
        """Those of a group, in order of adding."""
        return list(self._groups.get(group, ()))

    def add(self, item: ScheduledJob) -> None:
        """Take it in; its name is free."""
        super().add(item)
        if item.group is not None:
            self._groups.setdefault(item.group, {})[item] = None

    def remove(self, item: ScheduledJob) -> bool:
        """Forget this very job, if it is here; another one of its name stays."""
        if not super().remove(item):
            return False
        if item.group is not None and (members := self._groups.get(item.group)) is not None:
            members.pop(item, None)
            if not members:
                del self._groups[item.group]
        return True
