"""Time limits, and what the log says of them."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import Clock
from duly.core.outcomes import Outcome
from duly.executor.deadlines import Deadlines
from duly.executor.entities import OncePerMinute
from duly.testing import VirtualClock
from tests.executor.plant import Chore, Ear, Plant, in_plant, nothing, raising
from tests.lifecycle.house import play

LIMIT = 0.02


async def forever(*_: object) -> None:
    await asyncio.Event().wait()


def warnings_of(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    main: Callable[[Plant], Coroutine[Any, Any, None]],
    clock: Clock | None = None,
) -> list[str]:
    with caplog.at_level(logging.WARNING, "duly.CommandExecutor"):
        in_plant(folder, main, clock=clock)
    return [record.getMessage() for record in caplog.records if record.name == "duly.CommandExecutor"]


@pytest.mark.parametrize("kind", ["handler", "job"])
def test_a_limit_that_is_reached_ends_the_execution_as_timed_out(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        assert await plant.execute(kind, forever, effective_timeout=LIMIT) is Outcome.TIMED_OUT
        row = await plant.row()
        assert (row["status"], row["error_message"]) == ("timed_out", "execution timed out")
        assert row["duration_ms"] >= 1_000 * LIMIT

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("kind", "entity"),
    [("handler", "listener_id=None topic=lamp.kitchen handler=<ear>"), ("job", "job_id=None job=sweep")],
)
@pytest.mark.parametrize(
    ("act", "limit", "expected"),
    [
        (forever, LIMIT, "timed out: {} after=0."),
        (raising(TimeoutError()), 60.0, "raised TimeoutError itself, before its limit: {} "),
        (raising(TimeoutError()), None, "raised TimeoutError itself, no limit is set: {} "),
    ],
    ids=["reached", "not reached", "none"],
)
def test_the_log_says_whose_time_out_it_was(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    entity: str,
    act: Callable[..., Any],
    limit: float | None,
    expected: str,
) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute(kind, act, effective_timeout=limit)

    (line,) = warnings_of(tmp_path, caplog, main)
    beginning, _, rest = expected.partition("{}")
    assert line.startswith(f"{beginning}{entity} exec=")
    assert rest.strip() in line
    assert ("limit=" in line) == (limit is not None)


@pytest.mark.parametrize(
    ("act", "limit", "lines"), [(raising(TimeoutError()), 60.0, 1), (raising(TimeoutError()), None, 3)]
)
def test_only_with_a_limit_the_warning_comes_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, act: Callable[..., Any], limit: float | None, lines: int
) -> None:
    async def main(plant: Plant) -> None:
        chore = Chore()
        for _ in range(3):
            await plant.execute("job", act, effective_timeout=limit, job=chore)

    assert len(warnings_of(tmp_path, caplog, main)) == lines


def test_the_warning_comes_again_after_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()

    async def main(plant: Plant) -> None:
        chore = Chore()
        for _ in range(2):
            await plant.execute("job", raising(TimeoutError()), effective_timeout=60.0, job=chore)
            clock.advance(59)
        clock.advance(1)
        await plant.execute("job", raising(TimeoutError()), effective_timeout=60.0, job=chore)

    assert len(warnings_of(tmp_path, caplog, main, clock=clock)) == 2


def test_a_listener_and_a_job_without_rows_are_two_entities(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(plant: Plant) -> None:
        chore, ear = Chore(), Ear(raising(TimeoutError()))
        for _ in range(2):
            await plant.execute("job", raising(TimeoutError()), effective_timeout=60.0, job=chore)
            await plant.execute("handler", nothing, effective_timeout=60.0, listener=ear)

    assert len(warnings_of(tmp_path, caplog, main)) == 2


def test_a_new_entity_is_not_silenced_by_a_dead_one() -> None:
    limiter = OncePerMinute(VirtualClock())
    for _ in range(50):
        assert limiter.due(Chore())
    gc.collect()
    assert len(limiter) == 0


def test_entities_that_compare_equal_are_told_apart() -> None:
    class Same:
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            return True

    limiter, first, second = OncePerMinute(VirtualClock()), Same(), Same()
    assert limiter.due(first)
    assert limiter.due(second)
    assert not limiter.due(first)


def test_what_is_remembered_of_entities_is_bounded() -> None:
    clock = VirtualClock()
    limiter, chores = OncePerMinute(clock), [Chore() for _ in range(2_500)]
    sizes = []
    for chore in chores:
        assert limiter.due(chore)
        sizes.append(len(limiter))
    assert max(sizes) == 1_001
    clock.advance(60)
    assert limiter.due(chores[0])
    assert len(limiter) == 1


def test_a_sync_call_over_its_limit_runs_on_and_its_result_is_ignored(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        gate, ended = threading.Event(), threading.Event()

        def work() -> None:
            gate.wait()
            ended.set()

        bucket = plant.house.task_bucket
        outcome = await plant.execute("job", lambda: bucket.run_in_thread(work), effective_timeout=LIMIT)
        assert outcome is Outcome.TIMED_OUT
        assert not ended.is_set()
        gate.set()
        assert await asyncio.to_thread(ended.wait, 10)
        assert (await plant.row())["status"] == "timed_out"

    in_plant(tmp_path, main)


def test_a_sync_call_that_waits_for_a_worker_until_its_limit_says_so(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        bucket, gate = plant.house.task_bucket, threading.Event()
        busy = [asyncio.create_task(bucket.run_in_thread(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        called: list[int] = []
        await plant.execute("job", lambda: bucket.run_in_thread(called.append, 1), effective_timeout=LIMIT)
        gate.set()
        await asyncio.gather(*busy)
        assert called == []
        assert (await plant.row())["error_message"] == "no worker was free"

    in_plant(tmp_path, main)


def test_a_cancellation_from_outside_is_none_of_the_limit() -> None:
    async def main() -> None:
        deadlines = Deadlines()

        async def body() -> None:
            with deadlines.after(60):
                await forever()

        task = asyncio.create_task(body())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(main())


def test_a_cancellation_together_with_the_limit_stays_a_cancellation() -> None:
    async def main() -> None:
        deadlines = Deadlines()

        async def body() -> None:
            with deadlines.after(1) as deadline:
                try:
                    await forever()
                finally:
                    assert deadline.reached

        task = asyncio.create_task(body())
        asyncio.get_running_loop().call_later(1, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    play(main())


def test_limits_run_out_each_at_its_time() -> None:
    async def main() -> None:
        deadlines, loop, ends = Deadlines(), asyncio.get_running_loop(), []

        async def body(limit: float) -> None:
            with pytest.raises(TimeoutError), deadlines.after(limit):
                await forever()
            ends.append((limit, loop.time() - start))

        start = loop.time()
        tasks = []
        for limit in (3.0, 1.0, 2.0, 1.0):
            tasks.append(asyncio.create_task(body(limit)))
            await asyncio.sleep(0.25)
        await asyncio.gather(*tasks)
        assert ends == [(1.0, 1.25), (1.0, 1.75), (2.0, 2.5), (3.0, 3.0)]

    play(main())


def test_a_limit_costs_no_timer_of_its_own_per_execution() -> None:
    async def main() -> None:
        deadlines, loop = Deadlines(), asyncio.get_running_loop()
        for _ in range(1_000):
            with deadlines.after(60):
                pass
        assert len(loop._scheduled) <= 2  # type: ignore[attr-defined]  # that of this test among them

    play(main())


def test_a_time_out_inside_a_time_out_keeps_the_outer_one() -> None:
    async def main() -> None:
        deadlines = Deadlines()

        async def body() -> None:
            with deadlines.after(5):
                await forever()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(body(), 1)
        assert asyncio.get_running_loop().time() < 2

    play(main())


def test_the_limit_is_measured_in_seconds() -> None:
    async def main() -> None:
        start = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError), Deadlines().after(7.5):
            await forever()
        assert asyncio.get_running_loop().time() - start == 7.5

    play(main())
