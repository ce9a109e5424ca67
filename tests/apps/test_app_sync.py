"""An app of plain functions: its hooks run in worker threads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from duly.apps import AppConfig, AppSync
from duly.context import CURRENT_EXECUTION_ID
from duly.lifecycle import CannotOverrideFinalError
from tests.apps.stage import Stage, on_stage, started
from tests.scheduler.yard import until

UP = ["before_initialize_sync", "on_initialize_sync", "after_initialize_sync"]
DOWN = ["before_shutdown_sync", "on_shutdown_sync", "after_shutdown_sync"]


@pytest.mark.parametrize("hook", [name.removesuffix("_sync") for name in UP + DOWN])
def test_the_async_hooks_are_final(hook: str) -> None:
    with pytest.raises(CannotOverrideFinalError, match=f"override {hook}_sync"):
        type("Wrong", (AppSync,), {hook: None, "__module__": __name__})


def test_its_hooks_run_in_worker_threads_in_order(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []

    class Porch(AppSync[AppConfig]):
        def note(self, hook: str) -> None:
            seen.append((hook, threading.current_thread().name.startswith("duly-sync")))

        def before_initialize_sync(self) -> None:
            self.note("before_initialize_sync")

        def on_initialize_sync(self) -> None:
            self.note("on_initialize_sync")

        def after_initialize_sync(self) -> None:
            self.note("after_initialize_sync")

        def before_shutdown_sync(self) -> None:
            self.note("before_shutdown_sync")

        def on_shutdown_sync(self) -> None:
            self.note("on_shutdown_sync")

        def after_shutdown_sync(self) -> None:
            self.note("after_shutdown_sync")

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            assert seen == [(hook, True) for hook in UP]
        assert seen == [(hook, True) for hook in UP + DOWN]

    on_stage(tmp_path, main)


def test_it_schedules_through_the_blocking_twin(tmp_path: Path) -> None:
    ran: list[bool] = []

    class Porch(AppSync[AppConfig]):
        def on_initialize_sync(self) -> None:
            job = self.scheduler.sync.run_every(self.sweep, seconds=10, name="sweep")
            assert job.db_id is not None

        def sweep(self) -> None:
            ran.append(CURRENT_EXECUTION_ID.get() is not None)

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            await until(25)
            assert ran == [True, True]
            assert await stage.slots("sweep") == [(10.0, "success"), (20.0, "success")]

    on_stage(tmp_path, main)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no lamp"), "ValueError: no lamp"),
        (SystemExit(3), "RuntimeError: porch/Porch.0 called sys.exit() in its start: raise an error instead"),
    ],
    ids=["error", "exit"],
)
def test_a_hook_that_raises_fails_the_instance(tmp_path: Path, error: BaseException, message: str) -> None:
    class Porch(AppSync[AppConfig]):
        def on_initialize_sync(self) -> None:
            self.scheduler.sync.run_every(print, seconds=10)
            raise error

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            assert stage.statuses() == ["failed", "failed"]
            assert stage.shown().error_message == message
            assert await stage.scheduler.get_all_jobs() == []

    on_stage(tmp_path, main)
