"""An engine with one job, in words and seconds, for tests that follow a few calls step by step."""

from duly.core.clock import SECOND
from duly.core.decisions import Arming, Cancel, Close, Decision, Done, Run, TriggerFailed, Wait
from duly.core.engine import Engine
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Policy
from duly.core.trigger import Chain
from tests.core.chains import Steps

EVERY_10 = Steps(10)


class Driven:
    """Every call takes the time in seconds and gives the decisions in words."""

    def __init__(
        self,
        policy: Policy = Policy(),  # noqa: B008 - immutable
        chain: Chain = EVERY_10,
        *,
        now: float = 0,
        key: str = "job",
        engine: Engine | None = None,
    ) -> None:
        self.engine = engine or Engine()
        self.job = Arming(key, chain, policy)
        self.added = self._words(self.engine.add(self.job, ns(now)))

    def add(self, now: float, pending: float, why: Reason = Reason.DOWN) -> list[str]:
        """Add it anew."""
        return self._words(self.engine.add(self.job, ns(now), pending=ns(pending), why=why))

    def tick(self, now: float, why: Reason = Reason.STALLED, limit: int | None = None) -> list[str]:
        return self._words(self.engine.tick(ns(now), why, limit))

    def end(self, slot: float | None, now: float, outcome: Outcome = Outcome.SUCCESS) -> list[str]:
        """The run of ``slot`` has ended; ``None``: the run by hand."""
        return self._words(self.engine.settle(self.run(slot), outcome, ns(now)))

    def run(self, slot: float | None) -> Run:
        """The run of ``slot`` that is in flight."""
        wanted = None if slot is None else ns(slot)
        return next(run for run in self.job.active if run.slot == wanted)

    def pause(self, now: float, why: Reason = Reason.STALLED) -> list[str]:
        return self._words(self.engine.pause(self.job, ns(now), why))

    def resume(self, now: float, catch_up: Misfire = Misfire.SKIP) -> list[str]:
        return self._words(self.engine.resume(self.job, ns(now), catch_up))

    def remove(self, now: float, why: Reason = Reason.STALLED) -> list[str]:
        return self._words(self.engine.remove(self.job, ns(now), why))

    def run_now(self, now: float, why: Reason = Reason.STALLED) -> list[str]:
        """The decisions that came before the run, and the run."""
        run, out = self.engine.run_now(self.job, ns(now), why)
        return [*self._words(out), *self._words([run])]

    def step(self, seconds: float) -> None:
        self.engine.step(ns(seconds))

    @property
    def wakeup(self) -> float | None:
        moment = self.engine.next_wakeup()
        return None if moment is None else moment / SECOND

    @property
    def pending(self) -> float:
        return self.job.pending / SECOND

    def _words(self, decisions: list[Decision]) -> list[str]:
        return [words(decision) for decision in decisions]


def ns(seconds: float) -> int:
    return round(seconds * SECOND)


def words(decision: Decision) -> str:
    """``start 10``, ``start 10 #2`` (second attempt), ``wait 20``, ``cancel 10``, ``cancel 10 by force``, ``done``,
    ``skipped overlap 20``, ``missed down 20-40 (3)``, ``cancelled 20``, ``failed LookupError``, ``lagged 5``."""
    match decision:
        case Run(attempt=attempt):
            text = f"start {_slot(decision)}" + (f" #{attempt}" if attempt > 1 else "")
        case Wait(slot=slot):
            text = f"wait {_seconds(slot)}"
        case Close(first=first, last=last, count=count):
            slots = _seconds(first) if first == last else f"{_seconds(first)}-{_seconds(last)} ({count})"
            text = " ".join(filter(None, (decision.outcome, decision.reason, slots)))
        case Cancel(run=run, force=force):
            text = f"cancel {_slot(run)}" + (" by force" if force else "")
        case Done():
            text = "done"
        case TriggerFailed(error=error):
            text = f"failed {type(error).__name__}"
        case _:
            text = f"lagged {_seconds(decision.lag)}"
    return text


def _slot(run: Run) -> str:
    return "by hand" if run.slot is None else _seconds(run.slot)


def _seconds(moment: int) -> str:
    seconds, rest = divmod(moment, SECOND)
    return str(moment / SECOND) if rest else str(seconds)
