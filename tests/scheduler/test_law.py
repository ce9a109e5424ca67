"""Random histories of apps that are reloaded, stopped and killed: the ledger always adds up."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from duly.ledger.doctor import examine
from duly.testing import VirtualClock, run_virtual
from tests.embedded.filed import discrepancies, rows_of
from tests.profiles import examples
from tests.scheduler.history import JOBS, NAME, OWNER, STEPS, Process
from tests.scheduler.yard import BEGIN


@settings(max_examples=max(10, examples() // 10))
@given(st.dictionaries(st.tuples(OWNER, NAME), JOBS), st.lists(STEPS, max_size=25))
def test_the_ledger_of_apps_adds_up_through_reloads_kills_and_everything_else(
    jobs: dict[tuple[str, str], dict[str, Any]], steps: list[tuple[Any, ...]]
) -> None:
    clock = VirtualClock(BEGIN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "duly.db"
        process = Process(path, clock, jobs)

        async def live() -> None:
            await process.start()
            for step in steps:
                await process.do(*step)
            await process.end()

        run_virtual(live(), clock)
        assert discrepancies(path, closed_at=clock.now()) == []
        assert "started" not in rows_of(path, "status")
        assert set(rows_of(path, "dropped_overflow + dropped_exhausted + dropped_shutdown", "sessions")) == {0}
        assert process.begun_when_gone == []
        report = examine(path, clock=clock)
        assert (report.diagnoses, report.due, report.open) == ((), 0, 0)
