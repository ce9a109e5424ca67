"""A task that a former process has done, or tried, before it is delivered again."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly.core.clock import SECOND, Clock, SystemClock
from duly.dispatch import TaskMessage
from duly.dispatch.book import Book
from duly.dispatch.messages import uuid_of
from duly.dispatch.task_ledger import TaskLedger
from duly.dispatch.tasks import Tasks
from tests.dispatch.worker_kit import QUEUE, run, told, until, wired, working


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "worker.db"


class LongAgo(SystemClock):
    """Five minutes."""

    def now(self) -> int:
        return super().now() - 300 * SECOND


async def done_before(
    path: Path,
    tasks: Tasks,
    message: TaskMessage,
    error: BaseException | None = None,
    clock: Clock = SystemClock(),  # noqa: B008 - immutable
) -> None:
    """A former process has recorded an attempt and died before it answered."""
    book = Book(path, clock)
    await book.open()
    ledger = TaskLedger(book, QUEUE, clock)
    await ledger.register(tasks.by_type().values())
    attempt = ledger.begin(message, 1)
    await ledger.record(attempt, ledger.failed(attempt, error) if error else ledger.succeeded(attempt, "done"))
    await book.close()


def test_a_task_that_was_done_before_is_only_told_and_acknowledged(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    calls: list[object] = []
    tasks.task("mail")(calls.append)

    async def story() -> None:
        await done_before(ledger, tasks, TaskMessage(worker_type="mail", payload={}, task_id="t1"))
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(task_id="t1")
            result = await wire.result()
            await wire.until_answered()
        assert (result["status"], result["output"]) == ("completed", "done")
        assert result["metadata"]["made_up"] is True
        assert result["metadata"]["execution_id"] == uuid_of("emails/t1/1")

    run(story())
    assert not calls
    assert told(ledger) == [("mail", "success", 1)]


def test_a_result_that_was_published_longer_ago_than_the_stream_remembers_is_not_published_again(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        message = TaskMessage(worker_type="mail", payload={}, task_id="t1")
        await done_before(ledger, tasks, message, clock=LongAgo())
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.until_there()
            jetstream = wire.bus.jetstream
            config = (await jetstream.stream_info(wire.results_stream)).config
            config.duplicate_window = 0.1
            await jetstream.update_stream(config)

            async def is_new(message_id: str) -> bool:
                headers = {"Nats-Msg-Id": message_id}
                return not (await jetstream.publish("heddle.results.default", b"{}", headers=headers)).duplicate

            assert await is_new(uuid_of(f"{QUEUE}/t1/completed"))
            assert await is_new("another")
            await until(lambda: is_new("another"))
            await wire.publish(task_id="t1")
            await wire.until_answered()
            assert await wire.stored_results() == 3

    run(story())


def test_a_dead_task_that_is_published_again_is_run_again_as_a_further_attempt(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        message = TaskMessage(worker_type="mail", payload={}, task_id="t1")
        await done_before(ledger, tasks, message, LookupError("no such letter"))
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(task_id="t1")
            assert (await wire.result())["output"] == "done"

    run(story())
    assert told(ledger) == [("mail", "error", 1), ("mail", "success", 2)]
