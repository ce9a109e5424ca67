"""A folder with apps of this one's, the process that runs them, and what its ledger says."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from duly.cli import run
from duly.core.clock import SECOND, SystemClock
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.embedded.waiting import eventually
from tests.runtime.ground import Ground, Process

APPS = Path(__file__).parent / "apps"
LONG = 60.0
"""Seconds after which a test gives up, on a machine under load: it waits that long only if it fails."""
STALLED = 2
"""Slots of a job that such a machine may fail to run in time."""

Outcome = tuple[str, str | None]
"""Status and reason of a row."""


def soon(holds: Callable[[], object], seconds: float = LONG) -> None:
    """Wait until ``holds`` does, asking seldom: what is asked for costs the machine something."""
    eventually(holds, seconds, pause=0.05)


def let_live(process: Process, seconds: float) -> None:
    """Let it run so long; it must not end by itself."""
    try:
        code = process.end(seconds)
    except subprocess.TimeoutExpired:
        return
    raise AssertionError(f"it ended by itself with code {code}\n{process.said}")


def let_pass(seconds: float) -> None:
    """Wait until it is so much later."""
    clock = SystemClock()
    end = clock.now() + int(seconds * SECOND)
    soon(lambda: clock.now() >= end)


class AppFolder(Ground):
    """Owns a folder in which copies of our apps run."""

    def __init__(self, folder: Path, *names: str, settings: str = "") -> None:
        """With these apps, and these settings above those of their directory."""
        super().__init__(folder)
        self.configure(settings)
        for name in ("noting", *names):
            shutil.copy(APPS / f"{name}.py", self.apps)

    def rewrite(self, name: str, old: str, new: str) -> None:
        """Replace text in the file of an app, as an editor does that saves by renaming."""
        path = self.apps / f"{name}.py"
        text = path.read_text("utf-8")
        assert old in text
        saved = path.with_suffix(".saved")
        saved.write_text(text.replace(old, new), "utf-8")
        saved.replace(path)

    @property
    def calls(self) -> Counter[str]:
        """Jobs that were called, as they have noted it themselves; see ``noting.py``."""
        path = self.data / "calls"
        return Counter(path.read_text("utf-8").split()) if path.exists() else Counter()

    @property
    def outcomes(self) -> dict[str, int]:
        """Slots of all jobs by how they ended."""
        return outcomes(self.ledger) if self.ledger.exists() else {}

    def rows(self, job: str, columns: str = "status, reason") -> list[Any]:
        """Rows of a job, in the order of its slots."""
        source = f"(SELECT * FROM executions WHERE job_id IN (SELECT id FROM scheduled_jobs WHERE job_name = '{job}'))"  # noqa: S608 - our own words
        return rows_of(self.ledger, columns, source, "scheduled_ts, id")

    def until_ran(self, job: str, times: int = 1, status: str = "success") -> None:
        """Wait until so many rows of a job say so. The process must be up."""
        soon(lambda: self.count(job, status) >= times)

    def until_more(self, job: str, times: int = 1, status: str = "success") -> None:
        """Wait until so many further rows of a job say so."""
        self.until_ran(job, self.count(job, status) + times, status)

    def count(self, job: str, status: str = "success") -> int:
        """How many rows of a job say so."""
        return self.rows(job, "status").count(status)

    def unrun(self, job: str) -> list[Outcome]:
        """Why slots of a job have not run, apart from the one that the stop came upon."""
        return [row for row in self.rows(job) if row not in {("success", None), ("cancelled", None)}]

    def assert_noted(self, job: str) -> None:
        """A job that notes its calls has done so for each success."""
        assert self.calls[job] == self.count(job) > 0

    @property
    def sessions(self) -> list[str]:
        """How they ended."""
        return rows_of(self.ledger, "status", "sessions")

    @property
    def lost(self) -> int:
        """Records that were lost, over all sessions."""
        return sum(rows_of(self.ledger, "dropped_overflow + dropped_exhausted + dropped_shutdown", "sessions"))

    def assert_adds_up(self) -> None:
        """Every slot is in one row: by a comparison with the schedules, and as ``duly doctor`` sees it."""
        assert discrepancies(self.ledger) == []
        assert run(["doctor", str(self.ledger)]) == 0, "see what it prints"
