"""The bus of one app or part, and its blocking twin."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, Unpack, cast
from weakref import WeakKeyDictionary

from duly.bus import filters
from duly.bus.construction import Made, make_listener
from duly.bus.errors import DuplicateListenerError
from duly.bus.filters import NOT_GIVEN, Changed, Filters
from duly.bus.immediate import Immediates
from duly.bus.listener import Listener
from duly.bus.options import Handler, ListenOptions
from duly.bus.registrations import Configuration, ListenerRegistrations, key_of
from duly.bus.service import BusService
from duly.bus.subscription import Subscription
from duly.core.arguments import check_function
from duly.core.policy import IfExists
from duly.events import DulyPayload, Event, Topic
from duly.executor import CommandExecutor
from duly.executor.call_sites import CallSite, call_site
from duly.executor.live_items import LiveItems
from duly.executor.registering_facade import RegisteringSyncFacade
from duly.lifecycle import Resource, part
from duly.lifecycle.sync_facade import blocking, on_loop

if TYPE_CHECKING:
    from duly.executor.protocols import ErrorHandler
    from duly.lifecycle.root import Root

Listening: TypeAlias = Coroutine[Any, Any, Subscription]
"""To be awaited: gives the subscription once the listener is registered and gets events."""


class Bus(Resource):
    """Listens for its parent. Owns which of its listeners are live; guarded by the event loop.

    The methods that listen take the options of ``ListenOptions`` and give the subscription. They raise ``TypeError``,
    ``ValueError`` and the errors of ``duly.bus.errors`` for what is not right, and leave no trace then.
    """

    log_setting: ClassVar[str] = "bus_service"

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        if parent is None:
            raise AssertionError("Bus needs the part that listens: make it with add_child()")
        super().__init__(duly, parent=parent)
        self.bus_service = part(duly, BusService)
        self._owner = parent
        self.live: LiveItems[Listener] = LiveItems(key_of)
        """Changed by the bus alone."""
        self._configurations = WeakKeyDictionary[Listener, Configuration]()
        self._registrations = ListenerRegistrations(
            duly.task_bucket, self.bus_service, part(duly, CommandExecutor), self.live
        )
        self._immediates = Immediates(self.bus_service)
        self._error_handler: ErrorHandler | None = None
        self._closed = False
        """Whether it takes no more listeners, since its owner stops."""

    @cached_property
    def sync(self) -> BusSyncFacade:
        """Its blocking twin, made for who asks for it."""
        return self.add_child(BusSyncFacade)

    # --- listening ---------------------------------------------------------------------------------------------------

    def on(self, *, topic: str, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to a topic, or to all that a glob fits."""
        return self._listen(handler, lambda: filters.topic(topic), options, call_site())

    def on_state_change(
        self,
        entity_id: str,
        *,
        handler: Handler,
        changed: Changed = True,
        changed_from: Any = NOT_GIVEN,  # noqa: ANN401 - a value, or a condition
        changed_to: Any = NOT_GIVEN,  # noqa: ANN401 - as above
        immediate: bool = False,
        duration: float | None = None,
        **options: Unpack[ListenOptions],
    ) -> Listening:
        """Listen to the state of an entity, or of all that a glob fits.

        ``changed``: ``True``, old and new differ; ``False``, no such demand; or a condition of two values.
        ``immediate`` calls the handler with the state there is, too. ``duration``: seconds that the new value has to
        last.
        """
        change = filters.StateChange(entity_id, None, changed, changed_from, changed_to, immediate, duration)
        return self._listen(handler, change.filters, options, call_site())

    def on_attribute_change(
        self,
        entity_id: str,
        attr: str,
        *,
        handler: Handler,
        changed: Changed = True,
        changed_from: Any = NOT_GIVEN,  # noqa: ANN401 - as above
        changed_to: Any = NOT_GIVEN,  # noqa: ANN401 - as above
        immediate: bool = False,
        duration: float | None = None,
        **options: Unpack[ListenOptions],
    ) -> Listening:
        """Listen to one attribute of an entity, or of all that a glob fits; as ``on_state_change``."""
        if changed is False:
            self.logger.warning(
                "on_attribute_change(%r, %r) with changed=False is called on every event of the entity", entity_id, attr
            )

        def make_filters() -> Filters:
            name = filters.checked_attr(attr)
            return filters.StateChange(
                entity_id, name, changed, changed_from, changed_to, immediate, duration
            ).filters()

        return self._listen(handler, make_filters, options, call_site())

    def on_call_service(
        self,
        domain: str | None = None,
        service: str | None = None,
        *,
        handler: Handler,
        **options: Unpack[ListenOptions],
    ) -> Listening:
        """Listen to calls of a service; globs, and ``None`` for any. ``where`` may have mappings, of service data."""
        return self._listen(handler, lambda: filters.call_service(domain, service), options, call_site())

    def on_component_loaded(
        self, component: str | None = None, *, handler: Handler, **options: Unpack[ListenOptions]
    ) -> Listening:
        """Listen to Home Assistant loading a component; ``None``: any."""
        return self._listen(handler, lambda: filters.component_loaded(component), options, call_site())

    def on_service_registered(
        self,
        domain: str | None = None,
        service: str | None = None,
        *,
        handler: Handler,
        **options: Unpack[ListenOptions],
    ) -> Listening:
        """Listen to new services of Home Assistant; ``None``: any."""
        return self._listen(handler, lambda: filters.service_registered(domain, service), options, call_site())

    def on_homeassistant_start(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to Home Assistant having started, if the link was up before."""
        topic = Topic.HASS_EVENT_HOMEASSISTANT_STARTED
        return self._listen(handler, lambda: filters.topic(topic), options, call_site())

    def on_homeassistant_stop(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to Home Assistant stopping; it may not get to say so, since it closes the connection."""
        topic = Topic.HASS_EVENT_HOMEASSISTANT_STOP
        return self._listen(handler, lambda: filters.topic(topic), options, call_site())

    def on_homeassistant_restart(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to Home Assistant being told to restart."""
        return self._listen(handler, lambda: filters.call_service("homeassistant", "restart"), options, call_site())

    def on_websocket_connected(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to the link coming up, with states that are fresh."""
        topic = Topic.DULY_EVENT_WEBSOCKET_CONNECTED
        return self._listen(handler, lambda: filters.topic(topic), options, call_site())

    def on_websocket_disconnected(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to the loss of the link."""
        topic = Topic.DULY_EVENT_WEBSOCKET_DISCONNECTED
        return self._listen(handler, lambda: filters.topic(topic), options, call_site())

    def on_app_state_changed(
        self,
        *,
        handler: Handler,
        app_key: str | None = None,
        status: str | None = None,
        **options: Unpack[ListenOptions],
    ) -> Listening:
        """Listen to instances of an app changing their status, to this one; ``None``: any."""
        return self._listen(handler, lambda: filters.app_state(app_key, status), options, call_site())

    def on_app_running(
        self, *, handler: Handler, app_key: str | None = None, **options: Unpack[ListenOptions]
    ) -> Listening:
        """Listen to instances of an app running; ``None``: any app."""
        return self._listen(handler, lambda: filters.app_state(app_key, "running"), options, call_site())

    def on_app_stopping(
        self, *, handler: Handler, app_key: str | None = None, **options: Unpack[ListenOptions]
    ) -> Listening:
        """Listen to instances of an app stopping; ``None``: any app."""
        return self._listen(handler, lambda: filters.app_state(app_key, "stopping"), options, call_site())

    def on_duly_service_status(
        self, status: str | None = None, *, handler: Handler, **options: Unpack[ListenOptions]
    ) -> Listening:
        """Listen to services changing their status to this one; ``None``: to any, or their readiness alone."""
        return self._listen(handler, lambda: filters.service_status(status), options, call_site())

    def on_duly_service_failed(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to services failing."""
        return self._listen(handler, lambda: filters.service_status("failed"), options, call_site())

    def on_duly_service_crashed(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to services crashing."""
        return self._listen(handler, lambda: filters.service_status("crashed"), options, call_site())

    def on_duly_service_started(self, *, handler: Handler, **options: Unpack[ListenOptions]) -> Listening:
        """Listen to services running."""
        return self._listen(handler, lambda: filters.service_status("running"), options, call_site())

    # --- sending -----------------------------------------------------------------------------------------------------

    async def emit(self, topic: str, data: object) -> None:
        """Send ``data``, which nobody changes any more, to all who listen to ``topic``, of whatever owner.

        Waits while the bus has no room. Without a listener nothing happens.

        Raises:
            ValueError: ``topic`` is empty, has wildcards, or is kept for events of Home Assistant or of Duly.
        """
        await self.bus_service.send(Event(filters.checked_own_topic(topic), DulyPayload(data)))

    # --- listeners there are -----------------------------------------------------------------------------------------

    def get_listeners(self) -> list[Listener]:
        """All that are registered and have not ended, in order of registration."""
        return [listener for listener in self.live.listed() if listener not in self._registrations]

    def get_listener_db_ids(self) -> list[int]:
        """The rows of all live listeners that have one."""
        return [listener.db_id for listener in self.live.listed() if listener.db_id is not None]

    def get_registrations(self) -> list[asyncio.Task[None]]:
        """The registrations that are under way: until they have ended, their listeners may have no row."""
        return self._registrations.under_way()

    def remove_listener(self, listener: Listener | Subscription) -> None:
        """Start no further execution of a listener; one that runs goes on. If it has ended, this does nothing.

        From any thread.

        Raises:
            ValueError: it is of another owner.
        """
        if isinstance(listener, Subscription):
            listener = listener.listener
        if listener.owner_id != self.owner_id:
            raise ValueError(f"{listener!r} is not of the bus of {self.owner_id}: ask its own")
        if listener in self.live:
            self.task_bucket.call_on_loop(self._remove, listener)

    def remove_all_listeners(self) -> None:
        """``remove_listener`` for each of them."""
        for listener in self.live.listed():
            self.remove_listener(listener)

    def on_error(self, handler: ErrorHandler | None) -> None:
        """Set the handler of errors of listeners that have none of their own; ``None``: no such handler."""
        if handler is not None and not callable(handler):
            raise TypeError(f"the handler of errors must be callable, got {handler!r}")
        self._error_handler = handler

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Have listeners."""
        self._error_handler = None
        self._closed = False

    async def end_intake(self) -> None:
        """End all listeners: the next start registers onto their rows."""
        self._closed = True
        for listener in self.live.listed():
            self._remove(listener)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _listen(
        self, handler: Handler, make_filters: Callable[[], Filters], options: ListenOptions, site: CallSite
    ) -> Subscription:
        check_function("handler", handler)
        made = make_listener(self._owner, handler, make_filters(), options, site)
        made.listener.app_error_handler = self._app_error_handler
        return await self._add(made, options.get("if_exists", "error"))

    async def _add(self, made: Made, if_exists: IfExists) -> Subscription:
        listener = made.listener
        self._check_open(listener)
        while (old := self.live.at(key_of(listener))) is not None:
            if if_exists == "replace":
                self.logger.debug("replaced: listener=%s topic=%s", listener.name, listener.topic)
                self._remove(old)
                break
            self._check_same(old, made.configuration, if_exists)
            await self._registrations.end_of(old)
            if old in self.live:
                return Subscription(self, old)
            self._check_open(listener)
        made.put_gate(self.bus_service, functools.partial(self._remove, listener))
        self._configurations[listener] = made.configuration
        await self._registrations.register(listener)
        if listener.options.immediate and listener in self.live:
            self._immediates.begin(listener)
        return Subscription(self, listener)

    def _remove(self, listener: Listener) -> None:
        if listener in self.live:
            self._immediates.forget(listener)
            self._registrations.cancel(listener)
            self.logger.debug("removed: listener=%s topic=%s", listener.name, listener.topic)

    def _app_error_handler(self) -> ErrorHandler | None:
        return self._error_handler

    # --- checks ------------------------------------------------------------------------------------------------------

    def _check_open(self, listener: Listener) -> None:
        if self._closed or self.shutdown_event.is_set():
            raise RuntimeError(
                f"{self.owner_id} is stopping or has stopped, and takes no more listeners: {listener.name!r}"
            )

    def _check_same(self, old: Listener, new: Configuration, if_exists: IfExists) -> None:
        """Refuse a new listener whose name is taken, unless it may be skipped and is the same."""
        if if_exists == "error":
            raise DuplicateListenerError(
                f"a listener named {old.name!r} is there for {old.topic!r} of {self.owner_id}, with {old.handler!r}, "
                f"and now comes {new.handler!r}: pass another name=, or if_exists='skip' or 'replace'"
            )
        changed = self._configurations[old].diff(new)
        if changed:
            raise DuplicateListenerError(
                f"a listener named {old.name!r} is there for {old.topic!r} of {self.owner_id}, but its configuration "
                f"changed ({', '.join(changed)}): pass if_exists='replace' to take the new one"
            )


class BusSyncFacade(RegisteringSyncFacade[Listener]):
    """The blocking twin of ``Bus``, for code in worker threads.

    Methods that listen wait for the registration, and ``emit`` for room, at most
    ``lifecycle.run_sync_timeout_seconds``; over time they raise ``TimeoutError``, and nothing is registered. On a
    thread with a running event loop they raise ``RuntimeError``.
    """

    def _live(self) -> LiveItems[Listener]:
        return self._bus.live

    def _item_of(self, result: object) -> Listener | None:
        return result.listener if isinstance(result, Subscription) else None

    def _cancel(self, item: Listener) -> None:
        self._bus.remove_listener(item)

    @property
    def _bus(self) -> Bus:
        return cast("Bus", self.part)

    on = blocking(Bus.on)
    on_state_change = blocking(Bus.on_state_change)
    on_attribute_change = blocking(Bus.on_attribute_change)
    on_call_service = blocking(Bus.on_call_service)
    on_component_loaded = blocking(Bus.on_component_loaded)
    on_service_registered = blocking(Bus.on_service_registered)
    on_homeassistant_start = blocking(Bus.on_homeassistant_start)
    on_homeassistant_stop = blocking(Bus.on_homeassistant_stop)
    on_homeassistant_restart = blocking(Bus.on_homeassistant_restart)
    on_websocket_connected = blocking(Bus.on_websocket_connected)
    on_websocket_disconnected = blocking(Bus.on_websocket_disconnected)
    on_app_state_changed = blocking(Bus.on_app_state_changed)
    on_app_running = blocking(Bus.on_app_running)
    on_app_stopping = blocking(Bus.on_app_stopping)
    on_duly_service_status = blocking(Bus.on_duly_service_status)
    on_duly_service_failed = blocking(Bus.on_duly_service_failed)
    on_duly_service_crashed = blocking(Bus.on_duly_service_crashed)
    on_duly_service_started = blocking(Bus.on_duly_service_started)
    emit = blocking(Bus.emit)
    get_listeners = on_loop(Bus.get_listeners)
    remove_listener = on_loop(Bus.remove_listener)
    remove_all_listeners = on_loop(Bus.remove_all_listeners)
    on_error = on_loop(Bus.on_error)
