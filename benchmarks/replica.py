"""A scheduler as a process of its own, looked at from outside."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.subjects import Subjects

NAME = "benchmark"
SUBJECTS = Subjects(NAME)

_PAGE_BYTES = 4096
_ASK_AGAIN_SECONDS = 0.01
"""Where nobody listens, it is said at once."""
_ENTRY = """
  - name: entry-{number}
    {schedule}
    dispatch_type: task
    task: {{worker_type: benchmark, payload: {{number: {number}}}}}
"""


def write_schedules(path: Path, schedules: Iterable[str], *, replicas: int = 1) -> None:
    """A file with an entry for each schedule, such as ``interval_seconds: 1``."""
    entries = "".join(_ENTRY.format(number=number, schedule=schedule) for number, schedule in enumerate(schedules))
    head = f"name: {NAME}\nsubject_prefix: {NAME}\nstream: {{replicas: {replicas}}}\nschedules:"
    path.write_text(f"{head}{entries}", encoding="utf-8")


class Replica:
    """``duly dispatch``, started when it is made."""

    def __init__(self, folder: Path, number: int, urls: Iterable[str]) -> None:
        self.ledger = folder / f"ledger-{number}.db"
        self._log = folder / f"log-{number}"
        command = [
            sys.executable, "-m", "duly", "dispatch", "--config", str(folder / "schedules.yaml"),
            "--nats-url", ",".join(urls), "--ledger", str(self.ledger), "--log-level", "warning",
        ]  # fmt: skip
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)

    def end(self, kind: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and wait for the end."""
        self.process.send_signal(kind)
        self.process.wait(60)

    def memory(self) -> int:
        """Bytes that are not paged out. Linux only."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE_BYTES

    def processor(self) -> float:
        """Seconds of processor time so far. Linux only."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        """See that it runs."""
        assert self.process.poll() is None, self._log.read_text()[-2000:]


async def health(bus: NatsBus, timeout: float = 0.25) -> Mapping[str, Any]:  # noqa: ASYNC109 - as in request
    """What the leader says of itself; empty: nobody leads."""
    try:
        return await bus.request(SUBJECTS.inbox(NAME), {"action": "health"}, timeout)
    except TimeoutError:
        return {}


async def until_led(bus: NatsBus, replicas: Iterable[Replica], *, entries: int, other_than: int | None = None) -> int:
    """Wait until a replica leads with so many entries; its process."""
    watched = list(replicas)
    while True:
        for each in watched:
            each.check()
        answer = await health(bus)
        if answer.get("entries") == entries and answer["pid"] != other_than:
            return int(answer["pid"])
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
