"""A program that forks in the midst of its work.  ``python forking_program.py FILE``."""

import os
import sys
import threading

from duly import Scheduler, every
from duly.ledger.errors import DatabaseFileError

ran = threading.Semaphore(0)
in_child = 0


def work() -> None:
    """Count the calls, those in the child apart."""
    global in_child  # noqa: PLW0603 - one for each process
    in_child += os.getpid() != parent
    ran.release()


def child() -> None:
    """Try everything that is the parent's business."""
    health = scheduler.health()
    scheduler.schedule(work, "of the child", every(0.01))
    scheduler.cancel("job_job")
    scheduler.stop()
    print(f"child: running {health.running}, unwritten {health.unwritten}, its jobs ran {in_child} times", flush=True)  # noqa: T201 - so the test knows
    try:
        scheduler.start()
    except DatabaseFileError as error:
        print(f"child: {error}", flush=True)  # noqa: T201 - as above
    sys.exit()


parent = os.getpid()
scheduler = Scheduler(history=sys.argv[1])
scheduler.schedule(work, "job", every(0.01))
scheduler.start()
ran.acquire(timeout=10)
if (pid := os.fork()) == 0:
    child()
_, status = os.waitpid(pid, 0)
print(f"child ended with {os.waitstatus_to_exitcode(status)}", flush=True)  # noqa: T201 - as above
went_on = all(ran.acquire(timeout=10) for _ in range(20))
scheduler.stop()
print("the parent went on" if went_on else "the parent stood still", flush=True)  # noqa: T201 - as above
