"""Events on their way from the channel to handlers."""

import asyncio
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from duly.bus.listener import Listener
from duly.core.context import CURRENT_EXECUTION_ID
from duly.events import DulyExecutionCompletedEvent, Event
from duly.lifecycle import TaskBucket, current_bucket
from tests.bus.hall import Hall, event, in_hall, statuses
from tests.events.samples import called, changed, other
from tests.executor.plant import raising
from tests.lifecycle.house import turns


def test_an_event_reaches_the_listeners_of_its_topic_and_each_gets_a_row(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ear = hall.listen("lamp")
        hall.listen("door")
        await hall.register(ear)
        await hall.say(1, 2)
        await hall.settle()
        assert hall.said == [("lamp", 1), ("lamp", 2)]
        rows = await hall.rows()
        assert statuses(rows) == ["success", "success"]
        assert {row["listener_id"] for row in rows} == {ear.db_id}
        assert (ear.stats.matched, ear.stats.started, ear.stats.pending) == (2, 2, 0)

    in_hall(tmp_path, main)


def test_an_event_that_nobody_listens_to_has_no_effect(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        await hall.say(*range(500))
        await hall.settle()
        assert await hall.rows() == []
        assert hall.bus.snapshot().dispatched == 500

    in_hall(tmp_path, main, duly_event_buffer_size=100)


def test_a_listener_gets_an_event_once_however_many_of_its_routes_lead_to_it(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen("hass.event.*")
        hall.listen("hass.event.state_changed.light.*")
        hall.listen("hass.event.state_changed")
        await hall.bus.send(changed("off", "on", "light.lamp"))
        await hall.settle()
        assert [name for name, _ in hall.said] == [
            "hass.event.*",
            "hass.event.state_changed.light.*",
            "hass.event.state_changed",
        ]

    in_hall(tmp_path, main)


def test_listeners_of_one_event_start_by_priority_and_then_in_order_of_registration(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        entity, base = "hass.event.state_changed.light.lamp", "hass.event.state_changed"
        hall.listen(base, name="third")
        hall.listen("hass.*", name="fourth")
        hall.listen(entity, name="fifth")
        hall.listen(base, name="last", priority=-1)
        hall.listen("hass.event.state_changed.light.*", name="second", priority=5)
        hall.listen("*", name="first", priority=7)
        await hall.bus.send(changed("off", "on", "light.lamp"))
        await hall.settle()
        assert [name for name, _ in hall.said] == ["first", "second", "third", "fourth", "fifth", "last"]

    in_hall(tmp_path, main)


def test_a_handler_runs_to_its_first_wait_before_the_next_begins_and_all_before_the_next_event(tmp_path: Path) -> None:
    steps: list[str] = []

    async def main(hall: Hall) -> None:
        def waiting(name: str) -> Any:  # noqa: ANN401 - a handler
            async def handler(event: Event[Any]) -> None:
                steps.append(f"{name}{event.payload.data} begins")
                await asyncio.sleep(1)
                steps.append(f"{name}{event.payload.data} ends")

            return handler

        for name in "ab":
            hall.listen(name=name, handler=waiting(name), mode="parallel")
        await hall.say(1, 2)
        await hall.settle()
        assert steps[:4] == ["a1 begins", "b1 begins", "a2 begins", "b2 begins"]
        assert sorted(steps[4:]) == ["a1 ends", "a2 ends", "b1 ends", "b2 ends"]

    in_hall(tmp_path, main)


def test_a_listener_that_a_handler_adds_does_not_see_the_event_but_the_next(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def handler(event: Event[Any]) -> None:
            if event.payload.data == 1:
                hall.listen(name="late", priority=-1)

        hall.listen(handler=handler)
        await hall.say(1, 2)
        await hall.settle()
        assert hall.said == [("late", 2)]

    in_hall(tmp_path, main)


def test_a_listener_removed_before_its_start_does_not_run_and_its_match_is_discarded(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def handler(_: Event[Any]) -> None:
            hall.bus.remove(victim)
            hall.bus.remove(victim)

        hall.listen(handler=handler)
        victim = hall.listen(name="victim")
        await hall.say(1)
        await hall.settle()
        assert hall.said == []
        assert (victim.stats.matched, victim.stats.started, victim.stats.discarded) == (1, 0, 1)
        assert len(await hall.rows()) == 1

    in_hall(tmp_path, main)


def test_removing_a_listener_discards_what_waits_and_leaves_the_run_alone(tmp_path: Path) -> None:
    ended: list[object] = []

    async def main(hall: Hall) -> None:
        async def handler(event: Event[Any]) -> None:
            await asyncio.sleep(5)
            ended.append(event.payload.data)

        ear = hall.listen(handler=handler)
        await hall.say(1, 2, 3)
        await asyncio.sleep(1)
        hall.bus.remove(ear)
        assert (ear.stats.started, ear.stats.discarded, ear.stats.pending) == (1, 2, 0)
        await hall.settle()
        assert ended == [1]
        assert statuses(await hall.rows()) == ["success"]

    in_hall(tmp_path, main)


def test_a_handler_that_hangs_keeps_no_other_listener_and_no_producer(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def stuck(_: Event[Any]) -> None:
            await asyncio.Event().wait()

        ear = hall.listen(handler=stuck)
        hall.listen(name="other")
        await hall.say(*range(500))
        await asyncio.sleep(1)
        assert len(hall.said) == 500
        assert (ear.stats.started, ear.stats.pending, ear.stats.dropped) == (1, 100, 399)

    in_hall(tmp_path, main, duly_event_buffer_size=100)


@pytest.mark.parametrize("heard", [False, True])
def test_others_on_the_loop_get_their_turn_after_a_hundred_events_at_the_latest(tmp_path: Path, heard: bool) -> None:
    async def main(hall: Hall) -> None:
        if heard:
            hall.listen()
        await hall.say(*range(1_000))
        dispatched = [hall.bus.snapshot().dispatched]
        while dispatched[-1] < 1_000:
            await asyncio.sleep(0)
            dispatched.append(hall.bus.snapshot().dispatched)
        assert max(after - before for before, after in pairwise(dispatched)) <= 100

    in_hall(tmp_path, main)


def test_a_handler_may_send_more_events_than_the_channel_holds(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def handler(event: Event[Any]) -> None:
            if event.payload.data == "go":
                await hall.say(*range(50), topic="echo")

        hall.listen(handler=handler)
        hall.listen("echo")
        await hall.say("go")
        await hall.settle()
        assert hall.said == [("echo", number) for number in range(50)]

    in_hall(tmp_path, main, duly_event_buffer_size=10)


def test_producers_wait_for_room_and_their_events_keep_their_order(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen()

        async def produce(sender: str) -> None:
            await hall.say(*((sender, number) for number in range(300)))

        await asyncio.gather(*(produce(sender) for sender in "abc"))
        await hall.settle()
        assert len(hall.said) == 900
        for sender in "abc":
            assert [data[1] for _, data in hall.said if data[0] == sender] == list(range(300))

    in_hall(tmp_path, main, duly_event_buffer_size=7)


def test_a_producer_that_gives_up_while_it_waits_sends_nothing(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen()
        await hall.say(1)
        waiting = asyncio.create_task(hall.say(2))
        after = asyncio.create_task(hall.say(3))
        hall.bus._runs.workers.close()
        await asyncio.sleep(1)
        waiting.cancel()
        hall.bus._runs.workers.open()
        await after
        await hall.settle()
        assert [data for _, data in hall.said] == [1, 3]

    in_hall(tmp_path, main, duly_event_buffer_size=1)


def test_completions_are_dropped_when_the_channel_is_full_and_other_own_events_are_let_in(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.bus._runs.workers.close()
        for _ in range(5):
            hall.bus.publish(DulyExecutionCompletedEvent.from_record("handler", "success", 1.0))
        assert (hall.bus.snapshot().channel, hall.bus.snapshot().dropped_own) == (3, 2)
        for _ in range(100):
            hall.bus.publish(event(topic="duly.event.service_status"))
        assert (hall.bus.snapshot().channel, hall.bus.snapshot().dropped_own) == (33, 72)

    in_hall(tmp_path, main, duly_event_buffer_size=3)


def test_completions_are_announced_while_somebody_listens_and_do_not_feed_themselves(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen()
        heard = hall.listen("duly.event.execution_completed", name="heard")
        await hall.say("x")
        for _ in range(3):
            await hall.rows()
            await hall.settle()
        assert [name for name, _ in hall.said] == ["lamp", "heard"]
        hall.bus.remove(heard)
        await hall.say("y")
        await hall.rows()
        await hall.settle()
        assert [name for name, _ in hall.said] == ["lamp", "heard", "lamp"]
        assert len(await hall.rows()) == 3

    in_hall(tmp_path, main)


def test_excluded_entities_reach_no_listener_from_the_next_event_after_a_change_on(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen("hass.*", name="all")

        async def send() -> int:
            before = len(hall.said)
            await hall.bus.send(changed("off", "on", "sensor.hall_rssi"))
            await hall.bus.send(changed("off", "on", "media_player.tv"))
            await hall.bus.send(changed("off", "on", "light.lamp"))
            await hall.bus.send(other("zha_event", entity_id="sensor.door_rssi"))
            await hall.bus.send(called("media_player", "turn_on", entity_id="media_player.tv"))
            await hall.settle()
            return len(hall.said) - before

        assert await send() == 5
        config = hall.house.config
        object.__setattr__(config, "bus_excluded_domains", ("media_*",))
        object.__setattr__(config, "bus_excluded_entities", ("sensor.*_rssi", "light.lamp"))
        assert await send() == 1
        assert hall.bus.snapshot().excluded == 4
        object.__setattr__(config, "bus_excluded_domains", ())
        assert await send() == 2

    in_hall(tmp_path, main)


def test_debug_lines_to_the_log_of_home_assistant_are_never_dispatched(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen("hass.event.call_service.system_log.write")
        for level in ("debug", "info"):
            await hall.bus.send(called("system_log", "write", level=level))
        await hall.settle()
        assert len(hall.said) == 1
        assert hall.bus.snapshot().excluded == 1

    in_hall(tmp_path, main)


def test_the_limit_is_that_of_the_listener_or_else_of_the_settings_as_they_are(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def slow(_: Event[Any]) -> None:
            await asyncio.sleep(20)

        hall.listen(name="own", handler=slow, timeout=5)
        hall.listen(name="general", handler=slow)
        hall.listen(name="without", handler=slow, timeout_disabled=True)
        await hall.say(1)
        await hall.settle()
        durations = sorted((row["status"], round(row["duration_ms"] / 1_000)) for row in await hall.rows())
        assert durations == [("success", 20), ("timed_out", 5), ("timed_out", 10)]

    in_hall(tmp_path, main, lifecycle={"event_handler_timeout_seconds": 10})


def test_tasks_of_a_handler_land_in_the_bucket_of_its_owner_and_its_execution_has_an_id(tmp_path: Path) -> None:
    seen: list[object] = []

    async def main(hall: Hall) -> None:
        bucket = TaskBucket(hall.house, "porch", "app")

        async def handler(_: Event[Any]) -> None:
            seen.extend((current_bucket(), CURRENT_EXECUTION_ID.get()))

        ear = hall.make(handler=handler)
        ear.owner_bucket = bucket
        hall.bus.add(ear)
        await hall.say(1)
        await hall.settle()
        row = await hall.row()
        assert seen[0] is bucket
        assert seen[1] == row["execution_id"]

    in_hall(tmp_path, main)


def test_a_stop_gives_handlers_half_of_the_phase_and_discards_what_waits(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        def taking(seconds: float) -> Any:  # noqa: ANN401 - a handler
            async def handler(_: Event[Any]) -> None:
                await asyncio.sleep(seconds)

            return handler

        short = hall.listen(name="short", handler=taking(4))
        long = hall.listen(name="long", handler=taking(6))
        await hall.say(1, 2)
        await asyncio.sleep(0.1)
        await hall.bus.shutdown()
        assert statuses(await hall.rows()) == ["success", "cancelled"]
        for ear in (short, long):
            assert (ear.stats.started, ear.stats.discarded, ear.stats.pending) == (1, 1, 0)
        await hall.say(3)
        hall.bus.publish(event())
        assert hall.bus.snapshot().dropped_at_end == 2
        with pytest.raises(RuntimeError, match="the bus has stopped"):
            hall.listen(name="late")

    in_hall(tmp_path, main, lifecycle={"resource_shutdown_timeout_seconds": 10})


def test_listeners_and_what_waits_survive_a_restart_of_the_service(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def handler(event: Event[Any]) -> None:
            await asyncio.sleep(1)
            hall.said.append(event.payload.data)

        hall.listen(handler=handler)
        await hall.say(1, 2)
        await asyncio.sleep(0.1)
        await hall.bus.restart()
        await hall.say(3)
        await hall.settle()
        assert hall.said == [1, 2, 3]

    in_hall(tmp_path, main)


def test_what_comes_between_a_failure_of_the_service_and_its_next_start_is_kept(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen()
        await hall.bus.release(restart_follows=True)
        await hall.say(1, 2)
        hall.listen(name="later")
        await asyncio.sleep(5)
        assert hall.said == []
        await hall.bus.restart()
        await hall.settle()
        assert hall.said == [("lamp", 1), ("later", 1), ("lamp", 2), ("later", 2)]

    in_hall(tmp_path, main)


def test_who_makes_events_waits_while_records_have_no_room_so_that_none_is_dropped(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ear = hall.listen(mode="parallel")
        await hall.say(*range(300))
        await hall.settle()
        assert (ear.stats.started, ear.stats.dropped) == (300, 0)
        assert len(await hall.rows()) == 300

    in_hall(tmp_path, main, duly_event_buffer_size=10, database={"telemetry_write_queue_max": 1})


def test_an_event_of_home_assistant_does_not_wait_for_the_room_of_records(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        go_on = threading.Event()
        held = hall.database.issue(lambda _: go_on.wait())
        ear = hall.listen(mode="parallel")
        saying = asyncio.create_task(hall.say(*range(100)))
        link = asyncio.create_task(hall.bus.send(changed("off", "on", "light.lamp")))
        await turns(100)
        seen = saying.done(), link.done(), ear.stats.started < 50
        go_on.set()
        await held
        assert seen == (False, True, True)
        await saying
        await hall.settle()
        assert ear.stats.started == 100

    in_hall(tmp_path, main, duly_event_buffer_size=10, database={"telemetry_write_queue_max": 1})


def test_idle_waits_for_events_matches_and_handlers_but_no_longer_than_asked(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        async def handler(_: Event[Any]) -> None:
            await asyncio.sleep(5)

        hall.listen(handler=handler)
        await hall.bus.idle()
        await hall.say(1, 2)
        with pytest.raises(TimeoutError):
            await hall.bus.idle(9)
        await hall.bus.idle(1.5)

    in_hall(tmp_path, main)


def test_a_handler_that_ends_the_process_asks_for_an_orderly_stop(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen(handler=raising(SystemExit(3)))
        hall.listen(name="other")
        await hall.say(1)
        await hall.settle()
        assert hall.house.shutdown_event.is_set()
        assert hall.said == [("other", 1)]

    in_hall(tmp_path, main)


def test_executions_of_parts_of_duly_are_recorded_as_such(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        hall.listen(tier="framework")
        await hall.say(1)
        await hall.settle()
        assert (await hall.row())["source_tier"] == "framework"

    in_hall(tmp_path, main)


def test_the_service_lists_its_listeners_in_order_of_registration(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ears: list[Listener] = [hall.listen(name=name, priority=len(name)) for name in ("a", "bbb", "cc")]
        hall.bus.remove(ears[1])
        assert hall.bus.listeners() == [ears[0], ears[2]]
        assert (ears[0].live, ears[1].live) == (True, False)

    in_hall(tmp_path, main)


def test_the_capacity_is_that_of_the_settings_as_they_are(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        stuck = asyncio.Event()
        ear = hall.listen(handler=lambda _: stuck.wait())
        await hall.say(1)
        await asyncio.sleep(0)
        await hall.say(*range(1_100))
        await asyncio.sleep(1)
        assert (ear.stats.dropped, hall.bus.snapshot().capacity) == (100, 1_000)
        hall.house.config = hall.house.config.model_copy(update={"duly_event_buffer_size": 1_050})
        await hall.say(*range(100))
        await asyncio.sleep(1)
        assert (ear.stats.dropped, hall.bus.snapshot().capacity) == (150, 1_050)
        stuck.set()
        await hall.settle()

    in_hall(tmp_path, main)
