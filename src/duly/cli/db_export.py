"""``duly db export``: a table of a ledger as text."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TextIO

from cyclopts import Parameter

from duly.cli.arguments import LedgerFile
from duly.cli.ledger_file import existing, using
from duly.cli.progress import progress_bar
from duly.cli.terminal import Failed, Problems
from duly.ledger.export import Format, Table, export


def write_export(
    file: LedgerFile,
    /,
    *,
    form: Annotated[Format, Parameter(name="--format", help="JSON Lines, or comma-separated values.")] = "jsonl",
    table: Annotated[Table, Parameter(name="--table", help="Which.")] = "executions",
    to: Annotated[str, Parameter(name="--output", help="A new file; - is standard output.")] = "-",
) -> None:
    """Write to standard output, or to a file."""
    problems = Problems()
    problems.attempt(lambda: existing(file), file)
    problems.check()
    with using(file), progress_bar() as tell:
        texts = export(file, table, form, progress=tell)
        first = next(texts, "")  # before the target is made: what is wrong with the file shows here
        with _target(to) as target:
            target.write(first)
            target.writelines(texts)


@contextmanager
def _target(to: str) -> Iterator[TextIO]:
    if to == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        target = open(to, "x", encoding="utf-8", newline="")  # noqa: PTH123, SIM115 - "-" is no path; closed below
    except FileExistsError:
        raise Failed(f"{to} exists: give the path of a new file") from None
    except OSError as error:
        raise Failed(f"cannot make {to}: {error.strerror}") from None
    with target:
        yield target
