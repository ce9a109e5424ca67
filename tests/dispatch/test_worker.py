"""A worker against a real server: what is run, how it ends, what is told of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SystemClock
from duly.core.context import CURRENT_EXECUTION_ID
from duly.dispatch import TaskMessage
from duly.dispatch.messages import uuid_of
from duly.dispatch.tasks import Tasks
from duly.ledger import doctor
from tests.dispatch.worker_kit import QUEUE, rows, run, told, until, wired, within, working


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "worker.db"


def sync_sum(payload: dict[str, Any]) -> object:
    return payload["a"] + payload["b"]


async def async_sum(payload: dict[str, Any]) -> object:
    return payload["a"] + payload["b"]


@pytest.mark.parametrize("function", [sync_sum, async_sum])
def test_a_task_is_run_recorded_published_as_a_result_and_acknowledged(
    nats_url: str, tasks: Tasks, ledger: Path, function: Callable[..., Any]
) -> None:
    tasks.task("sum")(function)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish("sum", {"a": 1, "b": 2}, task_id="t1", metadata={"scheduled_by": "hourly", "slot": "x"})
            result = await wire.result()
            await wire.until_answered()
        assert result.subject == "heddle.results.default"
        assert result["output"] == 3
        assert (result["task_id"], result["worker_type"], result["status"]) == ("t1", "sum", "completed")
        assert result["error"] is None
        assert result["processing_time_ms"] >= 0
        assert result["completed_at"].endswith("Z")
        about = {"scheduled_by": "hourly", "slot": "x", "queue": QUEUE, "attempt": 1}
        assert result["metadata"] == about | {"execution_id": uuid_of("emails/t1/1")}

    run(story())
    (row,) = rows(ledger)
    assert (row.app_key, row.name, row.status, row.tick_count) == ("worker-emails", "sum", "success", 0)
    assert (row.trigger_mode, row.trigger_context_id, row.trigger_origin) == ("task", "t1", "hourly")
    assert (row.scheduled_ts, row.schedule_id) == (None, None)
    assert row.args_json == '[{"a": 1, "b": 2}]'
    assert row.execution_id == uuid_of("emails/t1/1")
    assert doctor.examine(ledger, clock=SystemClock()).ok


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"parent_task_id": "g7"}, "heddle.results.g7"),
        ({"metadata": {"goal_id": "g8"}}, "heddle.results.g8"),
        ({"metadata": {"goal_id": 8}}, "heddle.results.default"),
    ],
)
def test_the_result_goes_to_the_goal_of_the_task(
    nats_url: str, tasks: Tasks, ledger: Path, fields: dict[str, Any], subject: str
) -> None:
    tasks.task("mail")(lambda payload: payload)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(**fields)
            assert (await wire.result()).subject == subject

    run(story())


def test_a_function_sees_its_message_and_its_execution(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    @tasks.task("mail")
    def mail(payload: dict[str, Any], message: TaskMessage) -> object:
        return [payload, message.task_id, CURRENT_EXECUTION_ID.get()]

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(payload={"to": "ann"}, task_id="t1")
            assert (await wire.result())["output"] == [{"to": "ann"}, "t1", uuid_of("emails/t1/1")]

    run(story())


def test_a_task_that_fails_is_tried_again_and_its_error_recorded(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    tries: list[int] = []

    @tasks.task("mail", retries=2, retry_delay=0.05)
    def mail(payload: dict[str, Any]) -> object:
        tries.append(1)
        if len(tries) < 3:
            raise LookupError("no such letter")
        return "sent"

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish()
            result = await wire.result()
            assert (result["output"], result["metadata"]["attempt"]) == ("sent", 3)

    run(story())
    assert len({row.trigger_context_id for row in rows(ledger)}) == 1  # also of a task that came without an id
    assert told(ledger) == [("mail", "error", 1), ("mail", "error", 2), ("mail", "success", 3)]
    first, *_ = rows(ledger)
    assert (first.error_type, first.error_message) == ("LookupError", "no such letter")
    assert "in mail" in (first.error_traceback or "")


def test_a_task_that_always_fails_becomes_a_dead_letter_and_a_failed_result(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    @tasks.task("mail", retries=1, retry_delay=0)
    async def mail(payload: dict[str, Any]) -> object:
        raise LookupError("no such letter")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(payload={"to": "ann"}, task_id="t1", extra="kept")
            letter, result = await wire.dead_letter(), await wire.result()
            await wire.until_answered()
            assert await wire.stored_results() == 2
        assert letter.subject == "heddle.dead_letters.emails"
        assert letter["task"] == {"worker_type": "mail", "payload": {"to": "ann"}, "task_id": "t1", "extra": "kept"}
        assert (letter["reason"], letter["attempts"]) == ("failed too often", 2)
        assert (letter["error_type"], letter["error"]) == ("LookupError", "no such letter")
        assert (letter["queue"], letter["task_id"], letter["worker_type"]) == ("emails", "t1", "mail")
        assert (result["status"], result["error"], result["output"]) == ("failed", "LookupError: no such letter", None)

    run(story())
    assert told(ledger) == [("mail", "error", 1), ("mail", "error", 2)]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_task_that_takes_too_long_has_timed_out(nats_url: str, tasks: Tasks, ledger: Path, is_async: bool) -> None:
    release = threading.Event()

    async def forever(payload: dict[str, Any]) -> object:
        return await asyncio.Event().wait()

    def blocking(payload: dict[str, Any]) -> object:
        return release.wait(20)

    tasks.task("mail", retries=0, timeout=0.1)(forever if is_async else blocking)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish()
            assert (await wire.dead_letter())["error_type"] == "TimeoutError"
        release.set()

    run(story())
    assert told(ledger) == [("mail", "timed_out", 1)]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("is_async", [True, False])
def test_nothing_that_a_task_raises_stops_the_worker(
    nats_url: str, tasks: Tasks, ledger: Path, error: BaseException, is_async: bool
) -> None:
    async def later(payload: dict[str, Any]) -> object:
        raise error

    def now(payload: dict[str, Any]) -> object:
        raise error

    tasks.task("bad", retries=0)(later if is_async else now)
    tasks.task("good")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish("bad")
            await wire.dead_letter()
            assert (await wire.result())["status"] == "failed"
            await wire.publish("good")
            assert (await wire.result())["output"] == "done"

    run(story())


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ({1, 2}, "returned what is no JSON"),
        (float("nan"), "returned what is no JSON"),
        ("x" * 1_100_000, "returned 11"),
    ],
)
def test_output_that_cannot_be_published_is_not_tried_again(
    nats_url: str, tasks: Tasks, ledger: Path, output: object, error: str
) -> None:
    tasks.task("mail", retry_delay=0)(lambda payload: output)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish()
            letter = await wire.dead_letter()
            assert letter["reason"] == "its output cannot be published"
            assert error in letter["error"]

    run(story())
    assert told(ledger) == [("mail", "error", 1)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed: "),
        (b"\xff\xfe\x00", "malformed: "),
        (b"[" * 100_000, "malformed: lists and dicts too deep"),
        (b"[1]", "malformed: expected a JSON object, got list"),
        (b"{}", "malformed: worker_type: Field required"),
        (b'{"worker_type": 3, "payload": {}}', "malformed: worker_type: "),
        (b'{"worker_type": "mail", "payload": {"n": NaN}}', "malformed: "),
        (b'{"worker_type": "mail", "payload": [1]}', "malformed: payload: "),
        (b'{"worker_type": "mail", "payload": {}, "task_id": "\\ud800"}', "malformed: "),
    ],
)
def test_what_is_no_task_becomes_a_dead_letter_with_the_reason(
    nats_url: str, tasks: Tasks, ledger: Path, data: bytes, reason: str
) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish_data(data)
            letter = await wire.dead_letter()
            assert letter["reason"].startswith(reason)
            assert (letter["task"], letter["data"]) == (None, data.decode("utf-8", "replace"))
            await wire.publish()
            assert (await wire.result())["output"] == "done"

    run(story())


def test_a_dead_letter_that_would_be_too_large_tells_where_the_task_is(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    @tasks.task("mail", retries=0)
    def mail(payload: dict[str, Any]) -> object:
        raise LookupError("y" * 9_000)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(payload={"text": "x" * 1_045_000})
            letter = await wire.dead_letter()
            assert (letter["task"], letter["stream"], letter["sequence"]) == (None, wire.stream, 1)

    run(story())


def test_no_more_tasks_than_the_limit_run_at_the_same_time(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    inside, most, go_on = 0, 0, asyncio.Event()

    @tasks.task("mail")
    async def mail(payload: dict[str, Any]) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await go_on.wait()
        inside -= 1

    async def story() -> None:
        async with wired(nats_url) as wire:
            for _ in range(12):
                await wire.publish()
            async with working(nats_url, tasks, ledger, concurrency=3):

                async def full() -> bool:
                    return inside == 3 and (await wire.consumer()).num_ack_pending == 3

                await until(full)
                go_on.set()
                for _ in range(12):
                    await wire.result()
                await wire.until_answered()
        assert most == 3

    run(story())


def test_workers_of_a_queue_share_its_tasks_and_each_queue_gets_all(
    nats_url: str, tasks: Tasks, tmp_path: Path
) -> None:
    tasks.task("mail")(lambda payload: payload["number"])

    async def story() -> None:
        async with (
            wired(nats_url) as wire,
            working(nats_url, tasks, tmp_path / "a.db"),
            working(nats_url, tasks, tmp_path / "b.db"),
            working(nats_url, tasks, tmp_path / "c.db", queue="audit"),
        ):
            for number in range(30):
                await wire.publish(payload={"number": number})
            results = [await wire.result() for _ in range(60)]
        for queue in ("emails", "audit"):
            numbers = [each["output"] for each in results if each["metadata"]["queue"] == queue]
            assert sorted(numbers) == list(range(30))

    run(story())
    assert len(told(tmp_path / "a.db")) + len(told(tmp_path / "b.db")) == 30
    assert len(told(tmp_path / "c.db")) == 30


def test_the_headers_of_a_task_carry_its_trace(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    from opentelemetry import trace  # noqa: PLC0415 - only here

    trace_id = "0af7651916cd43dd8448eb211c80319c"

    @tasks.task("mail")
    def mail(payload: dict[str, Any]) -> object:
        return f"{trace.get_current_span().get_span_context().trace_id:032x}"

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
            data = b'{"worker_type": "mail", "payload": {}}'
            await wire.bus.jetstream.publish("heddle.tasks.incoming", data, headers=headers)
            assert (await wire.result())["output"] == trace_id

    run(story())


def test_a_worker_that_is_stopped_before_it_runs_does_nothing(tasks: Tasks, ledger: Path) -> None:
    from duly.dispatch.nats_bus import NatsBus  # noqa: PLC0415 - only here
    from duly.dispatch.worker import Worker  # noqa: PLC0415 - only here
    from duly.dispatch.worker_settings import WorkerSettings  # noqa: PLC0415 - only here

    worker = Worker(NatsBus("nats://127.0.0.1:1"), tasks.by_type(), WorkerSettings(QUEUE), ledger)
    worker.stop()
    run(within(worker.run()))
    assert not ledger.exists()
