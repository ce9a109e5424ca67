"""``duly simulate``: what would run in a window of time, what would overlap, where it would pile up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duly.cli.arguments import Json, LocalUtc
from duly.cli.ledger_file import ledger_of, reading
from duly.cli.progress import progress_bar
from duly.cli.simulation import Part, PileUp, Simulation, Tally, pile_ups, pressure, simulate
from duly.cli.terminal import Problems, UsageError, output, paged
from duly.cli.times import duration_text, iso, moment_text, read_duration, read_moment, zone_text
from duly.core.clock import NEVER, SECOND, Zone, current, round_to_second, zoned
from duly.core.policy import Misfire, Mode, Policy
from duly.ledger import executions, jobs
from duly.ledger.executions import ExecutionFilter
from duly.ledger.jobs import StoredJob
from duly.ledger.reader import LedgerReader
from duly.ledger.upcoming import Upcoming, upcoming
from duly.triggers.clock_changes import DAY

_DURATIONS_READ = 100
_TELLING = ("success", "error", "timed_out")
"""Executions that tell how long the next may take."""
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 60
_PILES_SHOWN = 5
_NAMES_SHOWN = 8
_TITLES = ("Runs", "Cancelled", "Skipped", "Waiting", "Busy", "Longest wait", "Durations")
_NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Play:
    """What was asked for, and what came out. Nanoseconds since the epoch."""

    path: Path
    start: int
    end: int
    durations: Mapping[str, str]
    """Where those of the jobs that are played are from: ``given``, ``recorded`` or ``assumed``."""
    left_out: Mapping[str, str]
    """Jobs that are not played, and why."""
    simulation: Simulation


def show_simulation(
    source: Annotated[
        Path | None,
        Parameter(name="FILE", help="A ledger, or a duly.toml. Default: the ledger of the settings in use."),
    ] = None,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from", help="Begin here: '2025-03-08 12:00'. Default: now.")] = None,
    to: Annotated[str | None, Parameter(name="--to", help="End here. Default: a day later.")] = None,
    duration: Annotated[
        list[str] | None,
        Parameter(
            name="--duration",
            negative="",
            help="How long runs take: backup=20m for one job, 5s for jobs that have never run (default: 1s).",
        ),
    ] = None,
    json: Json = False,
    utc: LocalUtc = False,
) -> None:
    """Answer on standard output."""
    zone: Zone = "UTC" if utc else None
    problems = Problems()
    path = problems.attempt(lambda: ledger_of(source), Path())
    now = round_to_second(current().now())
    start = now if from_ is None else problems.attempt(lambda: read_moment(from_, zone), now)
    end = start + DAY if to is None else problems.attempt(lambda: read_moment(to, zone), start + DAY)
    if end <= start:
        problems.found.append(f"the window is empty: --to ({iso(end, zone)}) must be later than --from")
    given = problems.attempt(lambda: _read_durations(duration or []), _NOTHING)
    problems.check()
    with reading(path) as reader:
        play = _play(reader, start, end, given)
    console = output()
    if json:
        console.print_json(data=_json(play, zone))
        return
    table = _table(play)
    with paged(console, table.row_count):
        _print(console, play, table, zone)


def _read_durations(texts: Sequence[str]) -> Mapping[str, int]:
    """Nanoseconds by job; by ``""`` those of jobs that have never run."""
    given = {}
    for text in texts:
        name, _, written = text.rpartition("=")
        seconds = read_duration(written)
        if seconds is None:
            raise ValueError(f"cannot read the duration {text!r}: write it as 5s, or as backup=20m for one job")
        given[name] = round(seconds * SECOND)
    return given


def _play(reader: LedgerReader, start: int, end: int, given: Mapping[str, int]) -> Play:
    known = [reader.read(upcoming, job) for job in reader.read(jobs.jobs, state="live")]
    names = [each.job.full_name for each in known]
    unknown = sorted(name for name in given if name and name not in names)
    if unknown:
        there = ", ".join(names) or "none"
        raise UsageError([f"--duration names no job of {reader.path}: {', '.join(unknown)}; jobs there: {there}"])
    parts, sources, left_out = [], {}, {}
    for each in known:
        if why := _why_not(each):
            left_out[each.job.full_name] = why
            continue
        part, sources[each.job.full_name] = _part(reader, each, start, given)
        parts.append(part)
    with progress_bar() as tell:
        simulation = simulate(parts, start, end, tell=lambda now: tell("playing", now - start, end - start))
    return Play(reader.path, start, end, sources, left_out, simulation)


def _why_not(each: Upcoming) -> str | None:
    """Why a job cannot be played."""
    if each.job.paused_at is not None:
        return "paused"
    return "its schedule has ended" if each.schedule is None else each.unknown


def _part(reader: LedgerReader, each: Upcoming, start: int, given: Mapping[str, int]) -> tuple[Part, str]:
    """A job to play, and where its durations are from."""
    job, chain = each.job, each.chain
    assert chain is not None  # noqa: S101 - asked before
    name = job.full_name
    if name in given:
        durations, source = [given[name]], "given"
    elif durations := _durations(reader, job):
        source = "recorded"
    else:
        durations, source = [given.get("", SECOND)], "given" if "" in given else "assumed"
    policy = Policy(mode=Mode(job.mode), misfire=Misfire(job.misfire))
    return Part(name, chain, policy, next(each.slots(start - 1), NEVER), durations), source


def _durations(reader: LedgerReader, job: StoredJob) -> list[int]:
    wanted = ExecutionFilter(job_id=job.id, statuses=_TELLING)
    return [row.duration_ns for row in reader.read(executions.page, wanted, limit=_DURATIONS_READ).rows]


def _skipped(tally: Tally) -> int:
    return sum(number for how, number in tally.closed.items() if how.startswith("skipped"))


def _piles(play: Play) -> list[PileUp]:
    """The highest, each set of jobs once."""
    return pile_ups(play.simulation.spans)[:_PILES_SHOWN]


def _names(pile: PileUp) -> str:
    counted = [name if number == 1 else f"{name} ({number} runs)" for name, number in pile.running.items()]
    return ", ".join(counted[:_NAMES_SHOWN]) + (" …" if len(counted) > _NAMES_SHOWN else "")


def _pressure(play: Play) -> list[int]:
    return pressure(play.simulation.spans, play.start, play.end, _COLUMNS)


def _json(play: Play, zone: Zone) -> dict[str, object]:
    return {
        "file": str(play.path),
        "from": iso(play.start, zone),
        "to": iso(play.end, zone),
        "runs": len(play.simulation.spans),
        "cut": play.simulation.cut,
        "most_at_once": max(_pressure(play)),
        "jobs": [
            {
                "name": name,
                "runs": tally.runs,
                "closed": dict(tally.closed),
                "cancelled": tally.cancelled,
                "waiting": tally.waiting,
                "busy_seconds": tally.busy / SECOND,
                "longest_wait_seconds": tally.longest_wait / SECOND,
                "durations": play.durations[name],
            }
            for name, tally in play.simulation.tallies.items()
        ],
        "pile_ups": [
            {"time": iso(pile.since, zone), "running": pile.total, "jobs": dict(pile.running)} for pile in _piles(play)
        ],
        "left_out": dict(play.left_out),
    }


def _table(play: Play) -> Table:
    """One row per job; what happens to none of them has no column."""
    rows = [(name, _cells(play, name, tally)) for name, tally in play.simulation.tallies.items()]
    titles = [title for title in _TITLES if any(cells[title] for _, cells in rows)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Job", style="cyan")
    for title in titles:
        right = title != "Durations"
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for name, cells in rows:
        table.add_row(Text(name), *(cells[title] for title in titles))
    return table


def _cells(play: Play, name: str, tally: Tally) -> dict[str, str]:
    warnings = {"Cancelled": tally.cancelled, "Skipped": _skipped(tally), "Waiting": tally.waiting}
    return {
        "Runs": str(tally.runs),
        **{title: f"[yellow]{number}[/]" if number else "" for title, number in warnings.items()},
        "Busy": f"{tally.busy / (play.end - play.start):.1%}",
        "Longest wait": duration_text(tally.longest_wait) if tally.longest_wait >= SECOND else "",
        "Durations": play.durations[name],
    }


def _print(console: Console, play: Play, table: Table, zone: Zone) -> None:
    console.print(f"{moment_text(play.start, zone)} to {moment_text(play.end, zone)}", style="bold", end=" · ")
    console.print(zone_text(zone))
    if table.row_count:
        console.print(table)
    pressure = _pressure(play)
    most = max(pressure)
    if most:
        bars = "".join(" " if not one else _BARS[(one * len(_BARS) - 1) // most] for one in pressure)
        console.print(f"at once, at most {most}")
        console.print(bars, style="cyan")
        left, right = _edge(play.start, zone), _edge(play.end, zone)
        console.print(f"{left}{right:>{_COLUMNS - len(left)}}", style="dim")
    for pile in _piles(play):
        console.print(f"{moment_text(pile.since, zone)}  {pile.total} at once: {_names(pile)}", markup=False)
    for name, why in play.left_out.items():
        console.print(f"left out: {name}: {why}", style="dim", markup=False)
    runs = f"{len(play.simulation.spans)} runs"
    console.print(f"{runs}; stopped early, take a shorter window" if play.simulation.cut else runs)


def _edge(moment: int, zone: Zone) -> str:
    return zoned(moment, zone).format("MM-DD HH:mm")
