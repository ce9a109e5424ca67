"""The actor on a bus in memory and on virtual time: timer, inbox, control."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from duly.core.clock import current
from duly.dispatch import InMemoryBus, SchedulerActor
from duly.dispatch.bus import Received
from duly.dispatch.lone_fleet import AlreadyRunningError
from duly.dispatch.schedule_file import ScheduleFileError
from duly.testing import run_virtual
from tests.dispatch.troupe import goal, task

INBOX = "heddle.scheduler.night"
RELOAD = "heddle.control.reload"
Script = Callable[["Stage"], Awaitable[None]]


def write(folder: Path, *entries: dict[str, object], **top: object) -> Path:
    path = folder / "schedules.yaml"
    path.write_text(yaml.safe_dump({"name": "night", **top, "schedules": list(entries)}), encoding="utf-8")
    return path


class Stage:
    """An actor that runs, and what it has published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bus = InMemoryBus()
        self.actor = SchedulerActor(
            "scheduler-night", folder / "schedules.yaml", bus=self.bus, ledger=folder / "night.db"
        )
        self.published: list[Received] = []

    async def listen(self, subject: str = "heddle.*.incoming") -> None:
        subscription = await self.bus.subscribe(subject)

        async def collect() -> None:
            async for message in subscription:
                self.published.append(message)

        self._collecting = asyncio.create_task(collect())

    async def ask(self, **request: object) -> dict[str, Any]:
        return dict(await self.bus.request(INBOX, request, timeout=60))

    async def reload(self, *entries: dict[str, object], **top: object) -> None:
        write(self.folder, *entries, **top)
        await self.tell_to_reload()

    async def tell_to_reload(self) -> None:
        await self.bus.publish(RELOAD, {"action": "reload"})
        await asyncio.sleep(0.1)

    def of(self, name: str) -> list[Received]:
        return [each for each in self.published if name in str(each)]

    def slots_of(self, name: str) -> list[str]:
        return [each["metadata"]["slot"].partition("T")[2] for each in self.of(name)]


def play(folder: Path, *scripts: Script, between: float = 0) -> Stage:
    """Run the actor while a script goes on; for another script anew, so many seconds later. The stage is the last."""

    async def run() -> Stage:
        first, *others = scripts
        stage = await _one_life(folder, first)
        for script in others:
            await asyncio.sleep(between)
            stage = await _one_life(folder, script)
        return stage

    return run_virtual(run())


async def _one_life(folder: Path, script: Script) -> Stage:
    stage = Stage(folder)
    await stage.bus.connect()
    await stage.listen()
    running = asyncio.create_task(stage.actor.run(INBOX))
    try:
        await _first(running, script(stage))
    finally:
        stage.actor.request_stop("the play is over")
    await running
    return stage


async def _first(running: asyncio.Task[None], script: Awaitable[None]) -> None:
    playing = asyncio.ensure_future(script)
    await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
    if not playing.done():
        playing.cancel()
    else:
        playing.result()


async def a_minute(_stage: Stage) -> None:
    await asyncio.sleep(62.5)  # one of them goes by before it listens: it looks for another scheduler first


def test_a_task_carries_what_its_entry_says_and_its_slot(tmp_path: Path) -> None:
    entry = task("nightly", cron="* * * * *")
    entry["task"] = {"worker_type": "backup", "payload": {"disk": "a"}, "model_tier": "frontier", "priority": "high"}
    write(tmp_path, entry)
    [message] = play(tmp_path, a_minute).published
    assert message.subject == "heddle.tasks.incoming"
    assert message["worker_type"] == "backup"
    assert message["payload"] == {"disk": "a"}
    assert (message["model_tier"], message["priority"]) == ("frontier", "high")
    assert message["metadata"] == {
        "scheduled_by": "nightly",
        "slot": "2025-01-01T00:01:00Z",
        "slot_key": "scheduler-night/nightly/2025-01-01T00:01:00Z",
    }


def test_a_task_without_a_tier_is_local(tmp_path: Path) -> None:
    write(tmp_path, task("nightly", cron="* * * * *"))
    [message] = play(tmp_path, a_minute).published
    assert (message["model_tier"], message["priority"]) == ("local", "normal")


def test_a_goal_carries_its_slot_in_its_context(tmp_path: Path) -> None:
    entry = goal("report", cron="* * * * *")
    entry["goal"] = {"instruction": "write it", "context": {"for": "all"}, "priority": "critical"}
    write(tmp_path, entry)
    [message] = play(tmp_path, a_minute).published
    assert message.subject == "heddle.goals.incoming"
    assert (message["instruction"], message["priority"]) == ("write it", "critical")
    assert message["context"] == {
        "for": "all",
        "_schedule": {
            "scheduled_by": "report",
            "slot": "2025-01-01T00:01:00Z",
            "slot_key": "scheduler-night/report/2025-01-01T00:01:00Z",
        },
    }


def test_the_id_of_a_message_follows_from_its_slot(tmp_path: Path) -> None:
    write(tmp_path, task("nightly", cron="* * * * *"))
    first = play(tmp_path, a_minute).published[0]["task_id"]
    (tmp_path / "night.db").unlink()
    assert play(tmp_path, a_minute).published[0]["task_id"] == first


def test_an_interval_first_fires_one_interval_after_the_start(tmp_path: Path) -> None:
    write(tmp_path, task("often", interval_seconds=20))
    assert play(tmp_path, a_minute).slots_of("often") == ["00:00:21Z", "00:00:41Z", "00:01:01Z"]


def test_the_grid_of_an_interval_survives_a_restart(tmp_path: Path) -> None:
    write(tmp_path, task("often", interval_seconds=20))

    async def half_a_minute(_stage: Stage) -> None:
        await asyncio.sleep(30)

    restarted = play(tmp_path, half_a_minute, half_a_minute, between=27)
    assert restarted.slots_of("often") == [
        "00:00:41Z",
        "00:01:01Z",
        "00:01:21Z",
    ]  # one was missed


def test_a_disabled_entry_is_not_dispatched(tmp_path: Path) -> None:
    write(tmp_path, task("off", interval_seconds=1, enabled=False), task("on", interval_seconds=20))
    stage = play(tmp_path, a_minute)
    assert not stage.of("off")
    assert stage.of("on")


def test_every_subject_begins_with_the_prefix(tmp_path: Path) -> None:
    write(tmp_path, task("nightly", cron="* * * * *"), subject_prefix="fleet")

    async def script(stage: Stage) -> None:
        await stage.listen("*.*.incoming")
        await asyncio.sleep(62.5)

    assert {each.subject for each in play(tmp_path, script).published} == {"fleet.tasks.incoming"}


# --- expansion --------------------------------------------------------------------------------------------------------


def two_disks() -> list[dict[str, object]]:
    return [{"disk": "a"}, {"disk": "b", "more": True}]


def nothing() -> list[dict[str, object]]:
    return []


def broken() -> list[dict[str, object]]:
    raise ValueError("no disks")


def test_an_expansion_gives_one_message_for_each_dict_and_wins(tmp_path: Path) -> None:
    entry = task("disks", cron="* * * * *", expand_from=f"{__name__}.two_disks")
    entry["task"] = {"worker_type": "w", "payload": {"disk": "-", "keep": 1}}
    write(tmp_path, entry)
    published = play(tmp_path, a_minute).published
    assert [each["payload"] for each in published] == [
        {"disk": "a", "keep": 1},
        {"disk": "b", "keep": 1, "more": True},
    ]
    assert len({each["task_id"] for each in published}) == 2
    assert len({each["metadata"]["slot_key"] for each in published}) == 1


def test_an_expansion_of_a_goal_goes_into_its_context(tmp_path: Path) -> None:
    write(tmp_path, goal("disks", cron="* * * * *", expand_from=f"{__name__}.two_disks"))
    published = play(tmp_path, a_minute).published
    assert [each["context"]["disk"] for each in published] == ["a", "b"]


@pytest.mark.parametrize(
    ("function", "event", "status"),
    [("nothing", "scheduler.expansion_empty", "success"), ("broken", "scheduler.expand_from_call_failed", "error")],
)
def test_an_expansion_that_gives_nothing_dispatches_nothing_and_is_recorded(
    tmp_path: Path, function: str, event: str, status: str
) -> None:
    write(
        tmp_path, task("disks", cron="* * * * *", expand_from=f"{__name__}.{function}"), task("on", interval_seconds=50)
    )
    answers: list[dict[str, Any]] = []

    async def script(stage: Stage) -> None:
        await asyncio.sleep(65)
        answers.append(await stage.ask(action="history", name="disks"))

    with capture_logs() as logs:
        stage = play(tmp_path, script)
    assert not stage.of("disks")
    assert stage.of("on")
    assert event in {each["event"] for each in logs}
    assert [each["status"] for each in answers[0]["executions"]] == [status]


# --- inbox ------------------------------------------------------------------------------------------------------------


def asked(tmp_path: Path, seconds: float, *requests: dict[str, object]) -> list[dict[str, Any]]:
    """The answers to some requests, after a while."""
    answers: list[dict[str, Any]] = []

    async def script(stage: Stage) -> None:
        await asyncio.sleep(seconds)
        answers.extend([await stage.ask(**request) for request in requests])

    play(tmp_path, script)
    return answers


def test_health_says_who_answers(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20), task("b", interval_seconds=30))
    [answer] = asked(tmp_path, 5, {"action": "health"})
    assert answer["ok"]
    assert (answer["actor"], answer["leader"], answer["entries"]) == ("scheduler-night", True, 2)
    assert answer["pid"]


def test_list_shows_every_entry(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20), goal("b", cron="0 7 * * *", enabled=False))
    [answer] = asked(tmp_path, 5, {"action": "list"})
    first, second = answer["entries"]
    assert (first["name"], first["interval_seconds"], first["next"]) == ("a", 20, "2025-01-01T00:00:21Z")
    assert (second["name"], second["cron"], second["enabled"], second["next"]) == ("b", "0 7 * * *", False, None)


def test_next_shows_the_coming_slots_of_all_entries_or_one(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20), task("b", interval_seconds=30))
    every, one = asked(tmp_path, 5, {"action": "next", "count": 3}, {"action": "next", "name": "b", "count": 2})
    assert [(each["name"], each["slot"][11:]) for each in every["slots"]] == [
        ("a", "00:00:21Z"),
        ("b", "00:00:31Z"),
        ("a", "00:00:41Z"),
    ]
    assert [each["slot"][11:] for each in one["slots"]] == ["00:00:31Z", "00:01:01Z"]


def test_fire_dispatches_at_once_beside_the_slots(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(5)
        answer = await stage.ask(action="fire", name="a")
        assert answer["ok"]
        assert answer["ids"] == [stage.published[0]["task_id"]]
        await asyncio.sleep(20)

    by_hand, due = play(tmp_path, script).published
    assert by_hand["metadata"]["slot"] is None
    assert due["metadata"]["slot"] == "2025-01-01T00:00:21Z"


def test_fire_says_why_nothing_was_dispatched(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20, expand_from=f"{__name__}.broken"))
    [answer] = asked(tmp_path, 5, {"action": "fire", "name": "a"})
    assert not answer["ok"]
    assert "no disks" in answer["error"]


def test_a_paused_entry_dispatches_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(25)
        assert (await stage.ask(action="pause", name="a"))["paused"]
        await asyncio.sleep(40)
        assert not (await stage.ask(action="resume", name="a"))["paused"]
        await asyncio.sleep(20)

    assert play(tmp_path, script).slots_of("a") == ["00:00:21Z", "00:01:21Z"]


def test_resuming_may_catch_up(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(25)
        await stage.ask(action="pause", name="a")
        await asyncio.sleep(40)
        await stage.ask(action="resume", name="a", catch_up="run_all")
        await asyncio.sleep(1)

    assert play(tmp_path, script).slots_of("a") == ["00:00:21Z", "00:00:41Z", "00:01:01Z"]


def test_a_pause_survives_a_restart(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def pause(stage: Stage) -> None:
        await asyncio.sleep(5)
        await stage.ask(action="pause", name="a")

    assert not play(tmp_path, pause, a_minute).published


def test_history_shows_the_newest_first(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))
    all_of_them, last = asked(tmp_path, 65, {"action": "history"}, {"action": "history", "name": "a", "limit": 1})
    assert [each["slot"][11:] for each in all_of_them["executions"]] == ["00:01:01Z", "00:00:41Z", "00:00:21Z"]
    assert [each["slot"][11:] for each in last["executions"]] == ["00:01:01Z"]


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        ({}, "'action' must be one of"),
        ({"action": "explode"}, "got 'explode'"),
        ({"action": ["list"]}, "'action' must be one of"),
        ({"action": "fire"}, "'name' must be the name of an enabled entry, got None: there are 'a'"),
        ({"action": "fire", "name": "off"}, "got 'off'"),
        ({"action": "pause", "name": 7}, "got 7"),
        ({"action": "next", "count": 0}, "'count' must be a whole number from 1 to 1000, got 0"),
        ({"action": "next", "count": True}, "got True"),
        ({"action": "history", "limit": "many"}, "got 'many'"),
        ({"action": "history", "name": "nobody"}, "'nobody'"),
        ({"action": "resume", "name": "a", "catch_up": "all"}, "'catch_up' must be one of skip, run_once, run_all"),
    ],
    ids=lambda each: None if isinstance(each, str) else str(each),
)
def test_anything_else_gets_an_error(tmp_path: Path, request_: dict[str, object], wrong: str) -> None:
    write(tmp_path, task("a", interval_seconds=20), task("off", interval_seconds=20, enabled=False))
    refused, health = asked(tmp_path, 5, request_, {"action": "health"})
    assert not refused["ok"]
    assert wrong in refused["error"]
    assert health["ok"]


# --- reload -----------------------------------------------------------------------------------------------------------


def test_a_reload_adds_removes_and_changes_entries_and_logs_the_difference(tmp_path: Path) -> None:
    write(
        tmp_path,
        task("stays", interval_seconds=20),
        task("goes", interval_seconds=20),
        task("turns", interval_seconds=20),
    )

    async def script(stage: Stage) -> None:
        await asyncio.sleep(30)
        await stage.reload(
            task("stays", interval_seconds=20), task("turns", interval_seconds=15), task("comes", interval_seconds=10)
        )
        await asyncio.sleep(25)

    with capture_logs() as logs:
        stage = play(tmp_path, script)
    [told] = [each for each in logs if each["event"] == "scheduler.config_reloaded"]
    assert (told["added"], told["removed"], told["changed"]) == (("comes",), ("goes",), ("turns",))
    assert stage.slots_of("stays") == ["00:00:21Z", "00:00:41Z"]
    assert stage.slots_of("goes") == ["00:00:21Z"]
    assert len(stage.of("comes")) == 2
    assert len(stage.of("turns")) == 2


def test_what_an_entry_dispatches_changes_without_touching_its_phase(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(30)
        changed = task("a", interval_seconds=20, misfire="skip")
        changed["task"] = {"worker_type": "w", "payload": {"new": True}}
        await stage.reload(changed)
        await asyncio.sleep(15)

    before, after = play(tmp_path, script).published
    assert (before["payload"], after["payload"]) == ({}, {"new": True})
    assert after["metadata"]["slot"] == "2025-01-01T00:00:41Z"


def test_reloading_every_two_seconds_does_not_delay_an_interval_of_three(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=3))

    async def script(stage: Stage) -> None:
        for _ in range(30):
            await stage.tell_to_reload()
            await asyncio.sleep(1.9)

    slots = play(tmp_path, script).slots_of("a")
    assert slots == [f"00:00:{second:02}Z" for second in range(4, 60, 3)] + slots[19:]


BAD_FILES = {
    "no yaml": "schedules: [",
    "nothing": "",
    "a list": "- 1",
    "no schedules": "name: night",
    "bad cron": "name: night\nschedules: [{name: a, cron: nonsense, dispatch_type: task, task: {worker_type: w}}]",
    "another name": "name: day\nschedules: []",
    "another prefix": "name: night\nsubject_prefix: other\nschedules: []",
}


@pytest.mark.parametrize("text", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_reload_keeps_the_old_schedules_and_is_reported(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(5)
        path.write_text(text, encoding="utf-8")
        await stage.tell_to_reload()
        await asyncio.sleep(40)

    with capture_logs() as logs:
        stage = play(tmp_path, script)
    assert stage.slots_of("a") == ["00:00:21Z", "00:00:41Z"]
    assert "scheduler.reload_failed" in {each["event"] for each in logs}


def test_control_messages_of_any_other_kind_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        path.write_text("broken: [", encoding="utf-8")
        for message in ({}, {"action": "dance"}, {"action": None}, {"action": ["reload"]}, {"reload": 1}):
            await stage.bus.publish(RELOAD, message)
        await asyncio.sleep(25)

    with capture_logs() as logs:
        stage = play(tmp_path, script)
    assert len(stage.of("a")) == 1
    assert "scheduler.reload_failed" not in {each["event"] for each in logs}


# --- life -------------------------------------------------------------------------------------------------------------


def test_a_bad_file_is_refused_by_the_constructor(tmp_path: Path) -> None:
    path = write(tmp_path, task("a", cron="61 * * * *"))
    with pytest.raises(ScheduleFileError, match="invalid cron expression"):
        SchedulerActor("scheduler-night", path, bus=InMemoryBus())


def test_a_second_scheduler_without_jetstream_is_refused(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    async def script(stage: Stage) -> None:
        await asyncio.sleep(5)
        second = SchedulerActor(
            "scheduler-night", tmp_path / "schedules.yaml", bus=stage.bus, ledger=tmp_path / "second.db"
        )
        with pytest.raises(AlreadyRunningError, match="another scheduler of this name runs already"):
            await second.on_start()
        assert not second.ledger_path.exists()

    play(tmp_path, script)


def test_the_process_ends_with_an_error_if_the_timer_fails(tmp_path: Path) -> None:
    write(tmp_path, task("a", interval_seconds=20))

    class BrokenBus(InMemoryBus):
        @property
        def connected(self) -> bool:
            if current().now() > 1735689610_000_000_000:
                raise ZeroDivisionError("the timer is broken")
            return True

    async def run() -> None:
        actor = SchedulerActor(
            "scheduler-night", tmp_path / "schedules.yaml", bus=BrokenBus(), ledger=tmp_path / "n.db"
        )
        await actor.run(INBOX)

    with pytest.raises(ZeroDivisionError, match="the timer is broken"):
        run_virtual(run())
