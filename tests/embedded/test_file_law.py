"""Random histories of a program that is stopped, killed and started again on one ledger file: it always adds up."""

import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from duly import IntervalTrigger, OnceTrigger, Scheduler
from duly.core.trigger import TriggerProtocol
from duly.embedded.rows import Item, Rows
from duly.ledger.errors import DatabaseFileError
from duly.testing import World
from duly.triggers import After, Cron, Every
from tests.embedded.filed import discrepancies, rows_of
from tests.profiles import examples

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)

TRIGGERS: Sequence[TriggerProtocol] = (
    Every(seconds=3),
    Every(seconds=7),
    Cron("* * * * * */5"),
    IntervalTrigger(seconds=4, start_time=BEGIN + timedelta(seconds=10), end_time=BEGIN + timedelta(seconds=90)),
    OnceTrigger(BEGIN + timedelta(seconds=30)),
    After(seconds=20),
)

MOST_ATTEMPTS = 3
"""To write something that may fail without a loss."""

JOBS = st.fixed_dictionaries(
    {
        "trigger": st.sampled_from(TRIGGERS),
        "mode": st.sampled_from(["single", "queued", "restart", "parallel"]),
        "misfire": st.sampled_from(["run_once", "run_all", "skip"]),
        "retries": st.sampled_from([0, 0, 2]),
        "jitter": st.sampled_from([None, None, 6]),
        "max_runs": st.sampled_from([None, None, None, 3]),
        "takes": st.sampled_from([0, 0, 1, 10, 40]),
        "fails": st.booleans(),
    }
)

_NAME = st.sampled_from("abc")
_SECONDS = st.integers(0, 60)

STEPS = st.one_of(
    st.tuples(st.sampled_from(["advance", "advance", "advance", "stall", "suspend"]), _SECONDS),
    st.tuples(st.just("step"), st.integers(-30, 30)),
    st.tuples(st.just("schedule"), _NAME, JOBS),
    st.tuples(st.sampled_from(["cancel", "pause", "run_now"]), _NAME),
    st.tuples(st.just("resume"), _NAME, st.sampled_from(["skip", "run_once", "run_all"])),
    st.tuples(st.just("restart"), _SECONDS),
    st.tuples(st.sampled_from(["stop", "start"])),
    st.tuples(st.just("kill"), _SECONDS, st.booleans(), st.sets(_NAME)),
    st.tuples(st.just("begin anew"), _SECONDS, st.sets(_NAME)),
    st.tuples(st.just("refuse"), st.integers(1, MOST_ATTEMPTS)),
    st.tuples(st.just("refuse"), st.integers(1, MOST_ATTEMPTS)),
)


_write = Rows.write


class Program:
    """A program with jobs, and one ledger file through all its lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.refusals = 0
        """How many attempts to write records fail next."""
        self.scheduler = self._new()

    def _new(self) -> Scheduler:
        return self.world.scheduler(1, history=self.path)

    def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        if name == "advance":
            self.advance(rest[0])
        elif name in {"stall", "suspend"}:
            getattr(self.world, name)(*rest)
        elif name == "step":
            self.world.step_clock(*rest)
        elif name == "schedule":
            self.jobs[rest[0]] = rest[1]
            self._schedule(rest[0])
        elif name == "restart":
            self.stop()
            self.world.advance(rest[0])
            self.start()
        elif name in {"stop", "start", "refuse"}:
            getattr(self, name)(*rest)
        elif name == "kill":
            self._kill(*rest)
        elif name == "begin anew":
            self.stop()
            self._live_again(*rest)
        else:
            self._act(name, *rest)
        self._try_to_write()

    def advance(self, seconds: int) -> None:
        while seconds and self._try_to_write():
            self.world.advance(1)
            seconds -= 1
        self.world.advance(seconds)

    def _try_to_write(self) -> bool:
        """Whether something waits for another attempt."""
        if self.refusals or self.scheduler.health().unwritten:
            self.scheduler.history()
        return self.scheduler.health().unwritten > 0

    def refuse(self, attempts: int) -> None:
        self.scheduler.history()
        if self.scheduler.health().unwritten == 0:  # otherwise some might fail more often than they may
            self.refusals = attempts

    def start(self) -> None:
        try:
            self.scheduler.start()
        except DatabaseFileError:
            self.refusals = 0
            self.scheduler.start()
        self.world.advance(0)

    def stop(self) -> None:
        self.refusals = 0  # otherwise the last records would be lost
        self.scheduler.stop()
        self.world.advance(0)

    def write(self, rows: Rows, db: sqlite3.Connection, records: Sequence[Item]) -> None:
        _write(rows, db, records)
        if self.refusals > 0:
            self.refusals -= 1
            raise sqlite3.OperationalError("disk I/O error")

    def _kill(self, down: int, durable: bool, forgotten: set[str]) -> None:
        self.world.kill(self.scheduler, durable=durable)
        self._live_again(down, forgotten)

    def _live_again(self, down: int, forgotten: set[str]) -> None:
        self.world.clock.elapse(down)
        self.jobs = {name: job for name, job in self.jobs.items() if name not in forgotten}
        self.scheduler = self._new()
        for name in self.jobs:
            self._schedule(name)

    def _schedule(self, name: str) -> None:
        job = dict(self.jobs[name])
        takes, fails = job.pop("takes"), job.pop("fails")

        def work() -> None:
            self.world.clock.work(takes)
            if fails:
                raise ValueError(name)

        try:
            self.scheduler.schedule(work, name, if_exists="replace", **job)
        except ValueError as error:  # the interval has ended
            assert "nothing is ever due" in str(error)  # noqa: PT017 - only some draws come here
        self.world.advance(0)

    def _act(self, action: str, name: str, *arguments: Any) -> None:  # noqa: ANN401 - drawn
        job = self.scheduler.get_job(f"job_{name}")
        if job is None or job.status.value in {"cancelled", "completed", "failed"} or job.next_run is None:
            return
        try:
            getattr(self.scheduler, action)(job.id, *arguments)
        except ValueError as error:
            assert str(error) in {name, *self.jobs}  # noqa: PT017 - what the job itself raises when it is run by hand
        self.world.advance(0)


@settings(max_examples=max(20, examples() // 10))
@given(st.lists(STEPS, max_size=25))
def test_the_file_adds_up_through_stops_kills_and_everything_else(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "jobs.db")
        with patch.object(Rows, "write", autospec=True, side_effect=program.write):
            try:
                for step in steps:
                    program.do(step)
            finally:
                program.start()
                stopped_at = program.world.clock.now()
                program.stop()
        assert discrepancies(program.path, closed_at=stopped_at) == []
        assert "started" not in rows_of(program.path, "status")
        assert set(rows_of(program.path, "status", "sessions")) <= {"success", "unknown"}
        assert program.scheduler.health().errors == ()
        assert program.scheduler.health().lost == 0
