"""A process that does nothing but run a Duly."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING

from duly.lifecycle.signals import Signals, leave_within
from duly.runtime.duly import Duly
from duly.runtime.structured import send_to_logging

if TYPE_CHECKING:
    from duly.config import DulyConfig

_CLOSING_SECONDS = 5.0
"""What code of users that still runs has to end once all parts have stopped, or before any is made."""
_GARBAGE_THRESHOLDS = (50_000, 20, 20)
"""Jobs live long and are many: with Python's own thresholds half of the time to register 10,000 goes into looking at
those there are already."""
_LEAST_SECONDS = 0.5
"""What it has even if nothing is left of the limit of the stop: the event loop is closed in that time too."""


def run(load: Callable[[], DulyConfig]) -> int:
    """Load the settings, run until asked to stop, and give the exit code. What ``load`` raises is raised."""
    send_to_logging()
    made: list[Duly] = []

    def ask(reason: str) -> None:
        for duly in made:
            duly.request_shutdown(reason)

    with Signals(ask, limit=_CLOSING_SECONDS) as signals:
        made.append(Duly(load()))
        gc.freeze()
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        if signals.asked:
            return 0
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            loop = runner.get_loop()
            code = _run(made[0], loop)
            leave_within(_closing_seconds(made[0], loop), code)
    return code


def _closing_seconds(duly: Duly, loop: asyncio.AbstractEventLoop) -> float:
    """What is left of the limit of the stop, within bounds."""
    left = _CLOSING_SECONDS if duly.stop_by is None else duly.stop_by - loop.time()
    return min(max(left, _LEAST_SECONDS), _CLOSING_SECONDS)


def _run(duly: Duly, loop: asyncio.AbstractEventLoop) -> int:
    """Its exit code. An exit in a task, which ends the loop at once, is a request to stop: the loop goes on for it."""
    running = loop.create_task(duly.run_forever())
    while True:
        try:
            return loop.run_until_complete(running)
        except (KeyboardInterrupt, SystemExit) as error:
            if running.done():
                raise
            duly.request_shutdown(f"{type(error).__name__} in a task")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop if it is installed; ``None``: asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory
