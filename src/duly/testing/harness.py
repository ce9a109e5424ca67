"""An app on virtual time: the real engine, scheduler, bus, executor and ledger, and no waiting."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Token
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast, overload

from duly.apps import App
from duly.bus.bus import Bus
from duly.core import clock as clocks
from duly.core.clock import SECOND, Clock
from duly.hass.state_manager import StateManager
from duly.lifecycle.crossing import running_loop
from duly.runtime.wiring import HassParts
from duly.scheduler import AsyncScheduler
from duly.testing.app_ledger import AppLedger, LedgerRow
from duly.testing.app_process import AppProcess
from duly.testing.clock import VirtualClock
from duly.testing.failures import Failures
from duly.testing.given_apps import GivenApps, key_of, table_of
from duly.testing.given_home import GivenHome, GivenStates, Value
from duly.testing.given_link import GivenLink
from duly.testing.hermetic import FOR_TESTS, hermetic_config
from duly.testing.moments import Duration, Moment, in_zone, moment_of, seconds_of
from duly.testing.no_loop import carried_out
from duly.testing.recording_api import RecordingApi, RecordingApiResource

AppT = TypeVar("AppT", bound=App[Any])
T = TypeVar("T")
P = ParamSpec("P")

_START = "2025-01-01T00:00"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class AppHarness(Generic[AppT]):
    """An app that runs on virtual time, for a ``with`` block; leaving it stops the app and checks the ledger.

    Owns the clock, the process of the app and a temporary folder. Every call returns when all is settled: no callback
    is ready, no worker busy, all records are written. Calls are plain ones, also in async tests. For one thread; any
    number of harnesses may be used side by side. Inside the block ``clock`` is the current one.

    Home Assistant is played by the harness: it is there, with the states it is given, until ``disconnect``. What apps
    ask of it is kept in ``api``.

    What goes wrong in jobs, tasks or hooks of the app is raised by the call that made it happen, unless
    ``raise_errors`` is off; ``errors`` has all of it.

    Raises:
        AppConfigurationError: on entering: ``config`` is refused.
        ConfigurationError: ``settings`` are.
        HarnessStuckError: by any call: it was not settled within 10 s of real time.
    """

    def __init__(
        self,
        app_class: type[AppT],
        config: Mapping[str, Any] | None = None,
        *,
        start: Moment | None = None,
        timezone: str = "UTC",
        instances: int = 1,
        settings: Mapping[str, Any] | None = None,
        states: GivenStates | None = None,
        raise_errors: bool = True,
    ) -> None:
        """Run so many instances of ``app_class``, each with ``config``, from ``start`` on.

        ``start``, by default 2025-01-01 00:00, is meant in ``timezone`` unless it brings a zone of its own, which is
        then that of the system for the app. ``settings`` are those of Duly, by table; nothing else is read. ``states``
        are those that Home Assistant has from the beginning, by entity id: see ``set_state``.
        """
        self.clock = VirtualClock(in_zone(_START if start is None else start, timezone))
        self._folder = Path(gettempdir()) / f"duly-{token_hex(8)}"
        self._home = GivenHome(self.clock, states or {})
        self.api = RecordingApi(home=self._home, wait=self._await)
        """Has what the apps have asked of Home Assistant, and answers them."""
        self._loader = GivenApps()
        self._table = table_of(app_class, config or {}, instances)
        self._key = key_of(app_class)
        self._loader.classes[self._key] = app_class
        self._config = hermetic_config(self._folder, FOR_TESTS, settings or {}, {"apps": {self._key: self._table}})
        self._raise_errors = raise_errors
        self._failures = Failures(self.clock)
        self.errors = self._failures.errors
        """What has gone wrong in code of the app so far."""
        self._process: AppProcess | None = None
        self._crashed: list[AppProcess] = []
        self._thread = ThreadPoolExecutor(1, "duly-harness")
        """For calls from where a loop runs already: that of the app cannot run beside it. Not started before."""
        self._token: Token[Clock] | None = None
        self.ledger = AppLedger(self._config.ledger_path, self.clock, self._settle)

    # --- what there is -----------------------------------------------------------------------------------------------

    @property
    def apps(self) -> list[AppT]:
        """The running instances, in order of index."""
        return [] if self._process is None else cast("list[AppT]", self._process.apps(self._key))

    @property
    def app(self) -> AppT:
        """The first running instance.

        Raises:
            RuntimeError: none runs.
        """
        apps = self.apps
        if not apps:
            raise RuntimeError("no instance of the app runs: see errors, or call restart() after a crash or a stop")
        return apps[0]

    @property
    def scheduler(self) -> AsyncScheduler:
        """That of ``app``; await what it gives in ``run``."""
        return self.app.scheduler

    @property
    def bus(self) -> Bus:
        """That of ``app``; await what it gives in ``run``."""
        return self.app.bus

    @property
    def states(self) -> StateManager:
        """Those that ``app`` sees."""
        return self.app.states

    # --- Home Assistant ----------------------------------------------------------------------------------------------

    def set_state(self, entity_id: str, value: Value, **attributes: Any) -> None:  # noqa: ANN401 - any attribute
        """Have an entity stand so, without an event.

        A number or a text is taken as text, a bool as ``on`` or ``off``; with ``None`` there is no such entity.
        ``attributes`` are put over those there are; one that is ``None`` is taken away.
        """
        self._do(lambda: self._home.seed(entity_id, value, attributes))

    def change_state(self, entity_id: str, value: Value, **attributes: Any) -> list[LedgerRow]:  # noqa: ANN401 - as above
        """As ``set_state``, with the event of it. Gives the ledger rows that have ended."""
        return self._happens(self._home.change(entity_id, value, attributes))

    def call_service(self, domain: str, service: str, **data: Any) -> list[LedgerRow]:  # noqa: ANN401 - of any service
        """Let somebody call a service: there is the event, and nothing else comes of it. Gives rows as above."""
        call = {"domain": domain, "service": service, "service_data": data}
        return self._happens(self._home.fire("call_service", call))

    def fire(self, event_type: str, **data: Any) -> list[LedgerRow]:  # noqa: ANN401 - of any event
        """Let an event of Home Assistant happen. Gives rows as above."""
        return self._happens(self._home.fire(event_type, data))

    def emit(self, topic: str, data: object = None) -> list[LedgerRow]:
        """Send an event of one's own to all apps. Gives rows as above."""
        return self._happens(self.bus.emit(topic, data))

    def disconnect(self) -> list[LedgerRow]:
        """Take Home Assistant away; does nothing if it is. What changes there meanwhile is seen by ``connect``."""
        return self._happens(self._home.go())

    def connect(self) -> list[LedgerRow]:
        """Bring Home Assistant back. Gives rows as above."""
        return self._happens(self._home.come())

    # --- time --------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> list[LedgerRow]:
        """Let time pass: all that is due on the way happens at its moment. Gives the ledger rows that have ended."""
        passing = seconds + minutes * _MINUTE + hours * _HOUR + days * _DAY
        return self._do(lambda: self.clock.advance(passing))

    def advance_to(self, time: Moment) -> list[LedgerRow]:
        """As ``advance``, up to a moment.

        Raises:
            ValueError: it is past.
        """
        moment = moment_of(time, self.clock.zone)
        if moment < self.clock.now():
            raise ValueError(f"time passes forward only: it is {self.clock.time()}, past {time}")
        return self._do(lambda: self.clock.advance((moment - self.clock.now()) / SECOND))

    def run_due(self) -> list[LedgerRow]:
        """Let happen what is due now, without time passing. Gives the ledger rows that have ended."""
        return self._do(self._kick)

    def suspend(self, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> list[LedgerRow]:
        """Let the machine sleep: the wall clock goes on, nothing else does. Gives rows as ``advance``."""
        asleep = seconds + minutes * _MINUTE + hours * _HOUR + days * _DAY
        return self._do(lambda: self._jump(lambda: self.clock.suspend(asleep)))

    def step_clock(self, delta: Duration) -> list[LedgerRow]:
        """Set the wall clock, forward or back, so many seconds. Gives rows as ``advance``."""
        return self._do(lambda: self._jump(lambda: self.clock.step(seconds_of(delta))))

    # --- the app -----------------------------------------------------------------------------------------------------

    @overload
    def run(self, work: Awaitable[T]) -> T: ...
    @overload
    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        """Await something of the test's on the loop of the app, or call something there, and give its result.

        Time passes if it waits for that.

        Raises:
            RuntimeError: the app's process does not run.
        """
        awaited: Awaitable[Any] = work if isinstance(work, Awaitable) else _called(work, *args, **kwargs)
        if self._process is None and asyncio.iscoroutine(awaited):
            awaited.close()
        return self._call(lambda: self._living.run(awaited))

    def reload(self, config: Mapping[str, Any]) -> list[LedgerRow]:
        """Exchange the instances for new ones with another ``config``, as when its file is saved."""
        self._table = {**self._table, "config": [dict(config) for _ in self._table["config"]]}
        return self._do(lambda: self._reload(reimport=False))

    def replace(self, app_class: type[AppT]) -> list[LedgerRow]:
        """Exchange the instances for new ones of another class, as when the file of the app is saved."""
        self._loader.classes[self._key] = app_class
        return self._do(lambda: self._reload(reimport=True))

    def crash(self) -> None:
        """End the process without any step of a stop, as ``kill -9`` does; what was durable stays."""
        process, self._process = self._living, None
        self._crashed.append(process)
        self._home.is_reached_by(None)
        self._call(process.crash)

    def stop(self) -> None:
        """Stop app and process in order; does nothing if it has ended."""
        process, self._process = self._process, None
        if process is not None:
            self._call(process.stop)

    def restart(self, after: Duration = 0) -> list[LedgerRow]:
        """Start a process again with the same files, so much time after the end of the former, which is stopped first.

        Gives the ledger rows that have ended.
        """
        self.stop()
        return self._do(lambda: self._start(seconds_of(after)))

    # --- as a context manager ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start the app."""
        self._failures.open()
        self._folder.mkdir(mode=0o700)
        self._token = clocks.use(self.clock)
        try:
            self._do(self._start)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the app, and check that every slot of its jobs is in the ledger once, unless the block has raised."""
        try:
            try:
                self.stop()
            except Exception:
                if error is None:
                    raise
            if error is None:
                self.ledger.assert_conserved()
        finally:
            self._close()

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _living(self) -> AppProcess:
        if self._process is None:
            raise RuntimeError("the process of the app has ended: call restart() first")
        return self._process

    def _reload(self, *, reimport: bool) -> None:
        self._config.apps.apps = {self._key: self._table}
        self._config.set_validated_app_manifests()
        problem = self._loader.problem(self._config.apps.manifests[self._key], self._config)
        if problem is not None:
            self._failures.note(problem)
        self._living.reload(self._key, reimport=reimport)

    def _start(self, after: float = 0) -> None:
        self.clock.elapse(after)
        hass = HassParts(GivenLink, RecordingApiResource, {"home": self._home}, {"recording": self.api})
        self._process = AppProcess(self._config, self.clock, self._loader, hass)
        self._process.start(self._failures)

    def _settle(self) -> None:
        if self._process is not None:
            self._call(self._process.settle)

    def _happens(self, work: Coroutine[Any, Any, object]) -> list[LedgerRow]:
        """Let it happen, and give the rows that have ended."""
        return self._do(lambda: self._carry_out(work))

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return self._call(lambda: self._carry_out(work))

    def _carry_out(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it on the loop of the process; what Home Assistant does without one waits for nothing."""
        if self._process is not None:
            return self._process.run(work)
        return carried_out(work, "the process of the app has ended: call restart() first")

    def _kick(self) -> None:
        if self._process is not None:
            self._process.kick()

    def _jump(self, jump: Callable[[], None]) -> None:
        jump()
        self._kick()

    def _do(self, work: Callable[[], object]) -> list[LedgerRow]:
        """Do it, settle, and give the rows that have ended."""

        def settled() -> list[LedgerRow]:
            work()
            if self._process is not None:
                self._process.settle()
            return self.ledger.ended_since()

        return self._call(settled)

    def _call(self, work: Callable[[], T]) -> T:
        """Do it, and raise what has gone wrong meanwhile in code of the app."""

        def done() -> T:
            result = work()
            if self._process is not None and self._process.asked_to_stop:
                process, self._process = self._process, None
                process.stop()
            return result

        result = done() if running_loop() is None else self._thread.submit(done).result()
        if self._raise_errors:
            self._failures.raise_new()
        return result

    def _close(self) -> None:
        with suppress(Exception):  # of a process whose start has failed: that is raised already
            self.stop()
        for process in self._crashed:
            process.bury()
        self._failures.close()
        self._thread.shutdown()
        if self._token is not None:
            with suppress(ValueError):  # left in another context than it was entered in
                clocks.restore(self._token)
        shutil.rmtree(self._folder, ignore_errors=True)


async def _called(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return function(*args, **kwargs)
