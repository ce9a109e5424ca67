"""Apps for the tests of the harness, as users write them."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from whenever import ZonedDateTime

from duly.apps import App, AppConfig, AppSync

SWEEP = "sweep"
AIR = "air"


class PorchConfig(AppConfig):
    """What is told to a porch."""

    minutes: int = 10


class Porch(App[PorchConfig]):
    """Is swept every so many minutes."""

    options: ClassVar[dict[str, Any]] = {}
    """Of the job."""

    async def on_initialize(self) -> None:
        self.swept: list[ZonedDateTime] = []
        self.stopped = False
        await self.scheduler.run_every(self.sweep, minutes=self.app_config.minutes, name=SWEEP, **self.options)

    async def sweep(self) -> None:
        self.swept.append(self.now())

    async def on_shutdown(self) -> None:
        self.stopped = True


class Cellar(AppSync):
    """Is aired every hour, in a worker thread."""

    def on_initialize_sync(self) -> None:
        self.aired: list[ZonedDateTime] = []
        self.scheduler.sync.run_every(self.air, hours=1, name=AIR)

    def air(self) -> None:
        self.aired.append(self.now())


def porch(act: Callable[[Any], Awaitable[object]], **options: Any) -> type[Porch]:  # noqa: ANN401 - those of its job
    """A porch that does something else when it is swept."""

    class BusyPorch(Porch):
        async def sweep(self) -> None:
            await super().sweep()
            await act(self)

    BusyPorch.options = options
    return BusyPorch


def starting(act: Callable[[Any], Awaitable[object]]) -> type[App]:
    """An app that does something when it starts, and no more."""

    class Starter(App):
        async def on_initialize(self) -> None:
            await act(self)

    return Starter
