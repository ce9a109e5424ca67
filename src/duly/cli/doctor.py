"""``duly doctor``: whether a ledger adds up."""

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from duly.cli.arguments import Json, LocalUtc, Since
from duly.cli.ledger_file import existing, job_called, read_since, reading, using
from duly.cli.progress import progress_bar
from duly.cli.terminal import Failed, Problems, output, paged
from duly.cli.times import iso
from duly.core.clock import Zone, current
from duly.ledger import doctor
from duly.ledger.diagnosis import Diagnosis, Report, many
from duly.ledger.reader import LedgerReader


def show_findings(
    *files: Annotated[Path, Parameter(name="FILE", help="Files of ledgers, such as jobs.db.")],
    since: Since = None,
    until: Annotated[
        str | None, Parameter(name="--until", help="As --since: up to then, not included. Default: no end.")
    ] = None,
    job: Annotated[
        list[str] | None, Parameter(name="--job", negative="", help="Of these jobs only: backup, porch.backup.")
    ] = None,
    json: Json = False,
    utc: LocalUtc = False,
) -> None:
    """Answer on standard output.

    Raises:
        Failed: something is off.
    """
    zone: Zone = "UTC" if utc else None
    problems = Problems()
    if not files:
        problems.found.append("give the file of a ledger, such as jobs.db")
    for file in files:
        problems.attempt(partial(existing, file), file)
    now = current().now()
    begin = problems.attempt(lambda: read_since(since, now, zone), None)
    end = problems.attempt(lambda: read_since(until, now, zone), None)
    if begin is not None and end is not None and begin >= end:
        problems.found.append(f"--since must be before --until, got {since!r} and {until!r}")
    problems.check()
    reports = [_examine(file, (begin, end), job or []) for file in files]
    console = output()
    if json:
        ok = all(report.ok for report in reports)
        console.print_json(data={"ok": ok, "files": [_json(report, zone) for report in reports]})
    else:
        with paged(console, sum(len(report.diagnoses) + len(report.notes) + 3 for report in reports)):
            for report in reports:
                _print(console, report)
    if not all(report.ok for report in reports):
        raise Failed


def _examine(file: Path, window: tuple[int | None, int | None], names: list[str]) -> Report:
    since, until = window
    with using(file):
        job_ids = _job_ids(file, names)
        with progress_bar() as tell:
            return doctor.examine(file, clock=current(), since=since, until=until, job_ids=job_ids, progress=tell)


def _job_ids(file: Path, names: list[str]) -> list[int] | None:
    if not names:
        return None
    problems = Problems()
    with reading(file) as reader:
        found = [problems.attempt(partial(_job_id, reader, name), 0) for name in names]
    problems.check()
    return found


def _job_id(reader: LedgerReader, name: str) -> int:
    return job_called(reader, name).id


def _print(console: Console, report: Report) -> None:
    off = len(report.diagnoses) + report.more
    verdict = "adds up" if report.ok else f"{many(off, 'thing')} off"
    console.print(f"{report.path}:", markup=False, end=" ")
    console.print(verdict, style="bold green" if report.ok else "bold red")
    for diagnosis in report.diagnoses:
        console.print("  off:    ", style="red", end=" ")
        console.print(diagnosis.line, markup=False, soft_wrap=True)
    if report.more:
        console.print(f"  off:     {report.more} more")
    console.print(
        f"  checked: {many(report.jobs, 'job')}, {many(report.schedules, 'schedule')}, "
        f"{many(report.expected, 'slot')} expected, {report.recorded} recorded ({report.open} open); "
        "the file, lost records"
    )
    for note in report.notes:
        console.print(f"  note:    {note}", markup=False, soft_wrap=True)


def _json(report: Report, zone: Zone) -> dict[str, object]:
    return {
        "file": str(report.path),
        "ok": report.ok,
        "writer": report.writer,
        "jobs": report.jobs,
        "schedules": report.schedules,
        "unaccounted": report.unaccounted,
        "expected": report.expected,
        "recorded": report.recorded,
        "open": report.open,
        "abandoned": report.abandoned,
        "due": report.due,
        "diagnoses": [_diagnosis_json(each, zone) for each in report.diagnoses],
        "more": report.more,
        "notes": list(report.notes),
    }


def _diagnosis_json(diagnosis: Diagnosis, zone: Zone) -> dict[str, object]:
    return {
        "trouble": diagnosis.trouble.value,
        "job": diagnosis.job,
        "first": None if diagnosis.first is None else iso(diagnosis.first, zone),
        "last": None if diagnosis.last is None else iso(diagnosis.last, zone),
        "count": diagnosis.count,
        "text": diagnosis.text,
    }
