"""Whatever happens to a program, every moment has an answer, and every slot that has a row is told by it."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.ledger import jobs
from duly.ledger.executions import Execution, ExecutionFilter, page
from duly.ledger.reader import LedgerReader
from duly.ledger.why import Verdict, why
from duly.ledger.why_words import sentence
from duly.triggers import Every
from tests.embedded.test_file_law import STEPS, Program
from tests.profiles import examples

_LOOKED_AT = 10
"""Rows of a job about which it is asked."""

_OFTEN = {
    "trigger": Every(seconds=3),
    "mode": "single",
    "misfire": "run_once",
    "retries": 0,
    "jitter": None,
    "max_runs": None,
    "takes": 0,
    "fails": False,
}
SET_BACK = [("schedule", "c", _OFTEN), ("advance", 3), ("step", -1), ("schedule", "c", _OFTEN)]
"""The first schedule ends, by the clock, before its last slot."""

HAS_A_ROW = {Verdict.RAN, Verdict.OPEN, Verdict.NOT_RUN}


@settings(max_examples=max(10, examples() // 20), deadline=None)
@given(st.lists(STEPS, max_size=15), st.lists(st.integers(-10, 400), max_size=5))
@example(SET_BACK, [])
def test_every_slot_that_has_a_row_is_told_by_it(steps: list[tuple[Any, ...]], moments: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "jobs.db")
        begin = program.world.clock.now()
        try:
            for step in steps:
                program.do(step)
            program.scheduler.history(limit=1)  # waits until all is in the file
            _check(program, [begin + moment * SECOND for moment in moments])
        finally:
            program.scheduler.stop()


def _check(program: Program, moments: list[int]) -> None:
    now = program.world.clock.now()
    with LedgerReader(program.path, clock=program.world.clock) as reader:
        for job in reader.read(jobs.jobs):
            for moment in moments:
                answer = reader.read(why, job, moment, now=now, alive=True)
                assert answer.verdict is not Verdict.UNACCOUNTED
                assert sentence(answer, "UTC")
            rows = reader.read(page, ExecutionFilter(job_id=job.id), limit=1000).rows
            settling = [row for row in rows if row.scheduled_ts is not None and row.tick_count]
            for row in settling[:: 1 + len(settling) // _LOOKED_AT]:
                for moment in {row.scheduled_ts or 0, row.scheduled_to_ts or row.scheduled_ts or 0}:
                    answer = reader.read(why, job, moment, now=now, alive=True)
                    assert (answer.exact, answer.verdict in HAS_A_ROW) == (True, True)
                    assert answer.row in [each for each in settling if _holds(each, moment)]


def _holds(row: Execution, moment: int) -> bool:
    return row.scheduled_ts is not None and row.scheduled_ts <= moment <= (row.scheduled_to_ts or row.scheduled_ts)
