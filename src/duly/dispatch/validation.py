"""What is wrong with a file of schedules: everything at once, one message per problem.

What is given is copied to plain data first, so that nothing it holds can disturb the check (``plain``); the models
tell what its shape lacks (``models``), and here is what concerns several keys together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from duly.dispatch.entry import moment_of
from duly.dispatch.models import (
    NOT_JSON,
    REFUSED,
    EntryTable,
    FileTable,
    GoalTable,
    Moment,
    StreamTable,
    Table,
    TaskTable,
    Zone,
    faults_of,
    not_known,
)
from duly.dispatch.plain import Copying, Fault, NotPlainError, Place, escaped, name_of, shown, type_name
from duly.triggers.cron import Cron
from duly.triggers.window import CronWindow

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

_TABLES: Final[dict[str, type[Table]]] = {"goal": GoalTable, "task": TaskTable, "stream": StreamTable}
_EXPECTED: Final = {
    "string_type": "str",
    "list_type": "list",
    "dict_type": "dict",
    "model_type": "dict",
    "float_type": "number",
    "int_type": "int",
    "bool_type": "bool",
}
_QUOTE: Final = "'"
_ZONE: Final[TypeAdapter[str]] = TypeAdapter(Zone)
_MOMENT: Final[TypeAdapter[Any]] = TypeAdapter(Moment)


@dataclass(slots=True)
class Checked:
    """What a check found."""

    table: FileTable | None = None
    """``None``: there are problems."""
    problems: list[str] = field(default_factory=list)


def validate_scheduler_config(config: Any, path: str | Path = "<unknown>") -> list[str]:  # noqa: ANN401 - anything
    """What is wrong with the contents of a file of schedules; empty: nothing. Never raises, whatever ``config`` is."""
    return check(config, path).problems


def check(config: object, path: str | Path = "<unknown>") -> Checked:
    """As ``validate_scheduler_config``, with what is right."""
    if not issubclass(type(config), dict):
        return Checked(None, [_message(Fault((), f"expected dict, got {name_of(type(config))}"), path)])
    copying = Copying()
    try:
        plain = copying.copy(config)
    except NotPlainError as error:
        return Checked(None, [_message(error.fault, path)])
    checked = Checked()
    faults = list(copying.faults)
    try:
        checked.table = FileTable.model_validate(plain)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
        faults += [fault for each in found for fault in _faults(each)]
    faults += _rules(plain)
    if faults:
        checked.table = None
        checked.problems = [_message(fault, path) for fault in sorted(faults, key=_order)]
    return checked


def _order(fault: Fault) -> int:
    """The file as a whole, then entry by entry."""
    index = fault.place[1] if _in_entry(fault.place) else -1
    return index if isinstance(index, int) else -1


def _in_entry(place: Place) -> bool:
    return len(place) > 1 and place[0] == "schedules" and isinstance(place[1], int)


def _message(fault: Fault, path: str | Path) -> str:
    place, entry = fault.place, ""
    if _in_entry(place):
        entry, place = f"schedules[{place[1]}]: ", place[2:]
    inside = f"{escaped('.'.join(map(str, place)))}: " if place else ""
    return f"scheduler config at {path}: {entry}{inside}{fault.text}"


# What the models say


def _faults(error: ErrorDetails) -> Iterator[Fault]:
    """An error of the models in words of the contract."""
    place = error["loc"]
    if error["type"] == NOT_JSON:
        yield from (Fault((*place, *fault.place), fault.text) for fault in faults_of(error["ctx"]))
    elif isinstance(place[-1], int):
        yield Fault(place, _expected(error))
    elif error["type"] == "missing" and place[-2:-1] in {("goal",), ("task",)}:
        yield Fault(place[:-2], f"{place[-2]} config missing '{place[-1]}'")
    else:
        yield Fault(place[:-1], _text(error, str(place[-1])))


def _text(error: ErrorDetails, key: str) -> str:
    kind, got = error["type"], shown(error["input"])
    if kind == "missing":
        return f"missing required key '{key}'"
    if kind == "extra_forbidden":
        return not_known(_table_of(error["loc"]), key)
    if key in {"goal", "task"}:
        return f"dispatch_type '{key}' requires a '{key}' dict, got {type_name(error['input'])}"
    if key == "dispatch_type":
        return f"'dispatch_type' must be 'goal' or 'task', got {got if got.startswith(_QUOTE) else repr(got)}"
    if kind in _EXPECTED and key != "interval_seconds":
        return f"key '{key}' {_expected(error)}"
    return _out_of_range(error, key, got)


def _out_of_range(error: ErrorDetails, key: str, got: str) -> str:
    if key == "interval_seconds":
        return f"'interval_seconds' must be a positive number, at least 0.001 and at most 230 years, got {got}"
    if error["type"] == REFUSED:
        return f"key '{key}' {error['ctx']['why']}, got {got}{error['ctx']['hint']}"
    return f"key '{key}' {error['msg'].replace('Input should be', 'must be')}, got {got}"


def _expected(error: ErrorDetails) -> str:
    return f"expected {_EXPECTED[error['type']]}, got {type_name(error['input'])}"


def _table_of(place: Place) -> type[Table]:
    """The table that holds the key at ``place``."""
    for name in reversed(place[:-1]):
        if name in _TABLES:
            return _TABLES[str(name)]
    return EntryTable if _in_entry(place) else FileTable


# What concerns several keys


def _rules(plain: object) -> Iterator[Fault]:
    if not isinstance(plain, dict) or not isinstance(plain.get("schedules"), list):
        return
    zone = _valid(_ZONE, plain.get("timezone", "UTC"))
    names: dict[str, int] = {}
    for index, entry in enumerate(plain["schedules"]):
        if not isinstance(entry, dict):
            continue
        texts = [*_double(entry.get("name"), index, names), *_timing(entry, zone), *_dispatched(entry)]
        yield from (Fault(("schedules", index), text) for text in texts)


def _double(name: object, index: int, names: dict[str, int]) -> Iterator[str]:
    if isinstance(name, str) and names.setdefault(name, index) != index:
        yield f"duplicate name {shown(name)}: schedules[{names[name]}] has it already"


def _dispatched(entry: dict[str, Any]) -> Iterator[str]:
    kind = entry.get("dispatch_type")
    if kind in ("goal", "task") and entry.get(kind) is None:
        yield f"dispatch_type '{kind}' requires a '{kind}' dict"


def _timing(entry: dict[str, Any], zone: str | None) -> Iterator[str]:
    cron, every = entry.get("cron"), entry.get("interval_seconds")
    if cron is not None and every is not None:
        yield "cannot specify both 'cron' and 'interval_seconds'"
    elif cron is None and every is None:
        yield "must specify either 'cron' or 'interval_seconds'"
    if entry.get("timezone") is not None:
        zone = _valid(_ZONE, entry["timezone"])
    bounds = (None, None) if zone is None else (_bound(entry, "start", zone), _bound(entry, "end", zone))
    start, end = bounds
    if start is not None and end is not None and start > end:
        yield f"key 'end' must not be earlier than 'start', got {shown(entry['end'])}"
    elif isinstance(cron, str):
        yield from _cron(cron, entry.get("name"), zone, bounds)


def _cron(text: str, name: object, zone: str | None, bounds: tuple[int | None, int | None]) -> Iterator[str]:
    try:
        cron = Cron(text, timezone=zone).bind(name if isinstance(name, str) else "")
    except ValueError as error:
        why = str(error).removeprefix(f"Invalid cron expression: {text!r}: ")
        yield f"invalid cron expression '{escaped(text)}': {escaped(why)}"
        return
    start, end = bounds
    if end is not None and CronWindow(cron.chain(zone), start, end).previous(end + 1) is None:
        yield f"cron expression '{escaped(text)}' can never fire: it has no time between 'start' and 'end'"


def _bound(entry: dict[str, Any], key: str, zone: str) -> int | None:
    given = _valid(_MOMENT, entry.get(key))
    return None if given is None else moment_of(given, zone, last=key == "end")


def _valid(adapter: TypeAdapter[T], given: object) -> T | None:
    """What is right; ``None`` for what the models complain of, or what is not given."""
    try:
        return None if given is None else adapter.validate_python(given, strict=True)
    except ValidationError:
        return None
