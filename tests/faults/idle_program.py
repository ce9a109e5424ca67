"""A program whose jobs are not due for long.  ``python idle_program.py FILE``."""

import sys
import threading

from duly import Scheduler, every
from duly.ledger.errors import DatabaseFileError

scheduler = Scheduler(history=sys.argv[1])
scheduler.schedule(print, "job", every(3600))
try:
    scheduler.start()
except DatabaseFileError as error:
    print(f"refused: {error}", flush=True)  # noqa: T201 - so the test knows
else:
    scheduler.history()  # what the start has to write is written then
    print("started", flush=True)  # noqa: T201 - as above
    threading.Event().wait()
