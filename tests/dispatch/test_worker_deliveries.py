"""What becomes of tasks when workers stop, do not know them, or have done them before, and when the server goes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from duly.dispatch import handling, pull
from duly.dispatch.deliveries import JetStreamDelivery
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import NatsServer
from duly.dispatch.streams import StreamSettings
from duly.dispatch.tasks import Tasks
from duly.dispatch.worker import Worker
from duly.dispatch.worker_settings import WorkerSettings
from tests.dispatch.conftest import NatsCluster
from tests.dispatch.worker_kit import QUEUE, rows, run, told, until, wired, within, working


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "worker.db"


class Held:
    """An async task that waits inside until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.calls = 0
        self.cancelled = 0

    async def __call__(self, payload: dict[str, Any]) -> object:
        self.calls += 1
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "done"


def test_the_result_of_a_task_is_stored_once_however_often_it_is_done(
    nats_url: str, tasks: Tasks, tmp_path: Path
) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire:
            for name in ("a.db", "b.db"):
                async with working(nats_url, tasks, tmp_path / name):
                    await wire.publish(task_id="t1")
                    await wire.result()
                    await wire.until_answered()
            assert await wire.stored_results() == 1

    run(story())


def test_a_task_of_an_unknown_type_waits_for_a_worker_of_the_queue_that_knows_it(
    nats_url: str, tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "UNKNOWN_DELAY", 0.1)
    old = Tasks()
    old.task("letter")(lambda payload: None)
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, old, tmp_path / "old.db"):
            await wire.until_there()
            await wire.publish("mail")

            async def given_back() -> bool:
                return bool((await wire.consumer()).num_redelivered)

            await until(given_back)
            async with working(nats_url, tasks, tmp_path / "new.db"):
                result = await wire.result()
            assert result["output"] == "done"

    run(story())


def test_a_task_that_no_worker_knows_becomes_a_dead_letter_without_a_result(
    nats_url: str, tasks: Tasks, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "UNKNOWN_DELAY", 0.001)
    tasks.task("letter")(lambda payload: None)

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish("mail")
            letter = await wire.dead_letter()
            assert letter["reason"] == "no worker of the queue has a function for the worker type 'mail'"
            await wire.until_answered()
            assert await wire.stored_results() == 1

    run(story())
    assert told(ledger) == []


def test_tasks_of_unknown_types_can_be_left_to_other_queues(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    tasks.task("letter")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger, ignore_unknown=True):
            await wire.publish("mail")
            await wire.publish("letter")
            await wire.result()
            await wire.until_answered()
            assert await wire.stored_results() == 1

    run(story())


def test_a_task_whose_workers_die_again_and_again_becomes_a_dead_letter(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    tasks.task("mail", retries=0)(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire:
            async with working(nats_url, tasks, ledger):
                await wire.until_there()
            await wire.publish(task_id="t1")
            asking = await wire.bus.jetstream.pull_subscribe_bind(QUEUE, wire.stream)
            for _ in range(1 + handling.SPARE):
                (message,) = await asking.fetch(1)
                await message.nak()
            async with working(nats_url, tasks, ledger):
                letter, result = await wire.dead_letter(), await wire.result()
        assert letter["reason"].startswith("was begun 4 times and never ended")
        assert letter["attempts"] == 4
        assert (result["status"], result["error"]) == ("failed", letter["reason"])

    run(story())
    assert told(ledger) == []


def test_an_idle_worker_stops_at_once(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with wired(nats_url) as wire:
            async with working(nats_url, tasks, ledger):
                await wire.publish()
                await wire.result()
                await wire.until_answered()
                before = loop.time()
            assert loop.time() - before < 1

    run(story())


def test_a_task_that_is_delivered_again_while_it_runs_is_not_run_twice(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish()
            await within(held.begun.wait())
            await wire.bus.client.publish(f"$JS.ACK.{wire.stream}.{QUEUE}.1.1.1.0.0", b"-NAK")

            async def delivered_again() -> bool:
                delivered = (await wire.consumer()).delivered
                return delivered is not None and delivered.consumer_seq == 2

            await until(delivered_again)
            held.go_on.set()
            await wire.result()
            await wire.until_answered()
            assert held.calls == 1

    run(story())
    assert told(ledger) == [("mail", "success", 1)]


def test_a_task_that_is_published_again_while_it_runs_waits_for_its_end_and_is_not_run_twice(
    nats_url: str, tasks: Tasks, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "_TAKEN_SECONDS", 0.1)

    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            for _ in range(2):
                await wire.publish(task_id="t1")

            async def given_back() -> bool:
                return bool((await wire.consumer()).num_redelivered)

            await until(given_back)
            held.go_on.set()
            await wire.until_answered()
            assert held.calls == await wire.stored_results() == 1

    run(story())
    assert told(ledger) == [("mail", "success", 1)]


def test_a_worker_that_was_idle_for_long_still_gets_tasks(
    nats_url: str, tasks: Tasks, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "_EXPIRES", 0.4)
    monkeypatch.setattr(pull, "_HEARTBEAT", 0.1)
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        with capture_logs() as logs:
            async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
                with pytest.raises(TimeoutError):
                    await within(wire.result(), 1.5)
                await wire.publish()
                assert (await wire.result())["output"] == "done"
        assert "worker.asks_anew" not in [line["event"] for line in logs]

    run(story())


def test_running_tasks_may_end_within_the_grace(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        async with wired(nats_url) as wire:
            async with working(nats_url, tasks, ledger, concurrency=1) as running:
                await wire.publish()
                await wire.publish()
                await within(held.begun.wait())
                running.stop()
                held.go_on.set()
            assert (await wire.result())["output"] == "done"
            info = await wire.consumer()
            assert (info.num_pending, info.num_ack_pending, held.calls) == (1, 0, 1)

    run(story())
    assert told(ledger) == [("mail", "success", 1)]


def test_a_task_that_does_not_end_within_the_grace_is_cancelled_and_given_back(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        async with wired(nats_url) as wire:
            async with working(nats_url, tasks, ledger, grace_seconds=0.05):
                await wire.publish(task_id="t1")
                await within(held.begun.wait())
            assert held.cancelled == 1
            held.go_on.set()
            async with working(nats_url, tasks, ledger):
                assert (await wire.result())["output"] == "done"

    run(story())
    assert told(ledger) == [("mail", "cancelled", 1), ("mail", "success", 2)]


def test_a_sync_task_that_does_not_end_does_not_hold_up_the_stop(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    begun, release = threading.Event(), threading.Event()

    @tasks.task("mail")
    def mail(payload: dict[str, Any]) -> None:
        begun.set()
        release.wait(30)

    async def story() -> None:
        async with wired(nats_url) as wire:
            async with working(nats_url, tasks, ledger, grace_seconds=0.05):
                await wire.publish()
                await within(asyncio.to_thread(begun.wait, 20))
            assert (await wire.consumer()).num_redelivered == 0
        release.set()

    run(story())
    assert told(ledger) == [("mail", "cancelled", 1)]


def test_a_task_that_runs_longer_than_the_stream_waits_is_not_delivered_to_another(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        tasks.task("tick")(lambda payload: None)
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger, ack_wait_seconds=1):
            await wire.publish()
            await within(held.begun.wait())
            with pytest.raises(TimeoutError):
                await within(held.go_on.wait(), 3)
            assert (await wire.consumer()).num_redelivered == 0
            held.go_on.set()
            await wire.result()
            assert held.calls == 1

    run(story())


def test_tasks_that_run_while_the_server_is_away_are_told_when_it_is_back(
    nats_server: NatsServer, tasks: Tasks, ledger: Path
) -> None:
    async def story() -> None:
        held = Held()
        tasks.task("mail")(held)
        async with wired(nats_server.url) as wire, working(nats_server.url, tasks, ledger):
            await wire.publish()
            await within(held.begun.wait())
            await asyncio.to_thread(nats_server.kill)
            held.go_on.set()
            await until(lambda: recorded(ledger))
            await asyncio.to_thread(nats_server.start)
            await within(wire.bus.until_connected())
            await wire.until_stored(1)
            await wire.until_answered()
            await wire.publish()
            await wire.until_stored(2)
            assert held.calls == 2

    run(story())
    assert told(ledger) == [("mail", "success", 1), ("mail", "success", 1)]


async def recorded(ledger: Path) -> bool:
    return [row.status for row in await asyncio.to_thread(rows, ledger)] == ["success"]


def test_a_worker_stops_at_once_while_the_server_is_away(nats_server: NatsServer, tasks: Tasks, ledger: Path) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with wired(nats_server.url) as wire:
            async with working(nats_server.url, tasks, ledger):
                await wire.publish()
                await wire.result()
                await wire.until_answered()
                await asyncio.to_thread(nats_server.kill)
                before = loop.time()
            assert loop.time() - before < 1.5

    run(story())


def test_a_worker_goes_on_when_its_consumer_and_the_stream_were_deleted(
    nats_url: str, tasks: Tasks, ledger: Path
) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish(task_id="t1")
            await wire.result()
            await wire.bus.jetstream.delete_consumer(wire.stream, QUEUE)
            await wire.result()  # it begins with the oldest: t1, which was done before
            await wire.publish(task_id="t2")
            await wire.result()
            await wire.bus.jetstream.delete_stream(wire.stream)

            async def there_again() -> bool:
                return wire.stream in [each.config.name for each in await wire.bus.jetstream.streams_info()]

            await until(there_again)
            await wire.publish(task_id="t3")
            assert (await wire.result())["task_id"] == "t3"

    run(story())


def test_a_ledger_in_use_by_another_worker_is_refused(nats_url: str, tasks: Tasks, ledger: Path) -> None:
    tasks.task("mail")(lambda payload: "done")

    async def story() -> None:
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            await wire.publish()
            await wire.result()
            second = Worker(NatsBus(nats_url), tasks.by_type(), WorkerSettings(QUEUE), ledger)
            with pytest.raises(Exception, match="in use by"):
                await second.run()

    run(story())


def test_worker_types_that_are_no_more_are_retired(nats_url: str, ledger: Path) -> None:
    async def once(*worker_types: str) -> None:
        tasks = Tasks()
        for each in worker_types:
            tasks.task(each)(lambda payload: "done")
        async with wired(nats_url) as wire, working(nats_url, tasks, ledger):
            for each in worker_types:
                await wire.publish(each)
                await wire.result()

    run(once("mail", "letter"))
    run(once("mail"))
    with sqlite3.connect(ledger) as db:
        found = db.execute("SELECT job_name, retired_at IS NULL FROM scheduled_jobs ORDER BY 1").fetchall()
    db.close()
    assert found == [("letter", 0), ("mail", 1)]


def test_workers_of_a_cluster_lose_nothing_with_one_of_its_servers(
    nats_cluster: NatsCluster, tasks: Tasks, tmp_path: Path
) -> None:
    tasks.task("mail", retry_delay=0.1)(lambda payload: payload["number"])
    number, stream = 120, StreamSettings(replicas=3)

    async def story() -> None:
        async with (
            wired(nats_cluster.urls, stream) as wire,
            working(nats_cluster.urls, tasks, tmp_path / "a.db", stream=stream, ack_wait_seconds=2),
            working(nats_cluster.urls, tasks, tmp_path / "b.db", stream=stream, ack_wait_seconds=2),
        ):
            await wire.until_there()
            delivery = JetStreamDelivery(wire.bus, wire.stream)
            for each in range(number):
                if each == number // 2:
                    await asyncio.to_thread(nats_cluster.kill, 0)
                message = {"worker_type": "mail", "payload": {"number": each}, "task_id": f"t{each}"}
                await delivery.deliver("heddle.tasks.incoming", message, f"m{each}")
            await wire.until_answered()
            await wire.until_stored(number)
            assert sorted(await wire.stored_ids()) == sorted(f"t{each}" for each in range(number))

    run(story())
