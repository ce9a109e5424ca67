"""``duly next``: the coming times of a schedule, a job, all jobs of a ledger or all entries of a file of schedules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duly.cli.arguments import Json, LedgerOfJob, Subject, Timezone, Utc
from duly.cli.coming import (
    Coming,
    Reported,
    Source,
    coming,
    report_lines,
    reported,
    source_of_entry,
    source_of_job,
    source_of_schedule,
)
from duly.cli.dst_words import change_json, change_text, shift_text
from duly.cli.schedule import Schedule
from duly.cli.subject import EntriesOf, JobsOf, read_subject
from duly.cli.terminal import Problems, UsageError, output, paged
from duly.cli.times import (
    duration_text,
    iso,
    moment_text,
    read_moment,
    read_period,
    read_zone,
    weekday,
    zone_text,
)
from duly.core.clock import SECOND, Zone, current, round_to_second, zoned
from duly.ledger.jobs import StoredJob
from duly.triggers.interval import Grid

_MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked; moments in nanoseconds, ``start`` a whole second.

    ``report_until`` ends the period of the DST report, if one is wanted.
    """

    sources: Sequence[Source]
    file: Path | None
    """A ledger or a file of schedules; ``None``: a schedule is asked about."""
    kind: Literal["job", "entry"]
    """What the file holds."""
    one: bool
    shown_in: Zone
    start: int
    number: int
    report_until: int | None

    def coming(self) -> list[Coming]:
        """The next slots."""
        return coming(self.sources, self.start, self.number, self.shown_in)

    def reported(self) -> list[Reported]:
        """The changes of clocks of the DST report."""
        return [] if self.report_until is None else reported(self.sources, self.start, self.report_until)


def show_next(
    *subject: Subject,
    number: Annotated[
        int,
        Parameter(name=["--number", "-n"], help="How many.", validator=validators.Number(gte=1, lte=_MOST_TIMES)),
    ] = 10,
    from_: Annotated[str | None, Parameter(name="--from", help="Begin here: '2025-03-08 12:00'. Default: now.")] = None,
    timezone: Timezone = None,
    dst_report: Annotated[str | None, Parameter(help="Add the clock changes of a period: 2y, 18mo, 90d.")] = None,
    ledger: LedgerOfJob = None,
    json: Json = False,
    utc: Utc = False,
) -> None:
    """Answer on standard output."""
    problems = Problems()
    zone = problems.attempt(partial(read_zone, timezone), None)
    meant = problems.attempt(partial(read_subject, subject, ledger), None)
    sources = _sources(meant, zone)
    if timezone is None and isinstance(meant, JobsOf) and meant.one:
        zone = sources[0].zone
    start = now = round_to_second(current().now())
    if from_ is not None:
        start = problems.attempt(lambda: round_to_second(read_moment(from_, zone)), now)
    until = None
    if dst_report is not None:
        until = problems.attempt(lambda: read_period(dst_report, zoned(start, zone)), None)
    if meant is None or problems.found:
        raise UsageError(problems.found)
    path, one = (None, True) if isinstance(meant, Schedule) else (meant.path, meant.one)
    kind: Literal["job", "entry"] = "entry" if isinstance(meant, EntriesOf) else "job"
    question = Question(sources, path, kind, one, "UTC" if utc else zone, start, number, until)
    console = output()
    if json:
        console.print_json(data=_json(question))
        return
    tables = _tables(question)
    with paged(console, sum(table.row_count for table in tables)):
        _print(console, question, tables)


def _sources(meant: Schedule | JobsOf | EntriesOf | None, zone: Zone) -> list[Source]:
    match meant:
        case Schedule():
            return [source_of_schedule(meant, zone)]
        case JobsOf():
            return [source_of_job(job) for job in meant.jobs]
        case EntriesOf():
            return [source_of_entry(entry) for entry in meant.file.entries]
    return []


# JSON


def _json(question: Question) -> dict[str, object]:
    only, zone = question.sources[0] if question.one else None, question.shown_in
    answer: dict[str, object] = {}
    if question.file is not None:
        answer["file"] = str(question.file)
        sources = [_source_json(source, zone) for source in question.sources]
        answer["jobs" if question.kind == "job" else "entries"] = sources
    elif only is not None:
        answer["expression"] = only.name
        answer["explanation"] = only.sentence
        answer["timezone"] = zone_text(only.zone)
    answer["from"] = iso(question.start, zone)
    answer["times"] = [
        {
            **({question.kind: each.source.name} if question.file is not None else {}),
            "time": iso(each.slot, zone),
            "timestamp": each.slot // SECOND,
            "note": each.note,
        }
        for each in question.coming()
    ]
    if question.report_until is not None:
        answer["dst_report"] = [
            {
                **({question.kind: each.source.name} if question.file is not None else {}),
                **change_json(each.chain, each.source.zone, each.change),
            }
            for each in question.reported()
        ]
    return answer


def _source_json(source: Source, zone: Zone) -> dict[str, object]:
    named = {"name": source.name, "explanation": source.sentence, "timezone": zone_text(source.zone)}
    if source.entry is not None:
        return {**named, "enabled": source.entry.enabled}
    assert source.job is not None  # noqa: S101 - it is of a ledger
    job = source.job.job
    return {
        **named,
        "state": job.state,
        "paused_at": None if job.paused_at is None else iso(job.paused_at, zone),
        "paused_by": job.paused_by,
        "unknown": source.job.unknown,
    }


# Tables


def _tables(question: Question) -> list[Table]:
    tables = [_times_table(question, question.coming())]
    if found := question.reported():
        tables.append(_report_table(question, found))
    return tables


def _print(console: Console, question: Question, tables: Sequence[Table]) -> None:
    _print_head(console, question)
    for table in tables:
        console.print(table)
    if not tables[0].row_count:
        console.print("no time before the year 2200" if question.file is None else "nothing comes")
    if question.report_until is not None and len(tables) == 1:
        zones = ", ".join(dict.fromkeys(zone_text(source.zone) for source in question.sources))
        console.print(f"no clock change in {zones} in this period")
    for remark in _remarks(question):
        console.print(remark, style="dim", markup=False)


def _print_head(console: Console, question: Question) -> None:
    if not question.one:
        console.print(str(question.file), style="bold", markup=False, end=" · ")
        console.print(zone_text(question.shown_in))
        return
    only = question.sources[0]
    head = only.sentence if only.job is None else f"{only.name}: {only.sentence}"
    console.print(head, style="bold", markup=False, end=" · ")
    console.print(zone_text(only.zone))


def _remarks(question: Question) -> Iterator[str]:
    """What keeps slots of jobs and entries from running, or from being known."""
    for source in question.sources:
        if source.entry is not None and not source.entry.enabled:
            yield f"{source.name}: not enabled: nothing runs"
        elif source.entry is not None and next(source.slots(question.start), None) is None:
            yield f"{source.name}: its schedule has ended"
        if source.job is None:
            continue
        job = source.job.job
        if job.state != "live":
            yield f"{source.name}: {_ended(job, question.shown_in)}"
        elif source.job.schedule is None and question.one:
            yield f"{source.name}: its schedule has ended"
        if job.paused_at is not None and job.state == "live":
            by = f" by {job.paused_by}" if job.paused_by else ""
            yield f"{source.name}: paused since {moment_text(job.paused_at, question.shown_in)}{by}: nothing runs"
        if source.job.unknown is not None:
            yield f"{source.name}: {source.job.unknown}: at most the next time is known"


def _ended(job: StoredJob, zone: Zone) -> str:
    at = job.cancelled_at if job.cancelled_at is not None else job.retired_at
    assert at is not None  # noqa: S101 - it does not live
    how = "cancelled" if job.cancelled_at is not None else "retired, for its program no longer registered it,"
    return f"{how} at {moment_text(at, zone)}"


def _times_table(question: Question, times: Sequence[Coming]) -> Table:
    """One row per time; seconds are shown only if any time has some."""
    pattern = _pattern(times)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Time", style="cyan", no_wrap=True)
    table.add_column("Day")
    table.add_column("Offset")
    table.add_column("In", no_wrap=True)
    if not question.one:
        table.add_column(question.kind.capitalize())
    if any(time.note for time in times):
        table.add_column("Clock change" if question.file is None else "Note", style="yellow")
    for time in times:
        moment = zoned(time.slot, question.shown_in)
        name = [] if question.one else [Text(time.source.name)]
        waiting = duration_text(time.slot - question.start)
        row: list[str | Text] = [
            moment.format(pattern),
            weekday(moment),
            moment.format("xxx"),
            waiting,
            *name,
            time.note or "",
        ]
        table.add_row(*row[: len(table.columns)])
    return table


def _pattern(times: Sequence[Coming]) -> str:
    if any(isinstance(grid := time.source.chain, Grid) and grid.step % SECOND for time in times):
        return "YYYY-MM-DD HH:mm:ss.fff"
    return "YYYY-MM-DD HH:mm:ss" if any(time.slot // SECOND % 60 for time in times) else "YYYY-MM-DD HH:mm"


def _report_table(question: Question, found: Sequence[Reported]) -> Table:
    """One row per group of ticks that fare alike; a change that touches none has one too."""
    intervals = all(isinstance(each.chain, Grid) for each in found)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Clocks go", style="cyan", no_wrap=True)
    table.add_column("By", no_wrap=True)
    if not question.one:
        table.add_column(question.kind.capitalize())
    if not intervals:
        table.add_column("Ticks", no_wrap=True)
    table.add_column("What happens", style="yellow")
    for each in found:
        head = [change_text(each.change), shift_text(each.change)]
        for times, effect in report_lines(each):
            name = [] if question.one else [Text(each.source.name)]
            table.add_row(*head, *name, *([] if intervals else [times]), effect)
            head = ["", ""]
    return table
