"""The blocking twin of a bus, from worker threads and from the loop."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from duly.bus import Bus, BusSyncFacade, Listener, Subscription
from duly.events import Event
from duly.lifecycle import is_async_callable
from tests.bus.porch import Scene, in_real_scene, in_scene
from tests.executor.plant import until as eventually
from tests.lifecycle.house import gives_up_on_a_blocked_loop
from tests.scheduler.yard import writer_held

T = TypeVar("T")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "on": {"topic": "lamp"},
    "on_state_change": {"entity_id": "light.lamp", "changed_to": "on", "duration": 5},
    "on_attribute_change": {"entity_id": "light.lamp", "attr": "brightness"},
    "on_call_service": {"domain": "light"},
    "on_component_loaded": {"component": "light"},
    "on_service_registered": {"service": "dim"},
    "on_homeassistant_start": {},
    "on_homeassistant_stop": {},
    "on_homeassistant_restart": {},
    "on_websocket_connected": {},
    "on_websocket_disconnected": {},
    "on_app_state_changed": {"status": "running"},
    "on_app_running": {"app_key": "lamp"},
    "on_app_stopping": {},
    "on_duly_service_status": {"status": "failed"},
    "on_duly_service_failed": {},
    "on_duly_service_crashed": {},
    "on_duly_service_started": {},
}
LISTENING = list(ARGUMENTS)
ON_LOOP = ["get_listeners", "remove_listener", "remove_all_listeners", "on_error"]


async def handler() -> None:
    """Does nothing."""


async def in_thread(scene: Scene, call: Callable[[], T]) -> T:
    """Call it in a worker thread."""
    return await scene.porch.task_bucket.run_in_thread(call)


@pytest.mark.parametrize("name", [*LISTENING, *ON_LOOP, "emit"])
def test_a_method_of_the_twin_has_the_parameters_of_the_bus(name: str) -> None:
    twin, own = (inspect.signature(getattr(cls, name)) for cls in (BusSyncFacade, Bus))
    assert list(twin.parameters.values()) == list(own.parameters.values())
    assert not is_async_callable(getattr(BusSyncFacade, name))


def test_the_twin_has_all_public_methods_but_those_that_are_not_for_threads() -> None:
    def methods(cls: type) -> set[str]:
        return {name for name, each in vars(cls).items() if inspect.isfunction(each) and not name.startswith("_")}

    not_for_threads = {"on_initialize", "end_intake", "get_listener_db_ids", "get_registrations"}
    assert methods(BusSyncFacade) == methods(Bus) - not_for_threads == {*LISTENING, *ON_LOOP, "emit"}


@pytest.mark.parametrize("name", LISTENING)
def test_a_method_of_the_twin_does_what_that_of_the_bus_does(tmp_path: Path, name: str) -> None:
    async def main(scene: Scene) -> None:
        bus = scene.bus
        own: Subscription = await getattr(bus, name)(handler=handler, name="own", **ARGUMENTS[name])
        twin = await in_thread(scene, lambda: getattr(bus.sync, name)(handler=handler, name="twin", **ARGUMENTS[name]))
        assert isinstance(twin, Subscription)
        assert (twin.topic, twin.listener.options) == (own.topic, own.listener.options)
        assert bus.get_listeners() == [own.listener, twin.listener]
        assert [row["id"] for row in scene.listeners()] == [own.db_id, twin.db_id]
        assert "bus.sync, name)(handler=handler" in scene.listeners()[1]["registration_source"]

    in_scene(tmp_path, main)


def test_a_sync_handler_may_listen_emit_and_cancel(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        heard: list[Any] = []

        def second(event: Event[Any]) -> None:
            heard.append(event.payload.data)

        def first() -> None:
            subscription = scene.bus.sync.on(topic="second", handler=second)
            scene.bus.sync.emit("second", 1)
            subscription.cancel()
            assert subscription.cancelled
            scene.bus.sync.emit("second", 2)

        await scene.bus.on(topic="first", handler=first)
        await scene.emit(0, topic="first")
        assert heard in ([], [1])
        assert {row["status"] for row in await scene.hall.rows()} == {"success"}

    in_scene(tmp_path, main)


def test_an_error_is_that_of_the_bus(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        with pytest.raises(ValueError, match="topic"):
            await in_thread(scene, lambda: scene.bus.sync.on(topic="", handler=handler))
        with pytest.raises(ValueError, match="topic"):
            await in_thread(scene, lambda: scene.bus.sync.emit("*", 1))
        assert scene.bus.get_listeners() == []

    in_scene(tmp_path, main)


@pytest.mark.parametrize("name", LISTENING)
def test_a_method_that_waits_is_refused_on_a_loop_and_registers_nothing(tmp_path: Path, name: str) -> None:
    async def main(scene: Scene) -> None:
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            getattr(scene.bus.sync, name)(handler=handler, **ARGUMENTS[name])
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            scene.bus.sync.emit("lamp", 1)
        assert scene.bus.get_listeners() == []

    in_scene(tmp_path, main)


def test_a_method_that_does_not_wait_works_on_the_loop(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp", handler=handler)
        sync = scene.bus.sync
        assert sync.get_listeners() == [subscription.listener]
        sync.remove_listener(subscription)
        await scene.bus.on(topic="lamp", handler=handler)
        sync.remove_all_listeners()
        assert sync.get_listeners() == []

    in_scene(tmp_path, main)


@pytest.mark.parametrize("command", ["cancel", "remove_listener", "remove_all_listeners"])
def test_what_a_thread_cancels_is_cancelled_on_the_loop_when_the_call_returns(tmp_path: Path, command: str) -> None:
    async def main(scene: Scene) -> None:
        threads: list[int] = []

        class Watched(Bus):
            def _remove(self, listener: Listener) -> None:
                threads.append(threading.get_ident())
                super()._remove(listener)

        bus = scene.porch.add_child(Watched)
        await bus.initialize()
        subscription = await bus.on(topic="lamp", handler=handler, name="watched")
        calls: dict[str, Callable[[], object]] = {
            "cancel": subscription.cancel,
            "remove_listener": lambda: bus.remove_listener(subscription),
            "remove_all_listeners": bus.remove_all_listeners,
        }

        def call() -> bool:
            for _ in range(2):
                calls[command]()
            return subscription.cancelled

        assert await in_thread(scene, call)
        assert threads == [threading.get_ident()]

    in_scene(tmp_path, main)


def test_a_thread_sets_the_handler_of_errors(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        told: list[Any] = []

        async def fail() -> None:
            raise LookupError("no key")

        await in_thread(scene, lambda: scene.bus.sync.on_error(told.append))
        await scene.bus.on(topic="lamp", handler=fail)
        await scene.emit(1)
        await asyncio.sleep(1)
        assert len(told) == 1

    in_scene(tmp_path, main)


def test_over_time_the_attempt_is_undone(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async with writer_held(scene.hall):
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(lambda: scene.bus.sync.on(topic="lamp", handler=handler))
        await eventually(lambda: not scene.bus.get_registrations())
        assert scene.bus.get_listeners() == scene.bus.live.listed() == scene.service.listeners() == []

    in_real_scene(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 0.05})


def test_a_call_that_a_blocked_loop_does_not_take_in_time_registers_nothing(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await gives_up_on_a_blocked_loop(lambda: scene.bus.sync.on(topic="lamp", handler=handler))
        assert scene.bus.live.listed() == []

    in_real_scene(tmp_path, main, lifecycle={"run_sync_timeout_seconds": 0.05})
