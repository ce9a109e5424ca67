"""Eight jobs for twenty seconds: one fails, one is too slow, one is paused, one retries, one is async.

Run with ``make demo``. At the end stands the ledger: every due moment of every job, and that it adds up.
"""

import argparse
import asyncio
import itertools
import logging
import time
from collections.abc import Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from duly import Job, Outcome, Scheduler, every
from duly.triggers import Cron

SYMBOLS = {
    Outcome.SUCCESS: "[green]●[/]",
    Outcome.ERROR: "[red]✗[/]",
    Outcome.TIMED_OUT: "[red]⧖[/]",
    Outcome.SKIPPED: "[yellow]○[/]",
    Outcome.MISSED: "[magenta]·[/]",
    Outcome.CANCELLED: "[dim]-[/]",
    Outcome.INTERRUPTED: "[red]![/]",
}
SHOWN = (Outcome.SUCCESS, Outcome.ERROR, Outcome.SKIPPED, Outcome.MISSED)


def heartbeat() -> str:
    """Comes back at once."""
    return "alive"


def slow_report() -> None:
    """Takes longer than its interval: every other slot is skipped, and the ledger says so."""
    time.sleep(2.5)


def broken_import() -> None:
    """Fails each time."""
    raise ConnectionError("the warehouse does not answer")


_tries = itertools.count(1)


def flaky_upload() -> str:
    """Fails twice of three times; with two retries each slot ends well."""
    if next(_tries) % 3:
        raise OSError("connection reset")
    return "uploaded"


async def poll_sensor() -> float:
    """Runs on the scheduler's event loop."""
    await asyncio.sleep(0.1)
    return 21.5


def newsletter() -> None:
    """Is paused half of the time."""


def welcome() -> str:
    """Runs once."""
    return "hello"


def schedule_jobs(scheduler: Scheduler) -> list[str]:
    """Schedule all jobs; give the id of the one to pause last."""
    scheduler.schedule(heartbeat, trigger=every(seconds=1))
    scheduler.schedule(slow_report, trigger=every(seconds=2))
    scheduler.schedule(broken_import, trigger=every(seconds=4))
    scheduler.schedule(flaky_upload, trigger=every(seconds=5), retries=2, retry_delay=0.5)
    scheduler.schedule(poll_sensor, trigger=every(seconds=0.5), jitter=0.2)
    scheduler.schedule(welcome, name="welcome")
    scheduler.schedule(heartbeat, name="backup", trigger=Cron("* * * * * */3"))
    return [scheduler.schedule(newsletter, trigger=every(seconds=1))]


def table_of(scheduler: Scheduler, seconds_left: float) -> Group:
    """The jobs as they are now, with the last outcomes of each."""
    table = Table(title="Duly: runs on time, duly noted", expand=True)
    for column in ("job", "status", "next"):
        table.add_column(column, no_wrap=True)
    table.add_column("last outcomes", no_wrap=True, min_width=18)
    for column in ("ok", "fail", "skip"):
        table.add_column(column, no_wrap=True, justify="right")
    for job in sorted(scheduler.list_jobs(), key=lambda job: job.name):
        lately = scheduler.history(job.id, limit=18)
        marks = "".join(SYMBOLS[line.status] for line in reversed(lately))
        failed = sum(
            job.outcomes.get(outcome, 0) for outcome in (Outcome.ERROR, Outcome.TIMED_OUT, Outcome.INTERRUPTED)
        )
        next_run = f"{job.next_run:%H:%M:%S}" if job.next_run else "-"
        counts = (str(job.run_count), str(failed), str(job.skipped))
        table.add_row(job.name, job.status, next_run, Text.from_markup(marks), *counts)
    legend = "  ".join(f"{SYMBOLS[outcome]} {outcome}" for outcome in SHOWN)
    return Group(table, Text.from_markup(f"[dim]{seconds_left:4.0f} s left    {legend}[/]"))


def ledger_of(scheduler: Scheduler, jobs: list[Job]) -> Table:
    """Slots expected by the trigger against slots recorded, job by job."""
    table = Table(title="The ledger", expand=True)
    for column in ("job", "due", "ok", "error", "skip", "miss", "cancel", "sum", "adds up"):
        table.add_column(column, no_wrap=True, justify="left" if column == "job" else "right")
    for job in jobs:
        account = scheduler.account(job.id)
        shown = [account.outcomes.get(outcome, 0) for outcome in (*SHOWN, Outcome.CANCELLED)]
        verdict = "[green]yes[/]" if account.adds_up else "[red]NO[/]"
        table.add_row(job.name, str(account.expected), *map(str, shown), str(account.recorded), verdict)
    return table


def ticks(seconds: float) -> Iterator[float]:
    """Seconds left, four times a second."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield left
        time.sleep(min(0.25, left))


def main() -> int:
    """Run the demonstration; 1 if a ledger does not add up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long to run (default: 20)")
    parser.add_argument("--svg", help="also write what is shown at the end to this file")
    arguments = parser.parse_args()
    seconds: float = arguments.seconds
    logging.getLogger("duly").setLevel(logging.CRITICAL)  # the table shows what fails
    console = Console(record=arguments.svg is not None)
    scheduler = Scheduler(max_workers=4)
    (paused,) = schedule_jobs(scheduler)
    with scheduler, Live(console=console, refresh_per_second=4) as live:
        for left in ticks(seconds):
            if left < seconds * 0.7 and scheduler.health().running:
                scheduler.pause(paused)
            if left < seconds * 0.3:
                scheduler.resume(paused)
            live.update(table_of(scheduler, left))
    jobs = sorted(scheduler.list_jobs(), key=lambda job: job.name)
    console.print()
    console.print(ledger_of(scheduler, jobs))
    if arguments.svg is not None:
        console.save_svg(arguments.svg, title="make demo")
    accounts = [scheduler.account(job.id) for job in jobs]
    if not all(account.adds_up for account in accounts):
        console.print("[red]The ledger does not add up.[/]")
        return 1
    expected, recorded = (
        sum(account.expected or 0 for account in accounts),
        sum(account.recorded for account in accounts),
    )
    console.print(f"[green]The ledger adds up:[/] {expected} slots were due, {recorded} are accounted for, each once.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
