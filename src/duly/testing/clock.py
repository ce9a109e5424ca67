"""Time for tests: it moves only when told, and makes happen what is due on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, nanoseconds, zoned
from duly.core.outcomes import Reason
from duly.testing.ledger import Account

if TYPE_CHECKING:
    from duly.embedded.driver import Driver
    from duly.testing.scheduler_host import SchedulerHost

ResultT = TypeVar("ResultT")

START = ZonedDateTime(2025, 1, 1, tz="UTC")

_MOST_TURNS = 10_000


class Host(Protocol):
    """What lives on virtual time: something that has to be given its turn whenever one of its moments has come."""

    def next_event(self) -> int | None:
        """When it has something to do next, unless the wall clock is stepped before; ``None``: not by itself."""
        ...

    def turn(self, now: int, why: Reason) -> None:
        """Do everything that is due. ``why`` is the reason for what comes too late."""
        ...

    def stepped(self, delta: int) -> None:
        """The wall clock went ``delta`` nanoseconds further than time did."""
        ...

    def accounts(self) -> Iterable[Account]:
        """What there is to check about its jobs."""
        ...


class VirtualClock:
    """A ``Clock`` for one thread. Owns the time and the hosts that live on it.

    Its zone is that of ``start``. A ``Scheduler(clock=…)`` starts no threads on it: its jobs are called while the clock
    advances, and take the time that they spend in ``work``.
    """

    def __init__(self, start: ZonedDateTime = START) -> None:
        self._now = nanoseconds(start)
        self._monotonic = 0
        self._zone = start.tz_id
        self._hosts: list[Host] = []
        self._work: int | None = None

    @property
    def zone(self) -> Zone:
        """The zone in which wall-clock times without one are meant."""
        return self._zone

    def now(self) -> int:
        """Wall-clock time in nanoseconds since the epoch."""
        return self._now

    def monotonic(self) -> int:
        """Nanoseconds of virtual time since the clock was made; stands still in ``suspend`` and ``step``."""
        return self._monotonic

    def time(self, moment: int | None = None) -> ZonedDateTime:
        """``moment``, by default now, as a date and time in the zone of the clock."""
        return zoned(self._now if moment is None else moment, self._zone)

    def attach(self, host: Host) -> None:
        """Give ``host`` its turns from now on."""
        self._hosts.append(host)

    def detach(self, host: Host) -> None:
        """Give ``host`` no more turns; harmless if it had none."""
        if host in self._hosts:
            self._hosts.remove(host)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Who lives on it."""
        return tuple(self._hosts)

    def make_host(self, driver: Driver, max_workers: int) -> SchedulerHost:
        """What a ``Scheduler`` on this clock has instead of threads."""
        from duly.testing.scheduler_host import SchedulerHost  # noqa: PLC0415 - not everybody embeds a scheduler

        return SchedulerHost(self, driver, max_workers)

    def work(self, seconds: float) -> None:
        """Called by a job of a ``Scheduler``: its run takes so long. Elsewhere the same as ``advance``."""
        if self._work is None:
            self.advance(seconds)
        else:
            self._work += _forward(seconds)

    def measure(self, call: Callable[[], ResultT]) -> tuple[ResultT, int]:
        """What ``call`` gives, and the nanoseconds it has spent in ``work``."""
        outer, self._work = self._work, 0
        try:
            return call(), self._work
        finally:
            self._work = outer

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever is due on the way happens at its moment."""
        end = self._monotonic + _forward(seconds)
        self.turn(Reason.STALLED)
        while (event := self.next_event()) is not None and self._monotonic + event - self._now <= end:
            self._pass(event - self._now)
            self.turn(Reason.STALLED)
        self._pass(end - self._monotonic)

    def stall(self, seconds: float) -> None:
        """Let time pass while nobody gets a turn, as if the program hung."""
        self.elapse(seconds)
        self.turn(Reason.STALLED)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the wall clock goes on, nothing else does."""
        self._jump(_forward(seconds))

    def step(self, seconds: float) -> None:
        """Set the wall clock, forward or back."""
        self._jump(round(seconds * SECOND))

    def next_event(self) -> int | None:
        """When something happens next, at the earliest now; ``None``: nothing will by itself."""
        events = [event for host in self._hosts if (event := host.next_event()) is not None]
        return max(min(events), self._now) if events else None

    def elapse(self, seconds: float) -> None:
        """Let time pass without anybody's turn, not even at the end."""
        self._pass(_forward(seconds))

    def elapse_until(self, moment: int) -> None:
        """Let time pass up to a moment of the wall clock, in nanoseconds, without anybody's turn."""
        self._pass(max(0, moment - self._now))

    def turn(self, why: Reason) -> None:
        """Give everybody turns until nothing is due."""
        for _ in range(_MOST_TURNS):
            for host in list(self._hosts):
                host.turn(self._now, why)
            event = self.next_event()
            if event is None or event > self._now:
                return
        raise AssertionError(f"something is still due at {self.time()} after {_MOST_TURNS} turns; is a chain endless?")

    def _pass(self, duration: int) -> None:
        self._now += duration
        self._monotonic += duration

    def _jump(self, delta: int) -> None:
        self._now += delta
        for host in self._hosts:
            host.stepped(delta)
        self.turn(Reason.SUSPENDED)


def _forward(seconds: float) -> int:
    if seconds < 0:
        raise ValueError(f"time passes forward only, got {seconds!r} seconds; use step to set the clock back")
    return round(seconds * SECOND)
