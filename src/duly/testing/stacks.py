"""Where everything is: the tasks of a loop, and the threads."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType


def stacks_of(loop: asyncio.AbstractEventLoop) -> str:
    """The stacks of all tasks that have not ended, and of all threads but this one."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001 - the only way to see another thread's stack
    return "\n".join(
        [
            *(f"Task {task.get_name()}:\n{_format(_frames(task))}" for task in asyncio.all_tasks(loop)),
            *(
                f"Thread {names.get(thread, thread)}:\n{''.join(traceback.format_stack(frame))}"
                for thread, frame in frames.items()
                if thread != threading.get_ident()
            ),
        ]
    )


def _frames(task: asyncio.Task[object]) -> Iterator[FrameType]:
    """Those of what it awaits, outermost first."""
    awaited: object = task.get_coro()
    while awaited is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(awaited, f"{kind}_frame", None)
            if frame is not None:
                yield frame
        awaited = next(
            (
                inner
                for name in ("cr_await", "gi_yieldfrom", "ag_await")
                if (inner := getattr(awaited, name, None)) is not None
            ),
            None,
        )


def _format(frames: Iterator[FrameType]) -> str:
    return "".join(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames).format())
