"""Random histories of a program: the doctor finds nothing wrong at any moment, and whatever is taken away later."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duly.ledger import doctor
from duly.ledger.connections import open_writer
from duly.ledger.diagnosis import Report, Trouble
from tests.embedded.filed import rows_of
from tests.embedded.test_file_law import JOBS, STEPS, Program
from tests.profiles import examples

HISTORIES = st.lists(STEPS, max_size=20)

FOLLOWED = """
SELECT id, tick_count FROM raw_executions AS e
WHERE tick_count > 0 AND EXISTS (
    SELECT 1 FROM raw_executions WHERE schedule_id = e.schedule_id AND scheduled_ts > e.scheduled_ts AND tick_count > 0)
"""
"""The rows that others follow: of the last of a chain that has ended by itself, nothing else tells."""


@contextmanager
def program(steps: list[tuple[Any, ...]]) -> Iterator[Program]:
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "jobs.db")
        try:
            for step in steps:
                program.do(step)
            yield program
        finally:
            program.scheduler.stop()
            program.world.close()


def examined(program: Program) -> Report:
    return doctor.examine(program.path, clock=program.world.clock)


@settings(max_examples=max(20, examples() // 10))
@given(HISTORIES)
def test_nothing_is_wrong_while_a_program_runs_nor_after_it_has_stopped(steps: list[tuple[Any, ...]]) -> None:
    with program(steps) as running:
        assert examined(running).diagnoses == ()
        running.scheduler.stop()
        report = examined(running)
        assert report.diagnoses == ()
        ticks = rows_of(running.path, "tick_count", "executions")
        assert report.expected == report.recorded == sum(ticks)
        assert (report.writer, report.abandoned) == (None, 0)


@settings(max_examples=max(20, examples() // 10))
@given(HISTORIES, JOBS, st.data())
def test_whatever_row_is_taken_away_is_missed(
    steps: list[tuple[Any, ...]], job: dict[str, Any], data: st.DataObject
) -> None:
    with program([("schedule", "a", job), ("advance", 60), *steps]) as ended:
        ended.scheduler.stop()
        db, _ = open_writer(ended.path, ended.world.clock)
        with closing(db):
            rows = db.execute(FOLLOWED).fetchall()
            assume(rows)
            row_id, ticks = data.draw(st.sampled_from(rows))
            db.execute("DELETE FROM raw_executions WHERE id = ?", (row_id,))
        (diagnosis,) = (each for each in examined(ended).diagnoses if each.job is not None)
        assert (diagnosis.trouble, diagnosis.count) == (Trouble.MISSING, ticks)
