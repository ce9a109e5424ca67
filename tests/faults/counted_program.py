"""A program with one job that tells how often it was called.  ``python counted_program.py FILE``."""

import sys
import threading
from itertools import count

from duly import Scheduler, every

calls = count(1)


def work() -> None:
    """Say the number of the call."""
    print(next(calls), flush=True)  # noqa: T201 - so the test knows


scheduler = Scheduler(history=sys.argv[1])
scheduler.schedule(work, "job", every(0.05))
scheduler.start()
threading.Event().wait()
