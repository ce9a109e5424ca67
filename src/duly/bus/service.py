"""The one bus of the process, behind the buses of all apps.

An event waits in the channel until its turn has come, is matched against the listeners there are then, and starts
their handlers, one after the other in one of the worker tasks; only then the next event has its turn. A handler that
does not wait is thus done before the next event is looked at, and producers wait for room in the channel. A handler
that waits keeps nobody: the next worker goes on.

Nothing between the channel and the begin of a handler waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from duly.bus.channel import Channel
from duly.bus.exclusion import Exclusion
from duly.bus.index import Index
from duly.bus.judging import verdict
from duly.bus.listener import Delivery, Listener
from duly.bus.overlap import Lane
from duly.bus.runs import Runs
from duly.bus.snapshot import BusSnapshot
from duly.bus.states_reader import NoStates, StatesReader
from duly.bus.timers import Timers
from duly.core import clock as clocks
from duly.events import Event, HassPayload, Topic, routes_of
from duly.executor import CommandExecutor
from duly.lifecycle import Resource, RestartSpec, RestartType, Service, WorkerPoolService

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

_EVENTS_AT_ONCE = 100
_SECONDS_AT_ONCE = 0.005
_OWN_EVENTS = 10
"""So many times its capacity the channel takes of Duly's own events, which cannot wait."""
_COMPLETED = Topic.DULY_EVENT_EXECUTION_COMPLETED.value


class BusService(Service):
    """Owns the listeners, and the events until their executions begin. Guarded by the event loop."""

    depends_on: ClassVar[list[type[Resource]]] = [CommandExecutor, WorkerPoolService]
    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.PERMANENT, budget_intensity=2, budget_period_seconds=30.0
    )
    log_setting: ClassVar[str] = "bus_service"

    def __init__(self, duly: Root, *, parent: Resource | None = None, executor: CommandExecutor) -> None:
        super().__init__(duly, parent=parent)
        self.states: StatesReader = NoStates()
        """The states of Home Assistant; set by who has them."""
        clock = clocks.current()
        self.timers = Timers(clock)
        self._executor = executor
        self._index = Index()
        self._lanes: dict[Listener, Lane] = {}
        """Those of the live listeners."""
        self._registered = 0
        self._channel = Channel(self._capacity)
        self._exclusion = Exclusion()
        self._runs = Runs(self, executor, clock, self._capacity, feed=self._feed, ended=self._run_ended)
        self._rests: set[asyncio.Future[None]] = set()
        """Of those who wait until there is nothing to do."""
        self._has_ended = False
        """Whether it has stopped, and not to start again."""
        self._dispatched = self._excluded = self._dropped_own = self._dropped_at_end = 0

    # --- listeners ---------------------------------------------------------------------------------------------------

    def add(self, listener: Listener) -> None:
        """Route events to it, from the next on.

        Raises:
            RuntimeError: the service has stopped.
        """
        if self._has_ended:
            raise RuntimeError(f"the bus has stopped and takes no listener: {listener.name!r}")
        if listener in self._lanes:
            return
        self._registered += 1
        listener.order = self._registered
        listener.live = True
        self._lanes[listener] = Lane(listener)
        self._index.add(listener)
        self._announce_completions()

    def remove(self, listener: Listener) -> None:
        """Route no more to it and discard what waits; an execution that has begun goes on. Again: no effect."""
        lane = self._lanes.pop(listener, None)
        if lane is None:
            return
        listener.live = False
        self._index.remove(listener)
        if listener.gate is not None:
            listener.gate.close()
        self._runs.forget(lane)
        self._announce_completions()
        self._tell_rest()

    def listeners(self) -> list[Listener]:
        """The live ones of all owners, in order of registration."""
        return list(self._lanes)

    # --- events ------------------------------------------------------------------------------------------------------

    async def send(self, event: Event[Any]) -> None:
        """Have an event dispatched, waiting for room; of one sender they are in order. Not once shutdown has begun.

        While records have no room either, executions cannot end, and what waits behind them would be dropped: so who
        makes events waits. Home Assistant does not: its link must go on.
        """
        if not self._executor.has_room and not isinstance(event.payload, HassPayload):
            await self._executor.wait_for_room()
        if self._has_ended:
            self._drop_at_end(event)
        elif self._channel.put_at_once(event):
            self._runs.workers.wake()
        elif not await self._channel.put(event):
            self.logger.debug("dropped, as the bus has stopped: topic=%s", event.topic)

    def publish(self, event: Event[Any]) -> None:
        """Have one of Duly's own events dispatched, without waiting: what finds no room is dropped, and counted."""
        beyond = 0 if event.topic == _COMPLETED else _OWN_EVENTS * self._capacity()
        if self._has_ended:
            self._drop_at_end(event)
        elif self._channel.put_at_once(event, beyond):
            self._runs.workers.wake()
        else:
            self._dropped_own += 1
            self.logger.debug("dropped, as the channel is full: topic=%s", event.topic)

    def offer(self, listener: Listener, delivery: Delivery) -> None:
        """Let a listener have an event if its filter says so; a filter that raises is recorded."""
        lane = self._lanes.get(listener)
        if lane is None:
            return
        matched = True
        if listener.predicate is not None:
            try:
                matched = verdict(listener.predicate, delivery.event)
            except BaseException as error:  # noqa: BLE001 - a filter may be a user's, and this is on the loop itself
                self.refuse(listener, delivery, error)
                return
        gate = listener.gate
        if matched:
            listener.counts.matched += 1
            if gate is None:
                self._runs.overlap.offer(lane, delivery)
            else:
                gate.saw(delivery, matched=True)
        elif gate is not None and gate.sees_all:
            gate.saw(delivery, matched=False)

    def excludes(self, event: Event[Any]) -> bool:
        """Whether the settings keep an event from all listeners."""
        return self._exclusion.covers(event, self.duly.config)

    def accept(self, listener: Listener, delivery: Delivery) -> None:
        """Start the handler for a match that has passed the gate, now or when the listener's mode lets it."""
        lane = self._lanes.get(listener)
        if lane is None:
            listener.counts.discarded += 1
        else:
            self._runs.overlap.offer(lane, delivery)

    def refuse(self, listener: Listener, delivery: Delivery, error: BaseException) -> None:
        """Record that a filter of a listener has raised ``error``."""
        lane = self._lanes.get(listener)
        if lane is not None:
            self._runs.refuse(lane, delivery, error)

    async def idle(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - named by the contract
        """Until no event and no match waits and no handler runs; timers that run do not count.

        Raises:
            TimeoutError: that was not so within so many seconds.
        """
        async with asyncio.timeout(timeout):
            while self._is_busy:
                rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._rests.add(rest)
                try:
                    await rest
                finally:
                    self._rests.discard(rest)

    def snapshot(self) -> BusSnapshot:
        """How busy it is, and what it has lost."""
        return BusSnapshot(
            listeners=len(self._lanes),
            channel=len(self._channel),
            capacity=self._capacity(),
            producers=self._channel.producers,
            waiting=self._runs.overlap.waiting,
            running=len(self._runs.workers.in_flight()),
            dispatched=self._dispatched,
            excluded=self._excluded,
            dropped_matches=self._runs.overlap.dropped,
            dropped_own=self._dropped_own,
            dropped_at_end=self._dropped_at_end,
        )

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Dispatch; what was there before a restart, and has come meanwhile, goes on."""
        self._has_ended = False
        self._runs.workers.open()

    async def serve(self) -> None:
        """Watch over listeners that do not keep up."""
        self.mark_ready("dispatches events")
        await self._runs.watch.look()

    async def before_shutdown(self) -> None:
        """Take no more events, unless a start follows."""
        self._has_ended = not self._restarting

    async def on_shutdown(self) -> None:
        """Begin with nothing more, and give handlers that run some time; before a restart the rest stays."""
        self._runs.workers.close()
        if self._has_ended:
            self._discard_all()
        await self._runs.finish()

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _is_busy(self) -> bool:
        return bool(len(self._channel) or self._channel.producers or len(self._runs))

    def _capacity(self) -> int:
        return self.duly.config.duly_event_buffer_size

    def _feed(self) -> bool:
        """Match events until handlers are to be started; give whether more of them wait."""
        loop, end = asyncio.get_running_loop(), 0.0
        for _ in range(_EVENTS_AT_ONCE):
            event = self._channel.take()
            if event is None:
                self._tell_rest()
                return False
            try:
                self._dispatch(event)
            except Exception as error:  # the top of a loop: what filters raise does not come here
                self.logger.critical("an event could not be dispatched: topic=%s", event.topic, exc_info=error)
            if self._runs.workers.waiting:
                break
            now = loop.time()
            end = end or now + _SECONDS_AT_ONCE
            if now > end:
                break
        return True

    def _dispatch(self, event: Event[Any]) -> None:
        if self.excludes(event):
            self._excluded += 1
            return
        self._dispatched += 1
        for listener, topic in self._index.find(routes_of(event)):
            try:
                self.offer(listener, Delivery(event, topic))
            except Exception as error:  # the others are to have it: what filters raise does not come here
                self.logger.critical("an event was not taken: topic=%s listener=%r", topic, listener, exc_info=error)

    def _announce_completions(self) -> None:
        """Have executions announced only while somebody listens: each announcement costs an event."""
        self._executor.announce_with(self.publish if self._index.leads(_COMPLETED) else None)

    def _run_ended(self) -> None:
        if self._rests and len(self._runs) <= 1:  # that one is still among them
            asyncio.get_running_loop().call_soon(self._tell_rest)

    def _tell_rest(self) -> None:
        if self._rests and not self._is_busy:
            for rest in self._rests:
                if not rest.done():
                    rest.set_result(None)

    def _drop_at_end(self, event: Event[Any]) -> None:
        self._dropped_at_end += 1
        self.logger.debug("dropped, as the shutdown has begun: topic=%s", event.topic)

    def _discard_all(self) -> None:
        """Forget what has not begun."""
        dropped = self._channel.clear()
        if dropped:
            self._dropped_at_end += dropped
            self.logger.debug("events are not dispatched any more: number=%d", dropped)
        for listener in list(self._lanes):
            if listener.gate is not None:
                listener.gate.close()
        self._runs.discard(self._lanes.values())
