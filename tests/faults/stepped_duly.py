"""``duly`` with a wall clock that is stepped by so many seconds for each line it reads."""

import sys
import threading

from duly.cli import main
from duly.core import clock as clocks
from tests.embedded.waiting import ShiftedClock

clock = ShiftedClock(None)
clocks.use(clock)


def step() -> None:
    """Do as told."""
    for line in sys.stdin:
        clock.step(float(line))
        print("stepped", flush=True)  # noqa: T201 - so the test knows


threading.Thread(target=step, daemon=True).start()
main()
