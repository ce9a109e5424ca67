"""Leads when it is its turn, and has the entries of the file of schedules dispatched while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from duly.core.clock import NEVER, Clock
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire
from duly.dispatch.changes import Changes
from duly.dispatch.enrolling import Applicant, Office, continues
from duly.dispatch.fleet import LeadershipLostError, Position
from duly.dispatch.live_entry import LiveEntry
from duly.dispatch.rows import Ended
from duly.dispatch.term import Term
from duly.lifecycle.tasks import raced

if TYPE_CHECKING:
    from duly.dispatch.book import Book
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.fleet import Fleet, Leadership
    from duly.dispatch.schedule_file import ScheduleFile
    from duly.dispatch.sending import Sender

log = structlog.get_logger("duly.dispatch")

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""What slots in flight have to end at the stop."""
_MILLISECOND = 1_000_000
"""A new grid hangs on a whole one: its slots stand in ids, and are read by people."""


class Dispatcher:
    """Owns the file of schedules in force, and the present term while it leads. Guarded by the event loop."""

    def __init__(self, file: ScheduleFile, fleet: Fleet, sender: Sender, book: Book, clock: Clock) -> None:
        self.file = file
        self.term: Term | None = None
        """``None`` while another replica leads."""
        self.book = book
        self.clock = clock
        self._fleet = fleet
        self._sender = sender
        self._changing = asyncio.Lock()
        """Held while entries are enrolled, so that changes come one after the other."""
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def actor_id(self) -> str:
        """Whose entries these are, in the ledger."""
        return self._sender.actor_id

    async def run(self) -> None:
        """Lead whenever it is this replica's turn, until ``stop``."""
        try:
            await self._run()
        finally:
            self._ended.set()

    async def ended(self, seconds: float) -> None:
        """Wait until ``run`` has ended, for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            leadership = await self._lead()
            if leadership is None:
                return
            try:
                await self._serve(leadership)
            except LeadershipLostError as error:
                log.warning("scheduler.leader_lost", fence=leadership.fence, why=str(error))
            finally:
                self.term = None
                await self._end(leadership)

    def stop(self) -> None:
        """Start nothing more; ``run`` ends when what is in flight has, or its grace is over."""
        self._stopping.set()
        if self.term is not None:
            self.term.stop()

    # --- leading -----------------------------------------------------------------------------------------------------

    async def _lead(self) -> Leadership | None:
        """Wait for this replica's turn; ``None``: it is to stop."""
        leading = await raced(self._fleet.lead(self._note_leadership), self._stopping.wait())
        return None if leading.cancelled() else leading.result()

    async def _note_leadership(self, fence: int | None) -> None:
        if fence is not None:
            repository, session_id, now = self.book.repository, self.book.session_id, self.clock.now()
            await self.book.submit(lambda db: repository.begin_leadership(db, fence, session_id, now))

    async def _serve(self, leadership: Leadership) -> None:
        fence, previous, repository = leadership.fence, leadership.previous, self.book.repository
        if fence is not None:
            await self.book.submit(lambda db: repository.note_previous(db, fence, previous))
        log.info("scheduler.leader_acquired", fence=fence)
        term = Term(leadership, self._sender, self.book, self.clock)
        async with self._changing:
            applicants = await self._unless_over(leadership, self._applicants(leadership))
            if applicants is None:
                return
            await self._open(term, applicants)
            self.term = term
        if self._stopping.is_set():
            term.stop()
        await term.serve(GRACE_SECONDS)

    async def _end(self, leadership: Leadership) -> None:
        await leadership.release()
        fence, repository, now = leadership.fence, self.book.repository, self.clock.now()
        if fence is not None:
            await self.book.submit(lambda db: repository.end_leadership(db, fence, now))

    # --- entries -----------------------------------------------------------------------------------------------------

    async def _unless_over(self, leadership: Leadership, work: Coroutine[Any, Any, T]) -> T | None:
        """Do what may take long, and leaves the ledger alone; ``None``: it is to stop.

        Raises:
            LeadershipLostError: another replica leads.
        """
        working = await raced(work, leadership.lost(), self._stopping.wait())
        if not working.cancelled():
            return working.result()
        if self._stopping.is_set():
            return None
        raise LeadershipLostError(await leadership.lost())

    async def _applicants(self, leadership: Leadership) -> list[Applicant]:
        wanted, positions = self.file.enabled, leadership.positions
        return await asyncio.gather(*(self._applicant(each, positions.get(name)) for name, each in wanted.items()))

    async def _open(self, term: Term, applicants: Sequence[Applicant]) -> None:
        """Go on with the positions, or begin."""
        wanted, positions = self.file.enabled, term.leadership.positions
        await self._enrol(term, applicants)
        gone = {name: (position, _given_up(position)) for name, position in positions.items() if name not in wanted}
        office = self._office(term)
        await self.book.submit(lambda db: office.retire(db, wanted, gone))
        for name in gone:
            term.committer.forget(name)

    async def _enrol(self, term: Term, applicants: Sequence[Applicant]) -> None:
        office = self._office(term)
        enrolled = await self.book.submit(lambda db: office.enrol(db, applicants))
        for applicant, each in zip(applicants, enrolled, strict=True):
            term.arm(LiveEntry(self.actor_id, applicant.entry, applicant.chain, each), each.position.pending)

    async def _applicant(self, entry: ScheduleEntry, position: Position | None) -> Applicant:
        """An entry to be enrolled. Open slots of a schedule with which it does not go on are finished first."""
        chain, now = entry.chain(), self.clock.now()
        first = chain.first(now if entry.interval_seconds is None else now - now % _MILLISECOND)
        leftovers: list[Ended] = []
        if position is not None and not continues(entry, position):
            leftovers = await asyncio.gather(*(self._finished(entry, slot) for slot in position.open))
        return Applicant(entry, chain, NEVER if first is None else first, position, leftovers)

    async def _finished(self, entry: ScheduleEntry, slot: int) -> Ended:
        started = self.clock.now()
        try:
            await self._sender.publish(entry, await self._sender.prepare(entry, slot), slot)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a slot is its outcome
            return Ended(slot, Outcome.ERROR, started, error=error)
        return Ended(slot, Outcome.SUCCESS, started)

    def _office(self, term: Term) -> Office:
        return Office(
            self.book.repository, self.actor_id, term.leadership.fence, self.book.session_id, self.clock.now()
        )

    # --- a new file --------------------------------------------------------------------------------------------------

    async def adopt(self, file: ScheduleFile) -> Changes:
        """Let a changed file of schedules be in force; entries that have not changed go on undisturbed."""
        async with self._changing:
            before, term = self.file, self.term
            changes = Changes.between(before, file)
            self.file = file
            if term is not None:
                try:
                    await self._exchange(term, changes)
                except LeadershipLostError:
                    pass  # whoever leads next begins with the file in force
                except BaseException:
                    self.file = before
                    term.give_up("a change of the schedules was left half done")
                    raise
        return changes

    async def _exchange(self, term: Term, changes: Changes) -> None:
        for name in changes.altered:
            self._alter(term, term.entries[name])
        await self._begin(term, changes.added, {})
        ending = [term.disarm(name) for name in (*changes.removed, *changes.rescheduled)]
        now = self.clock.now()
        for live in ending:
            await self._remove(term, live, now, gone=live.name in changes.removed)
        await self._begin(term, changes.rescheduled, {live.name: live.paused_at for live in ending})
        await term.committer.committed()

    async def _begin(self, term: Term, names: Iterable[str], paused: Mapping[str, int | None]) -> None:
        """Begin with entries; ``paused``: since when they were, under another schedule."""
        applicants = [await self._applicant(self.file.enabled[name], None) for name in names]
        await self._enrol(term, [replace(each, paused_at=paused.get(each.entry.name)) for each in applicants])

    def _alter(self, term: Term, live: LiveEntry) -> None:
        """Exchange what an entry dispatches, and its policy."""
        entry = self.file.enabled[live.name]
        entry.next_fire, live.entry_config = live.entry_config.next_fire, entry
        policy = entry.policy()
        if policy != live.policy:
            live.policy = policy
            term.renew(live)

    async def _remove(self, term: Term, live: LiveEntry, disarmed: int, *, gone: bool) -> None:
        """End with an entry once nothing of it is in flight: until then its position stays."""
        office = self._office(term)
        ended_at = min(disarmed, live.pending - 1)
        await term.drained(live)
        await self.book.submit(lambda db: office.end(db, live.parents, ended_at, gone=gone))
        term.committer.forget(live.name)

    # --- by hand -----------------------------------------------------------------------------------------------------

    async def pause(self, live: LiveEntry) -> None:
        """Start no further slot of an entry, also after a change of leader.

        Raises:
            LeadershipLostError: another replica leads, and may not know of it.
        """
        await self._note_pause(live, live.paused_at or self.clock.now())
        term = self._term_of(live)
        if term is not None:
            term.pause(live)
            await term.committer.committed()

    async def resume(self, live: LiveEntry, catch_up: Misfire) -> None:
        """Start its slots again.

        Raises:
            LeadershipLostError: another replica leads, and may not know of it.
        """
        await self._note_pause(live, None)
        term = self._term_of(live)
        if term is not None:
            term.resume(live, catch_up)
            await term.committer.committed()

    def _term_of(self, live: LiveEntry) -> Term | None:
        """The present term, unless the entry was removed meanwhile, or is that of another."""
        term = self.term
        return None if term is None or term.entries.get(live.name) is not live else term

    async def _note_pause(self, live: LiveEntry, paused_at: int | None) -> None:
        repository, (job_id, _) = self.book.repository, live.parents
        await self.book.submit(lambda db: repository.pause_job(db, job_id, paused_at))


def _given_up(position: Position) -> list[Ended]:
    """Open slots of an entry that is no more: whether they got out, only the stream knows."""
    return [Ended(slot, Outcome.INTERRUPTED, slot) for slot in position.open]
