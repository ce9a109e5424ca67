"""Reads a file of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from duly.core import clock
from duly.core.errors import DulyError
from duly.dispatch.entry import ScheduleEntry, moment_of
from duly.dispatch.models import EntryTable, FileTable, StreamTable
from duly.dispatch.streams import StreamSettings
from duly.dispatch.subjects import Subjects
from duly.dispatch.validation import check
from duly.dispatch.yaml_text import YamlError, read_yaml

DeliveryName: TypeAlias = Literal["jetstream", "core"]


class ScheduleFileError(DulyError):
    """A file of schedules that cannot be used; ``problems`` has one line for everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """What a file of schedules says."""

    name: str
    entries: tuple[ScheduleEntry, ...]
    subjects: Subjects
    delivery: DeliveryName
    stream: StreamSettings

    @property
    def enabled(self) -> dict[str, ScheduleEntry]:
        """The entries that are dispatched, by name, in their order."""
        return {entry.name: entry for entry in self.entries if entry.enabled}


def read_schedules(path: Path) -> ScheduleFile:
    """What the file says; ``next_fire`` of its entries is set as if they started now.

    Raises:
        ScheduleFileError: it cannot be read, or anything in it is wrong.
    """
    return schedules_of(load(path), path)


def schedules_of(config: object, path: str | Path = "<unknown>") -> ScheduleFile:
    """As ``read_schedules``, from what the file ``path`` says.

    Raises:
        ScheduleFileError: anything in it is wrong.
    """
    checked = check(config, path)
    if checked.table is None:
        raise ScheduleFileError(checked.problems)
    table, now = checked.table, clock.current().now()
    return ScheduleFile(
        name=table.name,
        entries=tuple(_entry(each, table, now) for each in table.schedules),
        subjects=Subjects(table.subject_prefix),
        delivery=table.delivery,
        stream=_stream(table.stream),
    )


def load(path: Path) -> object:
    """What the YAML of a file says, unchecked.

    Raises:
        ScheduleFileError: it cannot be read.
    """
    try:
        config = read_yaml(_text(path))
    except (YamlError, OSError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise ScheduleFileError([f"scheduler config at {path}: {why}"]) from error
    if config is None:
        raise ScheduleFileError([f"scheduler config at {path}: expected dict, got NoneType: the file is empty"])
    return config


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(f"line {line}: byte {content[error.start]:#04x}: the file is not written in UTF-8") from None


def _entry(table: EntryTable, file: FileTable, now: int) -> ScheduleEntry:
    zone = table.timezone or file.timezone
    entry = ScheduleEntry(
        name=table.name,
        cron=table.cron,
        interval_seconds=table.interval_seconds,
        dispatch_type=table.dispatch_type,
        goal_config=None if table.goal is None else table.goal.model_dump(),
        task_config=None if table.task is None else table.task.model_dump(),
        expand_from=table.expand_from,
        timezone=zone,
        jitter_seconds=table.jitter_seconds,
        misfire=table.misfire,
        mode=table.mode,
        enabled=table.enabled,
        start=None if table.start is None else moment_of(table.start, zone),
        end=None if table.end is None else moment_of(table.end, zone, last=True),
        max_fan_out=table.max_fan_out,
        expand_timeout_seconds=table.expand_timeout_seconds,
    )
    entry.set_next_fire(entry.chain().first(now) if entry.enabled else None)
    return entry


def _stream(table: StreamTable) -> StreamSettings:
    return StreamSettings(
        name=table.name,
        replicas=table.replicas,
        duplicate_window=table.duplicate_window_seconds,
        storage=table.storage,
        max_age=table.max_age_seconds or None,
        max_bytes=table.max_bytes,
    )
