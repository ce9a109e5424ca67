"""Calls at moments of elapsed time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.bus.timers import DueCall, Timers
from duly.core.clock import SECOND, current
from duly.testing import VirtualClock, run_virtual


def make() -> Timers:
    return Timers(current())


def test_calls_come_in_order_of_their_time_each_at_its_moment() -> None:
    async def main() -> list[tuple[str, int]]:
        timers, calls = make(), list[tuple[str, int]]()
        for name, second in (("c", 3), ("a", 1), ("b", 2)):
            timers.call_at(second * SECOND, lambda name=name: calls.append((name, timers.monotonic())))  # type: ignore[misc] # bound in the loop
        await asyncio.sleep(5)
        assert len(timers) == 0
        return calls

    assert run_virtual(main()) == [("a", SECOND), ("b", 2 * SECOND), ("c", 3 * SECOND)]


def test_one_that_is_cancelled_is_not_called() -> None:
    async def main() -> list[str]:
        timers, calls = make(), list[str]()
        first = timers.call_at(SECOND, lambda: calls.append("first"))
        timers.call_at(2 * SECOND, lambda: calls.append("second"))
        first.cancel()
        first.cancel()
        assert len(timers) == 1
        await asyncio.sleep(3)
        first.cancel()
        return calls

    assert run_virtual(main()) == ["second"]


def test_one_that_is_due_at_once_is_not_called_before_call_at_returns() -> None:
    async def main() -> None:
        timers, calls = make(), list[int]()
        timers.call_at(0, lambda: calls.append(1))
        assert calls == []
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert calls == [1]

    run_virtual(main())


def test_a_call_may_ask_for_another_one_that_is_due_by_now() -> None:
    async def main() -> list[str]:
        timers, calls = make(), list[str]()

        def begin() -> None:
            calls.append("first")
            timers.call_at(SECOND, lambda: calls.append("second"))

        timers.call_at(SECOND, begin)
        await asyncio.sleep(1)
        await asyncio.sleep(0)
        return calls

    assert run_virtual(main()) == ["first", "second"]


def test_a_call_may_cancel_the_next_one() -> None:
    async def main() -> list[str]:
        timers, calls, due = make(), list[str](), list[DueCall]()

        def cancel_next() -> None:
            due[0].cancel()

        timers.call_at(SECOND, cancel_next)
        due.append(timers.call_at(SECOND, lambda: calls.append("next")))
        await asyncio.sleep(2)
        assert len(timers) == 0
        return calls

    assert run_virtual(main()) == []


def test_what_a_call_raises_keeps_no_other_from_being_called() -> None:
    async def main() -> list[str]:
        timers, calls, errors = make(), list[str](), list[BaseException]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))

        def fail() -> None:
            raise LookupError("no lamp")

        timers.call_at(SECOND, fail)
        timers.call_at(SECOND, lambda: calls.append("next"))
        timers.call_at(2 * SECOND, lambda: calls.append("later"))
        await asyncio.sleep(3)
        assert [str(error) for error in errors] == ["no lamp"]
        return calls

    assert run_virtual(main()) == ["next", "later"]


def test_the_loop_has_one_timer_for_all_and_none_for_none() -> None:
    async def main() -> None:
        timers = make()
        loop = asyncio.get_running_loop()
        due = [timers.call_at(second * SECOND, int) for second in range(1_000, 0, -1)]
        live = [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        assert len(live) == 1
        for each in due:
            each.cancel()
        assert [handle for handle in loop._scheduled if not handle.cancelled()] == []  # type: ignore[attr-defined]

    run_virtual(main())


def test_time_that_the_wall_clock_jumps_over_does_not_count() -> None:
    clock = VirtualClock()

    async def main() -> int:
        timers, calls = make(), list[int]()
        timers.call_at(10 * SECOND, lambda: calls.append(timers.monotonic()))
        clock.step(3600)
        await asyncio.sleep(9)
        assert calls == []
        await asyncio.sleep(2)
        return calls[0]

    assert run_virtual(main(), clock) == 10 * SECOND


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=80),
)
@pytest.mark.filterwarnings("error")
def test_whatever_is_asked_for_and_cancelled_the_rest_comes_in_order(wanted: list[tuple[int, bool]]) -> None:
    async def main() -> list[tuple[int, int]]:
        timers, calls = make(), list[tuple[int, int]]()
        due = [
            timers.call_at(tenths * SECOND // 10, lambda tenths=tenths: calls.append((tenths, timers.monotonic())))  # type: ignore[misc] # as above
            for tenths, _ in wanted
        ]
        for each, (_, cancelled) in zip(due, wanted, strict=True):
            if cancelled:
                each.cancel()
        await asyncio.sleep(6)
        assert len(timers) == 0
        return calls

    calls = run_virtual(main())
    kept = sorted(tenths for tenths, cancelled in wanted if not cancelled)
    assert calls == [(tenths, tenths * SECOND // 10) for tenths in kept]
