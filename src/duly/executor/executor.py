"""What runs handlers and jobs, and keeps a record of each.

One execution, whatever it calls::

    execute -> call (user code) -> settle -> log -> record -> error handler
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar

from duly.core import clock as clocks
from duly.core.clock import SECOND
from duly.core.context import CURRENT_EXECUTION_ID
from duly.core.outcomes import Outcome, Reason
from duly.executor.announcements import Announce, Announcements
from duly.executor.commands import HANDLER, Command, Slots
from duly.executor.deadlines import Deadlines
from duly.executor.error_handlers import ErrorHandlers
from duly.executor.execution import Execution
from duly.executor.log_context import OwnerInLogs
from duly.executor.protocols import Job
from duly.executor.recording import Recording
from duly.executor.reports import Reports
from duly.history import DatabaseService, SessionManager
from duly.ids import id_text, new_id
from duly.ledger.codes import TIER
from duly.ledger.entries import Entry, entry_of
from duly.ledger.record_queue import Counts
from duly.ledger.records import ExecutionRecord
from duly.ledger.registrations import ListenerRegistration, ScheduledJobRegistration, is_framework_key
from duly.ledger.repository import TelemetryRepository
from duly.lifecycle import Resource, RestartSpec, RestartType, Service, WorkerPoolService

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

_OWNER = OwnerInLogs()
_CANCELLED, _STARTED = Outcome.CANCELLED, "started"  # Python 3.11 is slow to read from the class
_OF_THE_PHASE = 0.9
"""How much of the phase limit a stop waits for records to be written: the rest is for counting what was lost."""


class CommandExecutor(Service):
    """Owns executions from their begin until their record is in the queue. Guarded by the event loop."""

    depends_on: ClassVar[list[type[Resource]]] = [DatabaseService, SessionManager, WorkerPoolService]
    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.TRANSIENT, budget_intensity=3, budget_period_seconds=120.0
    )
    log_setting: ClassVar[str] = "command_executor"

    def __init__(self, duly: Root, *, parent: Resource | None = None, database: DatabaseService) -> None:
        super().__init__(duly, parent=parent)
        self.instance_names: Callable[[str, int], str | None] = _no_name
        """The configured name of a running app instance, by app key and index; set by who knows the apps."""
        self._clock = clocks.current()
        self._database = database
        self._recording = Recording(database)
        self._reports = Reports(self.logger, self._clock)
        self._handlers = ErrorHandlers(self, self._clock)
        self._announcements = Announcements(self.logger)
        self._deadlines = Deadlines()

    # --- what it tells -----------------------------------------------------------------------------------------------

    @property
    def repository(self) -> TelemetryRepository:
        """The sole owner of the SQL that writes."""
        return self._database.repository

    def get_drop_counters(self) -> Counts:
        """Records lost since the start of the process: for lack of room, unwritable, at the shutdown."""
        return self._database.records.counts()

    def get_error_handler_failures(self) -> int:
        """Error handlers that have failed themselves, since the start of the process."""
        return self._handlers.failures

    def get_error_handlers_suppressed(self) -> int:
        """Error handlers that were not started because their job or listener fails too often."""
        return self._handlers.suppressed

    def announce_with(self, announce: Announce | None) -> None:
        """Call ``announce``, which must not wait, on the loop with an event for each execution of an app."""
        self._announcements.announce = announce
        self._database.entries.on_stored = None if announce is None else self._announcements.stored

    # --- executions --------------------------------------------------------------------------------------------------

    async def execute(self, command: Command) -> Outcome:
        """Run one command and give its outcome; a cancellation is raised, once it is recorded."""
        if command.source_tier not in TIER.numbers:
            raise AssertionError(f"source_tier must be 'app' or 'framework', not {command.source_tier!r}")
        execution = Execution(command, self._clock)
        owner = command.owner
        app_key, index = owner.app_key, owner.instance_index
        former = CURRENT_EXECUTION_ID.set(execution.id)
        bound = _OWNER.bind(app_key or None, self._instance_name(app_key, index), index)
        try:
            return await self._carry_out(execution)
        finally:
            _OWNER.restore(bound)
            CURRENT_EXECUTION_ID.reset(former)

    def _instance_name(self, app_key: str, index: int) -> str | None:
        try:
            return self.instance_names(app_key, index)
        except Exception as error:  # who knows the apps must not keep one from running
            self.logger.exception("an instance has no name: app_key=%s index=%d", app_key, index, exc_info=error)
            return None

    async def _carry_out(self, execution: Execution) -> Outcome:
        self._mark(execution)
        error: BaseException | None = None
        try:
            await self._call(execution)
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - the one place that catches what user code raises
            error = raised
        try:
            await self._settle(execution, error)
            if error is not None and execution.outcome is _CANCELLED:
                raise error
            return execution.outcome
        finally:
            del error  # or its traceback and this frame would hold each other

    async def _call(self, execution: Execution) -> None:
        command = execution.command
        limit = command.effective_timeout
        if limit is None:
            await command.call()
            return
        deadline = self._deadlines.after(limit)
        try:
            with deadline:
                await command.call()
        finally:
            execution.limit_reached = deadline.reached

    async def _settle(self, execution: Execution, error: BaseException | None) -> None:
        execution.end(error, self._clock)
        final = self._is_final(execution)
        if error is not None and execution.command.logged:
            self._guarded(self._reports.ended, execution, error)
        try:
            entry = self._entry(execution, error, final=final)
            if entry is not None:
                if not self._recording.put(entry):
                    await self._recording.put_when_room(entry)
                execution.overtaken = True
        finally:
            if error is not None and final and execution.outcome is not _CANCELLED:
                self._guarded(self._handlers.start, execution, error)

    def _entry(self, execution: Execution, error: BaseException | None, *, final: bool) -> Entry | None:
        try:
            return execution.entry(self._database.entries.session_id, error, final=final)
        except Exception as failure:  # a value of the user's of which no row can be made
            self.logger.exception("an execution cannot be recorded: exec=%s", execution.id, exc_info=failure)
            self._database.records.count_unwritable()
            return None

    def _is_final(self, execution: Execution) -> bool:
        """Whether no other attempt follows."""
        settle = execution.command.settle
        if settle is None:
            return True
        try:
            return settle(execution.outcome)
        except Exception as error:  # what the scheduler does must not lose the record
            self.logger.exception("settling failed: exec=%s", execution.id, exc_info=error)
            return True

    def _mark(self, execution: Execution) -> None:
        command = execution.command
        if command.kind == HANDLER:
            self._recording.put_first(execution)  # its order among others does not matter, as that of slots does
            return
        if command.execution_id is not None:  # it has been marked while it waited
            return
        try:
            self._recording.put_first(execution.mark(self._database.session_id))
        except Exception as failure:  # as of the row that would follow
            self.logger.exception("an execution cannot be marked: exec=%s", execution.id, exc_info=failure)

    def _guarded(
        self, tell: Callable[[Execution, BaseException], None], execution: Execution, error: BaseException
    ) -> None:
        """Call what must not change what the caller of an execution sees."""
        try:
            tell(execution, error)
        except Exception as failure:  # a ``repr`` of the user's, a sealed bucket
            self.logger.exception("reporting failed: exec=%s", execution.id, exc_info=failure)

    # --- slots -------------------------------------------------------------------------------------------------------

    def record_ticks(self, job: Job, slots: Slots, status: str, reason: str | None) -> None:
        """Record slots that did not run, in one row."""
        why = None if reason is None else Reason(reason).value
        record = self._record_of(job, slots, Outcome(status).value, self._clock.now(), reason=why)
        self._recording.put_first(entry_of(record, announced=job.source_tier == "app"))

    def record_wait(self, job: Job, slots: Slots) -> str:
        """Mark a slot that waits its turn; give the id under which it is to run, or to be recorded."""
        record = self._record_of(job, slots, _STARTED, self._clock.now())
        self._recording.put_first(entry_of(record, announced=False))
        assert record.execution_id is not None  # noqa: S101 - given to it
        return record.execution_id

    def _record_of(
        self, job: Job, slots: Slots, status: str, now: int, *, reason: str | None = None
    ) -> ExecutionRecord:
        """The record of slots that have not run: a mark stands at ``now``, what did not run at its slot."""
        return ExecutionRecord(
            kind="job",
            session_id=self._database.session_id,
            execution_start_ts=(now if status == _STARTED else slots.first) / SECOND,
            duration_ms=0.0,
            status=status,
            job_id=job.db_id,
            app_key=job.app_key,
            instance_index=job.instance_index,
            source_tier=job.source_tier,
            execution_id=slots.execution_id or id_text(new_id(now)),
            reason=reason,
            scheduled_ts=slots.first / SECOND,
            scheduled_to_ts=slots.last / SECOND if slots.count > 1 else None,
            tick_count=slots.count,
            schedule_id=slots.schedule_id,
        )

    @property
    def has_room(self) -> bool:
        """Whether records have room."""
        return self._recording.has_room

    async def wait_for_room(self) -> None:
        """Until records have room: for who records slots, and starts executions, without waiting."""
        await self._recording.wait_for_room()

    # --- registrations -----------------------------------------------------------------------------------------------

    async def register_listener(self, registration: ListenerRegistration) -> int:
        """Insert a listener, or update the row of the same app, instance, name and topic; give its id."""
        repository = self.repository
        return await self._database.submit(lambda db: repository.register_listener(db, registration))

    async def register_job(self, registration: ScheduledJobRegistration) -> int:
        """Insert a job, or update the row of the same app, instance and name; give its id."""
        repository = self.repository
        return await self._database.submit(lambda db: repository.register_job(db, registration))

    def mark_job_cancelled(self, db_id: int, ended: tuple[int, int] | None = None) -> asyncio.Future[None]:
        """Note that a job was cancelled; an unknown id has no effect.

        ``ended``: the id of its schedule, all of whose slots are recorded, and when that ended. It has its place before
        later registrations from the moment of the call on, awaited or not.
        """
        database, now = self._database, self._clock.now()

        def cancel(db: sqlite3.Connection) -> None:
            if ended is not None:
                database.repository.end_schedule(db, *ended)
            database.repository.settle_job(db, db_id, now, database.session_id)
            database.repository.cancel_job(db, db_id, now)

        return database.issue(cancel)

    async def reconcile_registrations(
        self,
        app_key: str,
        live_listener_ids: Collection[int],
        live_job_ids: Collection[int],
        *,
        session_id: int | None = None,
    ) -> None:
        """Delete or retire the rows of an app that are not live; keys of Duly's own parts are refused.

        Of jobs that are gone, the slots that came due while nobody could run them are recorded. What is registered
        from the call on stays.
        """
        if is_framework_key(app_key):
            self.logger.warning("parts of Duly are never reconciled: app_key=%s", app_key)
            return
        repository, now = self.repository, self._clock.now()
        live = (frozenset(live_listener_ids), frozenset(live_job_ids))
        settle_in = self._database.session_id
        await self._database.submit(
            lambda db: repository.reconcile(db, app_key, live, session_id=session_id, now=now, settle_in=settle_in)
        )

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Take commands."""
        self._announcements.open()
        self._recording.open()

    async def serve(self) -> None:
        """Be there until the stop; however it ends, what is queued is written."""
        self.mark_ready("takes commands")
        await self.shutdown_event.wait()

    async def on_shutdown(self) -> None:
        """Write what is queued; what finds no room by then is lost, and counted."""
        try:
            async with asyncio.timeout(self.phase_limit * _OF_THE_PHASE):
                await self._database.flush()
        except (TimeoutError, RuntimeError) as error:
            self.logger.warning("the queue of records could not be emptied yet: %r", error)
        finally:
            if not self._restarting:  # else who waits for room goes on waiting
                self._recording.end()


def _no_name(_app_key: str, _index: int) -> str | None:
    """There are no apps."""
    return None
