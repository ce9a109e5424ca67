"""Rows on their way into the ledger of a process that must know of each whether it is durable."""

from __future__ import annotations

from duly.ledger.entries import Entry
from duly.ledger.record_queue import RecordQueue, RetryableBatch


class RowQueue(RecordQueue[Entry]):
    """A queue that tells whether a write has failed, so that a flush behind it is not taken for more than it is."""

    failures = 0
    """Writes that have failed. Only the writer thread changes it."""
    overcome = 0
    """Of these, how many came before the last moment at which everything was durable. For the owner of the queue."""

    def failed(self, batch: RetryableBatch[Entry], error: Exception, *, final: bool = False) -> None:
        """As ``RecordQueue.failed``, and counted."""
        super().failed(batch, error, final=final)
        self.failures += 1
