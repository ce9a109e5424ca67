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
        if row.limit is not None or row.alone:
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
        target = None if ours else pair.at_least  # nothing is promised beside a peer that is not there
        return Line(row.name, row.title, size, row.unit, *titles, ours.get(""), target=target, note=note)
    worst = min(shared, key=lambda case: peer[case] / ours[case])
    return Line(
        row.name, row.title, size, row.unit, *titles,
        ours[worst], peer[worst], peer[worst] / ours[worst], pair.at_least,
        "; ".join(filter(None, (_note(row, pair, worst, shared, results), _lost(row, pair, size, results)))),
    )  # fmt: skip


def _limited(row: Row, size: int | None, limit: float | None, results: Results) -> Line:
    """The line of one beside nobody; without a limit it only shows what it costs."""
    value = _values(row, row.first, size, results).get("")
    note = _reason(row, row.first, size, results)
    title = SUBJECTS[row.first].title
    if limit is None:
        return Line(row.name, row.title, size, row.unit, title, "nobody", value, note=note)
    ratio = limit / value if value else None
    return Line(row.name, row.title, size, row.unit, title, "limit", value, limit, ratio, 1, note)


def _grown(row: Row, size: int | None, smallest: int | None, results: Results) -> Line:
    value, small = (_values(row, row.first, each, results).get("") for each in (size, smallest))
    ratio = small / value if value and small else None
    title = SUBJECTS[row.first].title
    return Line(row.name, row.title, size, row.unit, title, f"itself at {smallest:,}", value, small, ratio, row.growth)


def _values(row: Row, subject: str, size: int | None, results: Results) -> dict[str, float]:
    return results.medians(Key(row.measurement, subject, size)).get(row.metric, {})


def _reason(row: Row, subject: str, size: int | None, results: Results) -> str:
    return results.reasons.get(Key(row.measurement, subject, size), "")


def _lost(row: Row, pair: Pair, size: int | None, results: Results) -> str:
    """Say who has lost how much of what was to be stored."""
    lost = {
        SUBJECTS[name].title: results.medians(Key(row.measurement, name, size)).get("lost", {}).get("", 0)
        for name in (pair.ours, pair.peer)
    }
    return ", ".join(f"{title} lost {share:.3g} %" for title, share in lost.items() if share)


def _note(row: Row, pair: Pair, worst: str, shared: Sequence[str], results: Results) -> str:
    """Name the worst case, and say in how many cases the answers differ from ours."""
    if not worst:
        return ""
    answers = [results.medians(Key(row.measurement, subject)).get("answers", {}) for subject in (pair.ours, pair.peer)]
    differ = sum(answers[0][case] != answers[1][case] for case in shared)
    return f"worst of {len(shared)}: {worst}" + (f" ({differ} answered differently)" if differ else "")
