"""A hundred thousand jobs that are due at once, with the settings as they are: none is lost."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from duly import OnceTrigger
from duly.core.clock import SystemClock, zoned
from duly.embedded.driver import BATCH
from tests.embedded.conftest import Make
from tests.embedded.filed import outcomes, rows_of
from tests.embedded.waiting import eventually

JOBS = 100_000
WORKERS = 4


def test_a_burst_of_a_hundred_thousand_jobs_has_a_row_for_each_and_a_bounded_queue(make: Make, tmp_path: Path) -> None:
    path, done = tmp_path / "jobs.db", threading.Semaphore(0)
    fills: list[int] = []
    flights: list[int] = []
    scheduler = make(WORKERS, history=path)
    book = scheduler._driver.book
    assert book is not None
    records = book.records

    def work() -> None:
        flights.append(len(scheduler._driver.in_flight))
        fills.append(len(records))
        done.release()

    now = OnceTrigger(zoned(SystemClock().now(), None).to_stdlib())
    for number in range(JOBS):
        scheduler.schedule(work, f"job-{number}", now)
    scheduler.start()
    for _ in range(JOBS):
        assert done.acquire(timeout=60)
    eventually(lambda: not scheduler.health().unwritten, 120)
    assert scheduler.health().lost == 0
    scheduler.stop()
    assert outcomes(path) == {"success": JOBS}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(DISTINCT job_id), count(*) FROM raw_executions").fetchone() == (JOBS, JOBS)
    lost = "status, dropped_overflow, dropped_exhausted, dropped_shutdown"
    assert rows_of(path, lost, "sessions") == [("success", 0, 0, 0)]
    assert max(fills) <= records.limit + BATCH + max(flights)
