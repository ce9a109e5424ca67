"""Finds code that blocks the event loop, which nothing can isolate, and says whose it is."""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Self

from duly.core.clock import SECOND, SystemClock
from duly.lifecycle.crossing import post

log = logging.getLogger("duly.LoopWatch")

BLOCKED_SECONDS = 1.0
_PAUSE_SECONDS = 0.5
_CLOCK = SystemClock()
_SELECT = selectors.DefaultSelector.select.__code__
_RUN_FOREVER = asyncio.BaseEventLoop.run_forever.__code__


class LoopWatch:
    """Owns a thread that asks the loop for an answer again and again, and looks at its stack when none comes."""

    def __init__(self, whose: Callable[[Sequence[str]], str | None]) -> None:
        """Ask ``whose`` an app is, given the source files of a stack, innermost first."""
        self._whose = whose
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="duly-loop-watch", daemon=True)

    def __enter__(self) -> Self:
        """Watch the running loop."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Watch no more."""
        self._ended.set()
        self._answered.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            if _waits(self._stack_of_loop()):
                continue  # asking would only wake it
            self._answered.clear()
            if self._ended.is_set():  # set before the last answer, which may be the one just cleared
                return
            asked = _CLOCK.monotonic()
            if not post(self._loop, self._answered.set):
                return
            if not self._answered.wait(BLOCKED_SECONDS) and not self._ended.is_set():
                self._warn()
                self._answered.wait()
                log.info("the event loop goes on after %.1f s", (_CLOCK.monotonic() - asked) / SECOND)

    def _warn(self) -> None:
        frame = self._stack_of_loop()
        app = self._whose(_files(frame))
        log.warning(
            "the event loop is blocked for %g s or more by %s: use a plain function, which runs in a thread\n%s",
            BLOCKED_SECONDS,
            "unknown code" if app is None else f"app {app}",
            "".join(traceback.format_stack(frame)),
        )

    def _stack_of_loop(self) -> FrameType | None:
        return sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the only way to see another thread's stack


def _waits(frame: FrameType | None) -> bool:
    """Whether a loop of asyncio's own, whose innermost frame this is, waits for something to do."""
    if frame is None or frame.f_code is not _SELECT or frame.f_back is None:
        return False
    caller = frame.f_back.f_back
    return caller is not None and caller.f_code is _RUN_FOREVER


def _files(frame: FrameType | None) -> list[str]:
    files = []
    while frame is not None:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    return files
