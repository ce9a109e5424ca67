"""Jobs that stay when their chain ends, and get another one."""

import pytest

from duly.core.decisions import Arming
from duly.core.engine import Engine
from duly.core.outcomes import Outcome
from duly.core.policy import Mode, Policy
from duly.core.trigger import Chain
from tests.core.chains import Calendar, Single, Steps
from tests.core.driven import Driven, ns

EVERY_10 = Steps(10)


class Staying(Driven):
    """An engine with one job that stays."""

    def __init__(self, policy: Policy = Policy(), chain: Chain = EVERY_10) -> None:  # noqa: B008 - immutable
        self.engine = Engine()
        self.job = Arming("job", chain, policy)
        self.job.stays = True
        self.added = self._words(self.engine.add(self.job, 0))

    def cut(self, now: float) -> list[str]:
        return self._words(self.engine.cut(self.job, ns(now)))

    def turn_to(self, chain: Chain, now: float, pending: float) -> list[str]:
        self.engine.lift(self.job)
        self.job.chain = chain
        return self.add(now, pending)


def test_a_job_that_stays_is_not_done_at_the_end_of_its_chain() -> None:
    job = Staying(chain=Single(ns(10)))
    assert job.tick(10) == ["start 10"]
    assert job.end(10, 11) == []
    assert not job.job.gone
    assert job.wakeup is None
    assert job.turn_to(Single(ns(30)), 12, 30) == []
    assert job.tick(30) == ["start 30"]


def test_a_cut_ends_the_chain_and_decides_what_was_due() -> None:
    job = Staying()
    assert job.cut(25) == ["start 10", "missed stalled 20"]
    assert job.wakeup is None
    assert job.tick(100) == []


def test_a_cut_before_anything_is_due_decides_nothing() -> None:
    job = Staying()
    assert job.cut(5) == []
    assert job.tick(100) == []


def test_slots_that_passed_during_a_run_are_overlap_and_the_run_goes_on() -> None:
    job = Staying()
    job.tick(10)
    assert job.cut(35) == ["skipped overlap 20-30 (2)"]
    assert job.turn_to(Calendar([ns(40), ns(50)]), 36, 40) == []
    assert job.tick(40) == []
    assert job.end(10, 45) == ["skipped overlap 40"]
    assert job.tick(50) == ["start 50"]


def test_slots_that_passed_during_a_pause_are_paused_and_it_stays_paused() -> None:
    job = Staying()
    job.pause(5)
    assert job.cut(25) == ["skipped paused 10-20 (2)"]
    job.turn_to(EVERY_10, 25, 30)
    assert job.tick(35) == []
    assert job.resume(36) == ["skipped paused 30"]
    assert job.tick(40) == ["start 40"]


def test_what_waits_its_turn_keeps_it() -> None:
    job = Staying(Policy(Mode.QUEUED))
    job.tick(10)
    assert job.tick(20) == ["wait 20"]
    assert job.cut(25) == []
    assert job.end(10, 26) == ["start 20"]
    job.turn_to(EVERY_10, 27, 30)
    assert job.tick(30) == ["wait 30"]


def test_a_retry_goes_on() -> None:
    job = Staying(Policy(retries=1))
    job.tick(10)
    job.end(10, 11, Outcome.ERROR)
    job.cut(11)
    job.turn_to(Single(ns(60)), 11, 60)
    assert job.tick(12) == ["start 10 #2"]


@pytest.mark.parametrize("mode", list(Mode))
def test_it_can_be_run_by_hand_paused_and_removed_while_nothing_is_due(mode: Mode) -> None:
    job = Staying(Policy(mode))
    job.cut(5)
    assert job.run_now(6) == ["start by hand"]
    assert job.end(None, 7) == []
    assert (job.pause(8), job.resume(9), job.remove(10)) == ([], [], [])
    assert job.job.gone
    assert job.cut(11) == []
