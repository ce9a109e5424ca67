"""A program that ends, and leaves its scheduler to a forked child.  ``python outliving_program.py FILE``."""

import os
import sys
import threading

from duly import Scheduler, every

ran = threading.Event()
ended, ends = os.pipe()
scheduler = Scheduler(history=sys.argv[1])
scheduler.schedule(ran.set, "job", every(0.01))
scheduler.start()
ran.wait(10)
if pid := os.fork():
    print(pid, flush=True)  # noqa: T201 - so the test knows
    sys.exit()  # closes the pipe, once the scheduler has stopped
os.close(ends)
os.read(ended, 1)
ran.clear()
with scheduler:
    if ran.wait(10):
        print("the child ran", flush=True)  # noqa: T201 - as above
