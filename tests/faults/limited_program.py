"""A program whose files cannot grow beyond so many bytes, as on a full disk.

``python limited_program.py FILE BYTES WHEN``: there is room again ``never``, while records wait (``soon``), or once
some are lost (``late``).
"""

import resource
import signal
import sys
import threading

from duly import Scheduler, every
from duly.ledger.errors import DatabaseFileError

calls = threading.Semaphore(0)
path, limit, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
scheduler = Scheduler(history=path)
scheduler.schedule(calls.release, "job", every(0.005), mode="parallel")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    scheduler.start()
except DatabaseFileError as error:
    print(f"refused: {error}", flush=True)  # noqa: T201 - so the test knows
    sys.exit()
while scheduler.health().unwritten < 100:  # two runs' worth of records wait even for a disk that is well
    calls.acquire()
while when == "late" and not scheduler.health().lost:
    calls.acquire()
for _ in range(100):
    calls.acquire()
if when != "never":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
scheduler.stop()
health = scheduler.health()
print(health.lost, health.unwritten, health.errors, flush=True)  # noqa: T201 - as above
