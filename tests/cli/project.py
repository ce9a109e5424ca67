"""A folder of a user, and ``duly`` as a process that is started there."""

import signal
from pathlib import Path

from tests.duly_process import DulyProcess


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


class Command(DulyProcess):
    """A ``duly`` that runs."""

    def __init__(self, project: Project, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        home = project.home
        places = {"HOME": home, "DULY_CONFIG_DIR": home / "config", "DULY_DATA_DIR": home}
        given = {**{name: str(path) for name, path in places.items()}, **environment}
        super().__init__(arguments, folder=project.folder, prints=project.folder.parent, **given)

    def stop(self) -> int:
        """As Ctrl-C does."""
        self.send(signal.SIGINT)
        return self.end()
