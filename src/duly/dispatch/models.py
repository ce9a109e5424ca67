"""The shape of a file of schedules, and its JSON Schema: ``python -m duly.dispatch.models`` writes it.

A key without a value counts as not given. What concerns several keys together is in ``validation``.
"""

from __future__ import annotations

import json
import keyword
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from whenever import available_timezones

from duly.core.clock import checked_zone
from duly.dispatch.plain import Fault, escaped, is_text, not_json
from duly.dispatch.streams import SHORTEST_WINDOW
from duly.dispatch.subjects import DEFAULT_PREFIX, is_token
from duly.triggers.builtin import LONGEST

FILE: Final = Path(__file__).with_name("schedules.schema.json")

REFUSED: Final = "refused"
"""Type of the errors that carry a text of ours: ``why``, and a ``hint``, which may be empty."""
NOT_JSON: Final = "not_json"
"""Type of the error that carries ``faults``."""

Priority: TypeAlias = Literal["low", "normal", "high", "critical"]
Tier: TypeAlias = Literal["local", "standard", "frontier"]

_YEARS = range(1900, 2200)


def _refused(why: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{why}", {"why": why, "hint": hint})


def _token(value: str) -> str:
    if not is_token(value) or value.startswith("$"):
        raise _refused("must be one token of a NATS subject: no blank, dot, '*' or '>', no '$' to begin with")
    return value


def _stream_name(value: str) -> str:
    if not is_token(value) or "/" in value or "\\" in value:
        raise _refused("must be the name of a stream: no blank, dot, '*', '>' or slash")
    return value


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise _refused("must be printable text on one line")
    return value


def _text(value: str) -> str:
    if not value.strip() or not is_text(value):
        raise _refused("must be text, and not empty")
    return value


def _zone(value: str) -> str:
    try:
        checked_zone(value)
    except (ValueError, OSError):
        near = get_close_matches(value[:100], available_timezones(), n=1)
        hint = f": did you mean '{near[0]}'?" if near else ", which the time zone database does not know"
        raise _refused("must be the IANA name of a time zone", hint) from None
    return value


def _dotted_path(value: str) -> str:
    parts = value.split(".")
    if len(parts) == 1 or any(not part.isidentifier() or keyword.iskeyword(part) for part in parts):
        raise _refused("must be a dotted path 'package.module.function'")
    return value


def _moment(value: object) -> date:
    """A date or time as YAML or ISO 8601 write it."""
    if isinstance(value, str):
        value = _read_moment(value)
    if not isinstance(value, date):
        raise _refused("must be a date or time, such as 2025-03-08, 2025-03-08T12:00 or 2025-03-08T12:00Z")
    if value.year not in _YEARS:
        raise _refused(f"must lie in the years {_YEARS[0]} to {_YEARS[-1]}")
    return value


def _read_moment(text: str) -> date | None:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _json(value: dict[str, Any]) -> dict[str, Any]:
    if faults := list(not_json(value)):
        raise PydanticCustomError(NOT_JSON, "no JSON", {"faults": faults})
    return value


Token: TypeAlias = Annotated[str, AfterValidator(_token)]
Name: TypeAlias = Annotated[str, AfterValidator(_name), Field(min_length=1)]
Text: TypeAlias = Annotated[str, AfterValidator(_text), Field(min_length=1)]
Zone: TypeAlias = Annotated[str, AfterValidator(_zone)]
Moment: TypeAlias = Annotated[date, PlainValidator(_moment), WithJsonSchema({"type": "string"})]
JsonObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(_json)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=LONGEST)]


class Table(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, value: object) -> object:
        if type(value) is not dict:
            return value
        fields = cls.model_fields
        return {
            key: inner
            for key, inner in value.items()
            if inner is not None or key not in fields or fields[key].is_required()
        }


class GoalTable(Table):
    """What a goal says."""

    instruction: Text
    """What is to be done."""
    context: JsonObject = {}
    """What is to be known for it; an expansion is merged into it."""
    priority: Priority = "normal"


class TaskTable(Table):
    """What a task says."""

    worker_type: Text
    """Which workers take it."""
    payload: JsonObject = {}
    """What they get; an expansion is merged into it."""
    model_tier: Tier = "local"
    priority: Priority = "normal"


class StreamTable(Table):
    """The JetStream stream that takes goals and tasks; it is made unless there is one."""

    name: Annotated[str, AfterValidator(_stream_name)] | None = None
    """By default the subject prefix in capitals."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """How many servers of a cluster keep it."""
    duplicate_window_seconds: Annotated[float, Field(ge=SHORTEST_WINDOW, le=LONGEST)] = 120.0
    """For how long the server knows a message again."""
    storage: Literal["file", "memory"] = "file"
    max_age_seconds: Annotated[float, Field(ge=0, le=LONGEST)] = 604_800.0
    """After it a message goes, whether somebody had it or not; 0: never."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Above it the oldest messages go."""


class EntryTable(Table):
    """A schedule, and what it dispatches: a goal or a task."""

    name: Name
    """Names it in the file, in messages and in the ledger."""
    cron: str | None = None
    """When: five fields, or six with the seconds last. Either this or `interval_seconds`."""
    interval_seconds: Annotated[float, Field(ge=0.001, le=LONGEST)] | None = None
    """When: so often, for the first time one interval after the first start."""
    dispatch_type: Literal["goal", "task"]
    goal: GoalTable | None = None
    task: TaskTable | None = None
    expand_from: Annotated[str, AfterValidator(_dotted_path)] | None = None
    """A function `package.module.function` that gives a list of dicts: one message is dispatched for each."""
    timezone: Zone | None = None
    """IANA name of the zone whose clocks it goes by, by default that of the file."""
    jitter_seconds: Annotated[float, Field(ge=0, le=LONGEST)] = 0.0
    """By how much a slot may be put off, the same for every replica."""
    misfire: Literal["skip", "run_once", "run_all"] = "run_once"
    """What becomes of slots that nobody could dispatch in time."""
    mode: Literal["single", "queued", "parallel"] = "single"
    """What becomes of a slot that comes due while the one before is still being dispatched."""
    enabled: bool = True
    start: Moment | None = None
    """No slot before this date or time; an interval has its first slot there."""
    end: Moment | None = None
    """No slot after this time, or after the end of this date."""
    max_fan_out: Annotated[int, Field(ge=1)] = 1000
    """How many dicts `expand_from` may give."""
    expand_timeout_seconds: Seconds = 30.0
    """How long it may take."""


class FileTable(Table):
    """Schedules of a Duly dispatcher."""

    name: Token
    """Names the scheduler: its id is `scheduler-{name}`, its inbox `{subject_prefix}.scheduler.{name}`."""
    schedules: list[EntryTable]
    timezone: Zone = "UTC"
    """IANA name of the zone whose clocks cron entries go by."""
    subject_prefix: Token = DEFAULT_PREFIX
    """First token of every subject."""
    delivery: Literal["jetstream", "core"] = "jetstream"
    """`core`: fire and forget, for one replica."""
    stream: StreamTable = StreamTable()


def not_known(table: type[Table], key: str) -> str:
    """What to say of a key that ``table`` has not."""
    known = list(table.model_fields)
    near = get_close_matches(key[:100].lower(), known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key '{escaped(key)}': {hint}"


def faults_of(context: dict[str, Any]) -> list[Fault]:
    """What a ``NOT_JSON`` error carries."""
    faults: list[Fault] = context["faults"]
    return faults


def schema() -> dict[str, Any]:
    """The JSON Schema of a file, with what the models alone do not say."""
    made = FileTable.model_json_schema()
    entry = made["$defs"]["EntryTable"]
    entry["oneOf"] = [{"required": ["cron"]}, {"required": ["interval_seconds"]}]
    entry["allOf"] = [
        {"if": {"properties": {"dispatch_type": {"const": kind}}}, "then": {"required": [kind]}}
        for kind in ("goal", "task")
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "schedules.yaml", **_tidied(made)}


def _tidied(made: dict[str, Any]) -> dict[str, Any]:
    """Without the titles and nulls of pydantic: an editor shows names and descriptions, and nobody writes a null."""
    kept = {key: inner for key, inner in made.items() if key != "title" and (key, inner) != ("default", None)}
    tables = {
        key: {name: _tidied(table) for name, table in kept.pop(key, {}).items()} for key in ("$defs", "properties")
    }
    value, *other = kept.get("anyOf", [None])
    if other == [{"type": "null"}]:
        del kept["anyOf"]
        kept = {**value, **kept}
    return {**kept, **{key: table for key, table in tables.items() if table}}


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
