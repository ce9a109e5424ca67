"""Plays a history on an engine and, beside it, on the second oracle, and checks the law after every call.

A history is plain data: jobs and a list of operations ``(name, *arguments)``. ``Play`` is the host: it starts runs,
keeps the journals of what would be in the ledger, and loses the engine in a crash. Times are seconds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from duly.core.clock import NEVER, SECOND
from duly.core.decisions import Arming, Cancel, Decision, Done, Run
from duly.core.engine import Engine
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire
from tests.core.account import Account, Spec, readable
from tests.core.chains import Enumeration
from tests.core.oracle import BY_HAND, Event, Flight, Oracle

Operation: TypeAlias = tuple[object, ...]

STALLED = Reason.STALLED


class Play:
    """The host of one history."""

    def __init__(self, specs: Sequence[Spec], start: int, engine: type[Engine] = Engine) -> None:
        self.start = self.now = start
        self._engine_type = engine
        self.engine = engine()
        self.accounts: list[Account] = []
        self.flights: dict[Run, Flight] = {}
        self._last_call: list[Account] = []
        for number, spec in enumerate(specs):
            self._open_account(f"job{number}", spec)

    def perform(self, operations: Iterable[Operation]) -> "Play":
        """Perform all, then close, let every run end, and draw the balance."""
        if not self.accounts:
            return self
        for name, *arguments in operations:
            getattr(self, f"do_{name}")(*arguments)
        self.do_close()
        for run in list(self.flights):
            self._settle(run, Outcome.SUCCESS)
        for account in self.accounts:
            account.check_balance()
        return self

    # Operations on time

    def do_wait(self, seconds: float) -> None:
        """Time goes by and nobody looks."""
        self.now += int(seconds * SECOND)

    def do_tick(self, seconds: float = 0, limit: int | None = None) -> None:
        self.do_wait(seconds)
        self._tick(STALLED, limit)

    def do_stall(self, seconds: float) -> None:
        self.do_wait(seconds)
        self._tick(STALLED, met="stall")

    def do_suspend(self, seconds: float) -> None:
        self._jump("suspend", seconds)

    def do_step(self, seconds: float) -> None:
        """The wall clock is set, either way."""
        if seconds < 0:
            for account in self._live():
                if account.highest > self.now + int(seconds * SECOND):
                    account.met.add("step back")
        self._jump("step forward", seconds)

    def do_crash(self, seconds: float, lost: int = 0, keep_pause: bool = False) -> None:
        """The process dies, the last ``lost`` decisions of the last call not yet durable, and is started again."""
        if not any(account.job.gone for account in self._last_call):
            for account in self._last_call[::-1][:lost]:
                account.journal.pop()
        self._last_call = []
        self.flights.clear()
        self.engine = self._engine_type()
        self.do_wait(seconds)
        for account in self.accounts:
            account.close_open()
            account.oracle.flights.clear()
            if not account.job.gone:
                self._add_anew(account, paused=keep_pause and account.job.paused)
        self._tick(STALLED, met="crash")

    def do_restart(self, seconds: float) -> None:
        """The host stops and starts again; runs that had begun are in flight still."""
        stopped = list(self._live())
        self.do_close()
        self.do_wait(seconds)
        for account in stopped:
            account.check_decided_up_to_end()
            if not account.is_over():
                account.closed_at = None
                assert self.engine.add(account.job, self.now, pending=account.job.pending) == []
                account.oracle.added(self.now)
                account.check()
        self._tick(STALLED)

    # Operations on runs

    def do_begin(self, number: int) -> None:
        if self.flights:
            self._flying(number).started = self.now

    def do_settle(self, number: int, outcome: Outcome) -> None:
        if self.flights:
            self._settle(self._flying(number), outcome)

    def do_run_now(self, number: int) -> None:
        account = self._account(number)
        if not account.job.gone:
            run, out = self.engine.run_now(account.job, self.now)
            flight, expected = account.oracle.run_now(self.now, STALLED)
            assert (run.slot, run.attempt, run.fire_at) == (None, 1, self.now)
            self.flights[run] = flight
            self._carry_out(out, {account: expected})

    # Operations on jobs

    def do_pause(self, number: int) -> None:
        account = self._account(number)
        if not account.job.gone and not account.job.paused:
            out = self.engine.pause(account.job, self.now)
            self._carry_out(out, {account: account.oracle.pause(self.now, STALLED)})

    def do_resume(self, number: int, catch_up: Misfire = Misfire.SKIP) -> None:
        account = self._account(number)
        if account.job.paused and account.job.fire_at <= self.now:
            account.met.add("pause")
        out = self.engine.resume(account.job, self.now, catch_up)
        self._carry_out(out, {account: account.oracle.resume(self.now, catch_up)})

    def do_remove(self, number: int) -> None:
        account = self._account(number)
        if not account.job.gone:
            if account.job.active or account.job.fire_at <= self.now:
                account.met.add("remove")
            account.closed_at = self.now
            out = self.engine.remove(account.job, self.now)
            self._carry_out(out, {account: account.oracle.remove(self.now, STALLED)})

    def do_lift(self, number: int, seconds: float) -> None:
        """A job is taken out for some time, undecided."""
        account = self._account(number)
        if not account.job.gone and account.job.pending != NEVER:
            self.engine.lift(account.job)
            self.do_wait(seconds)
            assert self.engine.add(account.job, self.now, pending=account.job.pending) == []
            account.oracle.added(self.now)
            account.check()

    def do_add_again(self, number: int) -> None:
        """A job that is gone is added anew, with what is in the ledger behind it."""
        old = self._account(number)
        same = [account for account in self.accounts if account.job.key == old.job.key]
        if old.spec.kind != "failing" and all(account.job.gone for account in same):
            self._open_account(old.job.key, old.spec, after=max(account.highest for account in same))

    def do_close(self) -> None:
        live = list(self._live())
        for account in live:
            account.closed_at = self.now
        out = self.engine.close(self.now)
        self._carry_out(out, {account: account.oracle.remove(self.now, STALLED) for account in live})
        assert all(account.job.gone for account in self.accounts)
        assert self.engine.next_wakeup() is None

    # Arming

    def _open_account(self, key: str, spec: Spec, after: int = -1) -> None:
        chain = spec.chain(self.start)
        job = Arming(key, chain, spec.policy)
        first = chain.first(self.now)
        if first is not None and first <= after:
            first = chain.next(first, after)
        out = self.engine.add(job, self.now, after=None if after < 0 else after)
        if first is None:
            assert out == [Done(job)]
            return
        assert out == []
        elements = Enumeration(chain, first)
        self.accounts.append(Account(spec, chain, elements, job, self._oracle(job, elements, 0)))
        self.accounts[-1].check()

    def _oracle(self, job: Arming, elements: Enumeration, index: int) -> Oracle:
        def fire_at(slot: int) -> int:
            moment = self.engine._fire_at(job, slot)
            assert slot <= moment <= slot + job.policy.jitter
            return moment

        counted = job.chain.count is not None
        oracle = Oracle(elements, job.policy, fire_at, index=index, counted=counted)
        oracle.added(self.now)
        return oracle

    def _add_anew(self, account: Account, *, paused: bool) -> None:
        job, pending = account.job, account.resume_from()
        if pending is None:
            job.gone = account.oracle.gone = True
            return
        account.job = Arming(job.key, account.chain, job.policy)
        account.job.successes = account.successes
        account.job.paused = paused
        assert self.engine.add(account.job, self.now, pending=pending) == []
        account.oracle = self._oracle(account.job, account.elements, account.decided)
        account.oracle.successes = account.successes
        account.oracle.paused = paused
        account.check()

    # Calls

    def _jump(self, name: str, seconds: float) -> None:
        delta = int(seconds * SECOND)
        self.now += delta
        self.engine.step(delta)
        for account in self._live():
            account.oracle.step(delta)
        self._tick(Reason.SUSPENDED, met=name)

    def _tick(self, why: Reason, limit: int | None = None, met: str = "") -> None:
        self._note_what_is_met(met)
        out = self.engine.tick(self.now, why, limit)
        order = list(dict.fromkeys(map(_subject, out)))
        expected: dict[Account, list[Event]] = {}
        for job, again in order:
            account = self._account_of(job)
            expected.setdefault(account, []).extend(self._tick_one(account, again, why))
        still_due = min(self._due(), default=None)
        if still_due is not None:
            assert limit is not None, "nothing was done about something due"
            assert len(out) >= limit, "stopped before the limit"
        if limit is not None:
            assert sum(_subject(decision) != order[-1] for decision in out) < limit, "went on behind the limit"
        self._carry_out(out, expected)
        if limit is None:
            self._check_nothing_is_late()

    def _tick_one(self, account: Account, again: int | None, why: Reason) -> list[Event]:
        """The next thing the engine has done, which must have been the earliest due."""
        oracle, earliest = account.oracle, min(self._due(), default=None)
        if again is None:
            assert oracle.is_due(self.now), ("not due", account.spec)
            assert oracle.fires_at == earliest, ("not the earliest due", account.spec)
            return oracle.dispatch(self.now, why)
        flight = next((flight for flight in oracle.due_again(self.now) if flight.slot == again), None)
        assert flight is not None, ("not due", account.spec)
        assert flight.again_at == earliest, ("not the earliest due", account.spec)
        return oracle.attempt_again(flight)

    def _settle(self, run: Run, outcome: Outcome) -> None:
        flight = self.flights.pop(run)
        account = self._account_of(run.job)
        out = self.engine.settle(run, outcome, self.now)
        expected = account.oracle.settle(flight, outcome, self.now)
        assert run.final == (flight.again_at is None), ("final", account.spec)
        self._last_call = []
        if run.final:
            account.enter_end(run.slot, outcome)
            self._last_call.append(account)
        self._carry_out(out, {account: expected}, calls=0)
        assert self.engine.settle(run, Outcome.CANCELLED, self.now) == [], "settled twice"
        account.check()

    def _carry_out(self, out: list[Decision], expected: dict[Account, list[Event]], calls: int = 1) -> None:
        """Note the decisions, compare them with what the oracle expects, and check the law."""
        if calls:
            self._last_call = []
        got: dict[Account, list[Event]] = {account: [] for account in expected}
        not_begun = []
        for decision in out:
            account = self._account_of(_subject(decision)[0])
            before = len(account.journal)
            got.setdefault(account, []).extend(account.take(decision, self.now))
            self._last_call += [account] * (len(account.journal) - before)
            if isinstance(decision, Cancel) and decision.run.started is None:
                not_begun.append(decision.run)
        for account, events in got.items():
            self._compare(account, events, expected.get(account, []))
        for run in (decision for decision in out if isinstance(decision, Run)):
            flights = self._account_of(run.job).oracle.flights
            self.flights[run] = next(flight for flight in flights if flight.slot == run.slot)
        for run in not_begun:
            self._settle(run, Outcome.CANCELLED)

    # Checking

    def _compare(self, account: Account, got: list[Event], expected: list[Event]) -> None:
        extra, lacking = Counter(got) - Counter(expected), Counter(expected) - Counter(got)
        if extra or lacking:
            engine, oracle = readable(extra, self.start), readable(lacking, self.start)
            raise AssertionError(f"{account.spec}: the engine says {engine}, the oracle {oracle}")
        account.check()

    def _check_nothing_is_late(self) -> None:
        wakeup = self.engine.next_wakeup()
        assert wakeup is None or wakeup > self.now, "woken for nothing"
        for account in self._live():
            account.check_not_late(self.now)
            moments = [account.oracle.fires_at, *(flight.again_at for flight in account.oracle.flights)]
            earliest = min((moment for moment in moments if moment is not None), default=None)
            assert earliest is None or (wakeup is not None and wakeup <= earliest), ("sleeps through", account.spec)

    def _note_what_is_met(self, name: str) -> None:
        for account in self._live():
            job, oracle = account.job, account.oracle
            if oracle.is_due(self.now) and len(account.elements.up_to(account.decided, self.now)) > 1:
                account.met.add(name)
            if job.active and job.fire_at <= self.now and not job.paused:
                account.met.update(_busy_with(flight) for flight in oracle.flights)

    # Finding

    def _live(self) -> Iterator[Account]:
        return (account for account in self.accounts if not account.job.gone)

    def _account(self, number: int) -> Account:
        return self.accounts[number % len(self.accounts)]

    def _account_of(self, job: Arming) -> Account:
        return next(account for account in self.accounts if account.job is job)

    def _flying(self, number: int) -> Run:
        return list(self.flights)[number % len(self.flights)]

    def _due(self) -> Iterator[int]:
        """When what is due now was to happen."""
        for account in self.accounts:
            moment = account.oracle.fires_at
            if moment is not None and moment <= self.now:
                yield moment
            yield from (flight.again_at for flight in account.oracle.due_again(self.now) if flight.again_at is not None)


def _busy_with(flight: Flight) -> str:
    if flight.slot == BY_HAND:
        return "run now"
    return "overlap" if flight.again_at is None else "retry"


def _subject(decision: Decision) -> tuple[Arming, int | None]:
    """The job that a decision is about, and the slot if it is a further attempt."""
    if isinstance(decision, Run):
        return decision.job, decision.slot if decision.attempt > 1 else None
    return (decision.run.job if isinstance(decision, Cancel) else decision.job), None
