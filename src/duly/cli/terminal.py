"""What commands write, and where: results to standard output, problems to standard error."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from rich.console import Console

T = TypeVar("T")

WIDTH_OF_A_PIPE = 200
"""Columns where there is no terminal: a table that another program reads is not folded."""


class UsageError(Exception):
    """The arguments of a command are wrong; carries all that is."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Failed(Exception):  # noqa: N818 - names what became of the command
    """A command could not do what was asked, or found what it was asked to look for; carries what there is to tell."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Problems:
    """Collects what is wrong with the arguments of one command, so that all of it is told at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def attempt(self, read: Callable[[], T], otherwise: T) -> T:
        """What ``read`` gives; if it raises ``ValueError`` the text is a problem, and ``otherwise`` stands in."""
        try:
            return read()
        except ValueError as error:
            self.found.append(str(error))
            return otherwise

    def check(self) -> None:
        """Raise ``UsageError`` if there are any."""
        if self.found:
            raise UsageError(self.found)


def output() -> Console:
    """Standard output. Colours are off when it is piped or ``NO_COLOR`` is set."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_OF_A_PIPE
    return console


def abandon_output() -> None:
    """Write no more to standard output: what is still buffered would fail again when the process ends."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def paged(console: Console, lines: int) -> AbstractContextManager[object]:
    """Send what is printed inside through the user's pager, if ``lines`` are more than the terminal is high."""
    if not console.is_terminal or lines < console.height:
        return nullcontext()
    os.environ.setdefault("LESS", "FRX")  # as git does: colours kept, screen kept, no wait for a short text
    return console.pager(styles=console.color_system is not None)


def report(problems: Sequence[str], *, code: int) -> int:
    """Write one line per problem to standard error and give ``code`` back."""
    for problem in problems:
        complain("error:", "bold red", problem)
    return code


def complain(word: str, style: str, text: str) -> None:
    """Write a line to standard error: a word in ``style``, and what it is about."""
    console = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
    console.print(word, style=style, end=" ")
    console.print(text, markup=False)
