"""Ledger files with rows of one's choice. Moments and durations are seconds; moments count from ``BEGIN``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from duly.core.clock import SECOND, Zone
from duly.core.trigger import TriggerProtocol
from duly.ids import new_id
from duly.ledger.codes import REASON, STATUS, TIER
from duly.ledger.connections import open_writer
from duly.ledger.records import Row, SourceTier
from duly.ledger.registrations import ListenerRegistration, ScheduledJobRegistration
from duly.ledger.repository import SessionEnd, TelemetryRepository
from duly.triggers import Every
from duly.triggers.spec import spec_of
from tests.triggers.draws import FrozenClock

BEGIN = 1_735_689_600
"""2025-01-01T00:00:00 UTC."""

EVERY_TEN = Every(seconds=10)


def at(seconds: float) -> int:
    return round((BEGIN + seconds) * SECOND)


class LedgerFile:
    """Owns the connection that writes. Each call is a transaction of its own."""

    def __init__(self, path: Path, pid: int | None = None) -> None:
        self.path = path
        self.db, _ = open_writer(path, FrozenClock(at(0)))
        self.repository = TelemetryRepository()
        self.session_id = self.session(0, pid)
        self._jobs: dict[int, int] = {}

    def session(self, start: float, pid: int | None = None) -> int:
        pid = os.getpid() if pid is None else pid
        begun = self.repository.begin_session(self.db, at(start), "1.0", pid)
        self.session_id = begun.id
        return begun.id

    def end_session(self, end: float) -> None:
        self.repository.end_session(self.db, self.session_id, at(end), SessionEnd(), (0, 0, 0))

    def job(
        self,
        name: str = "backup",
        trigger: TriggerProtocol = EVERY_TEN,
        *,
        first: float = 10,
        zone: Zone = "UTC",
        app_key: str = "",
        tier: SourceTier = "app",
        fence: int | None = None,
        pending: float | None = None,
    ) -> int:
        """Register a job, open a schedule for it and give the id of the schedule."""
        registration = ScheduledJobRegistration(
            app_key, 0, name, name, trigger.trigger_db_type(), trigger.trigger_label(), source_tier=tier
        )
        job_id = self.repository.register_job(self.db, registration)
        known = (trigger.trigger_id(), spec_of(trigger, zone))
        schedule_id = self.repository.open_schedule(
            self.db, job_id, at(first), known, zone, fence, None if pending is None else at(pending)
        )
        self._jobs[schedule_id] = job_id
        return schedule_id

    def lead(self, fence: int, previous: int | None, start: float = 0) -> None:
        """Begin a leadership, in a session of its own."""
        self.session(start)
        self.repository.begin_leadership(self.db, fence, self.session_id, at(start))
        self.repository.note_previous(self.db, fence, previous)

    def job_id(self, schedule_id: int) -> int:
        return self._jobs[schedule_id]

    def listener(self, name: str = "door", topic: str = "states.door") -> int:
        registration = ListenerRegistration(
            "porch", 0, name, topic, None, None, once=False, priority=0, predicate_description=None,
            human_description=None, source_location="", registration_source=None,
        )  # fmt: skip
        return self.repository.register_listener(self.db, registration)

    def slots(self, schedule_id: int, slots: Iterable[float], status: str = "success", **other: Any) -> None:  # noqa: ANN401 - columns of any type
        for slot in slots:
            self.row(schedule_id, slot, status, **other)

    def row(
        self,
        schedule_id: int | None,
        slot: float | None,
        status: str = "success",
        *,
        to: float | None = None,
        count: int | None = None,
        start: float | None = None,
        reason: str | None = None,
        tier: str = "app",
        **other: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Write a row for a slot, for several, or with ``slot`` ``None`` for a run by hand."""
        begun = start if start is not None else slot
        assert begun is not None
        row = Row(
            kind=1,
            status=STATUS.numbers[status],
            listener_id=None,
            job_id=None if schedule_id is None else self._jobs[schedule_id],
            session_id=self.session_id,
            execution_id=new_id(at(begun)),
            execution_start_ts=at(begun),
            duration=0 if reason else SECOND,
            schedule_id=schedule_id,
            scheduled_ts=None if slot is None else at(slot),
            scheduled_to_ts=None if to is None else at(to),
            tick_count=count if count is not None else int(slot is not None),
            reason=REASON.number(reason),
            source_tier=TIER.numbers[tier],
        )
        self.repository.insert(self.db, [row._replace(**other)])

    def handled(self, listener_id: int, start: float) -> None:
        """Write a row of a handler."""
        success, execution_id = STATUS.numbers["success"], new_id(at(start))
        row = Row(0, success, None, self.session_id, execution_id, at(start), 0, listener_id=listener_id)
        self.repository.insert(self.db, [row])

    def log(self, time: float, message: str = "hello") -> None:
        row = (self.session_id, 0, at(time), 20, "duly.app", None, None, message, None, None, None, None, None, 0)
        self.repository.insert_logs(self.db, [row])

    def starts(self) -> list[int]:
        """When the executions that are there began, in seconds, in the order in which they were written."""
        return [
            round(start - BEGIN)
            for (start,) in self.db.execute("SELECT execution_start_ts FROM executions ORDER BY id")
        ]

    def logs(self) -> list[int]:
        return [round(time - BEGIN) for (time,) in self.db.execute("SELECT timestamp FROM log_records ORDER BY id")]

    def count(self, table: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - names from tests

    def floor(self, tier: str = "app") -> int | None:
        """The last slot that the floor is behind."""
        found = self.db.execute("SELECT value FROM meta WHERE key = ?", (f"floor_{tier}",)).fetchone()
        return None if found is None else int(found[0]) // SECOND - BEGIN

    def open_slot(self, schedule_id: int) -> int | None:
        """``open_ts`` of a schedule, nanoseconds."""
        found = self.db.execute("SELECT open_ts FROM raw_schedules WHERE id = ?", (schedule_id,)).fetchone()
        return None if found[0] is None else int(found[0])
