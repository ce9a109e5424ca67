"""``duly doctor``: whether a ledger adds up."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from duly.cli.arguments import Json, LocalUtc, Since
from duly.cli.ledger_file import NoJobError, existing, job_called, read_since, reading, using
from duly.cli.progress import progress_bar
from duly.cli.terminal import Failed, Problems, output, paged
from duly.cli.times import iso
from duly.core.clock import Zone, current
from duly.ledger import adding_up, doctor
from duly.ledger.adding_up import Source
from duly.ledger.diagnosis import Diagnosis, Report, Sum, many


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
    window = begin, end
    sources = _sources(files, job)
    reports = [_examine(source, window) for source in sources]
    together = _add_up(sources, window)
    ok = all(report.ok for report in reports) and (together is None or together.ok)
    console = output()
    if json:
        found = {"ok": ok, "files": [_json(report, zone) for report in reports]}
        console.print_json(data=found | {"together": None if together is None else _sum_json(together, zone)})
    else:
        shown: list[Report | Sum] = [*reports, *([] if together is None else [together])]
        with paged(console, sum(len(each.diagnoses) + len(each.notes) + 3 for each in shown)):
            for each in shown:
                _print(console, each)
    if not ok:
        raise Failed


def _sources(files: Sequence[Path], names: Sequence[str] | None) -> list[Source]:
    """The files, with the ids of the jobs of these names: a replica that has not led yet knows none of them."""
    if not names:
        return [Source(file) for file in files]
    found: dict[Path, list[int]] = {file: [] for file in files}
    unknown: dict[str, list[str]] = {name: [] for name in names}
    problems = Problems()
    for file in files:
        with reading(file) as reader:
            for name in names:
                try:
                    found[file].append(job_called(reader, name).id)
                except NoJobError as error:
                    unknown[name].append(str(error))
                except ValueError as error:
                    problems.found.append(str(error))
    problems.found += [errors[0] for errors in unknown.values() if len(errors) == len(files)]
    problems.check()
    return [Source(file, ids) for file, ids in found.items()]


def _examine(source: Source, window: tuple[int | None, int | None]) -> Report:
    since, until = window
    with using(source.path), progress_bar() as tell:
        return doctor.examine(
            source.path, clock=current(), since=since, until=until, job_ids=source.job_ids, progress=tell
        )


def _add_up(sources: Sequence[Source], window: tuple[int | None, int | None]) -> Sum | None:
    since, until = window
    with using(sources[0].path), progress_bar() as tell:
        return adding_up.add_up(sources, clock=current(), since=since, until=until, progress=tell)


def _print(console: Console, found: Report | Sum) -> None:
    off = len(found.diagnoses) + found.more
    verdict = "adds up" if found.ok else f"{many(off, 'thing')} off"
    title, checked = _of_file(found) if isinstance(found, Report) else _of_sum(found)
    console.print(f"{title}:", markup=False, end=" ")
    console.print(verdict, style="bold green" if found.ok else "bold red")
    for diagnosis in found.diagnoses:
        console.print("  off:    ", style="red", end=" ")
        console.print(diagnosis.line, markup=False, soft_wrap=True)
    if found.more:
        console.print(f"  off:     {found.more} more")
    console.print(f"  checked: {checked}")
    for note in found.notes:
        console.print(f"  note:    {note}", markup=False, soft_wrap=True)


def _of_file(report: Report) -> tuple[str, str]:
    """The title, and what was checked."""
    checked = "the file, lost records"
    if report.schedules or not report.shared:
        checked = f"{_counts(report)} ({report.open} open); {checked}"
    if report.shared:
        checked += "; what replicas share: see below"
    return str(report.path), checked


def _of_sum(together: Sum) -> tuple[str, str]:
    files = len(together.files)
    title = f"{many(files, 'file')} together" if files > 1 else f"{together.files[0]} by itself"
    checked = f"{many(together.leaderships, 'leadership')}, {_counts(together)} ({together.open} open)"
    return title, f"{checked}, {together.superseded} superseded"


def _counts(found: Report | Sum) -> str:
    jobs, schedules = many(found.jobs, "job"), many(found.schedules, "schedule")
    return f"{jobs}, {schedules}, {many(found.expected, 'slot')} expected, {found.recorded} recorded"


def _json(report: Report, zone: Zone) -> dict[str, object]:
    return {
        "file": str(report.path),
        "ok": report.ok,
        "writer": report.writer,
        "shared": report.shared,
        "abandoned": report.abandoned,
        **_counts_json(report),
        **_words_json(report, zone),
    }


def _sum_json(together: Sum, zone: Zone) -> dict[str, object]:
    return {
        "files": [str(path) for path in together.files],
        "ok": together.ok,
        "leaderships": together.leaderships,
        "absent": list(together.absent),
        "superseded": together.superseded,
        **_counts_json(together),
        **_words_json(together, zone),
    }


def _counts_json(found: Report | Sum) -> dict[str, object]:
    return {
        "jobs": found.jobs,
        "schedules": found.schedules,
        "unaccounted": found.unaccounted,
        "expected": found.expected,
        "recorded": found.recorded,
        "open": found.open,
        "due": found.due,
    }


def _words_json(found: Report | Sum, zone: Zone) -> dict[str, object]:
    return {
        "diagnoses": [_diagnosis_json(each, zone) for each in found.diagnoses],
        "more": found.more,
        "notes": list(found.notes),
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
