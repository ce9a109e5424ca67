"""Programs of their own that tests start, listen to, and kill."""

import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from duly.core.clock import SECOND, SystemClock
from tests.embedded.waiting import PATIENCE

_FOLDER = Path(__file__).parent


class Child:
    """A script of this folder in an interpreter of its own; killed at the end of its ``with`` if it still runs."""

    def __init__(self, script: str, *arguments: object, log: Path | None = None, **options: Any) -> None:  # noqa: ANN401 - those of Popen
        """Start it; what it logs goes to the end of ``log``, or nowhere."""
        command = [sys.executable, str(_FOLDER / script), *map(str, arguments)]
        with Path(log or os.devnull).open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, **options
            )
        self._heard = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def hear(self, seconds: float = PATIENCE) -> str:
        """The next line that it prints; empty if it has ended."""
        assert self._process.stdout is not None
        out, clock = self._process.stdout.fileno(), SystemClock()
        end = clock.monotonic() + int(seconds * SECOND)
        while b"\n" not in self._heard:
            left = max(0.0, (end - clock.monotonic()) / SECOND)
            assert select.select([out], [], [], left)[0], f"it said nothing for {seconds} seconds"
            said = os.read(out, 65_536)
            if not said:
                return self._heard.decode()
            self._heard += said
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()

    def tell(self, line: str) -> None:
        """Give it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def live_for(self, seconds: float) -> None:
        """Let it run so long; it must not end by itself."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"it ended by itself with code {code}")

    def end(self, seconds: float = PATIENCE) -> int:
        """Wait until it has ended; give its exit code."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End it at once, whatever it does; harmless if it has ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
