"""Jobs that can be waited for, and waiting without sleeping, for tests with real threads and real time."""

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from duly import Account, Job, OnceTrigger, Scheduler, every
from duly.core.clock import SECOND, SystemClock, Zone, zoned

PATIENCE = 10.0
"""Seconds after which a test gives up: it waits that long only if it fails."""

LATER = OnceTrigger(datetime(2190, 1, 1, tzinfo=UTC))
"""For jobs that are not to come due."""


def eventually(holds: Callable[[], object], seconds: float = PATIENCE, *, pause: float = 0.002) -> None:
    """Wait until ``holds`` does, where nothing announces it; it is asked again after so many seconds."""
    clock, never = SystemClock(), threading.Event()
    end = clock.monotonic() + int(seconds * SECOND)
    while not holds():
        assert clock.monotonic() < end, f"it did not come true within {seconds} s"
        never.wait(pause)


def logged(caplog: pytest.LogCaptureFixture, level: int) -> logging.LogRecord:
    """The one record of a level. The driver logs after it has let go of its lock: others may see the effect first."""

    def found() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.levelno == level]

    eventually(found)
    (record,) = found()
    return record


def let_time_pass() -> None:
    """Until a scheduler of its own has run a job five times: long enough for what should not happen to happen."""
    calls = Calls()
    with Scheduler() as scheduler:
        scheduler.schedule(calls, trigger=every(0.005))
        calls.wait(5)


class Calls:
    """A job that counts its calls; ``result`` is what it returns."""

    def __init__(self, result: Any = None) -> None:  # noqa: ANN401 - any result
        self.made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.result = result
        self._changed = threading.Condition()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any arguments
        with self._changed:
            self.made.append((args, kwargs))
            self._changed.notify_all()
        return self.result

    def __len__(self) -> int:
        return len(self.made)

    def wait(self, number: int = 1) -> None:
        """Until there have been so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.made) >= number, PATIENCE), f"{len(self.made)} calls"

    def wait_for_more(self, number: int) -> None:
        """Until there have been so many from now on."""
        self.wait(len(self.made) + number)


class Failing(Calls):
    """A job that raises ``error`` in its first calls, ``times`` of them."""

    def __init__(self, error: BaseException, times: int = 1_000_000) -> None:
        super().__init__()
        self._error = error
        self._times = times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any arguments
        super().__call__(*args, **kwargs)
        if len(self.made) <= self._times:
            raise self._error


class Gate:
    """A job that waits inside until it is opened."""

    def __init__(self, result: Any = None) -> None:  # noqa: ANN401 - any result
        self.result = result
        self.inside = 0
        self.most_inside = 0
        self.entries = 0
        self._open = False
        self._changed = threading.Condition()

    def __call__(self) -> Any:  # noqa: ANN401 - any result
        with self._changed:
            self.entries += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._open, PATIENCE), "nobody opened the gate"
            self.inside -= 1
            self._changed.notify_all()
        return self.result

    def wait_entered(self, number: int = 1) -> None:
        """Until so many runs have entered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.entries >= number, PATIENCE), f"{self.entries} entries"

    def wait_left(self) -> None:
        """Until nobody is inside."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self.inside, PATIENCE)

    def open(self) -> None:
        """Let everybody through, from now on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


class AsyncGate(Gate):
    """An async job that waits inside until it is opened; ``cancelled`` counts those that were cancelled meanwhile."""

    def __init__(self, result: Any = None) -> None:  # noqa: ANN401 - any result
        super().__init__(result)
        self.cancelled = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def __call__(self) -> Any:  # noqa: ANN401 - any result
        event = asyncio.Event()
        with self._changed:
            self.entries += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self._waiting.append((asyncio.get_running_loop(), event))
            if self._open:
                event.set()
            self._changed.notify_all()
        try:
            await event.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            with self._changed:
                self.inside -= 1
                self._changed.notify_all()
        return self.result

    def open(self) -> None:
        """Let everybody through, from now on."""
        super().open()
        for loop, event in self._waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


class ShiftedClock:
    """The system's clock, with a wall clock that can be stepped."""

    def __init__(self, zone: Zone = "UTC") -> None:
        self.zone = zone
        self._real = SystemClock()
        self._offset = 0

    def now(self) -> int:
        return self._real.now() + self._offset

    def monotonic(self) -> int:
        return self._real.monotonic()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self._offset += int(seconds * SECOND)


def soon(seconds: float) -> OnceTrigger:
    """Once, so many seconds from now."""
    return OnceTrigger(zoned(SystemClock().now() + int(seconds * SECOND), None).to_stdlib())


def job_of(scheduler: Scheduler, job_id: str) -> Job:
    """The job, which there is."""
    job = scheduler.get_job(job_id)
    assert job is not None
    return job


def in_thread(function: Callable[[], object]) -> threading.Thread:
    """Call it in a thread of its own, started."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def joined(thread: threading.Thread) -> None:
    """Wait for a thread to end."""
    thread.join(PATIENCE)
    assert not thread.is_alive()


def threads_of_schedulers() -> list[str]:
    """Names of the threads of any embedded scheduler; those of apps and of dispatch have others."""
    ours = ("duly-driver", "duly-worker", "duly-loop", "duly-ledger")
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(ours) and name != "duly-loop-watch"]


def accounts(scheduler: Scheduler) -> list[Account]:
    """The account of every job."""
    return [scheduler.account(job.id) for job in scheduler.list_jobs()]
