"""``duly db backup`` and ``duly db prune``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from duly.cli.arguments import LedgerFile, LocalUtc
from duly.cli.db_info import bytes_text
from duly.cli.ledger_file import existing, using
from duly.cli.progress import progress_bar
from duly.cli.terminal import Problems, output
from duly.cli.times import moment_text, read_duration
from duly.core.clock import SECOND, current
from duly.ledger.backup import backup
from duly.ledger.diagnosis import many
from duly.ledger.prune import Pruned, prune


def copy_file(
    file: LedgerFile, target: Annotated[Path, Parameter(name="TARGET", help="A file that does not exist yet.")], /
) -> None:
    """Say on standard output what was copied."""
    problems = Problems()
    problems.attempt(lambda: existing(file), file)
    if target.exists():
        problems.found.append(f"{target} exists: give the path of a new file")
    problems.check()
    with using(file), progress_bar() as tell:
        size = backup(file, target, progress=tell)
    output().print(f"copied {file} to {target}: {bytes_text(size)}", markup=False)


def delete_old(
    file: LedgerFile,
    /,
    *,
    older_than: Annotated[str, Parameter(name="--older-than", help="The age from which on to delete: 30d, 12h.")],
    utc: LocalUtc = False,
) -> None:
    """Say on standard output what was deleted."""
    problems = Problems()
    problems.attempt(lambda: existing(file), file)
    seconds = problems.attempt(lambda: _age(older_than), 0.0)
    problems.check()
    with using(file), progress_bar() as tell:
        pruned = prune(file, current().now() - round(seconds * SECOND), progress=tell)
    output().print(_text(pruned, utc=utc))


def _age(text: str) -> float:
    seconds = read_duration(text)
    if not seconds:
        raise ValueError(f"cannot read the age {text!r}: write it as 30d or 12h, more than nothing")
    return seconds


def _text(pruned: Pruned, *, utc: bool) -> str:
    reach = pruned.reaches_back_to
    left = (
        "nothing is left" if reach is None else f"the data reach back to {moment_text(reach, 'UTC' if utc else None)}"
    )
    counts = ((pruned.executions, "execution"), (pruned.logs, "log record"), (pruned.registrations, "registration"))
    deleted = ", ".join(many(count, noun) for count, noun in counts)
    return f"deleted {deleted}; {bytes_text(max(pruned.bytes_freed, 0))} given back; {left}"
