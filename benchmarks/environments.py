"""Where peers live that cannot be installed beside the others: virtual environments that are made when needed."""

import os
import shutil
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
    version: str | None = None
    """The Python it is made with, such as ``3.13``; ``None``: the one that runs this."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return ROOT / self.directory / ("Scripts" if os.name == "nt" else "bin") / "python"

    def prepare(self) -> None:
        """Make it and install what it needs, unless that is done.

        Raises:
            OSError: there is no interpreter of that version.
            subprocess.CalledProcessError: making or installing failed; ``stderr`` says why.
        """
        done = ROOT / self.directory / ".bench-ready"
        wanted = "\n".join(self.requirements)
        if done.is_file() and done.read_text() == wanted:
            return
        _run(sys.executable if self.version is None else _found(self.version), "-m", "venv", self.directory)
        _run(str(self.python), "-m", "pip", "install", "--quiet", *self.requirements)
        done.write_text(wanted)


ENVIRONMENTS: dict[str, Environment] = {
    "apscheduler4": Environment(".venv-bench4", ("apscheduler==4.0.0a6",)),
    "hassette": Environment(".venv-bench-hassette", ("hassette==0.60.0",), version="3.13"),
}
"""Name in ``Subject.environment``; ``main`` is the one that runs this."""


def interpreter_of(name: str) -> str:
    """Path of the interpreter of an environment that is ready.

    Raises:
        OSError: there is no interpreter to make it with.
        subprocess.CalledProcessError: it cannot be made; ``stderr`` says why.
    """
    if name == "main":
        return sys.executable
    environment = ENVIRONMENTS[name]
    environment.prepare()
    return str(environment.python)


def _found(version: str) -> str:
    """Path of an interpreter: on the ``PATH``, or installed by pyenv.

    Raises:
        OSError: there is none.
    """
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = shutil.which(f"python{version}")
    for candidate in ([named] if named else []) + [str(each) for each in installed.glob(f"{version}*/bin/python")]:
        if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate  # a shim of pyenv is there for versions that are not
    raise OSError(f"Python {version} was not found")


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
