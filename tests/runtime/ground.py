"""A folder with a configuration and apps, and the process that runs them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from types import TracebackType
from typing import Any, Self

from duly.config import DulyConfig
from tests.embedded.waiting import eventually

STARTS = 30.0
"""Seconds that a process may take to start on a machine under load."""


class Ground:
    """Owns a folder: ``duly.toml``, ``apps/``, and ``data/``, which is not made before Duly makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.apps = folder / "apps"
        self.data = folder / "data"
        self.toml = folder / "duly.toml"
        self.apps.mkdir()
        self.configure("")

    @property
    def ledger(self) -> Path:
        return self.data / "duly.db"

    def configure(self, text: str) -> None:
        """Write ``duly.toml``: the directories, and ``text``."""
        places = {"config_dir": "config", "data_dir": "data"}
        lines = "\n".join(f'{key} = "{self.folder / name}"' for key, name in places.items())
        self.toml.write_text(f'{lines}\n{dedent(text)}\n[apps]\ndirectory = "{self.apps}"\n', "utf-8")

    def app(self, name: str, body: str) -> None:
        """Write ``apps/{name}.py`` with one app; ``body`` is that of the class."""
        lines = dedent(body).strip().replace("\n", "\n    ")
        imports = "import asyncio, os, sys, threading, time\nfrom duly.apps import App\n"
        (self.apps / f"{name}.py").write_text(f"{imports}\nclass {name.title()}(App):\n    {lines}\n", "utf-8")

    def settings(self, **values: Any) -> DulyConfig:  # noqa: ANN401 - any setting
        """The same without a file."""
        apps = {"directory": self.apps, **values.pop("apps", {})}
        given = {"config_dir": self.folder / "config", "data_dir": self.data, "strict_lifecycle": True, **values}
        return DulyConfig.hermetic(apps=apps, **given)

    def process(self, *arguments: str) -> "Process":
        """Start ``duly run`` here."""
        return Process(self, arguments)


class Process:
    """``duly -c duly.toml run``; killed at the end of its ``with`` if it still runs."""

    def __init__(self, ground: Ground, arguments: tuple[str, ...]) -> None:
        self._errors = ground.folder / f"errors-{len(list(ground.folder.glob('errors-*')))}.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DULY", "COV"))}
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "duly", "-c", str(ground.toml), "run", *arguments],
                cwd=ground.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
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
    def said(self) -> str:
        """All that it has written to standard error."""
        return self._errors.read_text("utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{") and line.endswith("}")]

    def until(self, text: str) -> None:
        """Wait until it has said so."""
        eventually(lambda: text in self.said or self._process.poll() is not None, STARTS)
        assert text in self.said, self.said

    def up(self) -> Self:
        """Wait until it runs."""
        self.until(" is running; apps: ")
        return self

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, seconds: float = STARTS) -> int:
        """Wait for its end, and give its exit code."""
        return self._process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = STARTS) -> int:
        """Ask it to stop, and give its exit code."""
        self.send(number)
        return self.end(seconds)
