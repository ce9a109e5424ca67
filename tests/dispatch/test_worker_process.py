"""``duly worker`` as processes: killed at any moment, and stopped."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from duly.core.clock import SECOND, SystemClock
from duly.dispatch.server import HOST
from duly.ledger import doctor
from tests.dispatch.worker_kit import rows, run, wired
from tests.duly_process import DulyProcess
from tests.embedded.waiting import eventually

WORK = """
import signal
from pathlib import Path

from duly.dispatch import task

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@task("mail", retry_delay=0.01)
def mail(payload):
    with Path("done.txt").open("a") as done:
        done.write(f"{payload['number']}\\n")
    return payload["number"]


@task("hang")
async def hang(payload):
    import asyncio

    Path("begun.txt").touch()
    await asyncio.sleep(3600)


@task("stuck")
def stuck(payload):
    import time

    Path("begun.txt").touch()
    time.sleep(3600)


@task("fill")
def fill(payload):
    import resource

    if not Path("full.txt").exists():
        Path("full.txt").touch()
        resource.setrlimit(resource.RLIMIT_FSIZE, (payload["limit"], resource.RLIM_INFINITY))


@task("poison", retries=0)
def poison(payload):
    import os

    with Path("poison.txt").open("a") as done:
        done.write("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Office:
    """A folder with a module of tasks, and workers that run there."""

    def __init__(self, folder: Path, url: str, stack: ExitStack) -> None:
        self.folder = folder
        self._url = url
        self._stack = stack
        (folder / "work.py").write_text(WORK)

    def worker(self, ledger: str = "worker.db", *options: str) -> DulyProcess:
        """Another one."""
        arguments = ["worker", "--queue", "emails", "work", "--nats-url", self._url, "--ledger", ledger, *options]
        return self._stack.enter_context(DulyProcess(arguments, folder=self.folder, prints=self.folder))

    def until_done(self, number: int) -> None:
        """Wait until so many tasks have been begun."""
        eventually(lambda: len(self.lines("done.txt")) >= number, 60)

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def office(tmp_path: Path, nats_url: str) -> Iterator[Office]:
    folder = tmp_path / "office"
    folder.mkdir()
    with ExitStack() as stack:
        yield Office(folder, nats_url, stack)


def overload() -> float:
    """How much longer than it should a process takes on this machine, as it is now."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_an_idle_worker_ends_within_a_second_of_sigterm_with_code_0(office: Office) -> None:
    worker, clock = office.worker(), SystemClock()
    worker.until("worker.running")
    before = clock.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.end() == 0, worker.said
    assert clock.monotonic() - before < SECOND * overload()
    assert "worker.drained" in worker.said


def test_a_worker_that_waits_for_a_server_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    with socket.create_server((HOST, 0)) as silent:  # takes connections, and says nothing
        url = f"nats://{HOST}:{silent.getsockname()[1]}"
        arguments = ["worker", "--queue", "emails", "work", "--nats-url", url, "--ledger", "worker.db"]
        with DulyProcess(arguments, folder=tmp_path, prints=tmp_path) as worker:
            silent.settimeout(DulyProcess.patience)
            connection, _ = silent.accept()
            worker.send(signal.SIGTERM)
            assert worker.end() == 0, worker.said
            connection.close()


def test_a_worker_may_have_a_server_of_its_own(office: Office) -> None:
    arguments = ["worker", "--queue", "emails", "work", "--embedded", "--data-dir", "data"]
    with DulyProcess(arguments, folder=office.folder, prints=office.folder) as worker:
        worker.until("worker.running")
        worker.send(signal.SIGTERM)
        assert worker.end() == 0, worker.said
    assert (office.folder / "data" / "worker-emails.db").is_file()


def test_a_worker_with_a_task_that_does_not_end_gives_it_back_and_ends_with_code_0(
    office: Office, nats_url: str
) -> None:
    async def story() -> None:
        async with wired(nats_url) as wire:
            worker = office.worker("worker.db", "--grace", "0.1")
            await wire.publish("hang")
            await wire.publish("stuck")
            worker.until('"hang", "attempt": 1')
            worker.until('"stuck", "attempt": 1')
            worker.send(signal.SIGTERM)
            assert worker.end() == 0, worker.said
            again = office.worker()
            again.until('"hang", "attempt": 2')

    run(story())


def test_nothing_is_lost_when_workers_are_killed_at_any_moment(office: Office, nats_url: str) -> None:
    number, kills, concurrency, dice = 300, 5, 4, random.Random(5)
    ledgers = ["a.db", "b.db", "c.db"]

    def worker(ledger: str) -> DulyProcess:
        return office.worker(ledger, "--concurrency", str(concurrency), "--ack-wait", "2")

    async def story() -> None:
        async with wired(nats_url) as wire:
            workers = [worker(ledger) for ledger in ledgers]
            for each in range(number):
                await wire.publish("mail", {"number": each}, task_id=f"t{each}")
            for _ in range(kills):
                wanted = min(len(office.lines("done.txt")) + dice.randrange(1, 60), number)
                await asyncio.to_thread(office.until_done, wanted)
                killed = dice.randrange(len(workers))
                workers[killed].send(signal.SIGKILL)
                workers[killed].end()
                workers[killed] = worker(ledgers[killed])
            for one in workers:
                await asyncio.to_thread(one.until, "worker.running")
            await wire.until_answered()
            for one in workers:
                one.send(signal.SIGTERM)
                assert one.end() == 0
            assert sorted(await wire.stored_ids()) == sorted(f"t{each}" for each in range(number))
            assert await wire.stored_subjects() == {"heddle.results.default"}

    run(story())
    done = Counter(office.lines("done.txt"))
    assert set(done) == {str(each) for each in range(number)}
    assert sum(done.values()) - number <= kills * concurrency  # what ran when a worker was killed
    recorded = [row for ledger in ledgers for row in rows(office.folder / ledger)]
    succeeded = {row.trigger_context_id for row in recorded if row.status == "success"}
    assert succeeded == {f"t{each}" for each in range(number)}
    assert all(doctor.examine(office.folder / ledger, clock=SystemClock()).ok for ledger in ledgers)


def test_a_worker_on_a_full_disk_gives_its_tasks_back_and_ends_with_code_1(office: Office, nats_url: str) -> None:
    async def story() -> None:
        async with wired(nats_url) as wire:
            worker = office.worker("worker.db")
            await wire.publish("fill", {"limit": 300_000, "text": "x" * 500_000})
            assert await asyncio.to_thread(worker.end) == 1
            assert "error: the ledger cannot be written: worker.db" in worker.said
            assert await wire.stored_results() == 0
            again = office.worker("worker.db")
            assert (await wire.result())["status"] == "completed"
            again.send(signal.SIGTERM)
            assert await asyncio.to_thread(again.end) == 0

    run(story())


def test_a_task_that_kills_its_worker_is_given_up(office: Office, nats_url: str) -> None:
    async def story() -> None:
        async with wired(nats_url) as wire:
            await wire.publish("poison")
            for _ in range(4):
                worker = office.worker("worker.db", "--ack-wait", "1")
                assert await asyncio.to_thread(worker.end) == -signal.SIGKILL
            office.worker("worker.db", "--ack-wait", "1")
            letter = await wire.dead_letter()
        assert letter["reason"].startswith("was begun 4 times and never ended")

    run(story())
    assert office.lines("poison.txt") == ["xxxx"]
