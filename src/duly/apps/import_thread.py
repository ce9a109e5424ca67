"""Importing beside the event loop: modules of users may take long, and may never end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_import_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call in a thread of its own, which does not hold up the end of the process.

    A caller that is cancelled leaves it working.
    """
    result: concurrent.futures.Future[T] = concurrent.futures.Future()
    context = copy_context()

    def call() -> None:
        try:
            result.set_result(context.run(function, *args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            result.set_exception(error)

    threading.Thread(target=call, name="duly-import", daemon=True).start()
    return await asyncio.shield(asyncio.wrap_future(result))
