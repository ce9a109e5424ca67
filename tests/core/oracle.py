"""The second oracle: what must become of every slot of a job, told by going through the slots one by one.

It shares nothing with the engine but the policy and the jitter. It keeps no heap and counts no ranges: it looks at the
list of the chain's elements, and says of each element by itself what the rules make of it. Written for being obviously
right, and slow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Enumeration

BY_HAND = -1
"""Stands for the slot of a run that has none."""

Event: TypeAlias = tuple[str | int | bool | None, ...]
"""``start slot attempt fire_at``, ``wait slot``, ``close slot outcome reason``, ``cancel slot force``, ``done``."""

Verdict: TypeAlias = Literal["run", "run in turn", "overlap", "missed", "leave"]


@dataclass
class Flight:
    """A slot, or a run by hand, from its first attempt to its last."""

    slot: int
    attempt: int = 1
    in_turn: bool = False
    cancelled: bool = False
    again_at: int | None = None


class Oracle:
    """One job. Each method takes what the engine is told and gives what must come of it, in any order."""

    def __init__(
        self,
        elements: Enumeration,
        policy: Policy,
        fire_at: Callable[[int], int],
        *,
        index: int = 0,
        counted: bool = True,
    ) -> None:
        self.elements = elements
        self.policy = policy
        self.fire_at = fire_at
        self.index = index
        self.counted = counted
        self.late_when_added: int | None = None
        self.flights: list[Flight] = []
        self.queue: list[int] = []
        self.successes = 0
        self.paused = False
        self.gone = False
        self.events: list[Event] = []

    @property
    def head(self) -> int | None:
        return self.elements.element(self.index)

    @property
    def blocked(self) -> bool:
        """In mode single nothing starts, nor is anything decided, while something is in flight."""
        return self.policy.mode is Mode.SINGLE and bool(self.flights)

    @property
    def fires_at(self) -> int | None:
        """When the job has to be looked at; ``None``: not by itself."""
        if self.gone or self.paused or self.blocked or self.head is None:
            return None
        return self.fire_at(self.head)

    def is_due(self, now: int) -> bool:
        return self.fires_at is not None and self.fires_at <= now

    def due_again(self, now: int) -> Iterator[Flight]:
        return (flight for flight in self.flights if flight.again_at is not None and flight.again_at <= now)

    # What is done to the job

    def added(self, now: int) -> None:
        self.gone = False
        late = self.head is not None and self.fire_at(self.head) <= now
        self.late_when_added = self.head if late else None

    def attempt_again(self, flight: Flight) -> list[Event]:
        assert flight.again_at is not None
        self._say("start", flight.slot, flight.attempt, flight.again_at)
        flight.again_at = None
        return self._said()

    def dispatch(self, now: int, why: Reason) -> list[Event]:
        self._dispatch(now, why)
        return self._said()

    def remove(self, now: int, why: Reason) -> list[Event]:
        if not self.gone:
            self._decide_due_of_leaver(now, why)
            self._close_all(self.queue, Outcome.CANCELLED)
            self.queue = []
            for flight in list(self.flights):
                if not self._cut_short(flight):
                    self._say("cancel", flight.slot, False)
            self.gone = True
        return self._said()

    def pause(self, now: int, why: Reason) -> list[Event]:
        if self.is_due(now):
            self._dispatch(now, why)
        self.paused = True
        return self._said()

    def resume(self, now: int, catch_up: Misfire) -> list[Event]:
        if self.gone or not self.paused:
            return self._said()
        self.paused = False
        if self.is_due(now):
            self._resume_with(now, catch_up)
        if not self.blocked:
            self._let_queue_go_on(now)
        return self._said()

    def run_now(self, now: int, why: Reason) -> tuple[Flight, list[Event]]:
        before: list[Event] = []
        if self.is_due(now):
            before = self.dispatch(now, why)
        elif self.paused and not self.blocked and self.head is not None and self.fire_at(self.head) <= now:
            self._close_all(self._take(now), Outcome.SKIPPED, Reason.PAUSED)
        flight = Flight(BY_HAND)
        self.flights.append(flight)
        return flight, before + self._said()

    def settle(self, flight: Flight, outcome: Outcome, now: int) -> list[Event]:
        if outcome is Outcome.SUCCESS:
            self.successes += 1
        if self._to_be_tried_again(flight, outcome):
            flight.again_at = now + self._delay_before(flight.attempt)
            flight.attempt += 1
            return self._said()
        self.flights = [other for other in self.flights if other is not flight]
        if not self.gone:
            self._go_on_after_run(now)
        return self._said()

    def step(self, delta: int) -> None:
        for flight in self.flights:
            if flight.again_at is not None:
                flight.again_at += delta

    # What is found due

    def _dispatch(self, now: int, why: Reason) -> None:
        assert self.head is not None
        why = self._why(why)
        head, fires_at = self.head, self.fire_at(self.head)
        passed = self._take(now)
        for slot, verdict in self._judge(passed, now):
            if verdict == "run":
                self._begin(slot, fires_at if slot == head else self.fire_at(slot))
            elif verdict == "run in turn":
                self._begin_in_turn(slot, fires_at)
            elif verdict == "leave":
                self.index -= 1
            elif verdict == "overlap":
                self._say("close", slot, Outcome.SKIPPED, Reason.OVERLAP)
            else:
                self._say("close", slot, Outcome.MISSED, why)

    def _judge(self, passed: list[int], now: int) -> Iterator[tuple[int, Verdict]]:
        """Tell of the slots that have passed, the first of which has come due, what becomes of each."""
        head, *behind = passed
        fires_at = self.fire_at(head)
        candidates = [head, *(slot for slot in behind if slot > fires_at)]
        chosen = self._chosen(candidates, now)
        for slot in passed:
            if slot not in candidates:
                yield slot, "overlap"
            elif slot not in chosen:
                yield slot, "missed"
            elif self.policy.misfire is Misfire.RUN_ALL and len(candidates) > 1:
                yield slot, "run in turn"
            elif self.fire_at(slot) > now:
                yield slot, "leave"
            else:
                yield slot, "run"

    def _chosen(self, candidates: list[int], now: int) -> list[int]:
        """Of the slots that were found late together, those that the misfire policy lets run."""
        match self.policy.misfire:
            case Misfire.RUN_ONCE:
                return candidates[:1]
            case Misfire.RUN_ALL:
                return candidates[-self.policy.max_catch_up :]
            case Misfire.SKIP:
                ends = (candidates[0], candidates[-1])
                return [slot for slot in ends if now - self.fire_at(slot) <= self.policy.grace][:1]

    def _why(self, why: Reason) -> Reason:
        """What is found together with a slot that was late when the job was added is late for the same reason."""
        return Reason.DOWN if self.late_when_added is not None and self.head == self.late_when_added else why

    def _resume_with(self, now: int, catch_up: Misfire) -> None:
        assert self.head is not None
        fires_at = self.fire_at(self.head)
        passed = self._take(now)
        chosen = {Misfire.SKIP: [], Misfire.RUN_ONCE: passed[:1], Misfire.RUN_ALL: passed[-self.policy.max_catch_up :]}
        for slot in passed:
            if slot not in chosen[catch_up]:
                self._say("close", slot, Outcome.SKIPPED, Reason.PAUSED)
            elif catch_up is Misfire.RUN_ONCE:
                self._begin(slot, fires_at)
            else:
                self._begin_in_turn(slot, fires_at)

    def _decide_due_of_leaver(self, now: int, why: Reason) -> None:
        blocked, paused, why = self.blocked, self.paused, self._why(why)
        passed = self._take(now)
        for slot in passed:
            if blocked:
                self._say("close", slot, Outcome.SKIPPED, Reason.OVERLAP)
            elif paused:
                self._say("close", slot, Outcome.SKIPPED, Reason.PAUSED)
            elif slot == passed[0]:
                self._say("close", slot, Outcome.CANCELLED, None)
            elif slot <= self.fire_at(passed[0]):
                self._say("close", slot, Outcome.SKIPPED, Reason.OVERLAP)
            else:
                self._say("close", slot, Outcome.MISSED, why)

    # Starting, waiting, giving way

    def _begin(self, slot: int, fires_at: int) -> None:
        free = not self.flights and not self.queue
        if free or self.policy.mode is Mode.PARALLEL:
            self._start(slot, fires_at, in_turn=False)
        elif self.policy.mode is Mode.RESTART:
            self._supersede(slot, fires_at)
        else:
            self._wait(slot, self.policy.max_waiting)

    def _begin_in_turn(self, slot: int, fires_at: int) -> None:
        if self.queue or self._has_to_wait():
            self._wait(slot, self.policy.max_catch_up)
        else:
            self._start(slot, fires_at, in_turn=True)

    def _supersede(self, slot: int, fires_at: int) -> None:
        self._close_all(self.queue, Outcome.SKIPPED, Reason.OVERLAP)
        self.queue = []
        for flight in list(self.flights):
            if not flight.cancelled and not self._cut_short(flight):
                flight.cancelled = True
                self._say("cancel", flight.slot, True)
        if self.flights:
            self._wait(slot, 1)
        else:
            self._start(slot, fires_at, in_turn=False)

    def _start(self, slot: int, fires_at: int, *, in_turn: bool) -> None:
        limit = self.policy.max_runs
        if limit is not None and self.successes + len(self.flights) >= limit:
            self._say("close", slot, Outcome.SKIPPED, Reason.OVERLAP)
        else:
            self.flights.append(Flight(slot, in_turn=in_turn))
            self._say("start", slot, 1, fires_at)

    def _wait(self, slot: int, room: int) -> None:
        if len(self.queue) < room:
            self.queue.append(slot)
            self._say("wait", slot)
        else:
            self._say("close", slot, Outcome.SKIPPED, Reason.OVERLAP)

    def _has_to_wait(self) -> bool:
        if self.policy.mode is Mode.PARALLEL:
            return any(flight.in_turn for flight in self.flights)
        return bool(self.flights)

    def _let_queue_go_on(self, now: int) -> None:
        while self.queue and not self._has_to_wait():
            self._start(self.queue.pop(0), now, in_turn=True)

    def _cut_short(self, flight: Flight) -> bool:
        """End what is between two attempts."""
        if flight.again_at is None:
            return False
        self.flights.remove(flight)
        self._say("close", flight.slot, Outcome.CANCELLED, None)
        return True

    # The end of a run

    def _to_be_tried_again(self, flight: Flight, outcome: Outcome) -> bool:
        return (
            outcome in (Outcome.ERROR, Outcome.TIMED_OUT)
            and flight.slot != BY_HAND
            and flight.attempt <= self.policy.retries
            and not flight.cancelled
            and not self.gone
        )

    def _delay_before(self, retry: int) -> int:
        delay = float(self.policy.retry_delay)
        for _ in range(retry - 1):
            delay *= self.policy.retry_backoff
        return min(int(delay), 3600 * 10**9)

    def _go_on_after_run(self, now: int) -> None:
        if self.policy.max_runs is not None and self.successes >= self.policy.max_runs and not self.flights:
            self._end_after_last_run(now)
            return
        if not self.paused:
            self._let_queue_go_on(now)
        idle_again = self.policy.mode is Mode.SINGLE and not self.flights
        if idle_again and self.head is not None and self.fire_at(self.head) <= now:
            self._close_all(self._take(now), Outcome.SKIPPED, Reason.OVERLAP)

    def _end_after_last_run(self, now: int) -> None:
        self._close_all(self.queue, Outcome.SKIPPED, Reason.OVERLAP)
        self.queue = []
        paused = self.paused and self.policy.mode is not Mode.SINGLE
        self._close_all(self._take(now), Outcome.SKIPPED, Reason.PAUSED if paused else Reason.OVERLAP)
        self.gone = True
        self._say("done")

    # The chain

    def _take(self, now: int) -> list[int]:
        """The undecided slots up to ``now``. A chain that cannot count answers for its first only."""
        passed = self.elements.up_to(self.index, now)
        self.index += len(passed)
        return passed if self.counted else passed[:1]

    def _close_all(self, slots: list[int], outcome: Outcome, reason: Reason | None = None) -> None:
        for slot in slots:
            self._say("close", slot, outcome, reason)

    def _say(self, *event: str | int | bool | None) -> None:
        self.events.append(event)

    def _said(self) -> list[Event]:
        """What has been said since the last time; a job with nothing left is done."""
        if not self.gone and self.head is None and not self.flights and not self.queue:
            self.gone = True
            self._say("done")
        said, self.events = self.events, []
        return said
