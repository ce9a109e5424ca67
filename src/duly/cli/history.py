"""``duly history``: what became of the slots of a ledger, newest first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter, validators
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from duly.cli.arguments import Json, LedgerFile, LocalUtc, Since
from duly.cli.ledger_file import all_called, existing, read_since, reading
from duly.cli.terminal import Problems, UsageError, output, paged
from duly.cli.times import duration_text, iso
from duly.core.clock import SECOND, Zone, current, zoned
from duly.events.topics import Topic
from duly.ledger import executions
from duly.ledger.diagnosis import many
from duly.ledger.executions import Execution, ExecutionFilter
from duly.ledger.jobs import StoredJob, StoredListener, full_name
from duly.ledger.pages import gather
from duly.ledger.reader import LedgerReader

Status: TypeAlias = Literal["started", "success", "error", "timed_out", "cancelled", "skipped", "missed", "interrupted"]

_MILLISECOND = 1_000_000
_MINUTE = 60 * SECOND
_LONGEST_ERROR = 80
_STATES = f"{Topic.HASS_EVENT_STATE_CHANGED}."
_STYLES = {"success": "green", "started": "cyan", "skipped": "dim", "missed": "yellow"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Executions, newest first, and whether there are more."""

    path: Path
    job: str | None
    rows: Sequence[Execution]
    more: bool


def show_history(
    file: LedgerFile,
    job: Annotated[
        str | None, Parameter(name="JOB", help="Of one job or handler only: backup, or porch.backup.")
    ] = None,
    /,
    *,
    status: Annotated[
        list[Status] | None, Parameter(name="--status", negative="", help="Only these; may be given several times.")
    ] = None,
    since: Since = None,
    limit: Annotated[int, Parameter(name="--limit", help="At most so many.", validator=validators.Number(gte=1))] = 50,
    json: Json = False,
    utc: LocalUtc = False,
) -> None:
    """Answer on standard output."""
    zone: Zone = "UTC" if utc else None
    problems = Problems()
    problems.attempt(lambda: existing(file), file)
    begin = problems.attempt(lambda: read_since(since, current().now(), zone), None)
    problems.check()
    with reading(file) as reader:
        wanted = ExecutionFilter(statuses=tuple(status or ()), since=begin)
        try:
            answer = _answer(reader, job, wanted, limit)
        except ValueError as error:
            raise UsageError([str(error)]) from error
    console = output()
    if json:
        console.print_json(data=_json(answer, zone))
        return
    table = _table(answer, zone)
    with paged(console, table.row_count):
        if table.row_count:
            console.print(table)
        console.print(_summary(answer))


def _answer(reader: LedgerReader, name: str | None, wanted: ExecutionFilter, limit: int) -> Answer:
    if name is None:
        rows, more = _read(reader, wanted, limit)
        return Answer(reader.path, None, rows, more=more)
    items = all_called(reader, name)
    lists = [_read(reader, _of(wanted, item), limit) for item in items]
    rows = (
        sorted((row for found, _ in lists for row in found), key=_moment, reverse=True)
        if len(lists) > 1
        else lists[0][0]
    )
    more = len(rows) > limit or any(behind for _, behind in lists)
    return Answer(reader.path, items[0].full_name, rows[:limit], more=more)


def _read(reader: LedgerReader, wanted: ExecutionFilter, limit: int) -> tuple[list[Execution], bool]:
    return gather(lambda before, most: reader.read(executions.page, wanted, before=before, limit=most), limit)


def _of(wanted: ExecutionFilter, item: StoredJob | StoredListener) -> ExecutionFilter:
    """The same, of that one only."""
    if isinstance(item, StoredJob):
        return replace(wanted, job_id=item.id)
    return replace(wanted, listener_id=item.id)


def _moment(row: Execution) -> int:
    return row.execution_start_ts if row.scheduled_ts is None else row.scheduled_ts


def _json(answer: Answer, zone: Zone) -> dict[str, object]:
    def time(moment: int | None) -> str | None:
        return None if moment is None else iso(moment, zone)

    return {
        "file": str(answer.path),
        "job": answer.job,
        "executions": [
            {
                "execution_id": row.execution_id,
                "kind": row.kind,
                "name": _name(row),
                "scheduled": time(row.scheduled_ts),
                "scheduled_to": time(row.scheduled_to_ts),
                "start": time(row.execution_start_ts) if row.ran else None,
                "duration_ms": row.duration_ns / _MILLISECOND,
                "status": row.status,
                "reason": row.reason,
                "attempt": row.attempt_number,
                "ticks": row.tick_count,
                "trigger_mode": row.trigger_mode,
                "topic": row.topic,
                "context_id": row.trigger_context_id,
                "error_type": row.error_type,
                "error_message": row.error_message,
            }
            for row in answer.rows
        ],
        "more": answer.more,
    }


def _table(answer: Answer, zone: Zone) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    handlers = any(row.kind == "handler" for row in answer.rows)
    table.add_column("Nominal time, or topic" if handlers else "Nominal time", style="cyan", no_wrap=True)
    if answer.job is None:
        table.add_column("Job or handler" if handlers else "Job")
    table.add_column("Start", no_wrap=True)
    table.add_column("Duration", justify="right", no_wrap=True)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("Reason")
    table.add_column("Attempt", justify="right")
    table.add_column("Ticks", justify="right")
    table.add_column("Error", style="red")
    for row in answer.rows:
        name = [] if answer.job is not None else [Text(_name(row) or "deleted")]
        table.add_row(
            Text(_topic(row) if row.kind == "handler" else _nominal(row, zone)),
            *name,
            _time(row.execution_start_ts, zone, exact=True) if row.ran else "",
            _run_time(row.duration_ns) if row.ended else "",
            f"[{_STYLES.get(row.status, 'red')}]{row.status}[/]",
            row.reason or "",
            str(row.attempt_number) if row.ran else "",
            str(row.tick_count) if row.kind == "job" else "",
            Text(_error(row)),
        )
    return table


_WITHOUT_SLOT = {"task": "task"}
"""What a run without a slot is of, by its trigger mode, unless a person wanted it."""


def _summary(answer: Answer) -> str:
    if not answer.rows:
        return "no executions"
    ended = Counter(row.status for row in answer.rows)
    of_jobs = [row.tick_count for row in answer.rows if row.kind == "job"]
    slots = f", {many(sum(of_jobs), 'slot')}" if of_jobs else ""
    parts = ", ".join(f"{count} {status}" for status, count in ended.most_common())
    more = " · there are older ones: raise --limit" if answer.more else ""
    return f"{many(len(answer.rows), 'row')}{slots}: {parts}{more}"


def _nominal(row: Execution, zone: Zone) -> str:
    if row.scheduled_ts is None:
        return _WITHOUT_SLOT.get(row.trigger_mode or "", "by hand")
    first = _time(row.scheduled_ts, zone)
    if row.scheduled_to_ts is None:
        return first
    last = _time(row.scheduled_to_ts, zone)
    day, _, time = last.partition(" ")
    return f"{first} … {time if first.startswith(day) else last}"


def _topic(row: Execution) -> str:
    """What its listener listens to: of states, the entity."""
    return (row.topic or "").removeprefix(_STATES)


def _name(row: Execution) -> str | None:
    if row.name is None:
        return None
    return full_name(row.app_key, row.instance_index, row.name)


def _error(row: Execution) -> str:
    text = row.error
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _run_time(duration: int) -> str:
    if duration < SECOND:
        return f"{duration / _MILLISECOND:.3g} ms"
    return f"{duration / SECOND:.3g} s" if duration < _MINUTE else duration_text(duration)


def _time(moment: int, zone: Zone, *, exact: bool = False) -> str:
    text = zoned(moment, zone).format("YYYY-MM-DD HH:mm:ss")
    return f"{text}.{moment % SECOND // _MILLISECOND:03}" if exact else text
