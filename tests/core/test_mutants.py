"""Would the law notice? Engines with one fault each, all of which it has to find."""

from itertools import product
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings

from duly.core import engine as healthy
from duly.core.engine import Engine
from tests.core.account import Spec
from tests.core.cells import CELLS, cell
from tests.core.histories import HISTORIES, PLAIN
from tests.core.play import Operation, Play

ENOUGH = 4_000
"""Examples within which a fault has to be found; most take a few dozen."""


class Mutant(NamedTuple):
    """A fault: in the source of the engine, ``old`` becomes ``new``. ``old`` must stand there exactly once."""

    name: str
    old: str
    new: str


MUTANTS = [
    Mutant(
        "what passed during the jitter is missed",
        """\
                self._pass(job, fire_at, now, Reason.OVERLAP, out)
                self._pass(job, now, now, why, out)
""",
        """\
                self._pass(job, now, now, why, out)
""",
    ),
    Mutant("ranges count one too many", "return behind + 1, last", "return behind + 2, last"),
    Mutant(
        "slots passed while paused are missed",
        "self._pass(job, now, now, Reason.PAUSED, out)\n        self._start_waiting",
        "self._pass(job, now, now, Reason.STALLED, out)\n        self._start_waiting",
    ),
    Mutant(
        "resume forgets what has passed",
        "            self._pass(job, now, now, Reason.PAUSED, out)\n        self._start_waiting",
        "        self._start_waiting",
    ),
    Mutant(
        "restart keeps the older slot waiting",
        """\
        self._drop_waiting(job, Reason.OVERLAP, out)
        for run in job.active:
""",
        """\
        for run in job.active:
""",
    ),
    Mutant("a cancelled run is tried again", "or run.cancelling or job.gone", "or job.gone"),
    Mutant("a run of a removed job is tried again", "or run.cancelling or job.gone", "or run.cancelling"),
    Mutant("an attempt with another to follow is final", "run.final = False", "run.final = True"),
    Mutant(
        "the slot that came due is decided after those behind it",
        """\
            self._launch(job, slot, fire_at, out)
            if job.pending <= now:
                self._pass(job, fire_at, now, Reason.OVERLAP, out)
                self._pass(job, now, now, why, out)
""",
        """\
            if job.pending <= now:
                self._pass(job, fire_at, now, Reason.OVERLAP, out)
                self._pass(job, now, now, why, out)
            self._launch(job, slot, fire_at, out)
""",
    ),
    Mutant(
        "the reason of an added job is forgotten",
        "why = job.late_because or why\n        self._follow",
        "self._follow",
    ),
    Mutant("the reason of an added job outlives its slot", "        job.late_because = None\n", ""),
    Mutant("max_runs is not the end", "if limit is not None and job.successes >= limit and", "if limit == 0 and"),
    Mutant("max_runs starts one too many", "job.successes + len(job.active) >= limit", "job.successes > limit"),
    Mutant("one too many waits", "if len(job.waiting) < room:", "if len(job.waiting) <= room:"),
    Mutant("a step of the clock moves slots", "if isinstance(item, Run) and item.entry is", "if item.entry is"),
    Mutant("a step of the clock leaves retries", "item.fire_at += delta", "pass"),
    Mutant("remove forgets what waits", "        self._drop_waiting(job, None, out)\n", ""),
    Mutant("remove leaves runs between attempts", "if not self._close_between_attempts(run, out):\n", "if run:\n"),
    Mutant("a parallel catch-up does not wait its turn", "any(run.in_turn for run in job.active)", "False"),
    Mutant("a retry leaves its turn", "        again.in_turn = run.in_turn\n", ""),
    Mutant("the grace ends too early", "now - fire_at > policy.grace:", "now - fire_at >= policy.grace:"),
    Mutant("the newest is missed, too", "if now - fire_at > job.policy.grace:", "if now:"),
    Mutant(
        "one too few catches up",
        "surplus = count - job.policy.max_catch_up",
        "surplus = count - job.policy.max_catch_up + 1",
    ),
    Mutant("settling twice counts twice", "        if run.done:\n            return out\n", ""),
    Mutant(
        "a run by hand does not block",
        "        job.active += (run,)\n        return run, out",
        "        return run, out",
    ),
    Mutant(
        "paused slots are lost to a run by hand",
        "elif job.fire_at <= now and not self._blocked(job):",
        "elif job.gone:",
    ),
    Mutant(
        "pause forgets what is due",
        "            self._catch_up_with(job, now, why, out)\n            job.paused",
        "            job.paused",
    ),
    Mutant(
        "paused wins over busy",
        "self._pass(job, now, now, Reason.OVERLAP, out)\n        if job.entry",
        "self._pass(job, now, now, Reason.PAUSED if job.paused else Reason.OVERLAP, out)\n        if job.entry",
    ),
    Mutant(
        "idle again, what was to fire later is skipped",
        "        if job.fire_at <= now:\n            self._timer.disarm",
        "        if job.pending <= now:\n            self._timer.disarm",
    ),
    Mutant("a trigger that cannot count is asked for each slot", "seen = max(slot, now) if", "seen = slot if"),
    Mutant("a tick has no bound", "if limit is not None and len(out) >= limit:", "if limit == 0:"),
    Mutant("jitter exceeds its bound", "* job.policy.jitter >> 32", "* job.policy.jitter >> 31"),
    Mutant("a job is not done at its end", "            self._finish(job, out)\n\n", "            pass\n\n"),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_law_finds_the_fault(mutant: Mutant) -> None:
    engine = _engine_with(mutant)

    @settings(max_examples=ENOUGH, phases=[Phase.generate], database=None, derandomize=True)
    @given(HISTORIES)
    def law(history: tuple[list[Spec], int, list[Operation]]) -> None:
        specs, start, operations = history
        Play(specs, start, engine).perform(operations)

    def examples() -> None:
        for (mode, misfire, operation), jitter in product(CELLS, (0, 25)):
            specs, operations = cell(mode, misfire, operation, jitter=jitter)
            Play(specs, PLAIN, engine).perform(operations)
        law()

    with pytest.raises(AssertionError):
        examples()


def _engine_with(mutant: Mutant) -> type[Engine]:
    source = Path(healthy.__file__).read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1, f"{mutant.name}: the text to replace must stand in the engine exactly once"
    module = ModuleType("mutant")
    exec(compile(source.replace(mutant.old, mutant.new), "mutant", "exec"), module.__dict__)  # noqa: S102 - our own text
    engine: type[Engine] = module.Engine
    return engine
