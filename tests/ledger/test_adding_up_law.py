"""Random lives of a scheduler with several replicas: their files add up together, and whatever is wrong is found.

A life is that of ``duly.dispatch.fleet``: a leader ends slots and begins others; of what its file holds when it dies, a
part has been committed. The next one goes on from there.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ledger.ledger_file import at
from tests.ledger.replicas import Replica, replicas, sum_of, troubles
from tests.profiles import examples


def moment(slot: int) -> int:
    """Slots go by number here."""
    return 10 * (slot + 1)


@dataclass(frozen=True)
class Row:
    """A row of a file, for the slots in [first, last]."""

    replica: Replica
    fence: int
    schedule: int
    first: int
    last: int
    open: bool = False

    @property
    def slots(self) -> range:
        return range(self.first, self.last + 1)

    def write(self) -> None:
        if self.open:
            self.replica.row(self.schedule, moment(self.first), "started")
        elif self.first == self.last:
            self.replica.row(self.schedule, moment(self.first))
        else:
            to, count = moment(self.last), len(self.slots)
            self.replica.row(self.schedule, moment(self.first), "missed", to=to, count=count, reason="down")

    def delete(self) -> None:
        where = (self.schedule, at(moment(self.first)))
        self.replica.db.execute("DELETE FROM raw_executions WHERE schedule_id = ? AND scheduled_ts = ?", where)


@dataclass(frozen=True)
class Position:
    """What a leader commits: the first slot that nobody has decided, and those before that are open."""

    pending: int = 0
    open: tuple[int, ...] = ()


@dataclass
class Life:
    """What the leaderships have done so far."""

    files: list[Replica]
    data: st.DataObject
    fence: int = 0
    committed_by: int | None = None
    position: Position = Position()
    begin: int = 0
    """Where the last leadership began."""
    rows: list[Row] = field(default_factory=list)
    truth: dict[int, Row] = field(default_factory=dict)
    """The row that counts, by slot."""

    def lead(self, replica: Replica, *, last: bool) -> None:
        """One leadership; the last one commits all that it does."""
        self.fence += self.data.draw(st.integers(1, 3), "fence")
        self.begin = self.position.pending
        self.truth = {slot: row for slot, row in self.truth.items() if slot < self.begin}
        replica.lead(self.fence, self.committed_by)
        schedule = replica.part(self.fence, moment(self.begin))
        positions, rows = [self.position], dict[int, Row]()
        for _ in range(self.data.draw(st.integers(0, 6), "steps")):
            position, row = self._step(positions[-1], replica, schedule)
            positions.append(position)
            rows[row.first] = row  # an outcome takes the place of its mark
        for row in rows.values():
            row.write()
            self.rows.append(row)
            self.truth |= dict.fromkeys(row.slots, row)
        self._commit(positions, last=last)

    def _step(self, position: Position, replica: Replica, schedule: int) -> tuple[Position, Row]:
        pending, opened = position.pending, position.open
        kind = self.data.draw(
            st.sampled_from(["begin", "end at once", "miss", *(["end"] * 3 if opened else [])]), "step"
        )
        if kind == "end":
            ended = self.data.draw(st.sampled_from(opened), "slot")
            left = tuple(slot for slot in opened if slot != ended)
            return Position(pending, left), Row(replica, self.fence, schedule, ended, ended)
        behind = pending + (self.data.draw(st.integers(1, 3), "slots") if kind == "miss" else 1)
        begun = (pending,) if kind == "begin" else ()
        row = Row(replica, self.fence, schedule, pending, behind - 1, open=kind == "begin")
        return Position(behind, (*opened, *begun)), row

    def _commit(self, positions: list[Position], *, last: bool) -> None:
        committed = len(positions) - 1 if last else self.data.draw(st.integers(-1, len(positions) - 1), "committed")
        if committed >= 0:
            self.committed_by, self.position = self.fence, positions[committed]


@contextmanager
def life(data: st.DataObject) -> Iterator[Life]:
    """A life in up to three files."""
    number = data.draw(st.integers(1, 3), "files")
    with tempfile.TemporaryDirectory() as folder, replicas(Path(folder), number) as files:
        lived = Life(files, data)
        leaders = data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=6), "leaders")
        for turn, leader in enumerate(leaders, 1):
            lived.lead(leader, last=turn == len(leaders))
        yield lived


@settings(max_examples=max(20, examples() // 20))
@given(st.data())
def test_the_files_of_all_replicas_add_up(data: st.DataObject) -> None:
    with life(data) as lived:
        found = sum_of(*lived.files)
        assert (troubles(found), found.absent, found.notes) == ([], (), ())
        assert found.expected == found.recorded == lived.position.pending
        assert found.superseded == sum(len(row.slots) for row in lived.rows) - lived.position.pending


@settings(max_examples=max(20, examples() // 20))
@given(st.data())
def test_every_slot_that_is_taken_out_of_the_files_is_found(data: st.DataObject) -> None:
    with life(data) as lived:
        assume(lived.truth)
        slot = data.draw(st.sampled_from(sorted(lived.truth)), "taken out")
        left = [row for row in lived.rows if slot not in row.slots]
        for row in lived.rows:
            if slot in row.slots:
                row.delete()
        pending = max([lived.begin, *(row.last + 1 for row in left if row.fence == lived.fence)])
        gone = [each for each in lived.truth[slot].slots if each < pending]
        expected = [("missing", moment(gone[0]), moment(gone[-1]), len(gone))] if gone else []
        assert troubles(sum_of(*lived.files)) == expected


@settings(max_examples=max(20, examples() // 20))
@given(st.data())
def test_every_slot_that_a_leadership_has_twice_is_found(data: st.DataObject) -> None:
    with life(data) as lived:
        assume(lived.truth)
        slot = data.draw(st.sampled_from(sorted(lived.truth)), "doubled")
        row = lived.truth[slot]
        (begin,) = row.replica.db.execute("SELECT open_ts FROM raw_schedules WHERE id = ?", (row.schedule,)).fetchone()
        again = row.replica.part(row.fence, (begin - at(0)) / 1e9)
        row.replica.row(again, moment(slot))
        assert troubles(sum_of(*lived.files)) == [("twice", moment(slot), moment(slot), 1)]


@settings(max_examples=max(20, examples() // 20))
@given(st.data())
def test_some_of_the_files_accuse_nobody(data: st.DataObject) -> None:
    with life(data) as lived:
        given = data.draw(st.lists(st.sampled_from(lived.files), min_size=1, unique=True), "given")
        fences = {row.fence for row in lived.rows if row.replica in given}
        assume(fences)
        assert troubles(sum_of(*given)) == []
