"""Runs of jobs that are done by workers: what is published, and what comes back."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly import Outcome, Scheduler, every
from duly.core.clock import nanoseconds
from duly.core.run_executor import Call, RunExecutor
from duly.dispatch import nats_bus
from duly.dispatch.bus import BusError
from duly.dispatch.delivery import UndeliverableError
from duly.dispatch.messages import TaskMessage
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.nats_executor import NatsExecutor, RemoteTaskError, payload_of
from duly.dispatch.server import NatsServer
from duly.dispatch.subjects import Subjects
from duly.dispatch.tasks import Tasks
from duly.lifecycle import install_task_factory
from tests.core.away import never_called
from tests.dispatch.line import line_to
from tests.dispatch.worker_kit import told, working
from tests.dispatch.workshop import SUBJECTS, Workshop, workshop, workshop_in_a_thread
from tests.embedded.waiting import LATER, eventually, job_of
from tests.scheduler.porch import Home, in_real_home

PATIENCE = 20.0
SLOT = nanoseconds(ZonedDateTime(2025, 3, 1, 7, tz="UTC"))


def call(*args: Any, slot: int | None = SLOT, attempt: int = 1, **kwargs: Any) -> Call:  # noqa: ANN401 - of the job
    return Call("report", slot, attempt, "never_called", args, kwargs)


def echo(message: TaskMessage) -> object:
    return message.payload


def lost(_: TaskMessage) -> object:
    """A worker that never comes to its end."""
    return asyncio.Event()


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(limited())


async def until(holds: Callable[[], object]) -> None:
    """Until it does; who makes it true tells nobody."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


# What is published


def test_a_call_is_a_task_of_the_fleet(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo) as shop:
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            await executor.execute(call(folder="photos"))
            (task,) = shop.messages
            assert (task.worker_type, task.payload) == ("shrink", {"folder": "photos"})
            assert (task.model_tier, task.priority) == ("local", "normal")
            slot = "2025-03-01T07:00:00Z"
            assert task.metadata == {
                "scheduled_by": "report",
                "attempt": 1,
                "slot": slot,
                "slot_key": f"{task.parent_task_id}/report/{slot}",
            }

    run(main())


def test_tier_and_priority_are_those_that_were_asked_for(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo) as shop:
            executor = NatsExecutor(NatsBus(nats_url), "shrink", model_tier="frontier", priority="high")
            await executor.execute(call())
            assert [(task.model_tier, task.priority) for task in shop.messages] == [("frontier", "high")]

    run(main())


def test_a_run_by_hand_names_no_slot(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo) as shop:
            await NatsExecutor(NatsBus(nats_url), "shrink").execute(call(slot=None))
            assert [task.metadata for task in shop.messages] == [{"scheduled_by": "report", "attempt": 1}]

    run(main())


def test_each_attempt_is_a_task_of_its_own_for_the_same_slot(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo) as shop:
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            for attempt in (1, 2, 2):
                await executor.execute(call(attempt=attempt))
            assert len({task.task_id for task in shop.messages}) == 3
            assert len({task.metadata["slot_key"] for task in shop.messages}) == 1
            assert [task.metadata["attempt"] for task in shop.messages] == [1, 2, 2]

    run(main())


@pytest.mark.parametrize(
    ("made", "payload"),
    [
        (call(), {}),
        (call({"folder": "photos"}), {"folder": "photos"}),
        (call(folder="photos"), {"folder": "photos"}),
        (call("photos"), {"args": ["photos"], "kwargs": {}}),
        (call("photos", width=800), {"args": ["photos"], "kwargs": {"width": 800}}),
        (call({"folder": "photos"}, width=800), {"args": [{"folder": "photos"}], "kwargs": {"width": 800}}),
        (call({"folder": "photos"}, 800), {"args": [{"folder": "photos"}, 800], "kwargs": {}}),
    ],
)
def test_the_payload_follows_from_the_arguments(made: Call, payload: dict[str, Any]) -> None:
    assert payload_of(made) == payload


# What comes back


def test_the_output_of_the_worker_is_the_result(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo):
            assert await NatsExecutor(NatsBus(nats_url), "shrink").execute(call({"n": 1})) == {"n": 1}

    run(main())


def test_an_error_of_the_worker_is_raised_with_its_text(nats_url: str) -> None:
    def fail(_: TaskMessage) -> object:
        raise OSError("no paper")

    async def main() -> None:
        async with workshop(nats_url, fail):
            with pytest.raises(RemoteTaskError, match=r"^OSError: no paper$"):
                await NatsExecutor(NatsBus(nats_url), "shrink").execute(call())

    run(main())


def test_many_at_once_get_their_own_results(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo) as shop:
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            results = await asyncio.gather(*(executor.execute(call({"n": n})) for n in range(200)))
            assert results == [{"n": n} for n in range(200)]
            assert len({task.parent_task_id for task in shop.messages}) == 1

    run(main())


def test_nobody_waits_for_a_task_any_more_when_its_run_is_cancelled(nats_url: str) -> None:
    goes_on = asyncio.Event()

    def slowly(message: TaskMessage) -> object:
        return goes_on if message.payload == {"n": 1} else message.payload

    async def main() -> None:
        async with workshop(nats_url, slowly) as shop:
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await executor.execute(call({"n": 1}))
            await until(lambda: shop.messages)
            goes_on.set()
            assert await executor.execute(call({"n": 2})) == {"n": 2}
            assert executor._mailbox is not None
            assert executor._mailbox._waiting == {}

    run(main())


def test_what_is_no_result_is_ignored(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, lost) as shop:
            running = asyncio.create_task(NatsExecutor(NatsBus(nats_url), "shrink").execute(call()))
            await until(lambda: shop.messages)
            (task,) = shop.messages
            await shop.bus.publish(SUBJECTS.results(task.parent_task_id), {"no": "result"})
            await shop.answer(task, status="completed", output="done")
            assert await running == "done"

    run(main())


def test_a_task_that_is_too_large_is_refused(nats_url: str) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo):
            with pytest.raises(UndeliverableError):
                await NatsExecutor(NatsBus(nats_url), "shrink").execute(call("x" * 2_000_000))

    run(main())


# The connection


def test_a_result_that_came_while_the_connection_was_away_is_found(nats_url: str) -> None:
    async def main() -> None:
        async with line_to(nats_url) as line, workshop(nats_url, lost) as shop:
            bus = NatsBus(line.url)
            running = asyncio.create_task(NatsExecutor(bus, "shrink").execute(call()))
            await until(lambda: shop.messages)
            await line.cut()
            await until(lambda: not bus.connected)
            await shop.answer(shop.messages[0], status="completed", output="done meanwhile")
            await line.mend()
            assert await running == "done meanwhile"

    run(main())


def test_a_result_after_the_server_was_killed_is_found(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with workshop(nats_server.url, lost) as shop:
            running = asyncio.create_task(NatsExecutor(NatsBus(nats_server.url), "shrink").execute(call()))
            await until(lambda: shop.messages)
            nats_server.kill()
            await until(lambda: not shop.bus.connected)
            nats_server.start()
            await shop.bus.until_connected()
            await shop.answer(shop.messages[0], status="completed", output="done later")
            assert await running == "done later"

    run(main())


def test_a_call_while_the_server_is_away_waits_for_it(nats_url: str) -> None:
    async def main() -> None:
        async with line_to(nats_url) as line, workshop(nats_url, echo) as shop:
            bus = NatsBus(line.url)
            executor = NatsExecutor(bus, "shrink")
            await executor.execute(call({"n": 1}))
            await line.cut()
            await until(lambda: not bus.connected)
            running = asyncio.create_task(executor.execute(call({"n": 2})))
            await asyncio.sleep(0)
            assert len(shop.messages) == 1
            await line.mend()
            assert await running == {"n": 2}

    run(main())


def test_no_server_at_the_first_time_is_an_error_that_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_bus, "_FIRST_CONNECT_SECONDS", 0.5)

    async def main() -> None:
        executor = NatsExecutor(NatsBus("nats://127.0.0.1:9"), "shrink")
        calls = await asyncio.gather(executor.execute(call()), executor.execute(call()), return_exceptions=True)
        assert [type(error) for error in calls] == [BusError, BusError]
        assert "127.0.0.1:9" in str(calls[0])

    run(main())


def test_executors_that_share_a_bus_share_its_connection(nats_url: str) -> None:
    async def main() -> None:
        async with line_to(nats_url) as line, workshop(nats_url, echo):
            bus = NatsBus(line.url)
            one, other = NatsExecutor(bus, "shrink"), NatsExecutor(bus, "print")
            await asyncio.gather(*(executor.execute(call()) for executor in (one, other) * 10))
            assert line.connections == 1
            await bus.close()

    run(main())


def test_a_bus_that_is_closed_meanwhile_is_an_error_and_is_connected_again(nats_url: str) -> None:
    async def main() -> None:
        answers: list[object] = [asyncio.Event(), "done"]
        async with workshop(nats_url, lambda _: answers.pop(0)) as shop:
            bus = NatsBus(nats_url)
            executor = NatsExecutor(bus, "shrink")
            running = asyncio.create_task(executor.execute(call()))
            await until(lambda: shop.messages)
            await bus.close()
            with pytest.raises(BusError, match="closed before the result"):
                await running
            assert await executor.execute(call()) == "done"

    run(main())


# Event loops


def test_the_end_of_the_loop_closes_the_bus_and_the_next_connects_it_anew(nats_url: str) -> None:
    bus = NatsBus(nats_url)
    executor = NatsExecutor(bus, "shrink")

    async def main() -> None:
        assert await executor.execute(call({"n": 1})) == {"n": 1}
        assert bus.connected

    with workshop_in_a_thread(nats_url, echo):
        for _ in range(3):
            run(main())
            assert not bus.connected


def test_a_bus_that_its_owner_has_connected_on_another_loop_is_used_there_and_left_open(nats_url: str) -> None:
    bus = NatsBus(nats_url)
    owner = asyncio.new_event_loop()
    thread = threading.Thread(target=owner.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(bus.connect(), owner).result(PATIENCE)
        executor = NatsExecutor(bus, "shrink")

        async def main() -> None:
            assert await executor.execute(call({"n": 1})) == {"n": 1}
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await executor.execute(call(wait=True))

        with workshop_in_a_thread(nats_url, lambda task: asyncio.Event() if task.payload.get("wait") else task.payload):
            for _ in range(2):
                run(main())
        assert bus.connected
        assert bus.loop is owner
        asyncio.run_coroutine_threadsafe(bus.close(), owner).result(PATIENCE)
    finally:
        owner.call_soon_threadsafe(owner.stop)
        thread.join()
        owner.close()


def test_a_run_ends_when_its_bus_is_closed_while_it_waits_for_the_server(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with workshop(nats_server.url, echo):
            bus = NatsBus(nats_server.url)
            executor = NatsExecutor(bus, "shrink")
            await bus.connect()
            assert await executor.execute(call({"n": 1})) == {"n": 1}
            nats_server.kill()
            await until(lambda: not bus.connected)
            running = asyncio.create_task(executor.execute(call({"n": 2})))
            await asyncio.sleep(0)
            await bus.close()
            with pytest.raises(BusError, match="the bus was closed before the result of the task came"):
                await running

    run(main())


def test_a_run_whose_bus_lives_on_a_loop_that_ends_is_an_error(nats_url: str) -> None:
    bus = NatsBus(nats_url)
    executor = NatsExecutor(bus, "shrink")
    connected, ending = threading.Event(), threading.Event()

    async def own() -> None:
        await executor.execute(call({"n": 1}))
        connected.set()
        await asyncio.to_thread(ending.wait)

    async def main(shop: Workshop) -> None:
        running = asyncio.create_task(executor.execute(call({"wait": True})))
        await until(lambda: len(shop.messages) == 2)
        ending.set()
        with pytest.raises(BusError):
            await running
        assert await executor.execute(call({"n": 3})) == {"n": 3}

    thread = threading.Thread(target=run, args=(own(),))
    answer = lambda task: asyncio.Event() if "wait" in task.payload else task.payload  # noqa: E731 - reads well here
    with workshop_in_a_thread(nats_url, answer) as shop:
        thread.start()
        assert connected.wait(PATIENCE)
        run(main(shop))
        thread.join()


def test_schedulers_in_several_threads_share_an_executor(nats_url: str, tmp_path: Path) -> None:
    executor = NatsExecutor(NatsBus(nats_url), "shrink")
    with workshop_in_a_thread(nats_url, echo), Scheduler() as one, Scheduler() as other:
        ids = [
            each.schedule(never_called, "report", args=[{"n": n}], executor=executor)
            for n, each in ((1, one), (2, other))
        ]
        eventually(lambda: job_of(one, ids[0]).result == {"n": 1} and job_of(other, ids[1]).result == {"n": 2})


def test_a_bus_that_was_connected_before_a_fork_is_refused_in_the_child(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with workshop(nats_url, echo):
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            await executor.execute(call())
            with monkeypatch.context() as child:
                child.setattr("os.getpid", lambda: 1)
                with pytest.raises(BusError, match="make one in each process"):
                    await executor.execute(call())

    run(main())


# In the hosts


def test_an_embedded_job_is_done_by_a_worker_and_accounted_for_here(nats_url: str, tmp_path: Path) -> None:
    bus = NatsBus(nats_url)
    with (
        workshop_in_a_thread(nats_url, echo) as shop,
        Scheduler(history=tmp_path / "jobs.db") as scheduler,
    ):
        job_id = scheduler.schedule(
            never_called, "report", every(0.05), args=[{"n": 1}], max_runs=3, executor=NatsExecutor(bus, "shrink")
        )
        eventually(lambda: job_of(scheduler, job_id).next_run is None)
        assert job_of(scheduler, job_id).result == {"n": 1}
        assert scheduler.account(job_id).adds_up
    not_begun = {Outcome.SKIPPED, Outcome.MISSED}  # on a machine with other work
    ended = [line.status for line in scheduler.history(job_id) if line.status not in not_begun]
    assert ended == [Outcome.SUCCESS] * 3
    assert len({task.metadata["slot"] for task in shop.messages}) == 3
    assert not bus.connected


def test_an_embedded_job_that_nobody_does_times_out_and_tries_again(nats_url: str) -> None:
    def first_lost(message: TaskMessage) -> object:
        return asyncio.Event() if message.metadata["attempt"] == 1 else "done"

    with workshop_in_a_thread(nats_url, first_lost), Scheduler() as scheduler:
        executor = NatsExecutor(NatsBus(nats_url), "shrink")
        job_id = scheduler.schedule(never_called, timeout=1, retries=1, retry_delay=0, executor=executor)
        eventually(lambda: job_of(scheduler, job_id).result == "done")
        assert [line.status for line in scheduler.history(job_id)] == [Outcome.SUCCESS, Outcome.TIMED_OUT]


def test_an_embedded_job_can_be_run_by_hand_also_before_the_start(nats_url: str) -> None:
    with workshop_in_a_thread(nats_url, echo):
        scheduler = Scheduler()
        executor = NatsExecutor(NatsBus(nats_url), "shrink")
        job_id = scheduler.schedule(never_called, trigger=LATER, kwargs={"n": 1}, executor=executor)
        assert scheduler.run_now(job_id) == {"n": 1}
        with scheduler:
            assert scheduler.run_now(job_id) == {"n": 1}


def test_a_scheduler_stops_soon_while_a_run_is_away(nats_url: str) -> None:
    with workshop_in_a_thread(nats_url, lost) as shop:
        scheduler = Scheduler()
        scheduler.start()
        bus = NatsBus(nats_url)
        job_id = scheduler.schedule(never_called, executor=NatsExecutor(bus, "shrink"))
        eventually(lambda: shop.messages)
        scheduler.stop(wait=False)
        assert [line.status for line in scheduler.history(job_id)] == [Outcome.INTERRUPTED]
        assert not bus.connected


def test_a_job_of_an_app_is_done_by_a_worker_and_accounted_for_here(nats_url: str, tmp_path: Path) -> None:
    def twice(message: TaskMessage) -> object:
        if message.payload == {"n": 2}:
            raise OSError("no paper")
        return "done"

    async def main(home: Home) -> None:
        bus = NatsBus(nats_url)
        async with workshop(nats_url, twice):
            executor = NatsExecutor(bus, "shrink")
            for n in (1, 2):
                job = await home.scheduler.run_in(never_called, 3600, f"job {n}", kwargs={"n": n}, executor=executor)
                await asyncio.wait({home.scheduler.run_job_now(job)})
            rows = await home.yard.rows()
            assert [(row["status"], row["error_type"], row["error_message"]) for row in rows] == [
                ("success", None, None),
                ("error", "RemoteTaskError", "OSError: no paper"),
            ]
            await bus.close()

    in_real_home(tmp_path, main)


def test_the_connection_outlives_the_app_whose_job_has_made_it(nats_url: str, tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        install_task_factory(asyncio.get_running_loop(), home.yard.house.task_bucket)
        bus = NatsBus(nats_url)
        executor = NatsExecutor(bus, "shrink")
        async with workshop(nats_url, echo):
            job = await home.scheduler.run_in(never_called, 3600, kwargs={"n": 1}, executor=executor)
            assert await home.scheduler.run_job_now(job) == {"n": 1}
            await home.porch.shutdown()
            assert bus.connected
            assert await executor.execute(call({"n": 2})) == {"n": 2}
            assert home.yard.house.task_bucket.pending_tasks()
            await bus.close()

    in_real_home(tmp_path, main)


def test_a_job_is_done_by_the_worker_of_duly(nats_url: str, tmp_path: Path) -> None:
    tasks, tries = Tasks(), iter(range(3))

    @tasks.task("shrink", retries=1, retry_delay=0)
    def shrink(payload: dict[str, Any]) -> object:
        if payload["folder"] == "nowhere" or (payload["folder"] == "shaky" and next(tries) == 0):
            raise OSError("no such folder")
        return [payload["folder"], 800]

    async def main() -> None:
        async with working(nats_url, tasks, tmp_path / "worker.db"):
            executor = NatsExecutor(NatsBus(nats_url), "shrink")
            assert await executor.execute(call({"folder": "photos"})) == ["photos", 800]
            assert await executor.execute(call({"folder": "shaky"}, attempt=2)) == ["shaky", 800]
            with pytest.raises(RemoteTaskError, match="OSError: no such folder"):
                await executor.execute(call({"folder": "nowhere"}))

    run(main())
    statuses = [status for _, status, _ in told(tmp_path / "worker.db")]
    assert statuses == ["success", "error", "success", "error", "error"]


# What is refused


def test_it_is_a_run_executor() -> None:
    executor = NatsExecutor(NatsBus("nats://there:4222"), "shrink", subjects=Subjects("fleet"))
    assert isinstance(executor, RunExecutor)
    assert repr(executor) == "NatsExecutor(nats://there:4222, 'shrink')"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"bus": "nats://there:4222"}, TypeError, "bus must be a NatsBus, got 'nats://there:4222'"),
        ({"worker_type": ""}, ValueError, "worker_type must be a text that is not empty, got ''"),
        ({"model_tier": "huge"}, ValueError, "model_tier must be one of 'local', 'standard', 'frontier', got 'huge'"),
        ({"priority": 1}, ValueError, "priority must be one of 'low', 'normal', 'high', 'critical', got 1"),
    ],
)
def test_wrong_arguments_are_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    wanted: dict[str, Any] = {"bus": NatsBus(), "worker_type": "shrink"} | given
    with pytest.raises(error, match=message):
        NatsExecutor(**wanted)
