"""A cancellation that somebody takes for something else."""

import asyncio
from contextlib import suppress

import pytest

from duly.dispatch.cancellation import cancellation_kept
from duly.testing import run_virtual


async def lose_it() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def test_a_cancellation_that_gets_lost_inside_is_raised_behind() -> None:
    async def ask() -> None:
        with cancellation_kept():
            await lose_it()

    async def main() -> None:
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()

    run_virtual(main())


def test_one_that_came_before_does_not_count() -> None:
    async def clean_up() -> str:
        await lose_it()
        with cancellation_kept():
            await asyncio.sleep(1)
        return "cleaned up"

    async def main() -> None:
        cleaning = asyncio.create_task(clean_up())
        await asyncio.sleep(0)
        cleaning.cancel()
        assert await cleaning == "cleaned up"

    run_virtual(main())


def test_a_time_that_is_up_stays_one_though_its_cancellation_gets_lost() -> None:
    async def ask() -> None:
        async with asyncio.timeout(1):
            with cancellation_kept():
                await lose_it()

    with pytest.raises(TimeoutError):
        run_virtual(ask())
