"""Where peers live that cannot be installed beside the others: virtual environments that are made when needed."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment under the root of the project."""

    directory: str
    requirements: tuple[str, ...]
    interpreter: str = sys.executable
    """The Python it is made with: a path, or a name such as ``python3.13``."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return ROOT / self.directory / ("Scripts" if os.name == "nt" else "bin") / "python"

    def prepare(self) -> None:
        """Make it and install what it needs, unless that is done.

        Raises:
            OSError: the interpreter does not exist.
            subprocess.CalledProcessError: making or installing failed; ``stderr`` says why.
        """
        done = ROOT / self.directory / ".bench-ready"
        wanted = "\n".join(self.requirements)
        if done.is_file() and done.read_text() == wanted:
            return
        _run(self.interpreter, "-m", "venv", self.directory)
        _run(str(self.python), "-m", "pip", "install", "--quiet", *self.requirements)
        done.write_text(wanted)


ENVIRONMENTS: dict[str, Environment] = {
    "apscheduler4": Environment(".venv-bench4", ("apscheduler==4.0.0a6",)),
}
"""Name in ``Subject.environment``; ``main`` is the one that runs this."""


def interpreter_of(name: str) -> str:
    """Path of the interpreter of an environment that is ready.

    Raises:
        OSError: its base interpreter does not exist.
        subprocess.CalledProcessError: it cannot be made; ``stderr`` says why.
    """
    if name == "main":
        return sys.executable
    environment = ENVIRONMENTS[name]
    environment.prepare()
    return str(environment.python)


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
