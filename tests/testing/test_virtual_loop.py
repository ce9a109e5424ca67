"""Asyncio and threads on virtual time."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from duly.core import clock as clocks
from duly.lifecycle import TaskBucket
from duly.testing import START, HarnessStuckError, Host, VirtualClock, VirtualLoop, run_virtual, virtual_loop
from tests.embedded.waiting import PATIENCE, Gate, in_thread, joined
from tests.lifecycle.house import House
from tests.testing.test_clock import Alarm

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


def now() -> float:
    """Seconds of virtual time on the running loop."""
    return asyncio.get_running_loop().time()


async def wait(seconds: float, then: Callable[[], object] = lambda: None) -> float:
    await asyncio.sleep(seconds)
    then()
    return now()


def in_house(main: Callable[[House], Coroutine[Any, Any, None]], **options: Any) -> None:  # noqa: ANN401 - of a house
    """Run ``main`` with a house that has started."""

    async def live() -> None:
        house = House(**options)
        await house.initialize()
        try:
            await main(house)
        finally:
            await house.shutdown()

    run_virtual(live())


def opener_of(gate: Gate) -> threading.Thread:
    """A thread that opens it once another waits inside."""

    def open_it() -> None:
        gate.wait_entered()
        gate.open()

    return in_thread(open_it)


# --- a coroutine by itself -------------------------------------------------------------------------------------------


def test_it_gives_the_result() -> None:
    async def main() -> str:
        return "done"

    assert run_virtual(main()) == "done"


def test_it_raises_what_the_coroutine_raises() -> None:
    async def main() -> None:
        raise KeyError("porch")

    with pytest.raises(KeyError, match="porch"):
        run_virtual(main())


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1.0, HOUR, 0.1 + 0.2, YEAR, 10 * YEAR, YEAR + 0.1])
def test_a_wait_is_over_at_its_moment_to_the_microsecond(seconds: float) -> None:
    clock = VirtualClock()
    run_virtual(wait(seconds), clock)
    assert clock.monotonic() == round(seconds * 1_000_000) * 1_000


def test_the_clock_is_the_current_one_inside_and_not_afterwards() -> None:
    clock = VirtualClock()

    async def main() -> None:
        assert clocks.current() is clock

    run_virtual(main(), clock)
    assert clocks.current() is not clock


def test_without_a_clock_it_begins_in_2025() -> None:
    async def main() -> int:
        return clocks.current().now()

    assert run_virtual(main()) == clocks.nanoseconds(START)


def test_timers_fire_in_the_order_of_time_each_at_its_moment() -> None:
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for seconds in (3, 1, HOUR, 2):
            loop.call_later(seconds, lambda: seen.append(now()))
        await asyncio.sleep(DAY)

    run_virtual(main())
    assert seen == [1, 2, 3, HOUR]


def test_timers_of_the_same_moment_fire_in_the_order_in_which_they_were_made() -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(50):
            loop.call_later(1, seen.append, number)
            loop.call_later(number / 100, list)
        await asyncio.sleep(2)

    run_virtual(main())
    assert seen == list(range(50))


def test_a_time_limit_is_reached_at_its_moment() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return now()

    assert run_virtual(main()) == 5


def test_who_waits_until_a_moment_in_fractions_of_a_microsecond_gets_there() -> None:
    async def main() -> None:
        end = now() + 1.000_000_3
        turns = 0
        while (left := end - now()) > 0:
            await asyncio.sleep(left)
            turns += 1
        assert turns == 1

    run_virtual(main())


@pytest.mark.parametrize("passed", [YEAR, 256.610192, 256.000006])
def test_a_wait_too_short_for_the_clock_lasts_a_microsecond_instead_of_for_ever(passed: float) -> None:
    async def main() -> None:
        await asyncio.sleep(passed)
        before = clocks.current().monotonic()
        await asyncio.sleep(1e-8)
        assert clocks.current().monotonic() - before == 1_000

    run_virtual(main())


def test_tasks_left_over_are_cancelled() -> None:
    ended: list[str] = []

    async def left_over() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def main() -> None:
        task = asyncio.create_task(left_over())
        await asyncio.sleep(0)
        assert not task.done()

    run_virtual(main())
    assert ended == ["cancelled"]


def test_what_else_lives_on_the_clock_has_its_turns_in_between() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    alarm = Alarm(clock, 2)

    async def main() -> None:
        await wait(1, lambda: seen.append(f"before: {len(alarm.turns)}"))
        await wait(2, lambda: seen.append(f"after: {len(alarm.turns)}"))

    run_virtual(main(), clock)
    assert seen == ["before: 0", "after: 1"]
    assert [seconds for seconds, _ in alarm.turns] == [2]


# --- threads ---------------------------------------------------------------------------------------------------------


def held(gate: Gate) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """The ways to have a thread go through a gate."""

    async def in_the_default_executor() -> None:
        await asyncio.to_thread(gate)

    async def in_an_executor() -> None:
        with ThreadPoolExecutor(1) as executor:
            await asyncio.get_running_loop().run_in_executor(executor, gate)

    async def in_a_wrapped_future() -> None:
        with ThreadPoolExecutor(1) as executor:
            await asyncio.wrap_future(executor.submit(gate))

    return [(way.__name__, way) for way in (in_the_default_executor, in_an_executor, in_a_wrapped_future)]


@pytest.mark.parametrize("number", range(3), ids=[name for name, _ in held(Gate())])
def test_time_stands_while_a_thread_works(number: int) -> None:
    gate = Gate()

    async def main() -> None:
        timer = asyncio.create_task(wait(HOUR))
        opener = opener_of(gate)
        await held(gate)[number][1]()
        assert now() == 0
        assert await timer == HOUR
        joined(opener)

    run_virtual(main())


def test_time_stands_while_the_worker_pool_works() -> None:
    gate = Gate()

    async def main(house: House) -> None:
        begin = now()
        timer = asyncio.create_task(wait(HOUR))
        opener = opener_of(gate)
        await house.worker_pool.run(gate)
        assert now() == begin
        assert await timer == begin + HOUR
        joined(opener)

    in_house(main)


def test_time_stands_while_calls_wait_for_a_worker() -> None:
    async def main(house: House) -> None:
        begin = now()
        timer = asyncio.create_task(wait(HOUR))
        calls = await asyncio.gather(*(house.worker_pool.run(clocks.current().monotonic) for _ in range(50)))
        assert len(set(calls)) == 1
        assert await timer == begin + HOUR

    in_house(main, max_workers=1)


def test_time_goes_on_while_a_thread_waits_for_the_loop() -> None:
    async def main(house: House) -> None:
        begin = now()
        bucket: TaskBucket = house.task_bucket
        assert await bucket.run_in_thread(bucket.run_sync, wait(5)) == begin + 5

    in_house(main)


def test_time_goes_on_while_the_only_worker_waits_for_the_loop_and_others_wait_for_it() -> None:
    async def main(house: House) -> None:
        begin = now()
        bucket: TaskBucket = house.task_bucket
        first = asyncio.create_task(bucket.run_in_thread(bucket.run_sync, wait(5)))
        await asyncio.sleep(1)
        assert await bucket.run_in_thread(lambda: "second") == "second"
        assert now() == begin + 5
        assert await first == begin + 5

    in_house(main, max_workers=1)


def test_a_synchronous_call_is_limited_in_virtual_time() -> None:
    async def main(house: House) -> None:
        begin = now()
        bucket: TaskBucket = house.task_bucket
        with pytest.raises(TimeoutError, match="did not end within 5 s"):
            await bucket.run_in_thread(bucket.run_sync, wait(HOUR), 5)
        assert now() == begin + 5

    in_house(main)


def test_a_foreign_thread_is_heard_though_nothing_else_happens() -> None:
    async def main() -> str:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(heard.set,))
        thread.start()
        await heard.wait()
        thread.join()
        return "heard"

    assert run_virtual(main()) == "heard"


def test_a_thread_that_waits_for_a_loop_which_is_closed_is_let_go() -> None:
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    gave: list[bool] = []
    thread = threading.Thread(target=lambda: gave.append(loop.wait_in_thread(Future(), HOUR)))
    loop.call_soon(thread.start)
    while not loop._threads.waiting:  # the thread comes to its wait when it does
        clock.advance(0)
    loop.close()
    thread.join(PATIENCE)
    assert gave == [False]


def test_what_is_waited_for_may_be_there_before() -> None:
    async def main() -> None:
        result: Future[int] = Future()
        result.set_result(1)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        assert await asyncio.to_thread(loop.wait_in_thread, result, None)

    run_virtual(main())


def test_a_thread_of_an_executor_may_wait_for_the_loop_too() -> None:
    async def main(house: House) -> None:
        begin = now()
        assert await asyncio.to_thread(house.task_bucket.run_sync, wait(5)) == begin + 5

    in_house(main)


def test_calls_wait_for_an_executor_whose_thread_waits_for_the_loop() -> None:
    async def main(house: House) -> None:
        begin = now()
        first = asyncio.create_task(asyncio.to_thread(house.task_bucket.run_sync, wait(5)))
        await asyncio.sleep(1)
        assert await asyncio.to_thread(now_of, asyncio.get_running_loop()) == begin + 5
        assert await first == begin + 5

    in_house(main)


def now_of(loop: asyncio.AbstractEventLoop) -> float:
    return loop.time()


def test_a_thread_may_start_a_task() -> None:
    async def main(house: House) -> None:
        task = await house.task_bucket.run_in_thread(spawn, house.task_bucket)
        assert await task == 5

    def spawn(bucket: TaskBucket) -> asyncio.Task[float]:
        return bucket.spawn(wait(5))

    in_house(main)


def test_what_threads_have_done_is_taken_in_the_order_in_which_it_was_asked_for_whichever_is_fast() -> None:
    gate = Gate()
    ends: list[str] = []

    async def call(name: str, executor: ThreadPoolExecutor, function: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(executor, function)
        ends.append(name)

    async def main() -> None:
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
            await asyncio.gather(call("slow", one, gate), call("fast", other, gate.open))

    run_virtual(main())
    assert ends == ["slow", "fast"]


def test_who_goes_round_until_a_thread_has_posted_gets_to_see_it() -> None:
    async def main() -> None:
        posted: list[bool] = []
        thread = threading.Thread(target=asyncio.get_running_loop().call_soon_threadsafe, args=(posted.append, True))
        thread.start()
        while not posted:  # noqa: ASYNC110 - it is posted by a thread
            await asyncio.sleep(0)
        thread.join()

    run_virtual(main())


def test_a_loop_that_is_closed_takes_nothing_from_threads() -> None:
    loop = VirtualLoop(VirtualClock())
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(list)


# --- as a host of its clock ------------------------------------------------------------------------------------------


def hosted(main: Coroutine[Any, Any, Any]) -> tuple[VirtualClock, VirtualLoop, asyncio.Task[Any]]:
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    return clock, loop, loop.create_task(main)


def test_it_has_its_turn_when_a_timer_is_due_and_none_later() -> None:
    clock, loop, task = hosted(wait(10))
    clock.advance(9)
    assert not task.done()
    clock.advance(100)
    assert task.result() == 10
    loop.close()


def test_it_shares_the_time_with_other_hosts() -> None:
    clock, loop, task = hosted(wait(10))
    alarm = Alarm(clock, 4, 12)
    clock.advance(20)
    assert task.result() == 10
    assert [seconds for seconds, _ in alarm.turns] == [4, 12]
    loop.close()


def test_timers_stand_while_the_machine_sleeps_and_when_its_clock_is_set() -> None:
    clock, loop, task = hosted(wait(10))
    clock.suspend(HOUR)
    clock.step(-2 * HOUR)
    clock.advance(9)
    assert not task.done()
    clock.advance(1)
    assert task.result() == 10
    loop.close()


def test_a_turn_waits_for_threads() -> None:
    gate = Gate()
    clock, loop, task = hosted(asyncio.to_thread(gate))
    opener = opener_of(gate)
    clock.advance(0)
    assert task.done()
    joined(opener)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_a_loop_that_is_closed_leaves_its_clock() -> None:
    clock, loop, task = hosted(wait(0))
    clock.advance(0)
    assert task.done()
    assert len(clock.hosts) == 1
    loop.close()
    assert not clock.hosts


def test_it_is_a_host() -> None:
    clock, loop, task = hosted(wait(0))
    host: Host = loop
    assert list(host.accounts()) == []
    clock.advance(0)
    assert task.done()
    loop.close()


# --- stuck -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_loop, "PATIENCE", 0.2)


async def wait_for_nothing() -> None:
    await asyncio.Event().wait()


async def go_round() -> None:
    while True:  # noqa: ASYNC110 - what is to be found
        await asyncio.sleep(0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", [wait_for_nothing, go_round])
def test_who_never_ends_is_shown_with_its_stack(way: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with pytest.raises(HarnessStuckError, match=r"not settled within 0\.2 s of real time") as caught:
        run_virtual(way())
    assert f"in {way.__name__}" in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_thread_that_does_not_end_is_shown_with_its_stack() -> None:
    end = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(asyncio.to_thread(stay, end))
        await task

    def stay(until: threading.Event) -> None:
        until.wait(PATIENCE)

    timer = threading.Timer(0.5, end.set)
    timer.start()
    with pytest.raises(HarnessStuckError) as caught:
        run_virtual(main())
    assert "in stay" in str(caught.value)
    timer.join()
