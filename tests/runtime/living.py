"""A Duly that is run in the process of the test."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from duly.runtime import Duly
from tests.executor.plant import until

Act: TypeAlias = Callable[[Duly], Awaitable[None]]


def live(duly: Callable[[], Duly], act: Act) -> int:
    """Run it until it is up, do something with it, stop it; its exit code."""

    async def main() -> int:
        root = duly()
        running = asyncio.create_task(root.run_forever())
        try:
            await until(lambda: root.is_ready() or running.done())
            await act(root)
        finally:
            root.request_shutdown("the test is over")
            code = await running
        return code

    return asyncio.run(main())
