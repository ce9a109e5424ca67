"""The states of Home Assistant, kept up to date by its link.

A sync replaces everything; then events are applied one by one, in the order in which they come. A poll compares: it
finds what events have missed. Since Home Assistant answers a poll between two events, the answer is no older than the
events before it, but may be older than those after it; so what an event has changed since the request is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from whenever import ZonedDateTime

from duly.core import clock as clocks
from duly.events import RawState, RawStateChangeEvent
from duly.events.hass import is_state, moment_in
from duly.hass.errors import HassUnavailableError, StatesNotReadyError
from duly.hass.freshness import Freshness, StatesSnapshot
from duly.hass.known_states import KnownStates
from duly.hass.link import Link
from duly.hass.waits import within
from duly.lifecycle import Resource

if TYPE_CHECKING:
    from duly.lifecycle.root import Root


class StateProxy(Resource):
    """Holds the states that the link brings. Written on the event loop alone; read from any thread.

    To the link it is a ``StatesSink``, to the bus a ``StatesReader``.
    """

    required: ClassVar[bool] = False
    log_setting: ClassVar[str] = "state_proxy"

    def __init__(self, duly: Root, *, parent: Resource | None = None, link: Link) -> None:
        super().__init__(duly, parent=parent)
        self._link = link
        self._known: KnownStates | None = None
        """``None``: none have been loaded yet."""
        self._fresh = False
        self._synced_at: ZonedDateTime | None = None
        self._loaded = asyncio.Event()
        self._calls: dict[object, Callable[[], object]] = {}
        """What is called after each sync."""
        self._watchers: dict[str, dict[object, Callable[[], object]]] = {}
        """What is called when an entity has changed, by its id."""
        self._polling: asyncio.Task[None] | None = None
        self._changed: set[str] | None = None
        """Entities that events have changed since the request of the poll under way; ``None``: none is under way."""
        self._polls = self._failed_polls = self._drift = 0

    # --- what the link brings ----------------------------------------------------------------------------------------

    def replace_all(self, states: Sequence[RawState]) -> None:
        """Forget all, and take these."""
        self._known = KnownStates(self._sound(states))

    def apply(self, event: RawStateChangeEvent) -> None:
        """Take the new state of an entity, unless it is older than the one known."""
        known, entity_id, new = self._known, event.payload.data.entity_id, event.payload.data.new_state
        if known is None:
            return
        if new is None:
            known.remove(entity_id)
        elif _is_older(new, known.get(entity_id)):
            return
        else:
            known.put(entity_id, new if new.get("entity_id") == entity_id else {**new, "entity_id": entity_id})
        if self._changed is not None:
            self._changed.add(entity_id)
        self._tell(entity_id)

    def mark_fresh(self) -> None:
        """The states are those of Home Assistant now, and are polled from here on."""
        clock = clocks.current()
        self._fresh = True
        self._synced_at = clocks.zoned(clock.now(), clock.zone)
        self._loaded.set()
        self._stop_polling()
        if not self.task_bucket.sealed:  # the link outlasts it when all parts stop
            self._polling = self.task_bucket.spawn(self._poll_for_ever(), name=f"{self.unique_name}.poll")
        for call in tuple(self._calls.values()):
            call()

    def mark_stale(self) -> None:
        """The link is lost: the states are the last known ones."""
        self._fresh = False
        self._stop_polling()

    # --- how they stand ----------------------------------------------------------------------------------------------

    @property
    def freshness(self) -> Freshness:
        """How far they are those of Home Assistant."""
        if self._known is None:
            return Freshness.NEVER
        return Freshness.FRESH if self._fresh else Freshness.STALE

    @property
    def fresh(self) -> bool:
        """Whether they are those of Home Assistant now."""
        return self.freshness is Freshness.FRESH

    @property
    def synced_at(self) -> ZonedDateTime | None:
        """When all of them were last loaded on a connection; ``None``: never."""
        return self._synced_at

    def snapshot(self) -> StatesSnapshot:
        """How they stand, with counts."""
        entities = 0 if self._known is None else len(self._known)
        return StatesSnapshot(self.freshness, self._synced_at, entities, self._polls, self._failed_polls, self._drift)

    def on_sync(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` after each sync, until the function that this gives is called."""
        key = object()
        self._calls[key] = call
        return lambda: self._calls.pop(key, None) and None

    def on_change(self, entity_id: str, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` after each change of an entity, by event or poll, until the function that this gives is called.

        It must not raise, and not wait: the link is held up meanwhile.
        """
        key = object()
        watchers = self._watchers.setdefault(entity_id, {})
        watchers[key] = call

        def stop() -> None:
            watchers.pop(key, None)
            if not watchers and self._watchers.get(entity_id) is watchers:
                del self._watchers[entity_id]

        return stop

    def _tell(self, entity_id: str) -> None:
        for call in tuple(self._watchers.get(entity_id, {}).values()):
            call()

    async def wait_synced(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - named by the contract
        """Until they have been loaded for the first time.

        Raises:
            TimeoutError: they were not within so many seconds.
            StatesNotReadyError: there is no token.
        """
        if self._loaded.is_set():
            return
        try:
            await within(timeout, self._until_loaded(), "states were not loaded", self._link.unavailable)
        except HassUnavailableError as error:
            raise StatesNotReadyError(str(error)) from None

    async def _until_loaded(self) -> None:
        await self._link.wait_connected()
        await self._loaded.wait()

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def known(self) -> KnownStates:
        """The states, to be read.

        Raises:
            StatesNotReadyError: none have been loaded yet.
        """
        if self._known is None:
            raise self._not_ready()
        return self._known

    def raw(self, entity_id: str) -> RawState | None:
        """The state of an entity; ``None``: there is no such entity, or no states yet."""
        return None if self._known is None else self._known.get(entity_id)

    def _not_ready(self) -> StatesNotReadyError:
        return StatesNotReadyError(str(self._link.unavailable()))

    # --- polling -----------------------------------------------------------------------------------------------------

    def _stop_polling(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            self._polling = None

    async def _poll_for_ever(self) -> None:
        """Poll while connected; the settings are read each time, since they may be loaded again."""
        while True:
            await asyncio.sleep(self.duly.config.state_proxy_poll_interval_seconds)
            if self.duly.config.disable_state_proxy_polling:
                continue
            try:
                await self._poll()
            except Exception as error:  # noqa: BLE001 - the top of a loop
                self._failed_polls += 1
                self.logger.warning("states could not be polled, those known stay: %s", error)

    async def _poll(self) -> None:
        """Ask for all states, and take what is other than known."""
        changed: set[str] = set()
        self._changed = changed
        try:
            answer = await self._link.command({"type": "get_states"})
            if not isinstance(answer, list):
                raise TypeError(f"get_states was answered with {answer!r:.200}, which is no list")
            drifted = self.known.take_over({raw["entity_id"]: raw for raw in self._sound(answer)}, but=changed)
        finally:
            self._changed = None
        self._polls += 1
        self._drift += len(drifted)
        if drifted:
            self.logger.info("a poll found states that no event had told: entities=%d", len(drifted))
        for entity_id in drifted:
            self._tell(entity_id)

    def _sound(self, states: Iterable[object]) -> list[RawState]:
        """Those of ``states`` that are some."""
        given = list(states)
        sound = [raw for raw in given if is_state(raw) and isinstance(raw.get("entity_id"), str)]
        if len(sound) < len(given):
            self.logger.warning("what is no state of an entity is left out: number=%d", len(given) - len(sound))
        return sound


def _is_older(new: RawState, old: RawState | None) -> bool:
    """Whether it is known that ``new`` was there before ``old``."""
    if old is None:
        return False
    before, after = moment_in(old, "last_updated"), moment_in(new, "last_updated")
    return before is not None and after is not None and after < before
