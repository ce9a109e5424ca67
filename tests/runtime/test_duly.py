"""The root: its parts, its start and its end, without a process of its own."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from contextvars import copy_context
from dataclasses import FrozenInstanceError
from io import StringIO
from typing import Any, ClassVar

import pytest

from duly.apps import AppHandler, AppStatus
from duly.config import DulyConfig
from duly.config.errors import DulyNotInitializedError
from duly.core import clock
from duly.core.clock import nanoseconds
from duly.events import DulyAppLoadCompletedEvent, DulyAppStateEvent, DulyServiceEvent, Event, Topic
from duly.history import DatabaseService, LoggingService, SessionManager
from duly.lifecycle import FatalError, Resource, ResourceStatus, RestartSpec, Service, current_bucket, part
from duly.lifecycle.waves import waves_of
from duly.runtime import Duly, OffPart
from duly.runtime.wiring import after
from duly.scheduler import SchedulerService
from tests.executor.plant import rows_of, until
from tests.runtime.ground import Ground
from tests.runtime.living import live

NO_TOKEN = "no Home Assistant token: running without it; set DULY__TOKEN to connect"  # noqa: S105 - a message


def run(duly: Callable[[], Duly]) -> tuple[int, Duly]:
    """Run it until it ends by itself."""

    async def main() -> tuple[int, Duly]:
        root = duly()
        return await root.run_forever(), root

    return asyncio.run(main())


async def nothing(_: Duly) -> None:
    """Be there."""


def alone(act: Callable[[], None]) -> None:
    """In a context of its own."""
    copy_context().run(act)


# --- one per context --------------------------------------------------------------------------------------------------


def test_a_second_one_in_a_context_is_refused(ground: Ground) -> None:
    def act() -> None:
        Duly(ground.settings())
        with pytest.raises(RuntimeError, match="has a Duly already"):
            Duly(ground.settings())

    alone(act)


def test_another_context_may_have_another(ground: Ground) -> None:
    def act() -> None:
        mine = Duly(ground.settings())
        alone(lambda: None)
        assert Duly.get_instance() is mine

    alone(act)
    alone(act)


def test_another_may_follow_one_that_has_ended(ground: Ground) -> None:
    async def main() -> None:
        for _ in range(2):
            duly = Duly(ground.settings())
            duly.request_shutdown("at once")
            assert await duly.run_forever() == 0

    asyncio.run(main())


def test_one_that_has_run_does_not_run_again(ground: Ground) -> None:
    async def main() -> None:
        duly = Duly(ground.settings())
        duly.request_shutdown("at once")
        await duly.run_forever()
        with pytest.raises(RuntimeError, match="has run already"):
            await duly.run_forever()

    asyncio.run(main())


def test_without_one_there_is_no_instance() -> None:
    def act() -> None:
        with pytest.raises(DulyNotInitializedError):
            Duly.get_instance()

    alone(act)


def test_one_that_has_ended_is_no_instance(ground: Ground) -> None:
    async def main() -> None:
        duly = Duly(ground.settings())
        duly.request_shutdown("at once")
        await duly.run_forever()
        with pytest.raises(DulyNotInitializedError):
            Duly.get_instance()

    asyncio.run(main())


def test_code_that_runs_in_it_finds_it_and_its_settings(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        assert Duly.get_instance() is duly
        assert DulyConfig.get_config() is duly.config
        assert await duly.worker_pool.run(Duly.get_instance) is duly

    assert live(lambda: Duly(ground.settings()), act) == 0


# --- parts ------------------------------------------------------------------------------------------------------------


def wired(config: DulyConfig, **options: Any) -> Duly:  # noqa: ANN401 - of the root
    def make() -> Duly:
        duly = Duly(config, **options)
        duly.wire_services()
        return duly

    return copy_context().run(make)


def names(duly: Duly) -> list[str]:
    return [type(child).__name__ for child in duly.children]


PARTS = [
    "DatabaseService",
    "WorkerPoolService",
    "SessionManager",
    "LoggingService",
    "CommandExecutor",
    "BusService",
    "SchedulerService",
    "CacheStore",
    "AppHandler",
]


def test_wiring_makes_the_parts_and_starts_none(ground: Ground) -> None:
    duly = wired(ground.settings())
    assert names(duly) == PARTS
    assert {child.status for child in duly.children} == {ResourceStatus.NOT_STARTED}
    assert not ground.data.exists()


def test_parts_start_in_waves_and_stop_the_other_way_round(ground: Ground) -> None:
    duly = wired(ground.settings(dev_mode=True))
    assert [[type(child).__name__ for child in wave] for wave in waves_of(duly.children, after=after(None))] == [
        ["DatabaseService", "WorkerPoolService", "CacheStore"],
        ["SessionManager", "LoggingService"],
        ["CommandExecutor"],
        ["BusService", "SchedulerService"],
        ["AppHandler"],
        ["FileWatcherService"],
    ]


def test_wiring_again_does_nothing(ground: Ground) -> None:
    duly = wired(ground.settings())
    duly.wire_services()
    assert names(duly) == PARTS


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "files are not watched outside dev mode: set allow_reload_in_prod to reload apps that change"),
        (
            {"dev_mode": True, "file_watcher": {"watch_files": False}},
            "files are not watched: file_watcher.watch_files is false",
        ),
    ],
    ids=["production", "switched off"],
)
def test_files_are_not_watched(ground: Ground, settings: dict[str, Any], reason: str) -> None:
    duly = wired(ground.settings(**settings))
    assert names(duly) == PARTS
    assert OffPart("FileWatcherService", reason) in duly.off


@pytest.mark.parametrize(
    "settings", [{"dev_mode": True}, {"allow_reload_in_prod": True}], ids=lambda each: next(iter(each))
)
def test_files_are_watched(ground: Ground, settings: dict[str, Any]) -> None:
    duly = wired(ground.settings(**settings))
    assert names(duly) == [*PARTS, "FileWatcherService"]
    assert "FileWatcherService" not in [each.name for each in duly.off]


@pytest.mark.parametrize("name", ["WebsocketService", "ApiResource", "StateProxy"])
def test_without_a_token_the_link_to_home_assistant_is_off(ground: Ground, name: str) -> None:
    assert OffPart(name, NO_TOKEN) in wired(ground.settings()).off


@pytest.mark.parametrize(
    ("serve", "reason"), [(True, "no dashboard is served yet"), (False, "no dashboard is served: web_api.run is false")]
)
def test_no_api_is_served(ground: Ground, serve: bool, reason: str) -> None:
    assert OffPart("WebApiService", reason) in wired(ground.settings(web_api={"run": serve})).off


def test_why_parts_are_off_is_said_once_each(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "duly"):
        live(lambda: Duly(ground.settings()), nothing)
    assert [record.levelname for record in caplog.records if record.message == NO_TOKEN] == ["INFO"]


def test_without_logs_nobody_takes_log_records(ground: Ground) -> None:
    assert "LoggingService" not in names(wired(ground.settings(), logs=False))


def test_parts_that_do_not_fit_together_end_it_with_code_1(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    class Lost(Resource):
        depends_on = [LoggingService]  # noqa: RUF012 - as its base says

    def make() -> Duly:
        duly = Duly(ground.settings(), logs=False)
        duly.add_child(Lost)
        return duly

    code, _ = run(make)
    assert code == 1
    assert "Lost depends on LoggingService, which is not wired" in caplog.text
    assert not ground.data.exists()


# --- start and stop ---------------------------------------------------------------------------------------------------


def test_all_parts_are_ready_when_it_is_and_stopped_when_it_has_ended(ground: Ground) -> None:
    roots: list[Duly] = []

    async def act(duly: Duly) -> None:
        roots.append(duly)
        assert {child.is_ready() for child in duly.children} == {True}
        assert (duly.status, duly.ready_reason) == (ResourceStatus.RUNNING, "initialized")

    assert live(lambda: Duly(ground.settings()), act) == 0
    assert {child.status for child in roots[0].children} == {ResourceStatus.STOPPED}
    assert roots[0].status is ResourceStatus.STOPPED


def test_a_stop_that_is_asked_for_before_the_start_starts_nothing(ground: Ground) -> None:
    async def main() -> None:
        duly = Duly(ground.settings())
        duly.request_shutdown("at once")
        assert await duly.run_forever() == 0
        assert {child.status for child in duly.children} == {ResourceStatus.NOT_STARTED}

    asyncio.run(main())
    assert not ground.ledger.exists()


def test_a_stop_may_be_asked_for_from_another_thread(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        threading.Thread(target=duly.request_shutdown, args=("enough",)).start()
        await duly.shutdown_event.wait()

    assert live(lambda: Duly(ground.settings()), act) == 0


def test_a_stop_may_be_asked_for_from_another_thread_while_the_configuration_is_checked(ground: Ground) -> None:
    ask = "from duly.runtime import Duly\nDuly.get_instance().request_shutdown('enough')\n"
    end = ground.apps / "end"
    wait = f"import pathlib, threading\nwhile not pathlib.Path({str(end)!r}).exists(): threading.Event().wait(0.01)\n"
    (ground.apps / "hasty.py").write_text(ask + wait, "utf-8")
    code, duly = run(lambda: Duly(ground.settings()))
    assert code == 0
    assert {child.status for child in duly.children} == {ResourceStatus.NOT_STARTED}
    assert not ground.data.exists()
    assert "apps.hasty" in sys.modules  # its import goes on
    end.touch()
    asyncio.run(until(lambda: "apps.hasty" not in sys.modules))


def test_cancelling_it_stops_it_in_order(ground: Ground) -> None:
    async def main() -> None:
        duly = Duly(ground.settings())
        running = asyncio.create_task(duly.run_forever())
        await until(duly.is_ready)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert duly.status is ResourceStatus.STOPPED

    asyncio.run(main())
    assert rows_of(ground.ledger, "sessions")[0]["status"] == "success"


def test_initialize_and_shutdown_alone_do_for_a_host_of_another_kind(ground: Ground) -> None:
    async def main() -> None:
        duly = Duly(ground.settings(), logs=False)
        duly.wire_services()
        await duly.initialize()
        assert duly.is_ready()
        await duly.shutdown()
        assert duly.ended

    asyncio.run(main())


def test_signal_handlers_are_those_of_before_when_it_has_ended(ground: Ground) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    live(lambda: Duly(ground.settings()), nothing)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_asks_for_the_stop(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    async def act(duly: Duly) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await duly.shutdown_event.wait()

    with caplog.at_level(logging.INFO, "duly"):
        assert live(lambda: Duly(ground.settings()), act) == 0
    assert "stopped: SIGTERM" in caplog.messages


def test_tasks_without_an_owner_are_the_roots_and_end_with_it(ground: Ground) -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def act(duly: Duly) -> None:
        assert current_bucket() is None
        tasks.append(asyncio.create_task(asyncio.Event().wait()))
        assert tasks[0] in duly.task_bucket.pending_tasks()

    assert live(lambda: Duly(ground.settings()), act) == 0
    assert tasks[0].cancelled()


@pytest.mark.parametrize("debug", [False, True])
def test_the_debug_mode_of_asyncio_is_as_the_settings_say(ground: Ground, debug: bool) -> None:
    async def act(duly: Duly) -> None:
        assert asyncio.get_running_loop().get_debug() is debug

    live(lambda: Duly(ground.settings(asyncio_debug_mode=debug)), act)


# --- why it ends ------------------------------------------------------------------------------------------------------


def test_a_fatal_reason_is_code_1_and_stored_with_the_session(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    async def act(duly: Duly) -> None:
        duly.fail("Duly.Oven", FatalError("on fire"))
        duly.fail("Duly.Pump", FatalError("wet"))

    assert live(lambda: Duly(ground.settings()), act) == 1
    row = rows_of(ground.ledger, "sessions")[0]
    assert (row["status"], row["error_type"], row["error_message"]) == ("failure", "FatalError", "on fire")
    last = caplog.records[-1]
    assert (last.levelname, last.getMessage()) == ("CRITICAL", "ended because Duly.Oven failed: on fire")


def test_a_service_that_crashes_ends_it(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        scheduler = part(duly, SchedulerService)
        error = FatalError("on fire")
        scheduler.set_status(ResourceStatus.CRASHED, exception=error)
        duly.on_service_failed(scheduler, error)
        await duly.shutdown_event.wait()

    assert live(lambda: Duly(ground.settings()), act) == 1


def test_a_service_that_fails_is_restarted(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        service: Service = part(duly, SchedulerService)
        (serve,) = [task for task in service.task_bucket.pending_tasks() if task.get_name().endswith(".serve")]
        serve.cancel()
        await until(lambda: service.status is ResourceStatus.FAILED)
        await until(service.is_ready)

    assert live(lambda: Duly(ground.settings()), act) == 0


def test_a_ledger_that_cannot_be_used_ends_the_start_before_any_app(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.data.mkdir()
    ground.ledger.write_text("no ledger" * 1_000)
    ground.app("porch", 'async def on_initialize(self):\n    raise AssertionError("not reached")')
    code, duly = run(lambda: Duly(ground.settings()))
    assert code == 1
    assert part(duly, AppHandler).status in {ResourceStatus.NOT_STARTED, ResourceStatus.STOPPED}
    assert part(duly, AppHandler).snapshot().apps == ()
    last = caplog.records[-1]
    assert last.levelname == "CRITICAL"
    assert str(ground.ledger) in last.getMessage()
    assert last.exc_info is None


def test_a_required_part_that_fails_ends_the_start_with_its_error(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Resource):
        async def on_initialize(self) -> None:
            raise OSError("no")

    def make() -> Duly:
        duly = Duly(ground.settings())
        duly.add_child(Broken)
        return duly

    code, duly = run(make)
    assert code == 1
    assert {child.status for child in duly.children} == {ResourceStatus.STOPPED}
    assert caplog.records[-1].getMessage() == "ended because the start failed: no"


def test_a_required_part_that_is_not_ready_in_time_ends_the_start(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(Resource):
        depends_on = [SessionManager]  # noqa: RUF012 - as its base says

        async def on_initialize(self) -> None:
            await asyncio.Event().wait()

    def make() -> Duly:
        duly = Duly(ground.settings(lifecycle={"startup_timeout_seconds": 1}))
        duly.add_child(Slow)
        return duly

    assert run(make)[0] == 1
    assert "ended because the start failed: not ready within" in caplog.records[-1].getMessage()
    assert "Duly.Slow" in caplog.records[-1].getMessage()
    assert rows_of(ground.ledger, "sessions")[0]["status"] == "failure"


def test_an_error_in_the_check_itself_is_code_1(
    ground: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(_: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(DulyConfig, "ensure_directories", raising)
    assert run(lambda: Duly(ground.settings()))[0] == 1
    assert caplog.records[-1].getMessage() == "ended because the check of the configuration failed: no"
    assert caplog.records[-1].exc_info


def test_a_wrong_configuration_is_code_2_and_told_on_standard_error(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(lambda: Duly(ground.settings(apps={"porch": {"filename": "gone.py", "class_name": "Porch"}})))
    assert code == 2
    assert "key    apps.porch.filename\n" in capsys.readouterr().err
    assert not ground.data.exists()


# --- what it tells ----------------------------------------------------------------------------------------------------


def heard(ground: Ground, by: Callable[[Event[Any]], object]) -> Duly:
    """One whose events go to somebody."""
    duly = Duly(ground.settings())
    duly.wire_services()
    duly.announce_with(by)
    return duly


def test_it_says_in_one_line_what_runs(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    async def act(duly: Duly) -> None:
        line = " is running; apps: 1 running, 0 degraded, 1 failed, 0 blocked; jobs: 1; dashboard: none"
        await until(lambda: any(message.endswith(line) for message in caplog.messages))

    ground.app("good", "async def on_initialize(self):\n    await self.scheduler.run_in(print, 1000)")
    ground.app("bad", "async def on_initialize(self):\n    raise OSError")
    with caplog.at_level(logging.INFO, "duly"):
        live(lambda: Duly(ground.settings()), act)


def test_a_snapshot_tells_all(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        snapshot = duly.snapshot()
        assert (snapshot.version, snapshot.phase, snapshot.ready) == ("0.1.0.dev0", "running", True)
        assert [service.name for service in snapshot.services] == PARTS
        first = snapshot.services[0]
        assert (first.status, first.ready, first.reason, first.required) == ("running", True, "open", True)
        assert (first.retry_at, first.exception) == (None, None)
        assert snapshot.off == duly.off
        assert snapshot.pool is not None
        assert snapshot.pool.busy == 0
        assert snapshot.apps is not None
        assert snapshot.apps.counts[AppStatus.RUNNING] == 1
        assert snapshot.drops is not None
        assert (snapshot.drops.writes, snapshot.drops.log_records) == (0, 0)
        with pytest.raises(FrozenInstanceError):
            snapshot.phase = "gone"  # type: ignore[misc]  # that it is frozen is what is proved

    ground.app("porch", "pass")
    live(lambda: Duly(ground.settings()), act)


def test_a_snapshot_may_be_taken_before_anything_is_wired(ground: Ground) -> None:
    snapshot = copy_context().run(lambda: Duly(ground.settings()).snapshot())
    assert (snapshot.phase, snapshot.services, snapshot.pool, snapshot.apps) == ("not_started", (), None, None)


def test_a_snapshot_tells_why_a_service_does_not_run(ground: Ground) -> None:
    duly = wired(ground.settings())
    part(duly, DatabaseService).set_status(ResourceStatus.STARTING)
    part(duly, DatabaseService).set_status(ResourceStatus.FAILED, exception=OSError("no"))
    first = duly.snapshot().services[0]
    assert (first.status, first.exception) == ("failed", "OSError: no")


def test_a_service_that_rests_is_shown_with_the_end_of_its_rest(ground: Ground) -> None:
    class Tired(Service):
        restart_spec: ClassVar[RestartSpec] = RestartSpec(budget_intensity=0)
        required: ClassVar[bool] = False

        async def serve(self) -> None:
            raise OSError("no")

    events: list[Event[Any]] = []

    async def act(duly: Duly) -> None:
        tired = duly.add_child(Tired)
        tired.start()
        await until(lambda: tired.status is ResourceStatus.EXHAUSTED_COOLING)
        last = duly.snapshot().services[-1]
        assert (last.name, last.status, last.exception) == ("Tired", "exhausted_cooling", "OSError: no")
        assert last.retry_at is not None
        assert events[-1].payload.data.retry_at == last.retry_at
        left = (nanoseconds(last.retry_at) - clock.current().now()) / clock.SECOND
        assert 290 < left <= 300
        duly.children.remove(tired)
        await tired.shutdown()

    assert live(lambda: heard(ground, events.append), act) == 0


def test_while_it_checks_the_configuration_the_snapshot_says_so(ground: Ground) -> None:
    ask = "from duly.runtime import Duly\nprint('phase', Duly.get_instance().snapshot().phase)\n"
    (ground.apps / "curious.py").write_text(ask, "utf-8")
    with redirect_stdout(StringIO()) as out:
        live(lambda: Duly(ground.settings()), nothing)
    assert out.getvalue() == "phase checking\n"


def test_events_tell_how_parts_and_apps_stand(ground: Ground) -> None:
    events: list[Event[Any]] = []

    ground.app("porch", "pass")
    live(lambda: heard(ground, events.append), nothing)
    of_database = [
        (event.payload.data.status, event.payload.data.previous_status, event.payload.data.ready)
        for event in events
        if isinstance(event, DulyServiceEvent) and event.payload.data.resource_name == "Duly.DatabaseService"
    ]
    assert of_database == [
        ("starting", "not_started", False),
        ("running", "starting", False),
        ("running", "running", True),
        ("stopping", "running", True),
        ("stopping", "stopping", False),
        ("stopped", "stopping", False),
    ]
    assert {type(event) for event in events} == {DulyServiceEvent, DulyAppStateEvent, DulyAppLoadCompletedEvent}
    assert {event.topic for event in events if isinstance(event, DulyServiceEvent)} == {Topic.DULY_EVENT_SERVICE_STATUS}
    roles = {event.payload.data.role for event in events if isinstance(event, DulyServiceEvent)}
    assert roles == {"root", "service", "resource"}


def test_an_event_tells_the_error(ground: Ground) -> None:
    duly, events = wired(ground.settings()), list[Event[Any]]()
    duly.announce_with(events.append)
    database = part(duly, DatabaseService)
    database.set_status(ResourceStatus.STARTING)
    database.set_status(ResourceStatus.FAILED, exception=OSError("no"))
    data = events[-1].payload.data
    assert (data.exception, data.exception_type, data.retry_at) == ("no", "OSError", None)
    assert data.exception_traceback == "OSError: no\n"


def test_who_listens_does_not_affect_the_parts(ground: Ground) -> None:
    def broken(_: object) -> None:
        raise ValueError("no")

    assert live(lambda: heard(ground, broken), nothing) == 0
