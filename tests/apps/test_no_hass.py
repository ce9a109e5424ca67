"""An app whose start needs Home Assistant is not failed without it: it is blocked, and starts when states have come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from duly.apps import App, AppConfig, AppSync
from duly.hass.api import ApiResource
from duly.hass.websocket import WebsocketService
from duly.runtime.wiring import HassParts, wire_hass
from tests.apps.stage import Stage, on_stage, started
from tests.executor.plant import rows_of
from tests.hass.peer import TOKEN, Peer, raw_state
from tests.lifecycle.house import forever
from tests.scheduler.yard import nothing, until

LIMIT = {"lifecycle": {"app_startup_timeout_seconds": 20}}
"""For the start of an app."""

Act = Callable[[App[Any]], Awaitable[object]]


def needing(act: Act) -> type[App[Any]]:
    """An app that schedules and listens, and then needs something."""

    class Needy(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(nothing, seconds=10, name="sweep")
            await self.bus.on_state_change("light.lamp", handler=nothing, name="lamp")
            await act(self)

    return Needy


async def read(app: App[Any]) -> object:
    return app.states["light.lamp"]


async def ask(app: App[Any]) -> object:
    return await app.api.get_states()


async def wait_for_states(app: App[Any]) -> None:
    await app.states.wait_synced()


async def wait_for_the_link(app: App[Any]) -> None:
    await app.api.wait_connected()


async def wait_for_states_a_while(app: App[Any]) -> None:
    await app.states.wait_synced(timeout=5)


async def wait_for_the_link_a_while(app: App[Any]) -> None:
    await app.api.wait_connected(timeout=5)


async def read_in_a_group(app: App[Any]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(read(app))


async def no_more(_: App[Any]) -> None:
    pass


NEEDS: list[Act] = [
    *(read, ask, read_in_a_group),
    *(wait_for_states, wait_for_the_link, wait_for_states_a_while, wait_for_the_link_a_while),
]


@pytest.mark.parametrize("act", NEEDS)
def test_without_home_assistant_it_is_blocked_and_nothing_of_it_is_left(tmp_path: Path, act: Act) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            await until(21)
            assert stage.statuses() == ["blocked", "not_started"]
            assert stage.shown().block_reason == "no_hass"
            assert stage.shown().error_message
            assert stage.apps.instances("porch") == []
            assert await stage.scheduler.get_all_jobs() == []
            assert stage.bus.listeners() == []

    on_stage(tmp_path, main, **LIMIT)


@pytest.mark.parametrize("act", NEEDS)
def test_it_starts_once_there_are_states(tmp_path: Path, act: Act) -> None:
    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["running", "running"]
            assert (stage.shown().block_reason, stage.shown().error_message) == (None, None)
            assert [listener.name for listener in stage.bus.listeners()] == ["lamp"]

    on_stage(tmp_path, main, **LIMIT)


def test_states_that_come_while_it_waits_let_its_start_go_on(tmp_path: Path) -> None:
    begun: list[object] = []

    async def wait(app: App[Any]) -> None:
        begun.append(app)
        await app.states.wait_synced()

    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(wait))
        coming = asyncio.get_running_loop().call_later(5, lambda: asyncio.ensure_future(home.come()))
        async with started(stage):
            await asyncio.sleep(10)
            assert stage.statuses() == ["running", "running"]
            assert len(begun) == 1
        coming.cancel()

    on_stage(tmp_path, main, lifecycle={"app_startup_timeout_seconds": 20, "startup_timeout_seconds": 4})


def test_states_that_come_between_its_failure_and_its_end_are_not_missed(tmp_path: Path) -> None:
    class Slow(App[AppConfig]):
        async def on_initialize(self) -> None:
            self.task_bucket.spawn(self.cling())
            await asyncio.sleep(0)
            await read(self)

        async def cling(self) -> None:
            try:
                await forever()
            finally:
                if not home[0].up:
                    await home[0].come()

    home: list[Any] = []

    async def main(stage: Stage) -> None:
        home.append(stage.add_home())
        stage.add_app(Slow)
        async with started(stage):
            await asyncio.sleep(1)
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_one_that_still_misses_something_is_tried_at_each_sync(tmp_path: Path) -> None:
    tried: list[int] = []

    async def act(app: App[Any]) -> None:
        tried.append(len(tried))
        if len(tried) < 4:
            raise (await unavailable(app))

    async def unavailable(app: App[Any]) -> Exception:
        return app.api._link.unavailable()

    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            for number, status in ((1, "blocked"), (2, "blocked"), (3, "blocked"), (4, "running"), (4, "running")):
                assert (len(tried), stage.shown().status) == (number, status)
                await home.go()
                await home.come()
                await asyncio.sleep(1)

    on_stage(tmp_path, main)


@pytest.mark.parametrize("error", [TimeoutError("the lamp"), ValueError("no lamp")], ids=["late", "other"])
def test_another_error_is_a_failure(tmp_path: Path, error: Exception) -> None:
    async def act(_: App[Any]) -> None:
        raise error

    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            assert stage.statuses() == ["failed", "failed"]
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["failed", "failed"]

    on_stage(tmp_path, main)


def test_a_start_that_hangs_after_its_wait_is_a_failure(tmp_path: Path) -> None:
    async def act(app: App[Any]) -> None:
        await app.states.wait_synced()
        await forever()

    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(act))
        asyncio.get_running_loop().call_later(5, lambda: asyncio.ensure_future(home.come()))
        async with started(stage):
            await until(21)
            assert stage.statuses() == ["failed", "failed"]

    on_stage(tmp_path, main, **LIMIT)


def test_one_that_can_do_without_a_wait_and_is_late_with_something_else_has_failed(tmp_path: Path) -> None:
    async def act(app: App[Any]) -> None:
        for wait in (wait_for_the_link_a_while, wait_for_states_a_while):
            with suppress(TimeoutError):
                await wait(app)
        raise TimeoutError("the lamp")

    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            assert stage.statuses() == ["failed", "failed"]

    on_stage(tmp_path, main, **LIMIT)


def test_one_that_waits_in_a_worker_thread_is_blocked_too(tmp_path: Path) -> None:
    class Cellar(AppSync[AppConfig]):
        def on_initialize_sync(self) -> None:
            self.api.sync.wait_connected(timeout=5)

    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(Cellar)
        async with started(stage):
            assert stage.statuses() == ["blocked", "not_started"]
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


class ByName(App[AppConfig]):
    """Needs states if its name says so."""

    async def on_initialize(self) -> None:
        await self.scheduler.run_every(nothing, seconds=10, name="sweep")
        if self.instance_name == "needy":
            await read(self)
        if self.instance_name == "bad":
            raise ValueError("no lamp")


def test_others_run_and_so_do_other_instances(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(ByName, {"instance_name": "needy"}, {"instance_name": "plain"})
        stage.add_app(ByName, {"instance_name": "plain"}, key="hall")
        async with started(stage):
            assert stage.statuses() == ["degraded", "not_started", "running"]
            assert stage.shown().block_reason == "no_hass"
            assert stage.statuses("hall") == ["running", "running"]
            plain = stage.app(index=1)
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["running", "running", "running"]
            assert stage.app(index=1) is plain

    on_stage(tmp_path, main)


def test_with_one_that_has_failed_it_is_degraded(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(ByName, {"instance_name": "needy"}, {"instance_name": "bad"})
        async with started(stage):
            assert stage.statuses() == ["degraded", "not_started", "failed"]
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["degraded", "running", "failed"]

    on_stage(tmp_path, main)


def test_rows_are_put_in_order_once_all_instances_run(tmp_path: Path) -> None:
    class Once(ByName):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(nothing, seconds=10, name="old" if old else "new")
            await super().on_initialize()

    old = True

    async def main(stage: Stage) -> None:
        nonlocal old
        home = stage.add_home()
        stage.add_app(Once, {"instance_name": "plain"}, {"instance_name": "plain too"})
        async with started(stage):
            await asyncio.sleep(1)
            old = False
            stage.add_app(Once, {"instance_name": "plain"}, {"instance_name": "needy"})
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert live_jobs(stage) == {"new", "old", "sweep"}
            await home.come()
            await asyncio.sleep(1)
            assert live_jobs(stage) == {"new", "sweep"}

    on_stage(tmp_path, main)


def live_jobs(stage: Stage) -> set[str]:
    return {row["job_name"] for row in rows_of(stage.path, "scheduled_jobs") if row["retired_at"] is None}


@pytest.mark.parametrize("how", ["start_app", "stop_app", "reload_app"])
def test_by_hand_nothing_is_done_with_it(tmp_path: Path, how: str) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(read))
        async with started(stage):
            with pytest.raises(ValueError, match="app 'porch' is blocked: no_hass"):
                await getattr(stage.apps, how)("porch")

    on_stage(tmp_path, main)


def test_one_that_was_stopped_by_hand_stays_stopped(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(ByName, {"instance_name": "needy"}, {"instance_name": "plain"})
        async with started(stage):
            await stage.apps.stop_app("porch")
            await home.come()
            await asyncio.sleep(1)
            assert stage.statuses() == ["stopped", "not_started", "stopped"]
            await stage.apps.start_app("porch")
            assert stage.statuses() == ["running", "running", "running"]

    on_stage(tmp_path, main)


def test_a_new_version_that_needs_nothing_starts_at_once(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(read))
        async with started(stage):
            stage.add_app(needing(no_more))
            await stage.change(reimport_apps={"porch"})
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_one_that_is_configured_no_more_does_not_start(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        home = stage.add_home()
        stage.add_app(needing(read))
        stage.add_app(needing(no_more), key="hall")
        async with started(stage):
            stage.remove_app("porch")
            await stage.change(orphans={"porch"})
            await home.come()
            await asyncio.sleep(1)
            assert [app.app_key for app in stage.apps.snapshot().apps] == ["hall"]

    on_stage(tmp_path, main)


@pytest.mark.parametrize(("act", "names"), [(read, "token"), (ask, "token"), (wait_for_states, "token")])
def test_without_a_token_it_is_told_which_setting_is_missing(tmp_path: Path, act: Act, names: str) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(needing(act))
        async with started(stage):
            assert stage.statuses() == ["blocked", "not_started"]
            assert names in str(stage.shown().error_message)

    on_stage(tmp_path, main)


def test_it_is_a_warning_and_an_event_that_says_blocked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(read))
        with caplog.at_level(logging.WARNING, "duly"):
            async with started(stage):
                (record,) = (each for each in caplog.records if "blocked" in each.message)
        assert record.levelname == "WARNING"
        assert record.message.startswith("instance blocked, it starts once there are states of Home Assistant")
        statuses = [event.payload.data.status for event in stage.events if event.payload.data is not None]
        assert statuses == ["starting", "blocked"]

    on_stage(tmp_path, main)


def test_while_the_link_is_about_to_come_up_it_is_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(stage: Stage) -> None:
        peer = Peer(raw_state("light.lamp", "on"))
        peer.swallow()
        wire_hass(stage.house, HassParts(WebsocketService, ApiResource, {"transport": peer}))
        stage.add_app(needing(read))
        with caplog.at_level(logging.INFO, "duly"):
            async with started(stage):
                (record,) = (each for each in caplog.records if "blocked" in each.message)
                assert record.levelname == "INFO"
                peer.accept()
                await asyncio.sleep(60)
                assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main, token=TOKEN)


def test_what_was_waited_for_is_told(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(wait_for_states))
        async with started(stage):
            await until(21)
            assert stage.shown().error_message == (
                "porch/Porch.0 did not start within 20 s: it waits for Home Assistant"
            )

    on_stage(tmp_path, main, **LIMIT)


@pytest.mark.parametrize("act", [wait_for_states, wait_for_the_link])
def test_an_event_says_blocked_when_the_time_is_over(tmp_path: Path, act: Act) -> None:
    async def main(stage: Stage) -> None:
        stage.add_home()
        stage.add_app(needing(act))
        async with started(stage):
            await until(21)
            statuses = [event.payload.data.status for event in stage.events if event.payload.data is not None]
            assert statuses == ["starting", "blocked"]

    on_stage(tmp_path, main, **LIMIT)
