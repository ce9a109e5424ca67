"""What becomes of ``serve``."""

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from duly.core.errors import DulyError
from duly.lifecycle import FatalError, ResourceStatus, RestartSpec, RestartType, Service
from tests.lifecycle.house import House, fail, forever, play, turns


class Permanent(Service):
    """Serves as it is told."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec(restart_type=RestartType.PERMANENT)
    act: Callable[[], Awaitable[None]]

    async def serve(self) -> None:
        self.mark_ready("serves")
        await self.act()


class Transient(Permanent):
    """Likewise."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec()


class Temporary(Permanent):
    """Likewise."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec(restart_type=RestartType.TEMPORARY)


class LeakError(FatalError):
    """A fatal error of a kind of its own."""


KINDS = [Permanent, Transient, Temporary]


class Served:
    """A service that ends as soon as it is told, and what became of it."""

    def __init__(self, kind: type[Permanent], act: Callable[[], Any]) -> None:
        self.house = House()
        self.service = self.house.add_child(kind)
        self.go = asyncio.Event()
        self._act = act

    async def end(self) -> None:
        async def act() -> None:
            await self.go.wait()
            result = self._act()
            if asyncio.iscoroutine(result):
                await result

        self.service.act = act
        await self.service.initialize()
        assert (self.service.status, self.service.is_ready()) == (ResourceStatus.RUNNING, True)
        self.go.set()
        await turns()

    @property
    def statuses(self) -> list[str]:
        return self.house.statuses(self.service)


def nothing() -> None:
    """Just return."""


@pytest.mark.parametrize("kind", KINDS)
def test_returning_after_the_request_to_stop_is_stopped(kind: type[Permanent]) -> None:
    async def main() -> None:
        served = Served(kind, nothing)
        served.service.act = served.service.shutdown_event.wait  # type: ignore[assignment]  # its result is not used
        await served.service.initialize()
        await served.service.shutdown()
        assert served.statuses == ["starting", "running", "stopping", "stopped"]
        assert served.house.failures == []

    play(main())


@pytest.mark.parametrize("kind", KINDS)
def test_returning_after_a_mere_request_is_stopped_and_the_stop_still_releases_all(kind: type[Permanent]) -> None:
    async def main() -> None:
        served = Served(kind, nothing)
        hooks: list[str] = []

        async def hook() -> None:
            hooks.append("on_shutdown")

        served.service.on_shutdown = hook  # type: ignore[method-assign]  # stands for a subclass
        served.service.act = served.service.shutdown_event.wait  # type: ignore[assignment]  # its result is not used
        await served.service.initialize()
        task = served.service.task_bucket.spawn(forever())
        await turns()
        served.service.request_shutdown("enough")
        await turns()
        assert (served.service.status, hooks) == (ResourceStatus.STOPPED, [])
        await served.service.shutdown()
        assert (hooks, task.cancelled()) == (["on_shutdown"], True)
        assert served.statuses == ["starting", "running", "stopped"]
        assert served.house.failures == []

    play(main())


@pytest.mark.parametrize("kind", KINDS)
def test_being_cancelled_after_the_request_to_stop_is_stopped(kind: type[Permanent]) -> None:
    async def main() -> None:
        served = Served(kind, forever)
        await served.end()
        await served.service.shutdown()
        assert served.statuses == ["starting", "running", "stopping", "stopped"]
        assert served.house.failures == []

    play(main())


def test_returning_otherwise_is_failed_for_a_permanent_service() -> None:
    async def main() -> None:
        served = Served(Permanent, nothing)
        await served.end()
        assert (served.service.status, str(served.service.exception)) == ("failed", "serve ended unexpectedly")
        assert served.house.failures == [(served.service, served.service.exception)]
        assert not served.service.is_ready()

    play(main())


@pytest.mark.parametrize("kind", [Transient, Temporary])
def test_returning_otherwise_is_stopped_for_the_others_and_said_once(
    kind: type[Permanent], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        served = Served(kind, nothing)
        await served.end()
        assert (served.service.status, served.service.is_ready()) == ("stopped", False)
        assert served.house.failures == []

    with caplog.at_level(logging.INFO):
        play(main())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"Duly.{kind.__name__} has ended by itself and is not restarted")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_being_cancelled_without_request_is_failed(kind: type[Permanent]) -> None:
    async def main() -> None:
        served = Served(kind, forever)
        await served.end()
        for task in served.service.task_bucket.pending_tasks():
            task.cancel()
        await turns()
        assert served.service.status is ResourceStatus.FAILED
        assert str(served.service.exception) == "serve was cancelled without a request to stop"
        assert len(served.house.failures) == 1

    play(main())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [FatalError("on fire"), LeakError("water")], ids=["itself", "a subclass"])
def test_a_fatal_error_crashes_it(kind: type[Permanent], error: FatalError) -> None:
    async def main() -> None:
        served = Served(kind, fail(error))
        await served.end()
        assert (served.service.status, served.service.exception) == ("crashed", error)
        assert served.house.failures == [(served.service, error)]

    play(main())


@pytest.mark.parametrize("kind", KINDS)
def test_any_other_error_is_failed_and_logged_with_its_traceback(
    kind: type[Permanent], caplog: pytest.LogCaptureFixture
) -> None:
    error = OSError("channel closed")

    async def main() -> None:
        served = Served(kind, fail(error))
        await served.end()
        assert (served.service.status, served.service.exception) == ("failed", error)
        assert served.house.failures == [(served.service, error)]
        assert served.service.ready_reason == "serve failed: OSError"

    play(main())
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", f"Duly.{kind.__name__} failed")
    assert record.exc_info
    assert record.exc_info[1] is error


def test_an_error_of_dulys_own_is_logged_by_its_message_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        served = Served(Transient, fail(DulyError("no stage")))
        await served.end()
        assert served.service.status is ResourceStatus.FAILED

    play(main())
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "Duly.Transient failed: no stage")
    assert not record.exc_info


def test_an_error_that_the_service_names_as_fatal_crashes_it(caplog: pytest.LogCaptureFixture) -> None:
    class Picky(Transient):
        restart_spec: ClassVar[RestartSpec] = RestartSpec(fatal_error_names=("OSError",))

    async def main() -> None:
        served = Served(Picky, fail(FileNotFoundError("stage")))
        await served.end()
        assert served.service.status is ResourceStatus.CRASHED
        assert len(served.house.failures) == 1

    play(main())
    assert caplog.records == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=["KeyboardInterrupt", "SystemExit"])
def test_an_exit_is_stopped_and_counts_as_a_request_to_stop(error: BaseException) -> None:
    async def main() -> None:
        served = Served(Permanent, fail(error))
        await served.end()
        assert served.service.status is ResourceStatus.STOPPED
        assert served.house.shutdown_event.is_set()
        assert served.house.failures == []

    play(main())


def test_an_error_while_it_stops_is_logged_and_the_end_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def break_off() -> None:
            try:
                await forever()
            finally:
                raise ValueError("too late")

        served = Served(Permanent, break_off)
        await served.end()
        await served.service.shutdown()
        assert served.statuses == ["starting", "running", "stopping", "stopped"]
        assert served.house.failures == []

    play(main())
    assert [record.getMessage() for record in caplog.records] == ["Duly.Permanent failed"]


def test_a_serve_that_fails_at_once_lets_no_further_hook_of_the_start_run() -> None:
    class Broken(Permanent):
        restart_spec: ClassVar[RestartSpec] = RestartSpec()

        async def after_initialize(self) -> None:
            raise AssertionError("not reached")

    async def main() -> None:
        house = House()
        broken = house.add_child(Broken)
        error = ValueError("no")

        async def act() -> None:
            raise error

        broken.act = act
        await broken.initialize()
        assert (broken.status, house.failures) == (ResourceStatus.FAILED, [(broken, error)])

    play(main())


def test_a_failed_service_is_started_again_with_all_of_its_last_life_released() -> None:
    async def main() -> None:
        served = Served(Transient, fail(ValueError("no")))
        await served.end()
        task = served.service.task_bucket.spawn(forever())
        served.service.act = forever
        await served.service.initialize()
        assert (task.cancelled(), served.service.status) == (True, ResourceStatus.RUNNING)
        assert served.statuses == ["starting", "running", "failed", "stopping", "stopped", "starting", "running"]

    play(main())


def test_a_concrete_service_without_restart_spec_is_warned_about() -> None:
    with pytest.warns(UserWarning, match="Careless is a service without a restart_spec of its own") as caught:

        class Careless(Service):
            async def serve(self) -> None: ...

    assert caught[0].filename == __file__


def test_an_abstract_service_needs_no_restart_spec() -> None:
    with warnings.catch_warnings(record=True) as caught:

        class Abstract(Service):
            """Has no serve yet."""

    assert caught == []
    assert Abstract.restart_spec == RestartSpec()


def test_the_defaults_of_a_restart_spec() -> None:
    spec = RestartSpec()
    assert (spec.restart_type, spec.budget_intensity, spec.budget_period_seconds) == (RestartType.TRANSIENT, 5, 300.0)
    assert (spec.backoff_base_seconds, spec.backoff_multiplier, spec.backoff_max_seconds) == (2.0, 2.0, 60.0)
    assert (spec.startup_timeout_seconds, spec.cooldown_seconds, spec.max_cooldown_cycles) == (30.0, 300.0, 0)
    assert (spec.non_retryable_error_names, spec.fatal_error_names) == ((), ())
    with pytest.raises(FrozenInstanceError):
        spec.budget_intensity = 6  # type: ignore[misc]  # that it is frozen is what is proved


@pytest.mark.parametrize(("number", "seconds"), [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (7, 60), (10_000, 60)])
def test_the_wait_before_a_restart_doubles_up_to_its_maximum(number: int, seconds: float) -> None:
    assert RestartSpec().backoff_seconds(number) == seconds
