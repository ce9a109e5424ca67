"""What a loop on virtual time wants to know of threads, so that its time stands while one of them works for it.

Such a loop has three methods more than others: ``watch_threads``; ``begin_in_thread``, which may put off what threads
are to do until nobody else does anything; and ``wait_in_thread`` for a thread that waits for the loop in its turn, as
a synchronous call does: time may go on meanwhile. With any other loop nothing happens here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    AtWork: TypeAlias = Callable[[Collection[int]], bool]
    """Whether threads work, apart from those of the given identities, which wait for the loop."""


def tell_of_threads(at_work: AtWork) -> None:
    """Tell the running loop how to find out whether threads work for it."""
    watch = getattr(asyncio.get_running_loop(), "watch_threads", None)
    if watch is not None:
        watch(at_work)


def begin_in_thread(begin: Callable[[], None]) -> None:
    """Have ``begin`` called, which hands something to a thread: at once, unless the running loop puts it off."""
    put_off = getattr(asyncio.get_running_loop(), "begin_in_thread", None)
    if put_off is None:
        begin()
    else:
        put_off(begin)


def wait_in_thread(
    loop: asyncio.AbstractEventLoop, result: concurrent.futures.Future[Any], seconds: float | None
) -> bool:
    """Let this thread wait for what the loop is to give; whether it is there within so many seconds of its time."""
    wait = getattr(loop, "wait_in_thread", None)
    if wait is None:
        return result in concurrent.futures.wait([result], seconds).done
    done: bool = wait(result, seconds)
    return done
