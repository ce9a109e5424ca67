"""Apps start side by side, their instances one after the other; what fails concerns that instance only."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import get_contextvars

from duly.apps import App, AppConfig
from duly.core.clock import SECOND
from duly.core.errors import DulyError
from duly.lifecycle import FatalError
from tests.apps.stage import Stage, on_stage, started
from tests.lifecycle.house import forever, stubborn
from tests.scheduler.yard import BEGIN, until


class PorchConfig(AppConfig):
    delay: int = 1
    token: int = 1


class Porch(App[PorchConfig]):
    async def on_initialize(self) -> None:
        await self.scheduler.run_every(self.sweep, seconds=10, name="sweep")

    async def sweep(self) -> None:
        pass


class Slow(App[PorchConfig]):
    """Takes as long as it is told."""

    async def on_initialize(self) -> None:
        await self.scheduler.run_every(print, seconds=10, name="sweep")
        await asyncio.sleep(self.app_config.delay)


def test_an_app_starts_and_its_jobs_run(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            assert stage.statuses() == ["running", "running"]
            await until(25)
            assert await stage.slots("sweep") == [(10.0, "success"), (20.0, "success")]

    on_stage(tmp_path, main)


def test_keys_start_at_once_and_instances_in_order(tmp_path: Path) -> None:
    begun: list[tuple[str, float]] = []

    class Noted(App[PorchConfig]):
        async def on_initialize(self) -> None:
            begun.append((self.unique_name, (self.now() - BEGIN).total("seconds")))
            await asyncio.sleep(self.app_config.delay)

    async def main(stage: Stage) -> None:
        stage.add_app(Noted, {"delay": 2}, {"delay": 3, "instance_name": "b"}, key="one")
        stage.add_app(Noted, {"delay": 4}, key="two")
        async with started(stage):
            assert begun == [("one/Porch.0", 0.0), ("two/Porch.0", 0.0), ("one/b", 2.0)]
            assert (stage.app("one").now() - BEGIN).total("seconds") == 5.0

    on_stage(tmp_path, main)


def test_nothing_starts_of_a_disabled_app(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, enabled=False)
        async with started(stage):
            assert stage.statuses() == ["disabled"]
            assert stage.apps.instances("porch") == []

    on_stage(tmp_path, main)


FAILURES: dict[str, tuple[BaseException, str]] = {
    "error": (ValueError("no lamp"), "ValueError: no lamp"),
    "without text": (ValueError(), "ValueError"),
    "of duly": (DulyError("no lamp is configured"), "no lamp is configured"),
    "fatal": (FatalError("no lamp at all"), "no lamp at all"),
    "exit": (SystemExit(3), "RuntimeError: porch/Porch.0 called sys.exit() in its start: raise an error instead"),
    "cancelled": (asyncio.CancelledError(), "RuntimeError: the start of porch/Porch.0 was cancelled from within"),
}


@pytest.mark.parametrize("hook", ["before_initialize", "on_initialize", "after_initialize"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_hook_that_raises_fails_this_instance_and_leaves_nothing(tmp_path: Path, kind: str, hook: str) -> None:
    error, message = FAILURES[kind]
    tasks: list[asyncio.Task[Any]] = []

    async def act(self: App[Any]) -> None:
        if self.index == 1:
            return
        await self.scheduler.run_every(print, seconds=10)
        tasks.append(asyncio.create_task(forever()))
        tasks.append(self.task_bucket.spawn(forever()))
        raise error

    failing: type[App[Any]] = type("Failing", (App,), {hook: act, "__module__": __name__})

    async def main(stage: Stage) -> None:
        stage.add_app(failing, {}, {})
        stage.add_app(Porch, key="other")
        async with started(stage):
            assert stage.statuses() == ["degraded", "failed", "running"]
            assert stage.statuses("other") == ["running", "running"]
            shown = stage.shown()
            assert (shown.error_message, shown.instances[0].error_message) == (message, message)
            assert "Traceback" in (shown.error_traceback or "")
            assert [job.app_key for job in await stage.scheduler.get_all_jobs()] == ["other"]
            assert [task.cancelled() for task in tasks] == [True, True]
            assert [app.index for app in stage.apps.instances("porch")] == [1]
            assert len(stage.apps.children) == 2
            assert stage.house.failures == []

    on_stage(tmp_path, main)


def test_a_failure_is_logged_with_its_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(App[PorchConfig]):
        async def on_initialize(self) -> None:
            raise ValueError("no lamp")

    async def main(stage: Stage) -> None:
        stage.add_app(Failing)
        async with started(stage):
            (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
            assert record.exc_info is not None
            assert record.getMessage() == "instance failed: app=porch/Porch.0"
            assert vars(record)["app_key"] == "porch"

    on_stage(tmp_path, main)


def test_an_instance_that_needs_too_long_fails_and_is_undone(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {"delay": 60}, {"delay": 1})
        async with started(stage):
            await until(20.5)
            assert stage.statuses()[:2] == ["degraded", "failed"]
            assert "porch/Porch.0 did not start within 20 s" in (stage.shown().error_message or "")
            await until(30)
            assert stage.statuses() == ["degraded", "failed", "running"]
            assert [job.instance_index for job in await stage.scheduler.get_all_jobs()] == [1]

    on_stage(tmp_path, main)


def test_the_handler_is_ready_when_all_have_started_or_failed(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {"delay": 3})
        stage.add_app(ValueError("no file"), key="other")
        async with started(stage):
            assert stage.apps.is_ready()
            assert stage.seconds() == 3.0

    on_stage(tmp_path, main)


def test_it_is_ready_just_before_its_limit_and_slow_ones_go_on(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {"delay": 15}, {"delay": 15})
        async with started(stage):
            assert stage.apps.startup_limit == 20
            assert stage.apps.is_ready()
            assert 18 <= stage.seconds() < 20
            assert stage.statuses() == ["running", "running", "starting"]
            await until(31)
            assert stage.statuses() == ["running", "running", "running"]

    on_stage(tmp_path, main)


def test_one_that_clings_to_its_start_is_forced_to_end(tmp_path: Path) -> None:
    cancellations: list[int] = []

    class Clinging(App[PorchConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(print, seconds=10)
            await stubborn(cancellations, swallow=2)

    async def main(stage: Stage) -> None:
        stage.add_app(Clinging)
        stage.add_app(Porch, key="other")
        async with started(stage):
            await until(60)
            assert stage.statuses() == ["failed", "failed"]
            assert stage.statuses("other") == ["running", "running"]
            assert [job.app_key for job in await stage.scheduler.get_all_jobs()] == ["other"]

    on_stage(tmp_path, main)
    assert len(cancellations) >= 2


def test_a_start_that_clings_is_not_waited_for_again_at_the_stop(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        over = asyncio.Event()

        class Clinging(App[PorchConfig]):
            async def on_initialize(self) -> None:
                while not over.is_set():
                    with suppress(asyncio.CancelledError):
                        await over.wait()

        stage.add_app(Clinging)
        async with started(stage):
            await until(60)
            begun = stage.clock.now()
            await stage.apps.shutdown()
            assert stage.clock.now() - begun < SECOND
            over.set()

    on_stage(tmp_path, main)


def test_an_app_that_cannot_be_loaded_fails_as_a_whole(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(ImportError("no module"), {}, {})
        stage.add_app(Porch, key="other")
        async with started(stage):
            assert stage.statuses() == ["failed", "failed", "failed"]
            assert stage.shown().error_message == "ImportError: no module"
            assert [instance.error_message for instance in stage.shown().instances] == 2 * ["ImportError: no module"]
            assert stage.statuses("other") == ["running", "running"]

    on_stage(tmp_path, main)


def test_a_configuration_that_is_refused_fails_its_instance_and_is_told_by_field(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"delay": "long", "token": "abcdefghijklmnop"}, {"delay": 2})
        async with started(stage):
            assert stage.statuses() == ["degraded", "failed", "running"]
            message = stage.shown().error_message or ""
            assert message.startswith("invalid config of app porch, instance 0: delay: Input should be a valid integer")
            assert 'not "long"' in message
            assert "abcdefghijklmnop" not in message
            assert "token" in message

    on_stage(tmp_path, main)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("lamp"), "KeyError: 'lamp'"),
        (SystemExit(3), "RuntimeError: the configuration called sys.exit(3): raise a ValueError instead"),
    ],
    ids=["error", "exit"],
)
def test_a_validator_that_raises_anything_fails_its_instance(
    tmp_path: Path, error: BaseException, message: str
) -> None:
    class Config(AppConfig):
        def model_post_init(self, context: object, /) -> None:
            raise error

    class Picky(App[Config]):
        pass

    async def main(stage: Stage) -> None:
        stage.add_app(Picky)
        async with started(stage):
            assert stage.shown().error_message == message

    on_stage(tmp_path, main)


def test_of_two_instances_of_one_name_the_second_fails(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"instance_name": "a"}, {"instance_name": "a"}, {"instance_name": "b"})
        async with started(stage):
            assert stage.statuses() == ["degraded", "running", "failed", "running"]
            assert "instance_name: must differ from that of instance 0, not 'a'" in (stage.shown().error_message or "")

    on_stage(tmp_path, main)


def test_all_configurations_are_checked_before_anything_starts(tmp_path: Path) -> None:
    events: list[str] = []

    class Config(AppConfig):
        def model_post_init(self, context: object, /) -> None:
            events.append("checked")

    class Noted(App[Config]):
        async def on_initialize(self) -> None:
            events.append("started")

    async def main(stage: Stage) -> None:
        stage.add_app(Noted, {}, {})
        stage.add_app(Noted, key="other")
        async with started(stage):
            assert events == 3 * ["checked"] + 3 * ["started"]

    on_stage(tmp_path, main)


def test_the_executor_knows_the_names_of_instances(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {}, {"instance_name": "back"})
        async with started(stage):
            assert [stage.executor.instance_names("porch", index) for index in (0, 1, 2)] == ["Porch.0", "back", None]
            assert stage.executor.instance_names("hall", 0) is None

    on_stage(tmp_path, main)


def test_what_an_app_logs_tells_whose_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Talking(App[PorchConfig]):
        async def on_initialize(self) -> None:
            self.logger.warning("from the logger")

    async def main(stage: Stage) -> None:
        stage.add_app(Talking)
        async with started(stage):
            (record,) = [record for record in caplog.records if record.getMessage() == "from the logger"]
            fields = ("app_key", "instance_name", "instance_index", "source_tier")
            assert [vars(record)[field] for field in fields] == ["porch", "Porch.0", 0, "app"]

    on_stage(tmp_path, main)


def test_hooks_and_their_tasks_know_whose_they_are(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    class Asking(App[PorchConfig]):
        async def on_initialize(self) -> None:
            seen.append(get_contextvars())
            await asyncio.create_task(self.ask())

        async def on_shutdown(self) -> None:
            seen.append(get_contextvars())

        async def ask(self) -> None:
            seen.append(get_contextvars())

    async def main(stage: Stage) -> None:
        stage.add_app(Asking)
        async with started(stage):
            pass

    on_stage(tmp_path, main)
    assert seen == 3 * [{"app_key": "porch", "instance_name": "Porch.0", "instance_index": 0}]
