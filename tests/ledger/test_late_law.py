"""Random attempts of a slot, some of whose records are written late: the last one decides it, whatever the order."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from duly.ledger.codes import STARTED, STATUS
from duly.ledger.entries import Entry, EntryStore
from duly.ledger.records import Row
from tests.ledger.ledger_file import LedgerFile, at
from tests.profiles import examples

SLOT = 10


@dataclass(frozen=True)
class History:
    """Attempts of one slot, and when the batches of their records are written."""

    outcomes: tuple[str, ...]
    """Of the attempts."""
    removed: bool
    """Whether the job was removed before another attempt, which is an outcome of its own."""
    sizes: tuple[int, ...]
    """Of the batches."""
    delays: tuple[int, ...]
    """Behind how many later batches each is written."""

    def entries(self, row: Row) -> Iterator[Entry]:
        """In the order in which they are decided."""
        for number, outcome in enumerate(self.outcomes, 1):
            final = not self.removed and number == len(self.outcomes)
            own = row._replace(attempt_number=number, execution_id=number.to_bytes(16, "big"))
            yield Entry(own._replace(status=STARTED), "", 0, announced=False)
            yield Entry(own._replace(status=STATUS.numbers[outcome]), "", 0, announced=False, final=final)
        if self.removed:
            cancelled = row._replace(status=STATUS.numbers["cancelled"], execution_id=bytes(16))
            yield Entry(cancelled, "", 0, announced=False)

    def writes(self, entries: Sequence[Entry]) -> Iterator[tuple[Sequence[Entry], bool]]:
        """The batches in the order in which they are written, and whether that is not for the first time."""
        rest, order = list(entries), []
        for number, (size, delay) in enumerate(zip(self.sizes, self.delays, strict=True)):
            if rest[:size]:
                order.append((number + delay, delay > 0, number, rest[:size]))
            rest = rest[size:]
        for _, late, _, batch in sorted(order, key=lambda item: (item[0], not item[1], item[2])):
            yield batch, late
        if rest:
            yield rest, False


@st.composite
def histories(draw: st.DrawFn) -> History:
    number = draw(st.integers(1, 4))
    last = draw(st.sampled_from(["success", "error", "timed_out", "cancelled"]))
    batches = draw(st.integers(0, 9))
    return History(
        (*draw(st.tuples(*[st.sampled_from(["error", "timed_out"])] * (number - 1))), last),
        draw(st.booleans()) and last in {"error", "timed_out"},
        draw(st.tuples(*[st.integers(1, 3)] * batches)),
        draw(st.tuples(*[st.sampled_from([0, 0, 1, 2, 5])] * batches)),
    )


@settings(max_examples=examples() // 10)
@given(histories())
def test_the_last_attempt_decides_its_slot_whatever_is_written_late(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = LedgerFile(Path(folder) / "duly.db")
        with closing(file.db):
            schedule_id = file.job()
            store = EntryStore(file.repository)
            store.session_id = file.session_id
            row = Row(1, STARTED, file.job_id(schedule_id), None, None, at(SLOT), 0, schedule_id, at(SLOT))
            for batch, late in history.writes(list(history.entries(row))):
                store.write(file.db, batch, again=late)
            found = file.db.execute("SELECT attempt_number, status, tick_count, execution_id FROM raw_executions")
            rows = {execution_id: (attempt, status, count) for attempt, status, count, execution_id in found}
    wanted = {
        number.to_bytes(16, "big"): (number, STATUS.numbers[outcome], 0)
        for number, outcome in enumerate(history.outcomes, 1)
    }
    if history.removed:
        wanted[bytes(16)] = (1, STATUS.numbers["cancelled"], 1)
    else:
        number = len(history.outcomes)
        wanted[number.to_bytes(16, "big")] = (number, STATUS.numbers[history.outcomes[-1]], 1)
    assert rows == wanted
