"""``duly`` as a process of its own, which tests listen to, stop and kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.embedded.waiting import eventually

_OURS = ("DULY", "HASSETTE", "COV", "TOKEN", "HA_TOKEN", "HOME_ASSISTANT_TOKEN", "LOG_LEVEL", "XDG_")
"""How names of variables begin that are not for it."""


class DulyProcess:
    """Owns the process and the files of what it prints; killed at the end of its ``with`` if it still runs."""

    patience: ClassVar[float] = 60.0
    """Seconds that it may take on a machine under load."""

    def __init__(self, arguments: Sequence[str], *, folder: Path, prints: Path, **environment: str) -> None:
        """Start it in ``folder``; what it prints goes to new files in ``prints``."""
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OURS)}
        number = len(list(prints.glob("*.out")))
        self._out, self._err = prints / f"{number}.out", prints / f"{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "duly", *arguments],
                cwd=folder,
                env={**inherited, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; ``None`` while nobody has waited for its end."""
        return self._process.returncode

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8")

    @property
    def said(self) -> str:
        """All that it has written."""
        return self.out + self.err

    def until(self, text: str) -> None:
        """Wait until it has said so."""
        eventually(lambda: text in self.said or self._process.poll() is not None, self.patience)
        assert text in self.said, self.said

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, seconds: float | None = None) -> int:
        """Wait for its end, by default with patience, and give its exit code."""
        return self._process.wait(self.patience if seconds is None else seconds)
