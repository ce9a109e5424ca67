"""The end of the thread with the loop of async jobs, whatever is asked of it meanwhile."""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

import pytest

from duly.core.clock import SystemClock
from duly.embedded.attempt import Attempt
from duly.embedded.driver import Driver
from duly.embedded.tasks import LoopThread
from tests.embedded.waiting import PATIENCE


class Nobody(Driver):
    """Stands for a driver that is gone."""

    def __init__(self) -> None:
        """Without a scheduler."""


class LateThread(LoopThread):
    """Its thread begins when it is told to."""

    def __init__(self, begin: threading.Event) -> None:
        self.begin = begin
        super().__init__(weakref.ref(Nobody()), SystemClock())

    def _serve(self) -> None:
        assert self.begin.wait(PATIENCE)
        super()._serve()

    def join(self) -> None:
        """Wait for its end."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def late() -> LateThread:
    return LateThread(threading.Event())


async def nothing() -> Attempt:
    raise AssertionError("nobody runs it")


def test_it_may_be_abandoned_before_it_has_begun_and_more_than_once(late: LateThread) -> None:
    late.abandon()
    late.abandon()
    late.begin.set()
    late.join()  # pytest fails the test if the thread ended in an error


def test_nothing_is_done_once_it_has_ended(late: LateThread) -> None:
    late.begin.set()
    late.abandon()
    late.join()
    late.interrupt(None)  # type: ignore[arg-type] # no run of that name
    late.abandon()
    with pytest.raises(RuntimeError, match="the scheduler was stopped: start it first"):
        late.wait_for(nothing())


@pytest.mark.parametrize("posted", [False, True], ids=["before", "after"])
def test_who_waits_for_a_run_is_told_if_the_loop_ends(
    late: LateThread, posted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    late.begin.set()
    ask = asyncio.run_coroutine_threadsafe

    def ask_meanwhile(coroutine: Coroutine[Any, Any, Attempt], loop: asyncio.AbstractEventLoop) -> Future[Attempt]:
        late.abandon()
        late.join()
        if not posted:
            return ask(coroutine, loop)
        coroutine.close()
        return Future()

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", ask_meanwhile)
    with pytest.raises(RuntimeError, match="the scheduler was stopped before the run came to its end"):
        late.wait_for(nothing())
