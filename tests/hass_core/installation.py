"""Home Assistant Core, installed once per machine into a cached environment of its own: minutes, and about 600 MB."""

import ast
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VERSIONS = {"3.11": "2024.3.3", "3.12": "2025.1.4", "3.13": "2025.4.4"}
"""The newest release that installs on each Python."""

EXTRA_REQUIREMENTS = ["josepy<2"]
"""Not pinned by Home Assistant; releases of the time break with newer ones."""

LISTS = {"CORE_INTEGRATIONS", "DEFAULT_INTEGRATIONS"}
"""Where its bootstrap says what it loads in any case."""

PATIENCE = 1_800


class HomeAssistantError(Exception):
    """Home Assistant cannot be installed or run here; the text says why and where to look."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment that has Home Assistant."""

    python: Path
    version: str


def cache_directory() -> Path:
    """Where environments are kept: ``$HOME_ASSISTANT_CACHE``, else the user's cache."""
    given = os.environ.get("HOME_ASSISTANT_CACHE")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else caches / "home-assistant-test"


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, without the frames of tracebacks."""
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([line for line in text if not line.startswith(("  File ", "    "))][-lines:])


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process of this machine at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install() -> Installation:
    """The environment for this Python, made unless the cache has it; ``$HOME_ASSISTANT_VERSION`` names another."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    version = os.environ.get("HOME_ASSISTANT_VERSION") or VERSIONS.get(minor)
    if version is None:
        raise HomeAssistantError(f"no release known for Python {minor}: set HOME_ASSISTANT_VERSION ({VERSIONS})")
    cache = cache_directory().resolve()
    venv = cache / f"homeassistant-{version}-py{minor}"
    with locked(cache / f"{venv.name}.lock"):
        if not (venv / ".complete").exists():
            _fill(venv, version, minor)
    return Installation(venv / "bin" / "python", version)


def _fill(venv: Path, version: str, minor: str) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    log = venv.with_name(f"{venv.name}.log")
    log.unlink(missing_ok=True)
    _run(log, sys.executable, "-m", "venv", venv)
    pip: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    wanted = f"homeassistant=={version}"
    _run(log, *pip, "--no-deps", wanted)  # for its constraints and manifests
    package = venv / "lib" / f"python{minor}" / "site-packages" / "homeassistant"
    _run(log, *pip, "-c", package / "package_constraints.txt", wanted, *_requirements(package))
    (venv / ".complete").touch()


def _run(log: Path, *command: str | Path) -> None:
    with log.open("a") as out:
        try:
            subprocess.run(command, stdout=out, stderr=out, check=True, timeout=PATIENCE)
        except (OSError, subprocess.SubprocessError) as error:
            raise HomeAssistantError(f"{error}\n{tail(log)}\n(all of it: {log})") from error


def _requirements(package: Path) -> list[str]:
    """What everything that Home Assistant loads by default needs, by its own manifests."""
    pending = {"http", "api", "websocket_api", "template"}
    for node in ast.parse((package / "bootstrap.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in LISTS:
            pending |= set(ast.literal_eval(node.value))
    seen: set[str] = set()
    found = set(EXTRA_REQUIREMENTS)
    while pending:
        domain = pending.pop()
        seen.add(domain)
        manifest = json.loads((package / "components" / domain / "manifest.json").read_text())
        found.update(manifest.get("requirements", []))
        pending |= {*manifest.get("dependencies", []), *manifest.get("after_dependencies", [])} - seen
    return sorted(found)
