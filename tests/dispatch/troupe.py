"""Replicas of one scheduler on one loop and one clock, which can be stopped, killed, and robbed of their leadership."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml

from duly.core.clock import NEVER, Clock
from duly.core.trigger import Chain
from duly.dispatch.book import Book
from duly.dispatch.dispatcher import Dispatcher
from duly.dispatch.schedule_file import ScheduleFile, read_schedules
from duly.dispatch.sending import Sender
from duly.triggers.spec import chain_from_spec
from tests.dispatch.fleet_model import ModelFleet, ModelStream, SharedStore

ACTOR = "scheduler-troupe"


def task(name: str, **more: object) -> dict[str, object]:
    """An entry that dispatches a task."""
    return {"name": name, "dispatch_type": "task", "task": {"worker_type": "w", "payload": {}}, **more}


def goal(name: str, **more: object) -> dict[str, object]:
    """An entry that dispatches a goal."""
    return {"name": name, "dispatch_type": "goal", "goal": {"instruction": "do it"}, **more}


def schedule_file(folder: Path, *entries: dict[str, object], **top: object) -> ScheduleFile:
    """A file of schedules, read."""
    path = folder / "schedules.yaml"
    path.write_text(yaml.safe_dump({"name": "troupe", **top, "schedules": list(entries)}), encoding="utf-8")
    return read_schedules(path)


class Replica:
    """One process of the scheduler, as far as it is one."""

    def __init__(self, troupe: Troupe, number: int) -> None:
        self.path = troupe.folder / f"{number}.db"
        self._troupe = troupe
        self._book = Book(self.path, troupe.clock)
        self._task: asyncio.Task[None] | None = None
        self.fleet = ModelFleet(troupe.store)
        self.dispatcher: Dispatcher | None = None

    @property
    def runs(self) -> bool:
        return self._task is not None

    @property
    def leads(self) -> bool:
        return self.dispatcher is not None and self.dispatcher.term is not None

    async def start(self) -> None:
        if self.runs:
            return
        troupe = self._troupe
        self._book = Book(self.path, troupe.clock)
        await self._book.open()
        sender = Sender(ACTOR, troupe.file.subjects, troupe.stream)
        self.dispatcher = Dispatcher(troupe.file, self.fleet, sender, self._book, troupe.clock)
        self._task = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        """As SIGTERM does."""
        task, dispatcher, self._task, self.dispatcher = self._task, self.dispatcher, None, None
        if task is None or dispatcher is None:
            return
        dispatcher.stop()
        await task
        await self._book.close()

    async def kill(self) -> None:
        """As kill -9 does: what is not durable will not be, and nobody is told."""
        task, led, self._task = self._task, self.leads, None
        if task is None:
            return
        ledger, self._book._ledger = self._book._ledger, None
        assert ledger is not None
        await asyncio.to_thread(ledger.close, flush=False)
        fence, self._troupe.store.fence = self._troupe.store.fence, self._troupe.store.fence + 1  # it cannot release
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.dispatcher = None
        if led and self._troupe.store.fence == fence + 1:
            self._troupe.store.free.set()


class Troupe:
    """The replicas, and what they share."""

    def __init__(self, folder: Path, clock: Clock, file: ScheduleFile, size: int = 3) -> None:
        self.folder = folder
        self.clock = clock
        self.file = file
        self.store = SharedStore()
        self.stream = ModelStream()
        self.replicas = [Replica(self, number) for number in range(size)]

    @property
    def leader(self) -> Replica:
        """The one that leads, by its own opinion; of several the last."""
        return [each for each in self.replicas if each.leads][-1]

    @property
    def paths(self) -> list[Path]:
        return [each.path for each in self.replicas if each.path.exists()]

    async def adopt(self, file: ScheduleFile) -> None:
        """Reload all."""
        self.file = file
        for each in self.replicas:
            if each.dispatcher is not None:
                await each.dispatcher.adopt(file)

    async def stop(self) -> None:
        self.stream.come_back()
        for each in self.replicas:
            await each.stop()

    def dispatched(self, name: str) -> set[str]:
        """The slots of an entry for which something is in the stream."""
        return {key.split("/")[2] for key in self.stream.messages if key.split("/")[1] == name}


@dataclass(frozen=True, order=True)
class StoredEntry:
    """What one file says about some slots."""

    first: int
    last: int
    fence: int
    status: str
    reason: str | None
    count: int


@dataclass
class Chained:
    """What all files say about one chain."""

    chain: Chain
    first: int
    ended_at: int | None
    entries: list[StoredEntry]

    def effective(self) -> Iterator[tuple[int, StoredEntry]]:
        """Each slot of the chain that has been decided, with the entry that counts."""
        end = max((entry.last for entry in self.entries), default=-1)
        slot: int | None = self.first
        while slot is not None and slot != NEVER and slot <= end:
            holding = [entry for entry in self.entries if entry.first <= slot <= entry.last]
            assert holding, f"no file has the slot {slot}"
            fence = max(entry.fence for entry in holding)
            counting = [entry for entry in holding if entry.fence == fence]
            assert len(counting) == 1, f"the slot {slot} is there twice: {counting}"
            yield slot, counting[0]
            slot = self.chain.next(slot, slot)


def chains(paths: Iterable[Path]) -> dict[str, list[Chained]]:
    """What the files of all replicas say, by entry: an account drawn up without any code of the ledger."""
    found: dict[str, dict[tuple[str, int], Chained]] = defaultdict(dict)
    for path in paths:
        with closing(sqlite3.connect(path)) as db:
            for schedule_id, name, spec, first, fence, ended_at in db.execute(
                "SELECT s.id, j.job_name, s.trigger_spec, s.first_ts, s.fence, s.ended_at FROM raw_schedules s"
                " JOIN raw_scheduled_jobs j ON j.id = s.job_id"
            ).fetchall():
                key = (spec, first)
                one = found[name].setdefault(key, Chained(chain_from_spec(spec), first, None, []))
                one.ended_at = ended_at if one.ended_at is None else one.ended_at
                rows = db.execute(
                    "SELECT e.scheduled_ts, coalesce(e.scheduled_to_ts, e.scheduled_ts), e.tick_count, x.status,"
                    " x.reason FROM raw_executions e JOIN executions x ON x.id = e.id"
                    " WHERE e.schedule_id = ? AND e.scheduled_ts IS NOT NULL AND e.tick_count > 0",
                    (schedule_id,),
                )
                one.entries += [
                    StoredEntry(start, last, fence or 0, status, reason, count)
                    for start, last, count, status, reason in rows
                ]
    return {name: list(of_name.values()) for name, of_name in found.items()}
