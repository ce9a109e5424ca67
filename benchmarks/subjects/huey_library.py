"""huey with its storage in memory: a task queue whose consumer looks for due tasks once a second."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from huey import MemoryHuey

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import WORKERS, Job


class Huey:
    """A consumer with worker threads in this process."""

    distribution: ClassVar[str | None] = "huey"
    asynchronous: ClassVar[bool] = False

    def __init__(self) -> None:
        logging.getLogger("huey").setLevel(logging.ERROR)
        self._huey: Any = MemoryHuey()
        self._consumer: Any = self._huey.create_consumer(workers=WORKERS, periodic=False)
        self._bursts = 0

    async def start(self) -> None:
        """Start the consumer's threads."""
        self._consumer.start()

    async def stop(self) -> None:
        """Wait until they have ended."""
        await asyncio.to_thread(self._consumer.stop, graceful=True)

    async def hourly(self, count: int) -> list[Any]:
        """Schedule messages an hour ahead; it has no interval triggers."""
        task = self._huey.task()(noop.plain)
        return [task.schedule(delay=3600) for _ in range(count)]

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Revoke: the task stays in the storage and is dropped when due."""
        for result in handles:
            result.revoke()

    async def once(self, job: Job, count: int, due: float) -> None:
        """Enqueue from a timer when due: its own look once a second would cost it half a second on average."""
        self._bursts += 1
        task = self._huey.task(name=f"burst_{self._bursts}")(job)
        messages = [task.s() for _ in range(count)]
        enqueue = self._huey.enqueue

        def release() -> None:
            for message in messages:
                enqueue(message)

        asyncio.get_running_loop().call_later(due - time.time(), release)
