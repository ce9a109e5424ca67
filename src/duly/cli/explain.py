"""``duly explain``: a schedule in words."""

from rich.table import Table

from duly.cli.arguments import Expression, Json, Timezone, Utc
from duly.cli.clock_changes import DAY, ClockChange, clock_changes
from duly.cli.dst_words import change_json, change_text, lines, shift_text
from duly.cli.schedule import Schedule, read_schedule
from duly.cli.terminal import Problems, UsageError, output
from duly.cli.times import iso, moment_text, read_zone, zone_text
from duly.core.clock import Zone, current

_LOOK_AHEAD = 366 * DAY
"""A zone that still changes its clocks does so within a year."""


def show_explanation(*expression: Expression, timezone: Timezone = None, json: Json = False, utc: Utc = False) -> None:
    """Answer on standard output."""
    problems = Problems()
    zone = problems.attempt(lambda: read_zone(timezone), None)
    schedule = problems.attempt(lambda: read_schedule(expression), None)
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


def _json(schedule: Schedule, zone: Zone, now: int, changes: list[ClockChange], shown_in: Zone) -> dict[str, object]:
    last, following = schedule.around(zone, now)
    return {
        "expression": schedule.text,
        "explanation": schedule.sentence,
        "trigger_id": schedule.trigger.trigger_id(),
        "timezone": zone_text(zone),
        "last": None if last is None else iso(last, shown_in),
        "next": None if following is None else iso(following, shown_in),
        "next_clock_change": change_json(schedule, zone, changes[0]) if changes else None,
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
    for times, effect in lines(schedule, zone, changes[0]):
        table.add_row("", f"{times} {effect}".strip())
    return table
