"""What a loop on virtual time knows of the threads that work for it.

What threads tell the loop comes at chance moments. So it waits until none works any more, or those that do wait for
the loop in their turn; then all of it is taken, in an order in which chance has no part: first what completes
something that is expected, in the order in which that was asked for; then all else, by the names of the threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from operator import attrgetter
from typing import Any


@dataclass(slots=True)
class ExecutorCall:
    """A call in the threads of an executor."""

    executor: Executor
    submitted: bool = False
    """Whether it has been handed to the executor."""
    thread: int = 0
    """Which makes it; 0: none yet."""


@dataclass(frozen=True, slots=True)
class _Post:
    thread: int
    name: str
    completes: asyncio.Future[Any] | None
    ends: bool
    """Whether it ends a call, so that the thread does not wait for an answer."""
    handle: asyncio.Handle


class LoopThreads:
    """Owns what the loop expects of threads, and what they have posted. Guarded by the loop's thread, but for ``post``.

    A thread that has posted something in the midst of a call may wait for what the loop makes of it, so it counts as
    one that waits.
    """

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        """Threads that wait for the loop."""
        self._expected: dict[asyncio.Future[Any], ExecutorCall | None] = {}
        self._pools: list[Callable[[Collection[int]], bool]] = []
        self._posts: deque[_Post] = deque()

    def expect(self, future: asyncio.Future[Any]) -> None:
        """A thread is going to complete it."""
        self._expected[future] = None
        future.add_done_callback(self._expected.pop)

    def made_by(self, future: asyncio.Future[Any], call: ExecutorCall) -> None:
        """What is expected is the end of ``call``."""
        if future in self._expected:
            self._expected[future] = call

    def watch(self, at_work: Callable[[Collection[int]], bool]) -> None:
        """Threads work as long as ``at_work``, given those that wait, says so."""
        self._pools.append(at_work)

    def completed_by(self, callback: object, args: tuple[object, ...]) -> asyncio.Future[Any] | None:
        """What is expected and completed by this call, as those of asyncio complete futures; ``None``: nothing is."""
        told = (*args[:1], getattr(callback, "__self__", None))
        return next((each for each in told if isinstance(each, asyncio.Future) and each in self._expected), None)

    def post(self, handle: asyncio.Handle, completes: asyncio.Future[Any] | None, *, ends: bool) -> None:
        """From any thread: have the loop call it, by which it ``completes`` something, or at least ``ends`` a call."""
        thread = threading.current_thread()
        self._posts.append(_Post(threading.get_ident(), thread.name, completes, ends, handle))

    @property
    def posted(self) -> bool:
        """Whether there is something to take."""
        return bool(self._posts)

    def take(self) -> list[asyncio.Handle]:
        """What was posted."""
        posts = [self._posts.popleft() for _ in range(len(self._posts))]
        handles = {post.completes: post.handle for post in posts if post.completes is not None}
        others = sorted((post for post in posts if post.completes is None), key=attrgetter("name"))
        return [*(handles[each] for each in self._expected if each in handles), *(post.handle for post in others)]

    def at_work(self) -> bool:
        """Whether one works, and does not wait for the loop."""
        posts = tuple(self._posts)
        completed = {post.completes for post in posts}
        paused = {post.thread for post in posts if not post.ends}.union(self.waiting)
        calls = [
            call
            for future, call in self._expected.items()
            if future not in completed and (call is None or call.submitted)
        ]
        return _any_at_work(calls, paused) or any(at_work(paused) for at_work in self._pools)


def _any_at_work(calls: Collection[ExecutorCall | None], paused: Collection[int]) -> bool:
    """Calls that have not begun wait for a thread of their executor, which may be paused."""
    held_up = {call.executor for call in calls if call is not None and call.thread in paused}
    return any(
        call is None or (call.thread not in paused if call.thread else call.executor not in held_up) for call in calls
    )
