"""The way of an app's records into SQLite, beside ``row_writers``; it needs what apps need."""

from benchmarks.subjects.row_writers import LedgerFile, executions
from duly.ledger.entries import Entry, EntryStore, entry_of
from duly.ledger.record_queue import RecordQueue
from duly.ledger.records import ExecutionRecord
from duly.ledger.repository import TelemetryRepository
from duly.ledger.writer import Writer

_CAPACITY = 1_000
"""Of the queue: the default of ``database.telemetry_write_queue_max``."""


class QueuedRecords(LedgerFile):
    """Records through queue and writer thread, as apps give them: made beforehand, their rows are not."""

    def __init__(self) -> None:
        super().__init__()
        db, session, self._ids = self.open()
        store = EntryStore(TelemetryRepository())
        store.session_id = session
        self._queue: RecordQueue[Entry] = RecordQueue(store, capacity=_CAPACITY, clock=self.clock, setting="")
        self._writer = Writer(db, self._queue, lambda: None)
        self._records: list[ExecutionRecord] = []

    def prepare(self, count: int) -> None:
        """Make records."""
        self._records = [self.record(each, self._ids[each.job]) for each in executions(count)]

    def write(self) -> None:
        """Put all, waiting for room where there is none."""
        put, room = self._queue.put, self._queue.room
        for record in self._records:
            entry = entry_of(record, announced=False)
            while not put(entry):
                room().result()
        self._writer.flush().result()

    def close(self) -> int:
        """As above."""
        self._writer.close()
        assert self._queue.counts() == (0, 0, 0), "records were lost"
        return super().close()
