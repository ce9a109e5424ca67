"""A worker whose ledger cannot be written: for a moment, or for longer than it waits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from duly.dispatch import book
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.tasks import Tasks
from duly.dispatch.worker import Worker
from duly.dispatch.worker_settings import WorkerSettings
from duly.ledger import connections
from duly.ledger.errors import DatabaseFileError
from tests.dispatch.worker_kit import QUEUE, run, told, wired, within, working


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    return tmp_path / "worker.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """By another program."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")
    finally:
        db.close()


class Work:
    """Tasks that wait until they are let go, or for ever."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()
        self.tasks = Tasks()
        self.tasks.task("mail")(self._mail)
        self.tasks.task("hang")(self._hang)

    async def _mail(self, _payload: object) -> str:
        self.begun.release()
        await self.go_on.wait()
        return "done"

    async def _hang(self, _payload: object) -> None:
        self.begun.release()
        await asyncio.Event().wait()


def test_tasks_wait_for_a_ledger_that_is_locked_for_a_moment(nats_url: str, ledger: Path) -> None:
    async def story() -> None:
        work = Work()
        async with wired(nats_url) as wire, working(nats_url, work.tasks, ledger):
            await wire.publish(task_id="t1")
            await within(work.begun.acquire())
            with locked(ledger):
                work.go_on.set()
                await wire.publish(task_id="t2")
                await wire.until_delivered(2)
                assert (await wire.consumer()).num_ack_pending == 2
                assert await wire.stored_results() == 0
            await wire.until_answered()
            assert await wire.stored_results() == 2

    run(story())
    assert told(ledger) == [("mail", "success", 1)] * 2


def test_a_worker_whose_ledger_stays_locked_gives_its_tasks_back_without_a_result_and_fails(
    nats_url: str, ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "_PATIENCE_SECONDS", 0.2)

    async def story() -> None:
        work = Work()
        async with wired(nats_url) as wire:
            worker = Worker(NatsBus(nats_url), work.tasks.by_type(), WorkerSettings(QUEUE), ledger)
            running = asyncio.create_task(worker.run())
            await wire.until_there()
            for worker_type in ("mail", "hang"):
                await wire.publish(worker_type, task_id=worker_type)
                await within(work.begun.acquire())
            with locked(ledger):
                work.go_on.set()
                with pytest.raises(DatabaseFileError, match=r"the ledger cannot be written: .*worker\.db"):
                    await within(running)
            assert await wire.stored_results() == 0
            others = Tasks()
            for worker_type in ("mail", "hang"):
                others.task(worker_type)(lambda payload: "done elsewhere")
            async with working(nats_url, others, tmp_path / "other.db"):
                assert [(await wire.result())["output"] for _ in range(2)] == ["done elsewhere"] * 2
                await wire.until_answered()
            assert await wire.stored_results() == 2

    run(story())
