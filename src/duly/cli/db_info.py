"""``duly db info``: what is in the file of a ledger."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from duly.cli.arguments import Json, LedgerFile, LocalUtc
from duly.cli.ledger_file import existing, using
from duly.cli.terminal import Problems, output
from duly.cli.times import iso, moment_text
from duly.core.clock import Zone
from duly.ledger.file_info import FileInfo, file_info
from duly.ledger.leaderships import StoredLeadership

_KILO = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB")


def show_info(file: LedgerFile, /, *, json: Json = False, utc: LocalUtc = False) -> None:
    """Answer on standard output."""
    problems = Problems()
    problems.attempt(lambda: existing(file), file)
    problems.check()
    with using(file):
        info = file_info(file)
    zone: Zone = "UTC" if utc else None
    console = output()
    if json:
        console.print_json(data=_json(info, zone))
    else:
        console.print(_facts(info, zone))


def bytes_text(number: int) -> str:
    """Bytes in the unit that fits: ``4.1 kB``, ``120.9 MB``."""
    size, units = float(number), iter(_UNITS)
    unit = next(units)
    while abs(size) >= _KILO and (larger := next(units, None)):
        size, unit = size / _KILO, larger
    return f"{number} B" if unit == "B" else f"{size:.1f} {unit}"


def _json(info: FileInfo, zone: Zone) -> dict[str, object]:
    def time(moment: int | None) -> str | None:
        return None if moment is None else iso(moment, zone)

    last = info.last_session
    return {
        "file": str(info.path),
        "schema_version": info.schema_version,
        "bytes": info.extent.file_bytes,
        "wal_bytes": info.extent.wal_bytes,
        "used_bytes": info.extent.used_bytes,
        "writer": info.writer,
        "executions": dict(info.executions),
        "logs": info.logs,
        "jobs": info.jobs,
        "listeners": info.listeners,
        "schedules": info.schedules,
        "leaderships": len(info.leaderships),
        "sessions": info.sessions,
        "reaches_back_to": time(info.extent.reaches_back_to),
        "newest": time(info.newest),
        "floors": {tier: time(floor) for tier, floor in info.extent.floors.items()},
        "last_session": None
        if last is None
        else {
            "pid": last.pid,
            "status": last.status,
            "version": last.version,
            "started_at": time(last.started_at),
            "last_heartbeat_at": time(last.last_heartbeat_at),
            "stopped_at": time(last.stopped_at),
        },
    }


def _facts(info: FileInfo, zone: Zone) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    extent, last = info.extent, info.last_session
    table.add_row("File", Text(f"{info.path}, {bytes_text(extent.file_bytes)}, schema {info.schema_version}"))
    table.add_row("In use", f"{bytes_text(extent.used_bytes)}, write-ahead log {bytes_text(extent.wal_bytes)}")
    table.add_row("Written by", "nobody now" if info.writer is None else f"process {info.writer}")
    by_status = ", ".join(f"{count} {status}" for status, count in info.executions.items())
    table.add_row("Executions", f"{sum(info.executions.values())}" + (f": {by_status}" if by_status else ""))
    table.add_row("Log records", str(info.logs))
    table.add_row("Jobs", f"{info.jobs}, schedules {info.schedules}, listeners {info.listeners}")
    if info.leaderships:
        table.add_row("Leaderships", _led(info.leaderships, zone))
    if extent.reaches_back_to is not None:
        table.add_row("Reaches back to", moment_text(extent.reaches_back_to, zone))
    if info.newest is not None:
        table.add_row("Newest", moment_text(info.newest, zone))
    for tier, floor in extent.floors.items():
        table.add_row("Incomplete", f"tier {tier}, before {moment_text(floor, zone)}")
    if last is not None:
        table.add_row("Sessions", f"{info.sessions}, the last: {last.status}, pid {last.pid}, Duly {last.version}")
        table.add_row("", f"began {moment_text(last.started_at, zone)}")
    return table


def _led(leaderships: Sequence[StoredLeadership], zone: Zone) -> str:
    last = leaderships[-1]
    until = "" if last.ended_at is None else f" until {moment_text(last.ended_at, zone)}"
    return f"{len(leaderships)}, the last: {last.fence}, from {moment_text(last.began_at, zone)}{until}"
