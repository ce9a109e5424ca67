"""A program with many jobs of all kinds, that is killed.  ``python busy_program.py FILE``."""

import asyncio
import sys
import threading
from itertools import count

from duly import Scheduler, every
from duly.core.policy import MisfireName, ModeName

JOBS = 200
MODES: tuple[ModeName, ...] = ("single", "queued", "restart", "parallel")
MISFIRES: tuple[MisfireName, ...] = ("run_once", "run_all", "skip")

never = threading.Event()


def quick() -> None:
    """Do nothing."""


def slow() -> None:
    """Be busy past the next slot."""
    never.wait(0.12)


def failing(calls: count = count()) -> None:  # type: ignore[type-arg] # noqa: B008 - shared by all calls, on purpose
    """Fail, but for every third time."""
    if next(calls) % 3:
        raise ValueError("no milk")


async def awaited() -> None:
    """Wait in the event loop."""
    await asyncio.sleep(0.02)


def main(path: str) -> None:
    """Run until killed."""
    scheduler = Scheduler(12, history=path)
    for number in range(JOBS):
        kind = number // 4
        func = slow if kind in {0, 1} else failing if kind in {2, 3, 4} else awaited if number in {20, 21} else quick
        scheduler.schedule(
            func,
            f"job-{number}",
            every(0.05),
            mode=MODES[number % 4],
            misfire=MISFIRES[number % 3],
            retries=2 if func is failing else 0,
            retry_delay=0.02,
        )
    print("begins", flush=True)  # noqa: T201 - so the test knows
    scheduler.start()
    print("runs", flush=True)  # noqa: T201 - as above
    for number in count():
        never.wait(0.05)
        scheduler.run_now(f"job_job-{(100 + number) % JOBS if number % 10 else 7}")


if __name__ == "__main__":
    main(sys.argv[1])
