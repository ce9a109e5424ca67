"""A folder with a configuration and apps, and the process that runs them."""

import json
import signal
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar, Self

from duly.config import DulyConfig
from tests.duly_process import DulyProcess


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


class Process(DulyProcess):
    """``duly -c duly.toml run``."""

    patience: ClassVar[float] = 30.0

    def __init__(self, ground: Ground, arguments: tuple[str, ...]) -> None:
        super().__init__(["-c", str(ground.toml), "run", *arguments], folder=ground.folder, prints=ground.folder)

    @property
    def said(self) -> str:
        """All that it has written to standard error."""
        return self.err

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{") and line.endswith("}")]

    def up(self) -> Self:
        """Wait until it runs."""
        self.until(" is running; apps: ")
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float | None = None) -> int:
        """Ask it to stop, and give its exit code."""
        self.send(number)
        return self.end(seconds)
