"""Blocking twins of parts with async methods, for code in worker threads.

A twin lists the methods of its part, and each is the part's own but for the wait::

    class LampSyncFacade(SyncFacade):
        switch = blocking(Lamp.switch)    # async: the calling thread waits for its end
        is_on = on_loop(Lamp.is_on)       # not async: carried out on the event loop, whoever calls
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Concatenate, ParamSpec, Protocol, TypeVar

from duly.lifecycle.resource import Resource

P = ParamSpec("P")
T = TypeVar("T")
PartT = TypeVar("PartT")


class Twin(Protocol):
    """What ``blocking`` needs of the twin."""

    @property
    def part(self) -> Any:  # noqa: ANN401 - whatever has the async methods
        """What it is the twin of."""
        ...

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work`` while the caller waits."""
        ...


class SyncFacade(Resource):
    """The blocking twin of its parent. Has no state of its own."""

    longest_wait: ClassVar[float | None] = None
    """Seconds; ``None``: ``lifecycle.run_sync_timeout_seconds``."""

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work`` on the loop while the calling thread waits; see ``TaskBucket.run_sync``."""
        return self.part.task_bucket.run_sync(work, self.longest_wait)

    @property
    def part(self) -> Resource:
        """What it is the twin of."""
        if self.parent is None:
            raise RuntimeError(f"{self.unique_name} has no parent: make it with add_child()")
        return self.parent


def blocking(
    method: Callable[Concatenate[PartT, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Twin, P], T]:
    """The method of a twin that waits for the part's async ``method`` and gives its result."""

    def twin(self: Twin, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work: Coroutine[Any, Any, T] = getattr(self.part, method.__name__)(*args, **kwargs)
        return self._wait_for(work)

    return _named_as(method, twin)


def on_loop(method: Callable[Concatenate[PartT, P], T]) -> Callable[Concatenate[SyncFacade, P], T]:
    """The method of a twin that carries out the part's ``method`` on the loop and gives its result."""

    def twin(self: SyncFacade, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call: Callable[P, T] = getattr(self.part, method.__name__)
        return self.part.task_bucket.call_on_loop(call, *args, **kwargs)

    return _named_as(method, twin)


def _named_as(method: Callable[..., Any], twin: Callable[P, T]) -> Callable[P, T]:
    """Give ``twin`` the name, text and signature of ``method``, but do not let it pass for async."""
    functools.update_wrapper(twin, method)
    del twin.__wrapped__  # type: ignore[attr-defined] # set by the line above
    twin.__signature__ = inspect.signature(method)  # type: ignore[attr-defined] # read by inspect
    return twin
