"""huey with its storage in a file: the tasks that wait and, of each that ran, what it returned."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from huey import SqliteHuey

from benchmarks.subjects.huey_library import Huey
from benchmarks.subjects.protocols import WORKERS


class HueyFile(Huey):
    """A consumer with worker threads in this process. Of a run its result is kept, not when it was due or ran."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self._huey = SqliteHuey(filename=str(Path(self._folder.name) / "huey.db"), store_none=True)
        self._consumer = self._huey.create_consumer(workers=WORKERS, periodic=False)

    async def stop(self) -> None:
        """Wait until the threads have ended, and delete the file."""
        await super().stop()
        with suppress(OSError):
            await asyncio.to_thread(self._folder.cleanup)

    def stored(self) -> int:
        """Results in the file."""
        return int(self._huey.result_count())
