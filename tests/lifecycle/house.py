"""A root to hang parts on, parts that write down what happens to them, and loops to run them on."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from duly.config import DulyConfig
from duly.lifecycle import Resource, ResourceRole, Service, StatusChange, WorkerPoolService
from duly.testing.loop import run_without_waiting

PATIENCE = 10.0
"""Seconds after which a test gives up: it waits that long only if it fails."""


class House(Resource):
    """A root that notes what it is told."""

    role: ClassVar[ResourceRole] = ResourceRole.ROOT

    def __init__(self, config: DulyConfig | None = None, *, max_workers: int | None = 4) -> None:
        self.config = config or DulyConfig.hermetic(strict_lifecycle=True)
        self.changes: list[StatusChange] = []
        self.failures: list[tuple[Service, BaseException]] = []
        super().__init__(self)
        self.worker_pool = self.add_child(WorkerPoolService, max_workers=max_workers)

    def announce(self, change: StatusChange) -> None:
        self.changes.append(change)

    def on_service_failed(self, service: Service, error: BaseException) -> None:
        self.failures.append((service, error))

    def statuses(self, part: Resource) -> list[str]:
        """The statuses that were announced for it, without repetition."""
        seen: list[str] = []
        for change in self.changes:
            if change.resource is part and seen[-1:] != [change.status.value]:
                seen.append(change.status.value)
        return seen


class Diary:
    """Mixed into a part: notes every step of its life in ``lines``, and does in it what ``acts`` says."""

    def __init__(self, *args: Any, lines: list[str] | None = None, **kwargs: Any) -> None:  # noqa: ANN401 - a part's
        super().__init__(*args, **kwargs)
        self.lines = [] if lines is None else lines
        self.acts: dict[str, Callable[[], Any]] = {}

    async def _note(self, step: str) -> None:
        self.lines.append(f"{type(self).__name__}.{step}")
        if step in self.acts:
            result = self.acts[step]()
            if asyncio.iscoroutine(result):
                await result

    async def before_initialize(self) -> None:
        await self._note("before_initialize")

    async def on_initialize(self) -> None:
        await self._note("on_initialize")

    async def after_initialize(self) -> None:
        await self._note("after_initialize")

    async def before_shutdown(self) -> None:
        await self._note("before_shutdown")

    async def on_shutdown(self) -> None:
        await self._note("on_shutdown")

    async def after_shutdown(self) -> None:
        await self._note("after_shutdown")


def fail(error: BaseException) -> Callable[[], None]:
    """Something that raises ``error``."""

    def act() -> None:
        raise error

    return act


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def stubborn(cancellations: list[int], swallow: int = 1_000_000) -> None:
    """Go on through so many cancellations; their number is appended at each."""
    waiting = asyncio.Event()
    while len(cancellations) < swallow:
        try:
            await waiting.wait()
        except asyncio.CancelledError:
            cancellations.append(len(cancellations) + 1)
    await waiting.wait()


async def turns(number: int = 10) -> None:
    """Let the loop go round so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


async def gives_up_on_a_blocked_loop(call: Callable[[], object]) -> None:
    """A thread calls while the loop stands still, and gives up over time; then the loop goes on."""
    errors: list[TimeoutError] = []

    def attempt() -> None:
        try:
            call()
        except TimeoutError as error:
            errors.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(PATIENCE)
    assert len(errors) == 1
    await turns()


def status_of(part: Resource) -> str:
    """Its status, which type checkers do not take for the one of a line above."""
    return part.status.value


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it on a real loop, with real threads."""

    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(limited())


def play(main: Coroutine[Any, Any, None]) -> float:
    """Run it on a loop where waits are over at once, without threads; the seconds that it would have waited."""

    async def cleaned_up() -> None:
        try:
            await main
        finally:
            for _ in range(5):
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()
                await turns()

    _, error, seconds = run_without_waiting(cleaned_up(), 100_000)
    if error is not None:
        raise error
    return seconds
