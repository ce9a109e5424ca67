"""From results to the lines of the table: ours beside a peer, the ratio, and whether it is what we promise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.catalogue import MEASUREMENTS, Pair, Row
from benchmarks.run import Key, Results
from benchmarks.subjects import SUBJECTS


@dataclass(frozen=True, slots=True)
class Line:
    """One line. Values are costs in ``unit``; ``ratio`` is the peer's divided by ours."""

    row: str
    title: str
    size: int | None
    unit: str
    ours: str
    peer: str
    ours_value: float | None = None
    peer_value: float | None = None
    ratio: float | None = None
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the promise is kept; ``None`` where none is made, or nothing could be measured."""
        return None if self.target is None or self.ratio is None else self.ratio >= self.target


def lines(rows: Sequence[Row], results: Results, *, quick: bool) -> list[Line]:
    """All lines in the order of the catalogue."""
    return [line for row in rows for line in _lines_of(row, results, quick=quick)]


def _lines_of(row: Row, results: Results, *, quick: bool) -> Iterator[Line]:
    measurement = MEASUREMENTS[row.measurement]
    sizes = measurement.quick_sizes if quick else measurement.sizes
    for size in sizes:
        for pair in row.pairs:
            yield _compared(row, size, pair, results)
        if row.limit is not None:
            yield _limited(row, size, row.limit, results)
    if row.growth is not None:
        for size in sizes[1:]:
            yield _grown(row, size, sizes[0], results)


def _compared(row: Row, size: int | None, pair: Pair, results: Results) -> Line:
    """The line of the case in which we look worst."""
    ours, peer = (_values(row, subject, size, results) for subject in (pair.ours, pair.peer))
    titles = (SUBJECTS[pair.ours].title, SUBJECTS[pair.peer].title)
    shared = [case for case in ours if case in peer]
    if not shared:
        note = "; ".join(_reason(row, subject, size, results) for subject in (pair.ours, pair.peer)).strip("; ")
        return Line(row.name, row.title, size, row.unit, *titles, target=pair.at_least, note=note)
    worst = min(shared, key=lambda case: peer[case] / ours[case])
    return Line(
        row.name, row.title, size, row.unit, *titles,
        ours[worst], peer[worst], peer[worst] / ours[worst], pair.at_least,
        _note(row, pair, worst, shared, results),
    )  # fmt: skip


def _limited(row: Row, size: int | None, limit: float, results: Results) -> Line:
    ours = row.pairs[0].ours
    value = _values(row, ours, size, results).get("")
    ratio = limit / value if value else None
    return Line(row.name, row.title, size, row.unit, SUBJECTS[ours].title, "limit", value, limit, ratio, 1)


def _grown(row: Row, size: int | None, smallest: int | None, results: Results) -> Line:
    ours = row.pairs[0].ours
    value, small = (_values(row, ours, each, results).get("") for each in (size, smallest))
    ratio = small / value if value and small else None
    title = SUBJECTS[ours].title
    return Line(row.name, row.title, size, row.unit, title, f"itself at {smallest:,}", value, small, ratio, row.growth)


def _values(row: Row, subject: str, size: int | None, results: Results) -> dict[str, float]:
    return results.medians(Key(row.measurement, subject, size)).get(row.metric, {})


def _reason(row: Row, subject: str, size: int | None, results: Results) -> str:
    return results.reasons.get(Key(row.measurement, subject, size), "")


def _note(row: Row, pair: Pair, worst: str, shared: Sequence[str], results: Results) -> str:
    """Name the worst case, and say in how many cases the answers differ from ours."""
    if not worst:
        return ""
    answers = [results.medians(Key(row.measurement, subject)).get("answers", {}) for subject in (pair.ours, pair.peer)]
    differ = sum(answers[0][case] != answers[1][case] for case in shared)
    return f"worst of {len(shared)}: {worst}" + (f" ({differ} answered differently)" if differ else "")
