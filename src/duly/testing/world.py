"""A world on virtual time: jobs that are played, and what can happen to them."""

from collections.abc import Iterator
from datetime import tzinfo
from os import PathLike

from duly.core.clock import SECOND
from duly.core.outcomes import Reason
from duly.core.policy import Misfire, MisfireName, Policy
from duly.core.trigger import Chain, TriggerProtocol
from duly.embedded.scheduler import Scheduler
from duly.testing.clock import VirtualClock
from duly.testing.engine_host import Ends, EngineHost, Script, Takes
from duly.testing.ledger import Row, discrepancies
from duly.testing.scheduler_host import SchedulerHost

_DEFAULT = Policy()


class World:
    """A clock, an engine with played jobs, and their ledger. For one thread.

    ``scheduler()`` gives an embedded ``Scheduler`` that lives in it as well, without threads.
    Everything that is due at the present moment has happened whenever a method returns.
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self._start = self.clock.now()
        self._host = EngineHost(self.clock)
        self._schedulers: list[Scheduler] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """The ledger, in the order in which it was written."""
        return tuple(self._host.rows)

    @property
    def keys(self) -> tuple[str, ...]:
        """The jobs that live."""
        return tuple(job.key for job in self._host.live())

    def seconds(self, moment: int) -> float:
        """Seconds from the beginning of this world to ``moment``."""
        return (moment - self._start) / SECOND

    # Jobs

    def add(
        self,
        key: str,
        trigger: TriggerProtocol | Chain,
        *,
        policy: Policy = _DEFAULT,
        takes: Takes = 0,
        ends: Ends = "success",
        stoppable: bool = True,
    ) -> None:
        """Add a job whose runs take ``takes`` seconds and end as ``ends`` says.

        Both are one value for all runs, a sequence of which the last element holds for all further runs, or a callable
        that is asked with each ``Run``. With ``stoppable`` a run that is cancelled ends at once. A job with the key of
        one that has ended goes on behind its slots in the ledger.

        Raises:
            ValueError: a job with this key is there already.
        """
        self._host.add(key, trigger, policy, Script(takes, ends, stoppable))
        self._settle_down()

    def remove(self, key: str) -> None:
        """Take a job out for good; its runs go on to their end."""
        self._host.remove(key)
        self._settle_down()

    def pause(self, key: str) -> None:
        """Start no further slot of a job."""
        self._host.pause(key)
        self._settle_down()

    def resume(self, key: str, catch_up: Misfire | str = Misfire.SKIP) -> None:
        """Start its slots again; ``catch_up`` says which of those that passed run."""
        self._host.resume(key, Misfire(catch_up))
        self._settle_down()

    def run_now(self, key: str) -> None:
        """Run a job beside its schedule."""
        self._host.run_now(key)
        self._settle_down()

    def close(self) -> None:
        """Remove all jobs, stop the schedulers, and let what runs go on to its end."""
        for scheduler in self._schedulers:
            scheduler.stop()
        self._host.close()
        self._settle_down()
        while (event := self.clock.next_event()) is not None and self._host.next_event() is not None:
            self.clock.advance((event - self.clock.now()) / SECOND)

    def scheduler(
        self,
        max_workers: int = 4,
        *,
        timezone: str | tzinfo | None = None,
        history: str | PathLike[str] | None = None,
        misfire: MisfireName = "run_once",
    ) -> Scheduler:
        """A ``Scheduler`` that lives in this world, started; ``close`` stops it."""
        scheduler = Scheduler(max_workers, timezone=timezone, history=history, misfire=misfire, clock=self.clock)
        self._schedulers.append(scheduler)
        scheduler.start()
        return scheduler

    # Time

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever is due on the way happens at its moment."""
        self.clock.advance(seconds)

    def stall(self, seconds: float) -> None:
        """Let time pass while nobody gets a turn, as if the program hung: runs end and slots come due unseen."""
        self.clock.stall(seconds)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the wall clock goes on, nothing else does."""
        self.clock.suspend(seconds)

    def step_clock(self, seconds: float) -> None:
        """Set the wall clock, forward or back."""
        self.clock.step(seconds)

    def crash(self, down: float = 0) -> None:
        """Lose the engine, and start anew with the ledger ``down`` seconds later.

        Concerns the jobs of this world; a scheduler on its clock only stalls meanwhile. Pauses are forgotten.
        """
        self._host.lose()
        self.clock.elapse(down)
        self._host.recover()
        self._settle_down()

    def kill(self, scheduler: Scheduler, *, durable: bool = True) -> None:
        """End a scheduler of this world as ``kill -9`` would end its process.

        On another scheduler with its ledger file its jobs go on. Without ``durable`` what it has recorded last may not
        be in the file yet.
        """
        self._schedulers.remove(scheduler)
        driver = scheduler._driver  # noqa: SLF001 - nothing but a test kills
        book = driver.book
        if book is not None and durable:
            book.flush()
        for host in self.clock.hosts:
            if isinstance(host, SchedulerHost) and host.driver is driver:
                self.clock.detach(host)
        driver.lose()

    # The law

    def assert_ledger_adds_up(self) -> None:
        """Every slot of every job, those of schedulers on the clock too, is in exactly one row, or still open.

        Raises:
            AssertionError: it is not; the message names the job and the slots.
        """
        findings = [
            f"  {account.key}: {finding}"
            for host in self.clock.hosts
            for account in host.accounts()
            for finding in discrepancies(account, self.clock.zone)
        ]
        findings += (f"  {finding}" for scheduler in self._schedulers for finding in _counted_wrong(scheduler))
        if findings:
            raise AssertionError("\n".join(["the ledger does not add up", *findings]))

    def _settle_down(self) -> None:
        self.clock.turn(Reason.STALLED)


def _counted_wrong(scheduler: Scheduler) -> Iterator[str]:
    """Jobs whose counts do not add up; of them the single slots may be forgotten already."""
    for job in scheduler.list_jobs():
        account = scheduler.account(job.id)
        if not account.adds_up:
            recorded = f"{account.recorded} recorded and {account.in_flight} in flight"
            yield f"{job.id}: {recorded}, but the schedule has {account.expected} slots"
