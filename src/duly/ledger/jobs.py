"""What a ledger knows of jobs, their schedules, and listeners."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from duly.core.clock import NEVER
from duly.core.trigger import Chain
from duly.ledger.codes import MISFIRE, MODE, STARTED, STATUS, TIER, TRIGGER_TYPE
from duly.ledger.statements import statements

JobState: TypeAlias = Literal["live", "retired", "cancelled"]
ListenerState: TypeAlias = Literal["live", "retired"]

CHAIN_ENDED: Final = NEVER - 1
"""``open_ts`` of a schedule all of whose slots are settled: the largest number that a column holds."""

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as it was registered last. Times are nanoseconds since the epoch."""

    id: int
    app_key: str
    instance_index: int
    job_name: str
    handler_method: str
    trigger_type: str | None
    trigger_label: str
    trigger_detail: str | None
    trigger_id: str | None
    group: str | None
    name_auto: bool
    args_json: str
    kwargs_json: str
    source_location: str
    registration_source: str | None
    source_tier: str
    mode: str
    misfire: str
    paused_at: int | None
    paused_by: str | None
    retired_at: int | None
    cancelled_at: int | None

    @property
    def state(self) -> JobState:
        """Whether its slots still come."""
        if self.cancelled_at is not None:
            return "cancelled"
        return "live" if self.retired_at is None else "retired"

    @property
    def full_name(self) -> str:
        """Its name with that of its app; an app's first instance goes without its index."""
        return full_name(self.app_key, self.instance_index, self.job_name)


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """The chain of slots of one registration of a job. Times are nanoseconds since the epoch."""

    id: int
    job_id: int
    trigger_id: str
    trigger_spec: str | None
    """What ``chain_from_spec`` reads; ``None``: the trigger is one of a user's."""
    timezone: str | None
    """``None``: that of the system."""
    first_ts: int
    open_ts: int | None
    """The first slot that has no row; ``None``: it is the one behind ``highest``."""
    ended_at: int | None
    """Slots up to then have a row, later ones do not exist; ``None``: it goes on."""
    fence: int | None
    """The leadership that has opened it, which has decided some of its slots; ``None``: the file holds all of them."""
    highest: int | None
    """The last slot that has a row."""

    @property
    def over_at(self) -> int | None:
        """The last moment of its slots: of a clock that was set back before the end, it may lie behind ``ended_at``."""
        return None if self.ended_at is None else max(self.ended_at, self.highest or self.ended_at)

    def first_undecided(self, chain: Chain | None) -> int:
        """As the function; ``chain`` is that of the schedule, ``None``: nobody can tell what follows a slot."""

        def after(moment: int) -> int:
            following = None if chain is None else chain.next(self.first_ts, moment)
            return NEVER if following is None else following

        return first_undecided(self.first_ts, self.open_ts, self.highest, after)


@dataclass(frozen=True, slots=True)
class StoredListener:
    """A listener as it was registered last. ``debounce``, ``throttle`` and ``duration`` are seconds."""

    id: int
    app_key: str
    instance_index: int
    name: str
    topic: str
    handler_method: str
    debounce: float | None
    throttle: float | None
    once: bool
    priority: int
    immediate: bool
    duration: float | None
    entity_id: str | None
    mode: str
    predicate_description: str | None
    human_description: str | None
    source_location: str
    registration_source: str | None
    source_tier: str
    retired_at: int | None
    """Nanoseconds since the epoch."""

    @property
    def state(self) -> ListenerState:
        """Whether it still listens."""
        return "live" if self.retired_at is None else "retired"

    @property
    def full_name(self) -> str:
        """As that of a job; several listeners of an instance have the same if their topics differ."""
        return full_name(self.app_key, self.instance_index, self.name)


def full_name(app_key: str | None, instance_index: int | None, name: str) -> str:
    """The name of a job or a listener with that of its app, if it has one."""
    if not app_key:
        return name
    index = f"[{instance_index}]" if instance_index else ""
    return f"{app_key}{index}.{name}"


def jobs(
    db: sqlite3.Connection,
    *,
    app_key: str | None = None,
    instance_index: int | None = None,
    group: str | None = None,
    state: JobState | None = None,
) -> tuple[StoredJob, ...]:
    """Jobs in order of app, instance and name; ``None`` means any."""
    values = {"app_key": app_key, "instance_index": instance_index, "group": group, "state": state}
    return tuple(map(_job, db.execute(_SQL["jobs"], values)))


def job(db: sqlite3.Connection, job_id: int) -> StoredJob | None:
    """The job with that row id."""
    row = db.execute(_SQL["job"], {"id": job_id}).fetchone()
    return None if row is None else _job(row)


def job_named(db: sqlite3.Connection, app_key: str, instance_index: int, job_name: str) -> StoredJob | None:
    """The job with that key; jobs of an embedded scheduler have app key "" and index 0."""
    values = {"app_key": app_key, "instance_index": instance_index, "job_name": job_name}
    row = db.execute(_SQL["job_named"], values).fetchone()
    return None if row is None else _job(row)


def schedules(db: sqlite3.Connection, job_id: int) -> tuple[JobSchedule, ...]:
    """The schedules of a job, oldest first; it has another one each time its trigger changes."""
    rows = db.execute(_SQL["schedules_of_job"], {"job_id": job_id}).fetchall()
    return tuple(JobSchedule(*(*row, last_slot(db, row[0])[0])) for row in rows)


def last_slot(db: sqlite3.Connection, schedule_id: int) -> tuple[int | None, str | None]:
    """The last slot of a schedule that has a row, and how it ended; ``None``: it has none, or it has not ended."""
    slot, status = db.execute(_SQL["last_slot"], {"schedule_id": schedule_id}).fetchone() or (None, STARTED)
    return slot, None if status == STARTED else STATUS.words[status]


def first_undecided(first_ts: int, open_ts: int | None, highest: int | None, after: Callable[[int], int]) -> int:
    """The slot behind the last that has a row, or had one before it was deleted; ``NEVER``: the chain has ended.

    The first three are as a schedule has them; ``after`` gives the slot of its chain behind a moment.
    """
    if open_ts is not None and (highest is None or open_ts > highest):
        return open_ts if open_ts < CHAIN_ENDED else NEVER
    return first_ts if highest is None else after(highest)


def listeners(
    db: sqlite3.Connection,
    *,
    app_key: str | None = None,
    instance_index: int | None = None,
    state: ListenerState | None = None,
) -> tuple[StoredListener, ...]:
    """Listeners in order of app, instance, name and topic; ``None`` means any."""
    values = {"app_key": app_key, "instance_index": instance_index, "state": state}
    return tuple(map(_listener, db.execute(_SQL["listeners"], values)))


def listener(db: sqlite3.Connection, listener_id: int) -> StoredListener | None:
    """The listener with that row id."""
    row = db.execute(_SQL["listener"], {"id": listener_id}).fetchone()
    return None if row is None else _listener(row)


def _job(row: tuple[Any, ...]) -> StoredJob:
    values = list(row)
    values[5] = TRIGGER_TYPE.word(row[5])
    values[10] = bool(row[10])
    values[15:18] = TIER.words[row[15]], MODE.words[row[16]], MISFIRE.words[row[17]]
    return StoredJob(*values)


def _listener(row: tuple[Any, ...]) -> StoredListener:
    values = list(row)
    values[8], values[10], values[18] = bool(row[8]), bool(row[10]), TIER.words[row[18]]
    return StoredListener(*values)
