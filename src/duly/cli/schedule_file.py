"""A file of schedules, as commands read it."""

from pathlib import Path
from typing import TYPE_CHECKING

from duly.cli.terminal import UsageError, output, report

if TYPE_CHECKING:
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.schedule_file import ScheduleFile

_YAML = {".yaml", ".yml"}


def is_schedule_file(path: Path) -> bool:
    """Whether a path names a file of schedules, there or not."""
    return path.suffix.lower() in _YAML and not path.is_dir()


def entries_of(path: Path) -> "ScheduleFile":
    """What the file says.

    Raises:
        UsageError: it cannot be used; carries all that is wrong with it.
    """
    from duly.dispatch.schedule_file import ScheduleFileError, read_schedules

    try:
        return read_schedules(path)
    except ScheduleFileError as error:
        raise UsageError(error.problems) from None


def check_schedules(path: Path, *, json: bool) -> int:
    """``duly check`` of a file of schedules; the exit code, 2 if anything is wrong with it."""
    try:
        file, problems = entries_of(path), []
    except UsageError as error:
        file, problems = None, list(error.problems)
    if json:
        output().print_json(data={"ok": not problems, "file": str(path), **_json(file), "problems": problems})
    elif file is not None:
        _print(file)
    else:
        report(problems, code=2)
    return 2 if problems else 0


def _print(file: "ScheduleFile") -> None:
    console = output()
    console.print("no problems", style="bold green")
    console.print(f"  scheduler: {file.name}, to {file.subjects.prefix} by {file.delivery}", markup=False)
    entries = ", ".join(map(_text, file.entries)) or "none"
    console.print(f"  entries:   {entries}", markup=False, soft_wrap=True)


def _text(entry: "ScheduleEntry") -> str:
    return entry.name if entry.enabled else f"{entry.name} (off)"


def _json(file: "ScheduleFile | None") -> dict[str, object]:
    if file is None:
        return {"name": None, "entries": []}
    return {"name": file.name, "entries": [_entry_json(entry) for entry in file.entries]}


def _entry_json(entry: "ScheduleEntry") -> dict[str, object]:
    return {
        "name": entry.name,
        "cron": entry.cron,
        "interval_seconds": entry.interval_seconds,
        "timezone": entry.timezone,
        "dispatch_type": entry.dispatch_type,
        "expand_from": entry.expand_from,
        "enabled": entry.enabled,
    }
