"""One leadership: the engine with the entries of the file of schedules, driven until another replica leads.

    turn -> Engine.tick -> _begin -> (task) Sender.prepare -> Engine.settle -> committed -> Sender.publish -> _record

To its engine a slot has run when its messages are made: whether entries overlap is a matter of their expansions, not of
the server. From then on the slot is *open*: it is in the committed position of its entry until it has a row. While no
server can be reached no turn is taken, so what comes due meanwhile is late, and goes through the misfire policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from duly.core.clock import NEVER, SECOND, Clock
from duly.core.decisions import Cancel, Cause, Close, Decision, Run, TriggerFailed, Wait
from duly.core.engine import Engine
from duly.core.lateness import CLOCK_JUMPED, Lateness
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire
from duly.dispatch.committer import Committer
from duly.dispatch.expansion import ExpansionError
from duly.dispatch.fleet import LeadershipLostError
from duly.dispatch.live_entry import EntryRun, LiveEntry
from duly.dispatch.messages import slot_text
from duly.dispatch.outgoing import Outgoing
from duly.dispatch.rows import Ended, mark_of_slot, row_of_close, row_of_run
from duly.dispatch.tracing import note_error, span_of_slot
from duly.ids import new_id
from duly.lifecycle.tasks import raced

if TYPE_CHECKING:
    from duly.dispatch.book import Book
    from duly.dispatch.fleet import Leadership
    from duly.dispatch.sending import Sender

log = structlog.get_logger("duly.dispatch")

BATCH = 512
"""Decisions of one tick."""
MOST_IN_FLIGHT = 20_000
"""Slots that are being dispatched; what comes due beyond waits in the engine."""
LONGEST_SLEEP = 30.0
"""Seconds, so that a stepped clock or a sleep of the machine is noticed in time."""
_SECONDS_UNTIL_ROOM = 0.01


@dataclass(frozen=True, slots=True)
class Fired:
    """What came of an entry that was run by hand."""

    outcome: Outcome
    ids: tuple[str, ...]
    """Of its tasks or goals."""
    error: Exception | None


class Term:
    """Owns the engine and the slots in flight of one leadership. Guarded by the event loop."""

    def __init__(self, leadership: Leadership, sender: Sender, book: Book, clock: Clock) -> None:
        self.leadership = leadership
        self.committer = Committer(leadership, book)
        self.entries: dict[str, LiveEntry] = {}
        """Those that are armed, by name."""
        self._sender = sender
        self._book = book
        self._clock = clock
        self._engine: Engine[LiveEntry] = Engine()
        self._lateness = Lateness(clock)
        self._tasks: set[asyncio.Task[Fired]] = set()
        self._alarm = asyncio.Event()
        self._stopping = False
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- entries -----------------------------------------------------------------------------------------------------

    def arm(self, live: LiveEntry, pending: int) -> None:
        """Begin with an entry, whose first undecided slot is ``pending``; what a leader before left open is done."""
        self.entries[live.name] = live
        self._carry_out(self._engine.add(live, self._clock.now(), pending=pending))
        self._show(live)
        self._changed(live)
        for slot in live.open:
            self._spawn(self._finish_leftover(live, slot))
        log.debug("scheduler.schedule_initialized", entry=live.name, next_fire=live.entry_config.next_fire)
        self.wake()

    def disarm(self, name: str) -> LiveEntry:
        """End with an entry; what is due of it is decided, what is in flight goes on."""
        live, now = self.entries.pop(name), self._clock.now()
        self._carry_out(self._engine.remove(live, now, self._lateness.why(live.fire_at)))
        return live

    def renew(self, live: LiveEntry) -> None:
        """Let a changed policy of an entry hold for the slot that is pending."""
        now, pending = self._clock.now(), live.pending
        if not live.gone and not live.active:
            self._engine.lift(live)
            self._carry_out(self._engine.add(live, now, pending=pending))
            self._show(live)
            self.wake()

    def pause(self, live: LiveEntry) -> None:
        """Start no further slot of an entry."""
        now = self._clock.now()
        self._carry_out(self._engine.pause(live, now, self._lateness.why(live.fire_at)))
        live.paused_at = live.paused_at or now
        self._changed(live)

    def resume(self, live: LiveEntry, catch_up: Misfire) -> None:
        """Start its slots again; those that passed are skipped but for what ``catch_up`` says."""
        live.paused_at = None
        self._carry_out(self._engine.resume(live, self._clock.now(), catch_up))
        self._changed(live)
        self.wake()

    async def fire(self, live: LiveEntry) -> Fired:
        """Dispatch an entry now, beside its slots; until the server has acknowledged it.

        Raises:
            LeadershipLostError: the leadership is over, and it was not, or perhaps not.
        """
        now = self._clock.now()
        run, decisions = self._engine.run_now(live, now, self._lateness.why(live.fire_at))
        self._carry_out(decisions)
        task = self._spawn(self._dispatch(run))
        await asyncio.wait({task})
        if task.cancelled():
            raise LeadershipLostError(f"{live.name} may not have been dispatched: this replica does not lead any more")
        return task.result()

    async def drained(self, live: LiveEntry) -> None:
        """Wait until nothing of an entry is in flight.

        Raises:
            LeadershipLostError: the leadership is over.
        """
        while live.open and self._tasks:
            await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)
        self.committer.check()

    @property
    def in_flight(self) -> int:
        """Slots that are being dispatched."""
        return len(self._tasks)

    # --- time --------------------------------------------------------------------------------------------------------

    async def serve(self, grace: float) -> None:
        """Dispatch what comes due until ``stop``; then what is in flight has ``grace`` seconds.

        Raises:
            LeadershipLostError: another replica leads.
        """
        own = [
            asyncio.create_task(self.committer.run(), name="scheduler:committer"),
            asyncio.create_task(self._watch(), name="scheduler:leadership"),
            asyncio.create_task(self._drive(), name="scheduler:timer"),
        ]
        try:
            await asyncio.wait({*own, self._failed}, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            for task in own:
                if task.done():
                    task.result()
            await self._drain(grace, own[:2])
        finally:
            self.committer.close()
            left = {*own, *self._tasks}
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._failed.cancel()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True
        self.wake()

    def give_up(self, why: str) -> None:
        """End as if the leadership were lost: whoever leads next begins with what is committed."""
        if not self._failed.done():
            self._failed.set_exception(LeadershipLostError(why))

    def wake(self) -> None:
        """Take the next turn at once."""
        self._alarm.set()

    async def _watch(self) -> None:
        raise LeadershipLostError(await self.leadership.lost())

    async def _drain(self, grace: float, own: list[asyncio.Task[None]]) -> None:
        """Let what is in flight end, and commit it; a lost leadership ends that too."""
        ending = asyncio.create_task(self._end())
        try:
            await asyncio.wait({ending, *own}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            for task in [ending, *own]:
                if task.done():
                    task.result()
            if self._tasks:
                log.warning("scheduler.not_drained", in_flight=len(self._tasks), grace=grace)
        finally:
            ending.cancel()

    async def _end(self) -> None:
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self.committer.committed()

    async def _drive(self) -> None:
        self._lateness.begin(self._clock.now())
        while not self._stopping:
            if not self._sender.delivery.connected:
                await self._until_connected()
                continue
            self._book.beat()
            await self._book.wait_for_room()
            await self._sleep(self._turn())

    async def _until_connected(self) -> None:
        """Wait for the server, or the stop; what came due meanwhile is late because it was away."""
        await raced(self._sender.delivery.until_connected(), self._stop_asked())
        self._lateness.begin(self._clock.now())

    async def _stop_asked(self) -> None:
        while not self._stopping:
            self._alarm.clear()
            await self._alarm.wait()

    def _turn(self) -> float:
        """Do what is due, a bounded amount of it; give the seconds to sleep until the next turn."""
        self._alarm.clear()
        now = self._clock.now()
        delta = self._lateness.look(now)
        if delta:
            self._engine.step(delta)
            log.warning("scheduler.clock_jumped", message=CLOCK_JUMPED % (delta / SECOND))
        if len(self._tasks) >= MOST_IN_FLIGHT:
            return _SECONDS_UNTIL_ROOM
        earliest = self._engine.next_wakeup()
        if earliest is not None and earliest <= now:
            why, until = self._lateness.of_tick(earliest, now)
            self._carry_out(self._engine.tick(now, why, BATCH, until))
            earliest = self._engine.next_wakeup()
        return LONGEST_SLEEP if earliest is None else min((earliest - now) / SECOND, LONGEST_SLEEP)

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(seconds, self._alarm.set)
        try:
            await self._alarm.wait()
        finally:
            timer.cancel()

    # --- decisions ---------------------------------------------------------------------------------------------------

    def _carry_out(self, decisions: Iterable[Decision[LiveEntry]]) -> None:
        for decision in decisions:
            if isinstance(decision, Run):
                self._begin(decision.job, decision.slot)
                self._spawn(self._dispatch(decision))
            elif isinstance(decision, Wait):
                self._begin(decision.job, decision.slot)
            elif isinstance(decision, Close):
                self._close(decision)
            elif isinstance(decision, TriggerFailed):
                log.error("scheduler.trigger_failed", entry=decision.job.name, exc_info=decision.error)
            live = decision.run.job if isinstance(decision, Cancel) else decision.job
            self._show(live)
            self._changed(live)

    def _begin(self, live: LiveEntry, slot: int | None) -> None:
        """Note that a slot is open."""
        if slot is None or slot in live.open:
            return
        now = self._clock.now()
        live.open[slot] = None
        live.marks[slot] = new_id(now)
        self._book.put_row(mark_of_slot(slot, live.parents, live.marks[slot], now))

    def _close(self, close: Close[LiveEntry]) -> None:
        live = close.job
        self._book.put_row(row_of_close(close, live.parents, self._clock.now()))
        live.open.pop(close.first, None)
        if close.outcome is Outcome.MISSED:
            log.warning("scheduler.missed", entry=live.name, slots=close.count, reason=close.reason)

    def _changed(self, live: LiveEntry) -> None:
        """Have a position committed; that of an entry which was removed stays until nothing of it is open."""
        if live.open or self.entries.get(live.name) is live:
            self.committer.changed(live)

    def _show(self, live: LiveEntry) -> None:
        live.entry_config.set_next_fire(None if live.pending == NEVER else live.pending)

    # --- slots in flight ---------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, Fired]) -> asyncio.Task[Fired]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Fired]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _dispatch(self, run: EntryRun) -> Fired:
        """Carry a run out, from its messages to its row."""
        mode = None if run.cause is Cause.DUE else run.cause.value
        with span_of_slot(run.job.name, run.slot):
            return await self._carry(run.job, run.slot, mode, partial(self._settle, run), self._clock.now())

    async def _finish_leftover(self, live: LiveEntry, slot: int) -> Fired:
        """Publish what a leader before had begun with: the stream takes what it has already only once."""
        with span_of_slot(live.name, slot):
            return await self._carry(live, slot, Cause.CATCH_UP.value, lambda _: None, slot)

    async def _carry(
        self, live: LiveEntry, slot: int | None, mode: str | None, settle: Callable[[Outcome], object], since: int
    ) -> Fired:
        """Publish for a slot, which somebody may have done ``since`` then."""
        ended = Ended(slot, Outcome.SUCCESS, self._clock.now(), 0, mode)
        messages: list[Outgoing] = []
        prepared = False
        try:
            messages = await self._sender.prepare(live.entry_config, slot)
            prepared = True
            settle(ended.outcome)
            await self._publish(live, messages, since)
        except (asyncio.CancelledError, LeadershipLostError):
            self._record(live, replace(ended, outcome=Outcome.INTERRUPTED))
            raise
        except Exception as error:  # noqa: BLE001 - the top of a slot: whatever is wrong with it concerns no other
            ended = replace(ended, outcome=Outcome.ERROR, error=error)
            note_error(error)
            event = error.event if isinstance(error, ExpansionError) else "scheduler.dispatch_error"
            log.error(event, entry=live.name, slot=None if slot is None else slot_text(slot), error=str(error))  # noqa: TRY400 - it is in the ledger
            if not prepared:
                settle(ended.outcome)
        self._record(live, ended)
        if slot is not None:
            live.open.pop(slot, None)
            self._changed(live)
        return Fired(ended.outcome, tuple(each.uid for each in messages), ended.error)

    def _settle(self, run: EntryRun, outcome: Outcome) -> None:
        self._carry_out(self._engine.settle(run, outcome, self._clock.now()))
        self._changed(run.job)
        self.wake()

    async def _publish(self, live: LiveEntry, messages: list[Outgoing], since: int) -> None:
        """Publish, once it is committed that the slot is open."""
        if messages:
            await self.committer.committed()
            await self._sender.publish(live.entry_config, messages, since)

    def _record(self, live: LiveEntry, ended: Ended) -> None:
        now = self._clock.now()
        execution_id = None if ended.slot is None else live.marks.pop(ended.slot, None)
        ended = replace(ended, duration=max(0, now - ended.started))
        self._book.put_row(row_of_run(ended, live.parents, execution_id or new_id(now)))
