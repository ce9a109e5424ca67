"""Spans of slots and of tasks, where a tracer provider is set."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode, get_current_span

from duly.dispatch import InMemoryBus, SchedulerActor
from duly.dispatch.bus import Received
from duly.dispatch.tasks import Tasks
from duly.dispatch.tracing import injected, span_of_slot, span_of_task
from duly.testing import run_virtual
from tests.dispatch.spans import KeepingProvider
from tests.dispatch.test_tracing import HEADERS, SPAN
from tests.dispatch.troupe import task
from tests.dispatch.worker_kit import SUBJECTS, run, wire, wired, working

INBOX = "heddle.scheduler.night"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> KeepingProvider:
    """The one that is set."""
    provider = KeepingProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return provider


def dispatched(folder: Path, seconds: float, *entries: dict[str, object], ask: str | None = None) -> list[Received]:
    """What a scheduler publishes within so many seconds, by itself or because it is asked to fire an entry."""

    async def play() -> list[Received]:
        config = folder / "schedules.yaml"
        config.write_text(yaml.safe_dump({"name": "night", "schedules": list(entries)}))
        bus = InMemoryBus()
        await bus.connect()
        subscription = await bus.subscribe("heddle.*.incoming")
        actor = SchedulerActor("scheduler-night", config, bus=bus, ledger=folder / "night.db")
        acting = asyncio.create_task(actor.run(INBOX))
        await asyncio.sleep(seconds)
        if ask is not None:
            await bus.request(INBOX, {"action": "fire", "name": ask}, 60)
        actor.request_stop("enough")
        await bus.publish("heddle.end.incoming", {})
        found = []
        while (message := await anext(subscription)).subject != "heddle.end.incoming":
            found.append(message)
        await acting
        return found

    return run_virtual(play())


def test_the_message_of_a_slot_carries_the_span_of_the_slot(tmp_path: Path, provider: KeepingProvider) -> None:
    [message] = dispatched(tmp_path, 62.5, task("nightly", cron="* * * * *"))
    [span] = provider.spans
    assert message.headers["traceparent"] == span.traceparent
    assert (span.name, span.kind, span.parent, span.ended) == ("dispatch nightly", SpanKind.PRODUCER, None, True)
    assert span.attributes == {"duly.entry": "nightly", "duly.slot": "2025-01-01T00:01:00Z"}
    assert (span.status, span.errors) == (StatusCode.UNSET, [])


def test_every_slot_has_a_trace_of_its_own_also_where_one_waits_for_another(
    tmp_path: Path, provider: KeepingProvider
) -> None:
    slow = "tests.dispatch.expansions.rooms_of_a_loop"
    messages = dispatched(tmp_path, 10, task("slow", interval_seconds=0.8, expand_from=slow, mode="queued"))
    assert len(messages) > 4
    assert {span.parent for span in provider.spans} == {None}
    assert len({span.of.trace_id for span in provider.spans}) == len(provider.spans) > 2
    of_slot = {span.attributes["duly.slot"]: span.traceparent for span in provider.spans}
    assert all(each.headers["traceparent"] == of_slot[each["metadata"]["slot"]] for each in messages)
    assert provider.tracers == 1


def test_what_is_dispatched_by_hand_has_a_span_without_a_slot(tmp_path: Path, provider: KeepingProvider) -> None:
    [message] = dispatched(tmp_path, 5, task("nightly", cron="0 3 * * *"), ask="nightly")
    [span] = provider.spans
    assert message.headers["traceparent"] == span.traceparent
    assert span.attributes == {"duly.entry": "nightly"}


def test_the_span_of_a_slot_that_fails_says_so(tmp_path: Path, provider: KeepingProvider) -> None:
    broken = task("broken", cron="* * * * *", expand_from="tests.dispatch.expansions.fails")
    assert dispatched(tmp_path, 62.5, broken) == []
    [span] = provider.spans
    assert (span.status, len(span.errors), span.ended) == (StatusCode.ERROR, 1, True)
    assert "no rooms" in str(span.errors[0])


def test_without_a_provider_a_message_has_no_trace(tmp_path: Path) -> None:
    [message] = dispatched(tmp_path, 62.5, task("nightly", cron="* * * * *"))
    assert dict(message.headers) == {}


@pytest.mark.parametrize("idle", [None, NoOpTracerProvider()])
def test_without_a_provider_that_does_anything_no_span_begins(
    monkeypatch: pytest.MonkeyPatch, idle: NoOpTracerProvider | None
) -> None:
    if idle is not None:
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: idle)
    with span_of_slot("e", 0):
        assert injected() is None
    with span_of_task({}, "w", "t"):
        assert injected() is None
    with span_of_task(HEADERS, "w", "t"):
        assert injected() == HEADERS


def test_a_task_has_no_other_parent_than_the_span_of_its_message(provider: KeepingProvider) -> None:
    token = attach(trace.set_span_in_context(SPAN, Context()))
    with span_of_task({}, "w", "t"):
        pass
    detach(token)
    [span] = provider.spans
    assert span.parent is None


@pytest.mark.parametrize("is_async", [False, True])
def test_a_task_is_performed_in_a_span_whose_parent_is_that_of_its_message(
    nats_url: str, tmp_path: Path, provider: KeepingProvider, is_async: bool
) -> None:
    tasks, seen = Tasks(), list[int]()

    def perform(payload: dict[str, Any]) -> None:
        seen.append(get_current_span().get_span_context().span_id)

    async def perform_on_the_loop(payload: dict[str, Any]) -> None:
        perform(payload)

    tasks.task("mail")(perform_on_the_loop if is_async else perform)

    async def story() -> None:
        async with wired(nats_url) as on_wire, working(nats_url, tasks, tmp_path / "worker.db"):
            message = wire({"worker_type": "mail", "payload": {}, "task_id": "t1"})
            await on_wire.bus.jetstream.publish(SUBJECTS.tasks, message, headers=dict(HEADERS))
            await on_wire.result()
            await on_wire.until_answered()

    run(story())
    [span] = provider.named("perform mail")
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id, span.of.trace_id) == (0xABC, 0xDEF, 0xABC)
    assert (span.kind, span.ended, span.status) == (SpanKind.CONSUMER, True, StatusCode.UNSET)
    assert span.attributes == {"duly.worker_type": "mail", "duly.task_id": "t1"}
    assert seen == [span.of.span_id]


def test_the_span_of_a_task_that_fails_says_so(nats_url: str, tmp_path: Path, provider: KeepingProvider) -> None:
    tasks = Tasks()

    @tasks.task("mail", retries=0)
    def perform(payload: dict[str, Any]) -> None:
        raise LookupError("no such house")

    async def story() -> None:
        async with wired(nats_url) as on_wire, working(nats_url, tasks, tmp_path / "worker.db"):
            await on_wire.publish("mail")
            await on_wire.result()
            await on_wire.until_answered()

    run(story())
    [span] = provider.named("perform mail")
    assert (span.status, span.ended, span.parent) == (StatusCode.ERROR, True, None)
    assert [str(error) for error in span.errors] == ["no such house"]
