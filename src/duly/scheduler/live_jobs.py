"""The jobs of one scheduler that are live."""

from __future__ import annotations

from duly.core.scheduled_job import ScheduledJob


class LiveJobs:
    """The jobs of one scheduler from their adding to their end, by name and by group. Guarded by the event loop."""

    def __init__(self) -> None:
        self.added = 0
        """How many have been added so far."""
        self._numbers: dict[ScheduledJob, int] = {}
        """In order of adding."""
        self._by_name: dict[str, ScheduledJob] = {}
        self._groups: dict[str, dict[ScheduledJob, None]] = {}

    def __contains__(self, job: ScheduledJob) -> bool:
        return job in self._numbers

    def named(self, name: str) -> ScheduledJob | None:
        """The job of this name; ``None``: the name is free."""
        return self._by_name.get(name)

    def listed(self, group: str | None = None) -> list[ScheduledJob]:
        """All, or those of a group, in order of adding."""
        return list(self._numbers if group is None else self._groups.get(group, ()))

    def added_since(self, count: int, job: ScheduledJob) -> bool:
        """Whether ``job`` is live and came after so many."""
        return self._numbers.get(job, 0) > count

    def add(self, job: ScheduledJob) -> None:
        """Take it in; its name is free."""
        self.added += 1
        self._numbers[job] = self.added
        self._by_name[job.name] = job
        if job.group is not None:
            self._groups.setdefault(job.group, {})[job] = None

    def remove(self, job: ScheduledJob) -> None:
        """Forget this very job, if it is here; another one of its name stays."""
        if self._numbers.pop(job, None) is None:
            return
        if self._by_name.get(job.name) is job:
            del self._by_name[job.name]
        if job.group is not None and (members := self._groups.get(job.group)) is not None:
            members.pop(job, None)
            if not members:
                del self._groups[job.group]
