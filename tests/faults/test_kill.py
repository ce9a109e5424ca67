"""A busy program is killed again and again, at any moment, and started again on its file: the ledger adds up."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from duly.core.clock import SECOND, SystemClock
from duly.ids import id_text
from duly.ledger.codes import INTERRUPTED, MISFIRE, REASON, STARTED, STATUS
from duly.ledger.doctor import examine
from tests.embedded.filed import discrepancies, outcomes
from tests.faults.processes import Child

SEED = 20_261_121
KILLS = 50

_CERTAIN_TO_RUN = 4 * SECOND
"""Far less than the 100 slots that ``run_all`` runs, and the grace within which ``skip`` runs one."""
_MISSED, _DOWN = STATUS.numbers["missed"], REASON.numbers["down"]

_CHANGED = """
    SELECT p.execution_id, p.schedule_id, p.scheduled_ts, p.status, n.status FROM before.raw_executions AS p
    LEFT JOIN raw_executions AS n ON n.id = p.id AND n.execution_id = p.execution_id
      AND n.schedule_id IS p.schedule_id AND n.scheduled_ts IS p.scheduled_ts AND n.tick_count = p.tick_count
    WHERE p.id > :known
      AND n.status IS NOT CASE WHEN p.status = :started AND :restarted THEN :interrupted ELSE p.status END
"""
"""Rows that are not what they were; what ran must be interrupted once a session has begun after it."""

_RUN_AGAIN = """
    SELECT n.execution_id, n.schedule_id, n.scheduled_ts, p.status, n.status FROM before.raw_executions AS p
    JOIN raw_executions AS n ON n.schedule_id = p.schedule_id AND n.scheduled_ts = p.scheduled_ts AND n.id > :highest
    WHERE p.id > :known AND p.scheduled_ts IS NOT NULL
"""
"""Rows of another life for slots that had one."""

_DECIDED_LATE = """
    SELECT e.schedule_id, j.misfire, s.started_at, e.scheduled_ts, e.status, e.reason FROM raw_executions AS e
    JOIN raw_scheduled_jobs AS j ON j.id = e.job_id JOIN raw_sessions AS s ON s.id = e.session_id
    WHERE s.id = :session AND e.tick_count > 0 AND coalesce(e.scheduled_to_ts, e.scheduled_ts) < s.started_at
    ORDER BY e.schedule_id, e.scheduled_ts
"""
"""Slots that were due before the session began in which they were decided."""


class Remains:
    """The file as a killed program has left it, in a copy: the next one finds it as it was."""

    def __init__(self, path: Path, copy: Path, before: "Remains | None" = None) -> None:
        """``before`` is what the life before has left, whose copy must be another file."""
        self.path = copy
        self.before = before
        for end in ("", "-wal"):
            shutil.copyfile(f"{path}{end}", f"{copy}{end}")
        with closing(sqlite3.connect(copy)) as db:
            (self.highest,) = db.execute("SELECT coalesce(max(id), 0) FROM raw_executions").fetchone()
            (self.session,) = db.execute("SELECT coalesce(max(id), 0) FROM raw_sessions").fetchone()

    def unaccounted(self) -> list[str]:
        """Slots without a row, or with two, and damage to the file, as the ledger's own examination sees them."""
        return [each.line for each in examine(self.path, clock=SystemClock(), deep=False).diagnoses]

    def faults(self) -> Iterator[str]:
        """What is wrong with it, by itself and beside what the life before has left."""
        yield from self.unaccounted()
        if self.before is not None:
            yield from self._beside(self.before)

    def _beside(self, before: "Remains") -> Iterator[str]:
        known = 0 if before.before is None else before.before.highest  # what was compared then
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("ATTACH ? AS before", (str(before.path),))
            values = {"known": known, "highest": before.highest, "restarted": self.session > before.session}
            for row in db.execute(_CHANGED, values | {"started": STARTED, "interrupted": INTERRUPTED}):
                yield f"not what it was: {_described(row)}"
            for row in db.execute(_RUN_AGAIN, {"known": known, "highest": before.highest}):
                yield f"decided again: {_described(row)}"
            if self.session > before.session:
                yield from _against_policy(db, self.session)


def _against_policy(db: sqlite3.Connection, session: int) -> Iterator[str]:
    """Slots of the time between two lives that did not go through the misfire policy of their job."""
    ran: set[int] = set()
    for schedule, misfire, began, slot, status, reason in db.execute(_DECIDED_LATE, {"session": session}):
        policy, missed = MISFIRE.words[misfire], status == _MISSED and reason == _DOWN
        unrun = policy == "run_all" and missed and began - slot < _CERTAIN_TO_RUN
        if unrun or (policy != "run_all" and not missed and schedule in ran):
            yield f"schedule {schedule}: {slot} was down, policy {policy}: {STATUS.words[status]}"
        if not missed:
            ran.add(schedule)


def _described(row: tuple[bytes, int, int, int, int | None]) -> str:
    execution, schedule, slot, was, now = row
    word = "gone" if now is None else STATUS.words[now]
    return f"{id_text(execution)}: schedule {schedule} slot {slot}: was {STATUS.words[was]}, is {word}"


def test_a_busy_program_that_is_killed_at_any_moment_leaves_a_ledger_that_adds_up(tmp_path: Path) -> None:
    path, log, chance = tmp_path / "jobs.db", tmp_path / "log", random.Random(SEED)
    lives: list[Remains] = []
    for number in range(KILLS):
        with Child("busy_program.py", path, log=log) as child:
            assert child.hear() == "begins"
            if number and chance.random() < 0.2:
                child.live_for(chance.uniform(0, 0.1))
            else:
                assert child.hear(30) == "runs"
                child.live_for(chance.uniform(0, 0.7))
        lives.append(Remains(path, tmp_path / f"{number % 2}.db", *lives[-1:]))
        assert list(lives[-1].faults()) == [], f"seed {SEED}, after kill {number + 1}"
        if number % 10 == 9:
            assert discrepancies(path=lives[-1].path) == [], f"seed {SEED}, after kill {number + 1}"
    report = examine(lives[-1].path, clock=SystemClock())
    assert report.diagnoses == ()
    assert "failed and goes on" not in log.read_text()
    expected = {"success", "error", "skipped", "missed", "interrupted", "cancelled"}
    assert expected <= outcomes(lives[-1].path).keys()
