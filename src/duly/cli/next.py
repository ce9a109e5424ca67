"""``duly next``: the coming times of a schedule, and what clock changes do to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Annotated

from cyclopts import Parameter, validators
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from duly.cli.arguments import Expression, Json, Timezone, Utc
from duly.cli.clock_changes import DAY, ClockChange, clock_changes
from duly.cli.dst_words import change_json, change_text, lines, note, shift_text
from duly.cli.schedule import Schedule, read_schedule
from duly.cli.terminal import Problems, UsageError, output, paged
from duly.cli.times import duration_text, iso, read_moment, read_period, read_zone, weekday, zone_text
from duly.core.clock import SECOND, Zone, current, round_to_second, zoned

_MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked; moments in nanoseconds, ``start`` a whole second.

    ``report_until`` ends the period of the DST report, if one is wanted.
    """

    schedule: Schedule
    zone: Zone
    start: int
    number: int
    report_until: int | None


@dataclass(frozen=True, slots=True)
class Coming:
    """One coming time, and what a change of clocks has to do with it."""

    slot: int
    note: str | None


def show_next(
    *expression: Expression,
    number: Annotated[
        int,
        Parameter(name=["--number", "-n"], help="How many.", validator=validators.Number(gte=1, lte=_MOST_TIMES)),
    ] = 10,
    from_: Annotated[str | None, Parameter(name="--from", help="Begin here: '2025-03-08 12:00'. Default: now.")] = None,
    timezone: Timezone = None,
    dst_report: Annotated[str | None, Parameter(help="Add the clock changes of a period: 2y, 18mo, 90d.")] = None,
    json: Json = False,
    utc: Utc = False,
) -> None:
    """Answer on standard output."""
    problems = Problems()
    now = round_to_second(current().now())
    zone = problems.attempt(lambda: read_zone(timezone), None)
    start = problems.attempt(lambda: round_to_second(read_moment(from_, zone)), now) if from_ is not None else now
    until = (
        problems.attempt(lambda: read_period(dst_report, zoned(start, zone)), None) if dst_report is not None else None
    )
    schedule = problems.attempt(lambda: read_schedule(expression), None)
    if schedule is None or problems.found:
        raise UsageError(problems.found)
    question = Question(schedule, zone, start, number, until)
    shown_in: Zone = "UTC" if utc else zone
    console = output()
    if json:
        console.print_json(data=_json(question, shown_in))
        return
    tables = _tables(question, shown_in)
    with paged(console, sum(table.row_count for table in tables)):
        _print(console, question, tables)


def coming(question: Question) -> list[Coming]:
    """The next slots, fewer than asked for where chains end."""
    schedule, zone, start = question.schedule, question.zone, question.start
    found = list(islice(schedule.slots(zone, start), question.number))
    changes = clock_changes(zone, start - DAY, found[-1] + DAY) if found else []
    return [Coming(slot, note(schedule, zone, changes, previous, slot)) for previous, slot in pairwise([start, *found])]


def reported(question: Question) -> list[ClockChange]:
    """The clock changes of the DST report."""
    return [] if question.report_until is None else clock_changes(question.zone, question.start, question.report_until)


def _json(question: Question, shown_in: Zone) -> dict[str, object]:
    answer: dict[str, object] = {
        "expression": question.schedule.text,
        "explanation": question.schedule.sentence,
        "timezone": zone_text(question.zone),
        "from": iso(question.start, shown_in),
        "times": [
            {"time": iso(time.slot, shown_in), "timestamp": time.slot // SECOND, "note": time.note}
            for time in coming(question)
        ],
    }
    if question.report_until is not None:
        answer["dst_report"] = [change_json(question.schedule, question.zone, change) for change in reported(question)]
    return answer


def _tables(question: Question, shown_in: Zone) -> list[Table]:
    tables = [_times_table(coming(question), question.start, shown_in)]
    if changes := reported(question):
        tables.append(_report_table(question, changes))
    return tables


def _print(console: Console, question: Question, tables: Sequence[Table]) -> None:
    console.print(question.schedule.sentence, style="bold", markup=False, end=" · ")
    console.print(zone_text(question.zone))
    for table in tables:
        console.print(table)
    if not tables[0].row_count:
        console.print("no time before the year 2200")
    if question.report_until is not None and len(tables) == 1:
        console.print(f"no clock change in {zone_text(question.zone)} in this period")


def _times_table(times: Sequence[Coming], start: int, shown_in: Zone) -> Table:
    """One row per time; seconds are shown only if any time has some."""
    pattern = "YYYY-MM-DD HH:mm:ss" if any(time.slot // SECOND % 60 for time in times) else "YYYY-MM-DD HH:mm"
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Time", style="cyan", no_wrap=True)
    table.add_column("Day")
    table.add_column("Offset")
    table.add_column("In", no_wrap=True)
    if any(time.note for time in times):
        table.add_column("Clock change", style="yellow")
    for time in times:
        moment = zoned(time.slot, shown_in)
        waiting = duration_text(time.slot - start)
        row = [moment.format(pattern), weekday(moment), moment.format("xxx"), waiting, time.note or ""]
        table.add_row(*row[: len(table.columns)])
    return table


def _report_table(question: Question, changes: Sequence[ClockChange]) -> Table:
    """One row per group of ticks that fare alike; a change that touches none has one too."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Clocks go", style="cyan", no_wrap=True)
    table.add_column("By", no_wrap=True)
    if question.schedule.interval is None:
        table.add_column("Ticks", no_wrap=True)
    table.add_column("What happens", style="yellow")
    for change in changes:
        head = [change_text(change), shift_text(change)]
        for times, effect in lines(question.schedule, question.zone, change):
            table.add_row(*head, *([times] if question.schedule.interval is None else []), effect)
            head = ["", ""]
    return table
