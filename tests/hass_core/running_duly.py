"""A Duly that runs apps of a test beside a real Home Assistant: on real time, with a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from duly.apps import App, AppHandler
from duly.bus.service import BusService
from duly.core.clock import SECOND, SystemClock
from duly.events import Event
from duly.hass import ConnectionState
from duly.hass.connection_state import LinkSnapshot
from duly.hass.state_proxy import StateProxy
from duly.lifecycle import part
from duly.runtime import Duly
from duly.testing.given_apps import GivenApps, key_of, table_of
from duly.testing.hermetic import hermetic_config
from tests.embedded.filed import rows_of
from tests.embedded.waiting import eventually, in_thread
from tests.faults.app_folder import LONG, soon
from tests.hass_core.home_assistant import HomeAssistant

AppT = TypeVar("AppT", bound=App[Any])
T = TypeVar("T")

_OURS = {"strict_lifecycle": True, "apps": {"autodetect": False}}
_CLOCK = SystemClock()


def seconds_now() -> float:
    """The moment, in seconds of a clock that goes on evenly."""
    return _CLOCK.monotonic() / SECOND


class RunningDuly:
    """Owns a thread with a loop, and the Duly on it; both end with its ``with``, in order.

    Its settings are defaults but for those given; its files are in a new folder below ``folder``.
    """

    def __init__(
        self,
        folder: Path,
        *apps: type[App[Any]],
        home: HomeAssistant | None,
        config: Mapping[str, Any] | None = None,
        **settings: Any,  # noqa: ANN401 - any setting
    ) -> None:
        """``config`` is that of every app; ``home`` is what it is linked to, ``None``: it has no token."""
        tables = {key_of(each): table_of(each, config or {}, 1) for each in apps}
        link = {} if home is None else {"base_url": home.url, "token": home.token}
        self._loader = GivenApps()
        self._loader.classes = {key_of(each): each for each in apps}
        data = folder / f"duly{len(list(folder.glob('duly*')))}"
        self._config = hermetic_config(data, _OURS, link, settings, {"apps": tables})
        self.ledger = self._config.ledger_path
        self._end = Future[int]()
        self._duly: Duly
        self._loop: asyncio.AbstractEventLoop
        self._context: Context
        self.ready_after = 0.0
        """Seconds from the beginning until it and its apps ran."""

    def __enter__(self) -> Self:
        began = seconds_now()
        in_thread(self._live)
        eventually(lambda: self._end.done() or self._is_ready(), LONG)
        self.ready_after = seconds_now() - began
        assert not self._end.done(), f"it ended by itself with code {self._end.result()}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._duly.request_shutdown, "the test is over")
        code = self._end.result(LONG)
        assert code == 0 or error is not None, f"it ended with code {code}"

    def _live(self) -> None:
        try:
            self._end.set_result(asyncio.run(self._main()))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for the end
            self._end.set_exception(error)

    async def _main(self) -> int:
        self._loop = asyncio.get_running_loop()
        self._duly = Duly(self._config, loader=self._loader)
        self._context = copy_context()
        return await self._duly.run_forever()

    def _is_ready(self) -> bool:
        return hasattr(self, "_context") and self._duly.is_ready()

    # --- what it does ------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await it on the loop."""
        return self._context.copy().run(asyncio.run_coroutine_threadsafe, work, self._loop).result(LONG)

    def ask(self, question: Callable[[], T]) -> T:
        """The answer, given on the loop."""

        async def answer() -> T:
            return question()

        return self.run(answer())

    def reload(self, app: type[App[Any]]) -> None:
        """Exchange the instance of an app."""
        self.run(part(self._duly, AppHandler).reload_app(key_of(app)))

    # --- how it is ---------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return not self._end.done()

    @property
    def link(self) -> LinkSnapshot:
        """The link to Home Assistant."""
        return self.ask(lambda: self._duly.snapshot().link)

    @property
    def bus(self) -> BusService:
        """The one bus; to be asked on the loop."""
        return part(self._duly, BusService)

    def app(self, app: type[AppT]) -> AppT:
        """The instance of an app that is there."""
        (found,) = part(self._duly, AppHandler).instances(key_of(app))
        assert isinstance(found, app)
        return found

    def until_connected(self, connects: int = 1, seconds: float = 120.0) -> None:
        """Wait until there is a link, the so-many-th."""
        soon(lambda: self.link.state is ConnectionState.CONNECTED and self.link.connects >= connects, seconds)

    def until_lost(self, losses: int = 1, seconds: float = LONG) -> None:
        """Wait until a link was lost for the so-many-th time."""
        soon(lambda: self.link.losses >= losses, seconds)

    def catch_up(self, home: HomeAssistant) -> None:
        """Wait until all that Home Assistant has told so far has been handled."""
        mark = str(seconds_now())
        home.remote.call("input_text", "set_value", entity_id="input_text.note", value=mark)
        proxy = part(self._duly, StateProxy)
        soon(lambda: (raw := self.ask(lambda: proxy.raw("input_text.note"))) and raw["state"] == mark)
        self.run(self.bus.idle())

    # --- what it has written -----------------------------------------------------------------------------------------

    def rows(self, name: str, columns: str = "status") -> list[Any]:
        """Rows of the executions of a listener or job, in order of their beginning."""
        named = "SELECT e.*, coalesce(l.name, j.job_name) AS of FROM executions e"
        joined = f"{named} LEFT JOIN listeners l ON l.id = listener_id LEFT JOIN scheduled_jobs j ON j.id = job_id"
        return rows_of(self.ledger, columns, f"({joined} WHERE of = '{name}')", "execution_start_ts, id")

    def logged(self, text: str, level: str | None = None) -> list[str]:
        """Messages with this text among the log records of its ledger."""
        records = rows_of(self.ledger, "level, message", "log_records")
        return [message for its, message in records if text in message and level in {None, its}]


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that came to a handler."""

    event: Event[Any]
    at: float
    """In the time of ``seconds_now``."""

    @property
    def value(self) -> Any:  # noqa: ANN401 - text, or that there is none
        """The new state."""
        return self.event.payload.data.new_state_value


class Hearing(App):
    """Notes the events that come to ``hear``."""

    async def before_initialize(self) -> None:
        self.heard: list[Heard] = []

    async def hear(self, event: Event[Any]) -> None:
        self.heard.append(Heard(event, seconds_now()))

    @property
    def values(self) -> list[Any]:
        """The new states, in order."""
        return [each.value for each in self.heard]
