"""A real Home Assistant Core as a process on loopback: started, stopped, killed, held up.

By hand: ``python -m tests.hass_core start --dir DIR`` and ``stop --dir DIR``.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from duly.core.clock import SECOND, SystemClock
from tests.hass_core import configuration
from tests.hass_core.installation import HomeAssistantError, install, locked, tail
from tests.hass_core.remote import Remote

READY_WITHIN = 120.0
STOPS_WITHIN = 30.0
"""Seconds from SIGTERM to SIGKILL."""


class HomeAssistant:
    """The instance whose configuration, token and process id are in ``directory``.

    Its port is the same for life. ``stop`` and ``start`` keep states and token; ``kill`` keeps the token alone.
    """

    def __init__(self, directory: Path, *, port: int = 0, entities: str = configuration.ENTITIES) -> None:
        self.directory = directory.resolve()
        self._entities = entities
        self._memory = self.directory / "instance.json"
        self._process: subprocess.Popen[bytes] | None = None
        kept = json.loads(self._memory.read_text()) if self._memory.exists() else {}
        self.pid: int | None = kept.get("pid")
        self.port: int = kept.get("port") or port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.remote = Remote(self.url, kept.get("token", ""))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self.stop()

    @property
    def token(self) -> str:
        """A long-lived token of the owner."""
        return self.remote.token

    @property
    def log(self) -> Path:
        """What it writes to its terminal."""
        return self.directory / "hass.out"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None and _is_home(self.pid, self.directory)

    # --- life

    def launch(self) -> None:
        """Start the process, and do not wait for it."""
        with locked(self.directory / ".lock"):
            if self.running:
                return
            installation = install()
            self._prepare()
            command: list[str | Path] = [installation.python, "-m", "homeassistant", "-c", self.directory, "--skip-pip"]
            with self.log.open("w") as out:
                self._process = subprocess.Popen(  # its own session: Ctrl-C ends the tests, and they end it
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            self.pid = self._process.pid
            self._remember()

    def start(self) -> Self:
        """Start it, and wait until it says that it runs."""
        self.launch()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_ready(self) -> None:
        """Wait until all of it is set up; a new home gets its owner and token on the way."""
        over = _time_limit(READY_WITHIN)
        while not self._is_ready():
            if not self.running:
                raise self._error("Home Assistant has ended")
            if over():
                raise self._error(f"Home Assistant was not ready within {READY_WITHIN:g} s")
            _pause()
        while "long_lived_access_token" not in _text(self.directory / ".storage" / "auth"):  # saved a second late
            _pause()
        self._remember()

    def stop(self) -> None:
        """End it in order; without effect if it does not run."""
        if not self._signal(signal.SIGTERM, STOPS_WITHIN):
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if not self._signal(signal.SIGKILL, STOPS_WITHIN):
            raise self._error(f"process {self.pid} outlives SIGKILL")

    def pause(self) -> None:
        """Stop its process where it is: connections stay open and nobody answers."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; without effect if it is not paused."""
        if self.running and self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    # --- parts of it

    def _signal(self, number: signal.Signals, patience: float) -> bool:
        """Whether it has ended within ``patience``."""
        over = _time_limit(patience)
        if self.running and self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        while self.running:
            if over():
                return False
            _pause(0.02)
        self.pid = self._process = None
        self._remember()
        return True

    def _prepare(self) -> None:
        """Write the configuration; a new home has only its owner left to create: other steps reach for the internet."""
        (self.directory / "configuration.yaml").write_text(configuration.BASE.format(port=self.port) + self._entities)
        if self.token:
            return
        storage = self.directory / ".storage"
        shutil.rmtree(storage, ignore_errors=True)  # of an earlier start that failed half-way
        storage.mkdir()
        done = {"done": ["core_config", "analytics", "integration"]}
        onboarding = {"version": 4, "minor_version": 1, "key": "onboarding", "data": done}
        (storage / "onboarding").write_text(json.dumps(onboarding))

    def _is_ready(self) -> bool:
        if "Activating recovery mode" in _text(self.log):
            raise self._error("Home Assistant refuses this configuration, or lacks a package")
        try:
            if not self.token:
                self.remote.rest("/api/onboarding")
                self.remote.onboard()
            return bool(self.remote.rest("/api/config")["state"] == "RUNNING")
        except urllib.error.HTTPError as error:
            if error.code not in {404, 503}:  # not set up yet
                raise self._error(f"{error.url} answered {error.code}") from error
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        return False

    def _remember(self) -> None:
        if self.directory.exists():
            self._memory.touch(mode=0o600)
            self._memory.write_text(json.dumps(self.description()))

    def description(self) -> dict[str, Any]:
        """What another process must know to use it."""
        return {"url": self.url, "port": self.port, "token": self.token, "pid": self.pid, "log": str(self.log)}

    def _error(self, message: str) -> HomeAssistantError:
        return HomeAssistantError(f"{message}\n{tail(self.log)}\n(all of it: {self.log})")


def _time_limit(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since."""
    clock = SystemClock()
    deadline = clock.monotonic() + round(seconds * SECOND)
    return lambda: clock.monotonic() > deadline


def _pause(seconds: float = 0.1) -> None:
    time.sleep(seconds)  # noqa: TID251 - another process is waited for


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_home(pid: int, directory: Path) -> bool:
    """Whether ``pid`` is a live Home Assistant of ``directory``: ids are used again."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
        listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607 - where there is no /proc
        command = listed.stdout.split()
    return str(directory) in command
