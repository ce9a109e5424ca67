"""The command: ``make bench``, or ``python -m benchmarks --help``."""

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.catalogue import ROWS, Row
from benchmarks.chart import svg
from benchmarks.environments import ROOT
from benchmarks.lines import Line, lines
from benchmarks.run import Results, Turn, plan, run
from benchmarks.subjects import SUBJECTS
from benchmarks.table import markdown, show

_WIDTH = 150
"""Columns where the output is no terminal."""
_PAGE = ROOT / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- a run: begin -->\n", "<!-- a run: end -->"

app = App(name="benchmarks", help="Measure Duly beside its peers.", version_flags=[])


@app.default
def main(
    *,
    rows: str = "",
    rounds: int | None = None,
    quick: bool = False,
    json_file: Annotated[Path, Parameter(name="--json")] = ROOT / "benchmarks/results/latest.json",
    svg_file: Annotated[Path, Parameter(name="--svg")] = ROOT / "benchmarks/results/latest.svg",
    docs: bool = False,
) -> None:
    """Measure, show the table, write JSON and a chart.

    Args:
        rows: only these, separated by commas: the beginning of a name is enough (cron, register, dispatch).
        rounds: how often each subject takes its turn; otherwise as the catalogue says.
        quick: about two minutes: small sizes, short windows, one round. To see that all works, not to quote.
        json_file: where the result goes.
        svg_file: where the chart goes.
        docs: make this run the one that docs/benchmarks.md shows; a whole one, in which Duly did everything.
    """
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    wanted = _rows(rows)
    results = _measured(wanted, rounds, console, quick=quick)
    found = lines(wanted, results, quick=quick)
    show(found, console)
    document = _document(found, results, quick=quick)
    _write(json_file, document)
    _write(svg_file, svg(found))
    if docs:
        if quick or rows or any(line.target is not None and line.ratio is None for line in found):
            raise SystemExit("not shown in the docs: only a whole run is, neither quick nor of some rows")
        _publish(found, document)


def _rows(names: str) -> list[Row]:
    beginnings = tuple(name.strip() for name in names.split(","))
    wanted = [row for row in ROWS if row.name.startswith(beginnings)]
    if not wanted:
        raise SystemExit(f"no such row: {names!r}; there are {', '.join(row.name for row in ROWS)}")
    return wanted


def _measured(rows: list[Row], rounds: int | None, console: Console, *, quick: bool) -> Results:
    turns = plan(list(dict.fromkeys(row.measurement for row in rows)), rounds=rounds, quick=quick)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(turns))

        def announce(turn: Turn) -> None:
            size = "" if turn.key.size is None else f" {turn.key.size:,}"
            title = f"{turn.key.measurement}{size} · {SUBJECTS[turn.key.subject].title} · round {turn.round + 1}"
            progress.update(task, advance=1, description=f"{title:60}")

        return run(turns, announce)


def _document(found: list[Line], results: Results, *, quick: bool) -> str:
    medians: dict[str, dict[str, Any]] = {}
    for key, samples in results.samples.items():
        name = key.subject if key.size is None else f"{key.subject} {key.size}"
        medians.setdefault(key.measurement, {})[name] = {"rounds": len(samples), **results.medians(key)}
    document = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "quick": quick,
        "versions": results.versions,
        "lines": [{**asdict(line), "met": line.met} for line in found],
        "medians": medians,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _publish(found: list[Line], document: str) -> None:
    """Write docs/benchmarks.json and .svg, and put the table into the page."""
    _write(_PAGE.with_suffix(".json"), document)
    _write(_PAGE.with_suffix(".svg"), svg(found))
    before, rest = _PAGE.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    _write(_PAGE, f"{before}{_BEGIN}\n{_heading(document)}\n\n{markdown(found)}\n\n{_END}{after}")


def _heading(document: str) -> str:
    facts = json.loads(document)
    versions = ", ".join(f"{title} {version}" for title, version in sorted(facts["versions"].items()))
    return f"Taken {facts['taken'][:10]} with Python {facts['python']} on {facts['system']}. {versions}."


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    app()
