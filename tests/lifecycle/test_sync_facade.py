"""The blocking twin of a part: from threads it waits, on the loop it refuses to."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest

from duly.config import DulyConfig
from duly.lifecycle import Resource, is_async_callable
from duly.lifecycle.root import Root
from duly.lifecycle.sync_facade import SyncFacade, blocking, on_loop
from tests.lifecycle.house import House, run


class Lamp(Resource):
    """A part with methods of both kinds."""

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self.lit = False
        self.threads: set[int] = set()
        self.sync = self.add_child(LampSyncFacade)

    async def switch(self, lit: bool, *, after: float = 0.0) -> bool:
        """Switch it; give what it was."""
        self.threads.add(threading.get_ident())
        await asyncio.sleep(after)
        before, self.lit = self.lit, lit
        return before

    def is_lit(self, *, loudly: bool = False) -> bool:
        """Whether it is lit."""
        self.threads.add(threading.get_ident())
        if loudly:
            raise LookupError("no voice")
        return self.lit


class LampSyncFacade(SyncFacade):
    """The twin."""

    switch = blocking(Lamp.switch)
    is_lit = on_loop(Lamp.is_lit)


async def lamp(config: DulyConfig | None = None) -> Lamp:
    """A lamp that has started."""
    house = House(config)
    await house.worker_pool.initialize()
    made = house.add_child(Lamp)
    await made.initialize()
    return made


async def in_thread(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
    """Call it in a thread of nobody."""
    return await asyncio.to_thread(call)


def test_a_thread_waits_for_the_result_of_an_async_method() -> None:
    async def main() -> None:
        own = await lamp()
        assert await in_thread(lambda: own.sync.switch(True, after=0.001)) is False
        assert own.lit
        assert own.threads == {threading.get_ident()}

    run(main())


def test_an_async_method_is_refused_on_a_loop() -> None:
    async def main() -> None:
        own = await lamp()
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            own.sync.switch(True)
        assert not own.lit

    run(main())


def test_an_async_method_that_takes_too_long_is_cancelled() -> None:
    async def main() -> None:
        config = DulyConfig.hermetic(strict_lifecycle=True, lifecycle={"run_sync_timeout_seconds": 0.01})
        own = await lamp(config)
        with pytest.raises(TimeoutError):
            await in_thread(lambda: own.sync.switch(True, after=60))
        assert not own.lit

    run(main())


def test_another_method_is_carried_out_on_the_loop_while_the_thread_waits() -> None:
    async def main() -> None:
        own = await lamp()
        await own.switch(True)
        assert await in_thread(own.sync.is_lit) is True
        assert own.threads == {threading.get_ident()}

    run(main())


def test_another_method_is_carried_out_directly_on_the_loop() -> None:
    async def main() -> None:
        assert (await lamp()).sync.is_lit() is False

    run(main())


def test_an_error_reaches_the_thread() -> None:
    async def main() -> None:
        own = await lamp()
        with pytest.raises(LookupError, match="no voice"):
            await in_thread(lambda: own.sync.is_lit(loudly=True))

    run(main())


def test_a_loop_that_is_blocked_does_not_carry_out_what_nobody_waits_for_any_more() -> None:
    async def main() -> None:
        config = DulyConfig.hermetic(strict_lifecycle=True, lifecycle={"run_sync_timeout_seconds": 0.01})
        own = await lamp(config)
        given_up: list[BaseException] = []

        def call() -> None:
            try:
                own.sync.is_lit()
            except TimeoutError as error:
                given_up.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        await asyncio.sleep(0)
        assert "did not take a call within 0.01 s: it is blocked" in str(given_up[0])
        assert own.threads == set()

    run(main())


def test_a_part_without_a_loop_refuses_both() -> None:
    own = House().add_child(Lamp)
    with pytest.raises(RuntimeError, match="does not run: start it first"):
        own.sync.is_lit()
    with pytest.raises(RuntimeError, match="does not run: start it first"):
        own.sync.switch(True)


def test_a_part_whose_loop_has_ended_refuses_both() -> None:
    made: list[Lamp] = []

    async def main() -> None:
        made.append(await lamp())

    run(main())
    with pytest.raises(RuntimeError, match="does not run: start it first"):
        made[0].sync.is_lit()
    with pytest.raises(RuntimeError, match="does not run: start it first"):
        made[0].sync.switch(True)


def test_a_twin_needs_its_part() -> None:
    alone = LampSyncFacade(House())
    with pytest.raises(RuntimeError, match=r"make it with add_child\(\)"):
        alone.is_lit()


def test_a_method_of_the_twin_looks_like_the_parts() -> None:
    for twin, own in ((LampSyncFacade.switch, Lamp.switch), (LampSyncFacade.is_lit, Lamp.is_lit)):
        assert inspect.signature(twin) == inspect.signature(own)
        assert (twin.__name__, twin.__doc__) == (own.__name__, own.__doc__)
        assert not is_async_callable(twin)


def test_the_method_of_a_subclass_is_the_one_that_is_called() -> None:
    class Bright(Lamp):
        def is_lit(self, *, loudly: bool = False) -> bool:
            return True

    async def main() -> None:
        bright = House().add_child(Bright)
        await bright.initialize()
        assert bright.sync.is_lit()

    run(main())
