"""A folder of a user, and ``duly`` as a process that is started there."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.embedded.waiting import eventually

PATIENCE = 60.0
"""Seconds that a process may take on a machine under load."""

_OURS = ("DULY", "HASSETTE", "COV", "TOKEN", "HA_TOKEN", "HOME_ASSISTANT_TOKEN", "LOG_LEVEL", "XDG_")


class Project:
    """Owns a folder; the directories that Duly has by default lie in ``home`` beside it."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "project"
        self.home = place / "home"
        self.folder.mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    @property
    def files(self) -> set[str]:
        """All that is there, in the home too."""
        there = [*self.folder.rglob("*"), *self.home.rglob("*"), *([self.home] if self.home.exists() else [])]
        return {str(path.relative_to(self.folder.parent)) for path in there}

    def start(self, *arguments: str, **environment: str) -> "Command":
        return Command(self, arguments, environment)

    def duly(self, *arguments: str, **environment: str) -> "Command":
        """Start it and wait for its end."""
        with self.start(*arguments, **environment) as command:
            command.end()
        return command


class Command:
    """A ``duly`` that runs; killed at the end of its ``with`` if it still does."""

    def __init__(self, project: Project, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OURS)}
        places = {"HOME": project.home, "DULY_CONFIG_DIR": project.home / "config", "DULY_DATA_DIR": project.home}
        number = len(list(project.folder.parent.glob("*.out")))
        self._out = project.folder.parent / f"{number}.out"
        self._err = project.folder.parent / f"{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "duly", *arguments],
                cwd=project.folder,
                env={**inherited, **{name: str(path) for name, path in places.items()}, **environment},
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
    def out(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8")

    @property
    def code(self) -> int | None:
        return self._process.returncode

    def until(self, text: str) -> None:
        """Wait until it has said so."""
        eventually(lambda: text in self.out + self.err or self._process.poll() is not None, PATIENCE)
        assert text in self.out + self.err, self.err

    def end(self) -> int:
        return self._process.wait(PATIENCE)

    def stop(self) -> int:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        return self.end()
