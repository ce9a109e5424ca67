"""Why a job did, or did not, run at a time: what the ledger knows about the slot that is meant."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from duly.core.clock import NEVER, SECOND, Zone
from duly.core.trigger import Chain
from duly.ledger import executions, sessions
from duly.ledger.codes import STARTED, STATUS
from duly.ledger.executions import Execution, ExecutionFilter
from duly.ledger.extent import floors
from duly.ledger.jobs import CHAIN_ENDED, JobSchedule, StoredJob, schedules
from duly.ledger.pages import BEGINNING
from duly.ledger.shared import by_chain, whole
from duly.ledger.slots import slots
from duly.ledger.upcoming import rebuilt
from duly.triggers.clock_changes import DAY, Oddity, changes_for, named_zone, oddity, passed_over

LATE: Final = 5 * SECOND
"""By so much a run starts late before it is worth a word."""

_STARTED = STATUS.words[STARTED]
_RAN = (_STARTED, "success", "error", "timed_out", "cancelled", "interrupted")
_LOOKED_AT = 50
"""Executions before a moment among which the one that ran then is sought."""
_CHANGES = 200
"""Changes by people among which a pause is sought."""


class Verdict(StrEnum):
    """What can be said about the slot that is meant."""

    RAN = "ran"
    """It was started, and has ended."""
    OPEN = "open"
    """It runs, or waits for its turn; or it did when its process died."""
    NOT_RUN = "not_run"
    """It has a row and was not started: skipped, missed, or cancelled before it began."""
    TO_COME = "to_come"
    UNDECIDED = "undecided"
    """It was due, and nobody has decided about it."""
    BEFORE = "before"
    """The moment lies before the first slot of the job."""
    ENDED = "ended"
    """The moment lies behind its last slot: cancelled, retired, or its schedule has ended."""
    FORGOTTEN = "forgotten"
    """Rows of that time may have been deleted."""
    UNACCOUNTED = "unaccounted"
    """It should have a row, and has none."""
    ELSEWHERE = "elsewhere"
    """It has no row in this file: another replica has decided it, or nobody has."""
    UNKNOWN = "unknown"
    """Only its program knows whether there was a slot."""


@dataclass(frozen=True, slots=True)
class Down:
    """No process ran. Nanoseconds since the epoch."""

    since: int | None
    """``None``: none had run before."""
    until: int | None
    """``None``: none has run since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer. Moments are nanoseconds since the epoch."""

    job: StoredJob
    asked: int
    zone: Zone
    """By which the schedule goes; ``None``: that of the system."""
    verdict: Verdict
    slot: int | None
    """The one at ``asked``, else the nearest; ``None``: there is none near."""
    previous: int | None
    """The last slot before ``asked``."""
    following: int | None
    """The first slot after ``asked``."""
    row: Execution | None = None
    """What became of ``slot``, with its last attempt."""
    in_the_way: Execution | None = None
    """Of a slot that was skipped for an overlap, or is not decided yet: the run that went on then."""
    beside: Execution | None = None
    """Another run that went on at ``asked``."""
    down: Down | None = None
    """Of a slot that nobody was there for in time."""
    paused_at: int | None = None
    """Of a slot that came during a pause: since when; ``None`` also if that is no longer known."""
    paused_by: str | None = None
    odd: Oddity | None = None
    """What a change of clocks has to do with ``slot``, or with ``asked`` not being one."""
    alive: bool = True
    """Whether a process writes to the ledger."""

    @property
    def exact(self) -> bool:
        """Whether ``asked`` is a slot."""
        return self.slot == self.asked


def why(db: sqlite3.Connection, job: StoredJob, asked: int, *, now: int, alive: bool) -> Why:
    """Why ``job`` did or did not run at ``asked``, seen from ``now``; ``alive``: a process writes to the ledger."""
    return _Inquiry(db, job, asked, now, alive=alive).answer()


@dataclass(frozen=True, slots=True)
class _Near:
    """A slot, and whose it is."""

    slot: int
    schedule: JobSchedule
    chain: Chain | None


def _latest(near: _Near) -> tuple[int, int]:
    """The latest slot; of a slot of several chains that of the latest leadership."""
    return near.slot, near.schedule.fence or 0


class _Inquiry:
    """One look at the ledger, in one state of the file. Local to one call."""

    def __init__(self, db: sqlite3.Connection, job: StoredJob, asked: int, now: int, *, alive: bool) -> None:
        self.db = db
        self.job = job
        self.asked = asked
        self.now = now
        self.alive = alive
        chains = [(whole(parts), {part.id for part in parts}) for parts in by_chain(schedules(db, job.id))]
        self.schedules = [(schedule, rebuilt(schedule)[0]) for schedule, _ in chains]
        self.parts = {schedule.id: parts for schedule, parts in chains}
        """The row ids of a schedule: that of several leaderships has several."""
        self.floor = floors(db).get(job.source_tier, BEGINNING)
        self.at = max(self._reached(asked), key=_latest, default=None)
        self.after = min(self._behind(asked), key=lambda near: near.slot, default=None)
        self.before = self.at
        if self.at is not None and self.at.slot == asked:
            self.before = max(self._reached(asked - 1), key=_latest, default=None)

    def answer(self) -> Why:
        near = self._nearest()
        if near is None:
            return self._why(self._where(), None)
        row = self._row_of(near)
        if row is None:
            return self._unsettled(near)
        if row.status == _STARTED:
            return self._why(Verdict.OPEN, near, row)
        if row.status in _RAN and not (row.status == "cancelled" and row.duration_ns == 0):
            late = row.execution_start_ts - near.slot >= LATE and row.attempt_number == 1
            return self._why(Verdict.RAN, near, row, down=self._down(near.slot) if late else None)
        return self._not_run(near, row)

    # Which slot

    def _reached(self, moment: int) -> list[_Near]:
        """Of each schedule the last slot at or before ``moment``."""
        found = []
        for schedule, chain in self.schedules:
            last = moment if schedule.over_at is None else min(moment, schedule.over_at)
            if chain is None:
                slot = self._recorded(schedule, last)
            else:
                assert chain.count is not None  # noqa: S101 - chains that can be stored count
                slot = None if last < schedule.first_ts else chain.count(schedule.first_ts, last)[1]
            if slot is not None:
                found.append(_Near(slot, schedule, chain))
        return found

    def _behind(self, moment: int) -> list[_Near]:
        """Of each schedule the first slot after ``moment``."""
        found = []
        for schedule, chain in self.schedules:
            if schedule.first_ts > moment:
                slot: int | None = None if schedule.first_ts == CHAIN_ENDED else schedule.first_ts
            elif chain is None:
                slot = self._next_recorded(schedule, moment)
            else:
                slot = chain.next(schedule.first_ts, moment)
            if slot is not None and (schedule.over_at is None or slot <= schedule.over_at):
                found.append(_Near(slot, schedule, chain))
        return found

    def _recorded(self, schedule: JobSchedule, moment: int) -> int | None:
        """The last slot at or before ``moment`` that has a row; of a row for several the first, or the last."""
        wanted = ExecutionFilter(job_id=self.job.id, until=moment + 1)
        for row in executions.page(self.db, wanted, limit=_LOOKED_AT).rows:
            if row.schedule_id in self.parts[schedule.id] and row.scheduled_ts is not None and row.tick_count:
                last = row.scheduled_to_ts
                return last if last is not None and last <= moment else row.scheduled_ts
        return None

    def _next_recorded(self, schedule: JobSchedule, moment: int) -> int | None:
        """The first slot after ``moment`` that has a row; else the one that is to come next, if it is known."""
        for settled in slots(self.db, self.job.id, moment + 1):
            if settled.schedule_id in self.parts[schedule.id]:
                return settled.first if settled.first > moment else settled.last
        pending = schedule.first_undecided(None)
        return pending if moment < pending < NEVER else None

    def _nearest(self) -> _Near | None:
        at, after, asked = self.at, self.after, self.asked
        if at is None or at.slot == asked:
            return at
        if after is None:
            return None
        if after.slot > self.now >= asked:  # what is past was asked about
            return at
        return at if asked - at.slot <= after.slot - asked else after

    def _where(self) -> Verdict:
        """What is to be said of a moment without a slot near."""
        if self.asked < self.floor:
            return Verdict.FORGOTTEN
        if self.at is None:
            return Verdict.ENDED if self.schedules and self.after is None else Verdict.BEFORE
        own = self.at.chain is None and self.at.schedule.ended_at is None and self.job.state == "live"
        return Verdict.UNKNOWN if own else Verdict.ENDED

    # What became of it

    def _row_of(self, near: _Near) -> Execution | None:
        settled = next((each for each in slots(self.db, self.job.id, near.slot, near.slot + 1)
                        if each.schedule_id in self.parts[near.schedule.id]), None)  # fmt: skip
        if settled is None:
            return None
        wanted = ExecutionFilter(job_id=self.job.id, since=settled.first, until=settled.first + 1)
        rows = executions.page(self.db, wanted, limit=_LOOKED_AT).rows
        return next((row for row in rows if row.schedule_id == settled.schedule_id and row.tick_count), None)

    def _unsettled(self, near: _Near) -> Why:
        slot = near.slot
        if slot > self.now:
            paused_at, paused_by = self._pause(slot)
            return self._why(Verdict.TO_COME, near, paused=(paused_at, paused_by))
        if slot < self.floor:
            return self._why(Verdict.FORGOTTEN, near)
        if near.schedule.fence is not None:
            return self._why(Verdict.ELSEWHERE, near)
        if near.chain is not None and (
            slot < near.schedule.first_undecided(near.chain) or near.schedule.ended_at is not None
        ):
            return self._why(Verdict.UNACCOUNTED, near)
        paused = self._pause(slot)
        down = None if self.alive or paused[0] is not None else self._down(slot)
        in_the_way = self._running_at(slot) if self.alive and paused[0] is None else None
        return self._why(Verdict.UNDECIDED, near, in_the_way=in_the_way, paused=paused, down=down)

    def _not_run(self, near: _Near, row: Execution) -> Why:
        if row.reason == "overlap":
            return self._why(Verdict.NOT_RUN, near, row, in_the_way=self._running_at(near.slot))
        if row.reason == "paused":
            return self._why(Verdict.NOT_RUN, near, row, paused=self._pause(near.slot))
        down = self._down(near.slot) if row.reason == "down" else None
        return self._why(Verdict.NOT_RUN, near, row, down=down)

    def _running_at(self, moment: int) -> Execution | None:
        """The run of the job that went on at ``moment``, waits between its attempts included."""
        wanted = ExecutionFilter(job_id=self.job.id, statuses=_RAN, until=moment + 1)
        for row in executions.page(self.db, wanted, limit=_LOOKED_AT).rows:
            begun = row.execution_start_ts <= moment or row.attempt_number > 1
            if begun and row.scheduled_ts != moment and self._end(row) >= moment:
                return row
        return None

    def _end(self, row: Execution) -> int:
        if row.status == _STARTED:
            return self.now
        if row.status == "interrupted":  # when exactly, nobody could write down
            session, _ = sessions.around(self.db, row.execution_start_ts)
            if session is not None:
                return session.stopped_at or session.last_heartbeat_at
        return row.end_ts

    def _down(self, moment: int) -> Down | None:
        """Since when and until when no process ran; ``None``: one did."""
        before, after = sessions.around(self.db, moment)
        if before is None:
            return Down(None, None if after is None else after.started_at)
        since = before.stopped_at
        if since is None and not (self.alive and after is None):
            since = before.last_heartbeat_at
        if since is None or since > moment:
            return None
        return Down(since, None if after is None else after.started_at)

    def _pause(self, moment: int) -> tuple[int | None, str | None]:
        """Since when, and by whom, the job was paused at ``moment``."""
        job = self.job
        if job.paused_at is not None and job.paused_at <= moment:
            return job.paused_at, job.paused_by
        for change in sessions.changes(self.db, target=job.full_name, limit=_CHANGES).rows:
            if change.action == "pause" and change.ts <= moment:
                return change.ts, change.actor
        return None, None

    # The answer

    def _why(
        self,
        verdict: Verdict,
        near: _Near | None,
        row: Execution | None = None,
        *,
        in_the_way: Execution | None = None,
        down: Down | None = None,
        paused: tuple[int | None, str | None] = (None, None),
    ) -> Why:
        known = near or self.at or self.after
        beside = self._running_at(self.asked)
        return Why(
            job=self.job,
            asked=self.asked,
            zone=None if known is None else named_zone(known.chain, known.schedule.timezone),
            verdict=verdict,
            slot=None if near is None else near.slot,
            previous=None if self.before is None else self.before.slot,
            following=None if self.after is None else self.after.slot,
            row=row,
            in_the_way=in_the_way,
            beside=None if beside is None or beside in (row, in_the_way) else beside,
            down=down,
            paused_at=paused[0],
            paused_by=paused[1],
            odd=None if known is None else self._odd(known, near),
            alive=self.alive,
        )

    def _odd(self, known: _Near, near: _Near | None) -> Oddity | None:
        if known.chain is None:
            return None
        moment = self.asked if near is None else near.slot
        changes = changes_for(known.chain, known.schedule.timezone, min(self.asked, moment) - DAY, self.asked + DAY)
        if self.asked != moment or near is None:
            passed = passed_over(known.chain, changes, self.asked)
            if passed is not None:
                return passed
        return None if near is None else oddity(known.chain, changes, near.slot)
