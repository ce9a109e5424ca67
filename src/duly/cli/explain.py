"""``duly explain``: a schedule in words; or why a job did, or did not, run at a time."""

from functools import partial
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from duly.cli.arguments import ExprOrJob, Json, LedgerOfJob, Timezone, Utc
from duly.cli.dst_words import change_json, change_text, lines, shift_text
from duly.cli.explain_why import show_why
from duly.cli.schedule import NoScheduleError, Schedule, read_schedule
from duly.cli.terminal import Problems, UsageError, output
from duly.cli.times import iso, moment_text, read_zone, zone_text
from duly.core.clock import Zone, current
from duly.triggers.clock_changes import DAY, ClockChange, clock_changes

_LOOK_AHEAD = 366 * DAY
"""A zone that still changes its clocks does so within a year."""


def show_explanation(
    *subject: ExprOrJob,
    at: Annotated[
        str | None, Parameter(name="--at", help="Why the job did or did not run then: '2025-03-08 02:30', 02:30.")
    ] = None,
    ledger: LedgerOfJob = None,
    timezone: Timezone = None,
    json: Json = False,
    utc: Utc = False,
) -> None:
    """Answer on standard output."""
    if at is not None:
        show_why(" ".join(subject).strip(), at, ledger, timezone, json=json, utc=utc)
        return
    problems = Problems()
    zone = problems.attempt(partial(read_zone, timezone), None)
    schedule = problems.attempt(lambda: _read(subject), None)
    if ledger is not None:
        problems.found.append("--ledger is for jobs: give --at as well")
    if schedule is None or problems.found:
        raise UsageError(problems.found)
    now, shown_in = current().now(), "UTC" if utc else zone
    changes = clock_changes(zone, now, now + _LOOK_AHEAD)
    console = output()
    if json:
        console.print_json(data=_json(schedule, zone, now, changes, shown_in))
        return
    console.print(schedule.sentence, style="bold", markup=False)
    console.print(_facts(schedule, zone, now, changes, shown_in))


def _read(words: tuple[str, ...]) -> Schedule:
    try:
        return read_schedule(words)
    except NoScheduleError as error:
        raise ValueError(f"{error}; to be told why a job did or did not run add --at '2025-03-08 02:30'") from None


def _json(schedule: Schedule, zone: Zone, now: int, changes: list[ClockChange], shown_in: Zone) -> dict[str, object]:
    last, following = schedule.around(zone, now)
    return {
        "expression": schedule.text,
        "explanation": schedule.sentence,
        "trigger_id": schedule.trigger.trigger_id(),
        "timezone": zone_text(zone),
        "last": None if last is None else iso(last, shown_in),
        "next": None if following is None else iso(following, shown_in),
        "next_clock_change": change_json(schedule.chain(zone), zone, changes[0]) if changes else None,
    }


def _facts(schedule: Schedule, zone: Zone, now: int, changes: list[ClockChange], shown_in: Zone) -> Table:
    last, following = schedule.around(zone, now)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_row("Time zone", zone_text(zone))
    if last is not None:
        table.add_row("Last", moment_text(last, shown_in))
    table.add_row("Next", "none before the year 2200" if following is None else moment_text(following, shown_in))
    if not changes:
        table.add_row("Clock change", "none within a year")
        return table
    table.add_row("Clock change", f"{change_text(changes[0])} ({shift_text(changes[0])})")
    for times, effect in lines(schedule.chain(zone), changes[0]):
        table.add_row("", f"{times} {effect}".strip())
    return table
