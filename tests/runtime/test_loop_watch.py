"""Code that blocks the event loop is found, with the app and the stack."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence

import pytest

from duly.runtime import Duly
from duly.runtime.loop_watch import LoopWatch, _waits
from tests.executor.plant import until
from tests.runtime.ground import Ground

BLOCKED = "the event loop is blocked for 1 s or more by "


def blocked_by(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage().startswith(BLOCKED)]


def block_until(condition: Callable[[], object]) -> None:
    """Keep the calling thread from doing anything else until it holds."""
    pause = threading.Event()
    for _ in range(2_000):
        if condition():
            return
        pause.wait(0.005)


def nobody(_: Sequence[str]) -> None:
    """Whose code it is."""


def test_a_blocked_loop_is_warned_about_once_with_the_stack(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with LoopWatch(nobody):
            block_until(lambda: blocked_by(caplog))
            await until(lambda: any("the event loop goes on after" in message for message in caplog.messages))

    with caplog.at_level(logging.INFO, "duly"):
        asyncio.run(main())
    (record,) = blocked_by(caplog)
    assert record.levelname == "WARNING"
    assert "block_until(lambda: blocked_by(caplog))" in record.getMessage()
    assert "by unknown code" in record.getMessage()


def test_a_loop_that_answers_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with LoopWatch(nobody) as watch:
            for _ in range(2):
                watch._answered.set()
                block_until(lambda: not watch._answered.is_set())  # it asks
                await until(watch._answered.is_set)

    asyncio.run(main())
    assert caplog.records == []


def test_a_loop_that_waits_is_told_from_one_that_is_blocked() -> None:
    async def main() -> None:
        this, waited, blocked = threading.get_ident(), asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def look() -> None:
            block_until(lambda: _waits(sys._current_frames()[this]))
            loop.call_soon_threadsafe(waited.set)
            block_until(lambda: not _waits(sys._current_frames()[this]))
            blocked.set()

        thread = threading.Thread(target=look)
        thread.start()
        await waited.wait()
        assert blocked.wait(10)
        thread.join()

    asyncio.run(main())


def test_nothing_is_left_of_a_watch_that_has_ended() -> None:
    async def main() -> None:
        with LoopWatch(nobody) as watch:
            thread = watch._thread
            assert thread.is_alive()
        assert not thread.is_alive()

    asyncio.run(main())


@pytest.mark.parametrize("linked", [False, True])
def test_the_app_whose_file_comes_first_is_named(
    ground: Ground, caplog: pytest.LogCaptureFixture, *, linked: bool
) -> None:
    wait = 'while not hasattr(type(self), "block"):\n        await asyncio.sleep(0.01)'
    ground.app("porch", f"async def on_initialize(self):\n    {wait}\n    type(self).block()")
    if linked:
        (ground.apps / "porch.py").symlink_to((ground.apps / "porch.py").rename(ground.apps / "porch.v1"))

    async def main() -> None:
        duly = Duly(ground.settings(run_app_precheck=False))
        running = asyncio.create_task(duly.run_forever())
        await until(lambda: duly.config.apps.manifests)
        (manifest,) = duly.config.apps.manifests.values()
        app_class = duly._parts.loader.load(manifest)
        app_class.block = staticmethod(lambda: block_until(lambda: blocked_by(caplog)))  # type: ignore[attr-defined]  # as it expects
        await until(duly.is_ready)
        duly.request_shutdown("enough")
        assert await running == 0

    asyncio.run(main())
    (record,) = blocked_by(caplog)
    assert "by app apps.porch.Porch:" in record.getMessage()
    assert str(ground.apps / "porch.py") in record.getMessage()
