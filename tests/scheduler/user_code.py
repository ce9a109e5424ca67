"""Calls as users write them; the numbers of lines matter, so it is not formatted anew without need."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from tests.scheduler.porch import nothing

if TYPE_CHECKING:
    from duly.scheduler import AsyncScheduler, ScheduledJob
    from duly.scheduler.async_scheduler import SchedulerSyncFacade

HERE = __file__


async def awaited(s: AsyncScheduler) -> ScheduledJob:
    return await s.run_in(nothing, 5)  # awaited


async def in_a_task(s: AsyncScheduler) -> ScheduledJob:
    return await asyncio.create_task(s.run_in(nothing, 5))  # in_a_task


async def gathered(s: AsyncScheduler) -> ScheduledJob:
    first, _ = await asyncio.gather(s.run_in(nothing, 5), s.run_in(nothing, 6))  # gathered
    return first


async def awaited_later(s: AsyncScheduler) -> ScheduledJob:
    call = s.run_in(nothing, 5)  # awaited_later
    await asyncio.sleep(0)
    return await call


async def on_several_lines(s: AsyncScheduler) -> ScheduledJob:
    return await s.run_in(  # on_several_lines
        nothing,
        5,
        name="täglich",
    )


async def in_a_chain(s: AsyncScheduler) -> ScheduledJob:
    return await (
        s
        .run_in(nothing, 5)  # in_a_chain
    )  # fmt: skip


async def in_a_comprehension(s: AsyncScheduler) -> ScheduledJob:
    return [await s.run_in(nothing, delay) for delay in (5,)][0]  # in_a_comprehension # noqa: RUF015


async def through_a_partial(s: AsyncScheduler) -> ScheduledJob:
    return await functools.partial(s.run_in, nothing)(5)  # through_a_partial


async def by_a_trigger(s: AsyncScheduler) -> ScheduledJob:
    from duly.scheduler import Every  # noqa: PLC0415 - as in an app

    return await s.schedule(nothing, Every(5))  # by_a_trigger


def from_a_thread(s: SchedulerSyncFacade) -> ScheduledJob:
    return s.run_in(nothing, 5)  # from_a_thread
