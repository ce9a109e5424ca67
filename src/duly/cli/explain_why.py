"""``duly explain JOB --at T``: why a job did, or did not, run at a time."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text
from whenever import PlainDateTime

from duly.cli.ledger_file import job_called, ledger_of, reading
from duly.cli.schedule import sentence_of_job
from duly.cli.terminal import Problems, UsageError, output
from duly.cli.times import iso, moment_text, read_duration, read_moment, read_zone, zone_text
from duly.core.clock import SECOND, Zone, at_wall_clock, current, nanoseconds, zoned
from duly.ledger.executions import Execution
from duly.ledger.lock import holder
from duly.ledger.upcoming import newest_chain
from duly.ledger.why import Why, why
from duly.ledger.why_words import sentence

_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_FRAME = re.compile(r'\s*File "')


def show_why(name: str, at: str, ledger: Path | None, timezone: str | None, *, json: bool, utc: bool) -> None:
    """Answer on standard output."""
    problems = Problems()
    if not name:
        problems.found.append("--at asks about a job: give its name, such as backup or garden.water")
    given = problems.attempt(partial(read_zone, timezone), None)
    path = problems.attempt(partial(ledger_of, ledger), Path())
    problems.check()
    with reading(path) as reader:
        try:
            job = job_called(reader, name)
        except ValueError as error:
            raise UsageError([str(error)]) from error
        chain, own = reader.read(newest_chain, job)
        zone = own if timezone is None else given
        now = current().now()
        asked = problems.attempt(lambda: _moment(at, zone, now), now)
        problems.check()
        answer = reader.read(why, job, asked, now=now, alive=holder(path) is not None)
    words = sentence_of_job(job, chain, "unknown")
    shown_in: Zone = "UTC" if utc else zone
    console = output()
    if json:
        console.print_json(data=_json(answer, path, shown_in))
        return
    console.print(f"{job.full_name}: {sentence(answer, shown_in)}", style="bold", markup=False, soft_wrap=True)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="cyan", no_wrap=True)
    for title, text in [("Schedule", f"{words} · {zone_text(answer.zone)}"), *_facts(answer, at, zone, shown_in)]:
        facts.add_row(title, Text(text))
    console.print(facts)


def _moment(text: str, zone: Zone, now: int) -> int:
    """A moment, the last such time of day, or a duration before now."""
    seconds = read_duration(text)
    if seconds is not None:
        return now - round(seconds * SECOND)
    try:
        return _last_time(text.zfill(5), zone, now) if _TIME_OF_DAY.fullmatch(text) else read_moment(text, zone)
    except ValueError:
        raise ValueError(
            f"cannot read the time {text!r}: write it as '2025-03-08 02:30', 2025-03-08T02:30Z, 02:30 or 2h (ago)"
        ) from None


def _last_time(text: str, zone: Zone, now: int) -> int:
    """That time of day, today or yesterday."""
    today = zoned(now, zone).date()
    moment = read_moment(f"{today} {text}", zone)
    return moment if moment <= now else read_moment(f"{today.subtract(days=1)} {text}", zone)


def _doubt(text: str, asked: int, zone: Zone) -> str | None:
    """What a change of clocks does to the wall-clock time that was asked about."""
    try:
        wall = PlainDateTime.parse_iso(text)
    except ValueError:
        return None
    if zoned(asked, zone).to_plain() != wall:
        return f"{text} does not exist: clocks were set forward; {moment_text(asked, zone)} is meant"
    later = nanoseconds(at_wall_clock(wall, zone, later=True))
    return None if later == asked else f"{text} occurs twice: the first is meant, the other is {iso(later, zone)}"


def _facts(answer: Why, at: str, zone: Zone, shown_in: Zone) -> Iterator[tuple[str, str]]:
    def time(moment: int) -> str:
        return moment_text(moment, shown_in)

    yield "Asked about", time(answer.asked)
    if (doubt := _doubt(at, answer.asked, zone)) is not None:
        yield "Clock change", doubt
    if answer.previous is not None:
        yield "Slot before", time(answer.previous)
    if answer.following is not None:
        yield "Slot after", time(answer.following)
    if answer.row is not None:
        yield from _outcome(answer.row)
    for title, run in (("In the way", answer.in_the_way), ("Ran then", answer.beside)):
        if run is not None:
            what = "by hand" if run.scheduled_ts is None else f"slot {time(run.scheduled_ts)}"
            yield title, f"{what}, started {time(run.execution_start_ts)}, {run.status}, {run.execution_id}"
    job = answer.job
    for title, moment in (("Paused", job.paused_at), ("Retired", job.retired_at), ("Cancelled", job.cancelled_at)):
        if moment is not None:
            yield title, time(moment) + (f" by {job.paused_by}" if title == "Paused" and job.paused_by else "")


def _outcome(row: Execution) -> Iterator[tuple[str, str]]:
    yield "Outcome", row.status + (f" ({row.reason})" if row.reason else "")
    if row.execution_id is not None:
        yield "Execution", row.execution_id
    if row.error_type is not None:
        yield "Error", ": ".join(filter(None, (row.error_type, row.error_message)))
    if (where := _where(row)) is not None:
        yield "Raised in", where


def _where(row: Execution) -> str | None:
    """The last place that the traceback names."""
    found = [line.strip() for line in (row.error_traceback or "").splitlines() if _FRAME.match(line)]
    return found[-1] if found else None


def _json(answer: Why, path: Path, zone: Zone) -> dict[str, object]:
    def time(moment: int | None) -> str | None:
        return None if moment is None else iso(moment, zone)

    job, odd = answer.job, answer.odd
    return {
        "file": str(path),
        "job": job.full_name,
        "state": job.state,
        "asked": time(answer.asked),
        "verdict": answer.verdict.value,
        "sentence": sentence(answer, zone),
        "timezone": zone_text(answer.zone),
        "slot": time(answer.slot),
        "exact": answer.exact,
        "previous": time(answer.previous),
        "following": time(answer.following),
        "execution": _execution_json(answer.row, zone),
        "in_the_way": _execution_json(answer.in_the_way, zone),
        "beside": _execution_json(answer.beside, zone),
        "down": None if answer.down is None else {"from": time(answer.down.since), "to": time(answer.down.until)},
        "paused_at": time(answer.paused_at),
        "paused_by": answer.paused_by,
        "clock_change": None if odd is None else {"time": time(odd.change.at), "effect": odd.effect.value},
    }


def _execution_json(row: Execution | None, zone: Zone) -> dict[str, object] | None:
    if row is None:
        return None
    return {
        "execution_id": row.execution_id,
        "scheduled": None if row.scheduled_ts is None else iso(row.scheduled_ts, zone),
        "scheduled_to": None if row.scheduled_to_ts is None else iso(row.scheduled_to_ts, zone),
        "status": row.status,
        "reason": row.reason,
        "start": iso(row.execution_start_ts, zone) if row.ran else None,
        "end": iso(row.end_ts, zone) if row.ended else None,
        "attempt": row.attempt_number,
        "ticks": row.tick_count,
        "trigger_mode": row.trigger_mode,
        "error_type": row.error_type,
        "error_message": row.error_message,
        "raised_in": _where(row),
    }
