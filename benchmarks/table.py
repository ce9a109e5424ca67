"""The table: on the terminal, and as Markdown for the page in docs."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from benchmarks.lines import Line

_HEADINGS = ("work", "jobs", "ours", "peer", "ratio", "promise", "", "")
_MARKS = {True: "✓", False: "✗", None: ""}
_STYLES = {True: "green", False: "red", None: ""}


def show(lines: Sequence[Line], console: Console) -> None:
    """Print it, the lines of a row below its title."""
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if 1 <= index <= 5 else "left", no_wrap=index < 7)
    for title, group in groupby(lines, key=lambda line: line.title):
        table.add_row(f"[bold]{title}[/]")
        for line in group:
            table.add_row(*cells(line), style=_STYLES[line.met])
    console.print(table)
    console.print(summary(lines))


def summary(lines: Sequence[Line]) -> str:
    """How many promises were kept."""
    promised = [line for line in lines if line.target is not None]
    kept = sum(line.met is True for line in promised)
    return f"{kept} of {len(promised)} promises kept; ratio = cost of the peer / cost of Duly: more is better"


def markdown(lines: Sequence[Line]) -> str:
    """The same table for a page."""
    rows: list[tuple[str, ...]] = [_HEADINGS, ("---", *["---:"] * 5, "---", "---")]
    for title, group in groupby(lines, key=lambda line: line.title):
        rows.append((f"**{title}**", *[""] * 7))
        rows.extend(cells(line) for line in group)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").strip() for cell in row) + " |" for row in rows)


def cells(line: Line) -> tuple[str, ...]:
    """A line in words."""
    return (
        f"  {line.ours} / {line.peer}",
        "" if line.size is None else f"{line.size:,}",
        _amount(line.ours_value, line.unit),
        _amount(line.peer_value, line.unit),
        "-" if line.ratio is None else f"{_short(line.ratio)}x",
        "" if line.target is None else f"≥ {_short(line.target)}x",
        _MARKS[line.met],
        line.note,
    )


def _amount(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{_short(value)} {unit}"


def _short(value: float) -> str:
    """Three digits, no more than a noisy machine supports."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
