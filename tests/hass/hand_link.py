"""A link worked by hand, and states that hang on it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from duly.config import DulyConfig
from duly.core import clock as clocks
from duly.events import RawState, RawStateChangeEvent, hass_event
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassError, HassUnavailableError
from duly.hass.link import Link
from duly.hass.state_manager import StateManager
from duly.hass.state_proxy import StateProxy
from duly.testing import VirtualClock, run_virtual
from tests.lifecycle.house import House, turns

UPDATED = "2025-06-01T10:00:00+00:00"


class HandLink:
    """Is as the test says, and asks the test what a command is answered."""

    def __init__(self) -> None:
        self.state = ConnectionState.CONNECTING
        self.up = asyncio.Event()
        """Whether who waits for the link is let go."""
        self.asked: list[Mapping[str, Any]] = []
        self._waiting: list[asyncio.Future[Any]] = []

    @property
    def connected(self) -> bool:
        return self.state is ConnectionState.CONNECTED

    def snapshot(self) -> LinkSnapshot:
        return LinkSnapshot(self.state, clocks.current().now())

    def unavailable(self) -> HassUnavailableError:
        return HassUnavailableError(f"the link is {self.state.value}, says the test", state=self.state)

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ANN401, ASYNC109 - of its protocol
        self.asked.append(message)
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        return await answer

    async def send(self, message: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - of its protocol
        await self.up.wait()

    async def answer(self, result: object) -> None:
        """Answer the oldest command, and let who asked take it."""
        self._waiting.pop(0).set_result(result)
        await turns()

    async def refuse(self, error: HassError) -> None:
        """As ``answer``."""
        self._waiting.pop(0).set_exception(error)
        await turns()

    def forget(self) -> None:
        """Fail all who wait, as the loss of a link does."""
        for each in self._waiting:
            if not each.done():
                each.set_exception(self.unavailable())
        self._waiting.clear()


class Home:
    """A root with states, which the test feeds as the link does."""

    def __init__(self, link: Link | None = None, **settings: Any) -> None:  # noqa: ANN401 - fields of DulyConfig
        self.house = House(DulyConfig.hermetic(strict_lifecycle=True, **settings))
        self.link = HandLink()
        self.proxy = self.house.add_child(StateProxy, link=link or self.link)
        self.states = self.house.add_child(StateManager)

    async def start(self) -> None:
        self.house.task_bucket.open()
        for part in self.house.children:
            await part.initialize()

    async def stop(self) -> None:
        for part in reversed(self.house.children):
            await part.shutdown()

    def connect(self, *states: RawState) -> None:
        """A connection has come up, and these are the states."""
        self.proxy.replace_all(states)
        self.link.state = ConnectionState.CONNECTED
        self.link.up.set()
        self.proxy.mark_fresh()

    def lose(self) -> None:
        """The connection is lost."""
        self.link.state = ConnectionState.WAITING
        self.link.up.clear()
        self.link.forget()
        self.proxy.mark_stale()

    def tell(self, entity_id: str, new: RawState | None) -> None:
        """An event comes."""
        self.proxy.apply(change(entity_id, new))

    async def until_polled(self) -> None:
        """Until the next poll has asked."""
        before = len(self.link.asked)
        await asyncio.sleep(self.house.config.state_proxy_poll_interval_seconds)
        await turns()
        assert len(self.link.asked) == before + 1

    def held(self) -> dict[str, str]:
        """The states as text."""
        return {entity_id: raw["state"] for entity_id, raw in self.proxy.known.copy().items()}


def at_home(
    main: Callable[[Home], Coroutine[Any, Any, None]],
    *,
    link: Link | None = None,
    **settings: Any,  # noqa: ANN401 - fields of DulyConfig
) -> None:
    """Run ``main`` in a home that has started, on virtual time."""

    async def body() -> None:
        home = Home(link, **settings)
        await home.start()
        try:
            await main(home)
        finally:
            await home.stop()

    run_virtual(body(), VirtualClock())


def state(entity_id: str, text: str = "on", updated: str = UPDATED, **attributes: Any) -> RawState:  # noqa: ANN401 - as Home Assistant sends them
    """A state as Home Assistant sends it."""
    times = dict.fromkeys(("last_changed", "last_updated", "last_reported"), updated)
    context = {"id": "c1", "parent_id": None, "user_id": None}
    return {"entity_id": entity_id, "state": text, "attributes": attributes, **times, "context": context}


def change(entity_id: str, new: RawState | None, old: RawState | None = None) -> RawStateChangeEvent:
    """The event of a change."""
    event = hass_event(
        {
            "event_type": "state_changed",
            "data": {"entity_id": entity_id, "old_state": old, "new_state": new},
            "origin": "LOCAL",
            "time_fired": UPDATED,
            "context": {"id": "c1", "parent_id": None, "user_id": None},
        }
    )
    assert isinstance(event, RawStateChangeEvent)
    return event


def all_of(entity_ids: Sequence[str], text: str = "on") -> list[RawState]:
    """States of several entities."""
    return [state(each, text) for each in entity_ids]
