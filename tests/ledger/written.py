"""A ledger file, written by the test and read by what is tested. Moments are seconds after ``BEGIN``."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from duly.ids import id_bytes, new_id
from duly.ledger.codes import KIND, SUCCESS
from duly.ledger.reader import LedgerReader
from duly.ledger.records import Row
from duly.ledger.registrations import ScheduledJobRegistration
from duly.ledger.repository import SessionEnd
from duly.testing import VirtualClock
from tests.ledger.ledger_file import BEGIN, LedgerFile, at

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class Written(LedgerFile):
    """Owns the connection that writes; what it has written is durable."""

    def logged(
        self, time: float, message: str, level: str = "INFO", *, app: str | None = None, execution: str | None = None
    ) -> None:
        execution_id = None if execution is None else id_bytes(execution)
        row = (
            self.session_id,
            0,
            at(time),
            LEVELS[level],
            "duly.x",
            "f",
            1,
            message,
            None,
            app,
            app,
            0,
            execution_id,
            0,
        )
        self.repository.insert_logs(self.db, [row])

    def ended(self, end: float, lost: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.repository.end_session(self.db, self.session_id, at(end), SessionEnd(), lost)

    def handled(self, listener_id: int, start: float) -> None:
        """Write a row of a handler."""
        moment = at(start)
        row = Row(
            kind=KIND.numbers["handler"],
            status=SUCCESS,
            job_id=None,
            session_id=self.session_id,
            execution_id=new_id(moment),
            execution_start_ts=moment,
            duration=0,
            listener_id=listener_id,
        )
        self.repository.insert(self.db, [row])

    def grouped(self, app_key: str, name: str, group: str, *, index: int = 0) -> int:
        """Register a job without a schedule and give its id."""
        registration = ScheduledJobRegistration(app_key, index, name, name, "interval", "every 10s", group=group)
        return self.repository.register_job(self.db, registration)

    def closed_chain(self, schedule_id: int, end: float) -> None:
        self.repository.end_schedule(self.db, schedule_id, at(end))


@contextmanager
def written(folder: Path) -> Iterator[Written]:
    file = Written(folder / "jobs.db")
    with closing(file.db):
        yield file


def reader_of(file: LedgerFile, limit: float | None = 10.0) -> LedgerReader:
    return LedgerReader(file.path, clock=VirtualClock(), read_timeout_seconds=limit)


def seconds(moment: int | None) -> float | None:
    return None if moment is None else moment / 1e9 - BEGIN
