"""What the root does about Home Assistant: its parts, their order, and what becomes of other settings."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from contextvars import copy_context
from typing import Any

import pytest

from duly.apps import AppHandler
from duly.apps.watcher import FileWatcherService
from duly.bus.service import BusService
from duly.config import DulyConfig
from duly.hass.api import ApiResource
from duly.hass.connection_state import ConnectionState
from duly.hass.errors import StatesNotReadyError
from duly.hass.state_proxy import StateProxy
from duly.hass.websocket import WebsocketService
from duly.lifecycle import ResourceStatus, find_part, part
from duly.lifecycle.waves import waves_of
from duly.runtime import Duly
from duly.runtime.wiring import HassParts, after
from tests.executor.plant import until
from tests.hass.peer import TOKEN, Peer, raw_state
from tests.lifecycle.house import PATIENCE
from tests.runtime.ground import Ground
from tests.runtime.living import live

OF_HASS = ["WebsocketService", "ApiResource", "StateProxy"]
OTHER_TOKEN = "eyJhbGciOi.of.another-0815"  # noqa: S105 - of nobody

HALL = """
    async def on_initialize(self):
        self.seen = []
        await self.bus.on_state_change("light.lamp", handler=self.lamp)

    async def lamp(self, event):
        self.seen.append(self.states["light.lamp"].state)
"""


def peer() -> Peer:
    return Peer(raw_state("light.lamp", "off"))


def hass(home: Peer) -> HassParts:
    return HassParts(WebsocketService, ApiResource, {"transport": home, "random": lambda: 0.0})


def names(duly: Duly) -> list[str]:
    return [type(child).__name__ for child in duly.children]


def hall(duly: Duly) -> Any:  # noqa: ANN401 - an app of a file
    (app,) = part(duly, AppHandler).apps
    return app


# --- parts ------------------------------------------------------------------------------------------------------------


def wired(ground: Ground, **settings: Any) -> Duly:  # noqa: ANN401 - any setting
    def make() -> Duly:
        duly = Duly(ground.settings(**settings))
        duly.wire_services()
        return duly

    return copy_context().run(make)


def test_with_a_token_there_are_the_parts_of_home_assistant(ground: Ground) -> None:
    duly = wired(ground, token=TOKEN)
    assert set(OF_HASS) <= set(names(duly))
    assert not {off.name for off in duly.off} & set(OF_HASS)


def test_nobody_waits_for_them_and_apps_start_after_them(ground: Ground) -> None:
    duly = wired(ground, token=TOKEN)
    waves = waves_of(duly.children, after=after(HassParts(WebsocketService, ApiResource)))
    assert [[type(child).__name__ for child in wave] for wave in waves][3:] == [
        ["BusService", "SchedulerService"],
        ["WebsocketService"],
        ["StateProxy"],
        ["AppHandler"],
    ]
    assert [child.required for child in duly.children if type(child).__name__ in OF_HASS] == [False] * 3


def test_without_a_token_aiohttp_is_not_imported() -> None:
    code = "import sys, duly.runtime; print(any(name.startswith('aiohttp') for name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


def test_a_snapshot_tells_how_bus_link_and_states_stand(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        await until(lambda: duly.snapshot().link.state == "connected")
        snapshot = duly.snapshot()
        assert snapshot.link.generation == 1
        assert snapshot.states is not None
        assert (snapshot.states.freshness, snapshot.states.entities) == ("fresh", 1)
        assert snapshot.bus is not None
        assert snapshot.bus.listeners == 1

    ground.app("hall", HALL)
    assert live(lambda: Duly(ground.settings(token=TOKEN), hass=hass(peer())), act) == 0


def test_a_snapshot_without_a_token_tells_that_the_link_is_disabled(ground: Ground) -> None:
    snapshot = wired(ground).snapshot()
    assert (snapshot.link.state, snapshot.states) == (ConnectionState.DISABLED, None)


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_app_hears_of_a_change_once_the_states_know_it(ground: Ground) -> None:
    home = peer()

    async def act(duly: Duly) -> None:
        await until(lambda: duly.snapshot().link.state == "connected")
        home.state_changed("light.lamp", "on")
        await until(lambda: hall(duly).seen)
        assert hall(duly).seen == ["on"]

    ground.app("hall", HALL)
    assert live(lambda: Duly(ground.settings(token=TOKEN), hass=hass(home)), act) == 0


def test_events_of_dulys_own_are_on_the_bus(ground: Ground) -> None:
    topics: set[str] = set()

    async def act(duly: Duly) -> None:
        await until(lambda: hall(duly).heard)
        home.drop()
        wanted = {"app_state_changed", "app_load_completed", "websocket_connected", "websocket_disconnected"}
        wanted |= {"service_status", "execution_completed"}
        await until(lambda: wanted <= {topic.split(".")[-1] for topic in hall(duly).heard})
        topics.update(hall(duly).heard)

    ground.app(
        "hall",
        """
        async def on_initialize(self):
            self.heard = []
            await self.bus.on(topic="duly.event.*", handler=self.hear)
            await self.scheduler.run_in(self.work, 0.01)

        async def work(self):
            pass

        async def hear(self, event):
            self.heard.append(event.topic)
        """,
    )
    home = peer()
    settings = ground.settings(token=TOKEN, websocket={"early_drop_backoff_initial_seconds": 0.01})
    assert live(lambda: Duly(settings, hass=hass(home)), act) == 0
    assert all(topic.startswith("duly.event.") for topic in topics)


# --- Home Assistant is away, or refuses the token ---------------------------------------------------------------------


def test_without_home_assistant_apps_run_and_the_link_keeps_trying(ground: Ground) -> None:
    home = peer()
    home.swallow()

    async def act(duly: Duly) -> None:
        assert hall(duly).status is ResourceStatus.RUNNING
        assert duly.snapshot().link.state == "connecting"

    ground.app("hall", HALL)
    assert live(lambda: Duly(ground.settings(token=TOKEN), hass=hass(home)), act) == 0


def test_a_token_that_is_refused_at_the_start_ends_it_with_code_1(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    home = peer()
    home.token = OTHER_TOKEN

    async def main() -> int:
        return await Duly(ground.settings(token=TOKEN), hass=hass(home)).run_forever()

    with caplog.at_level(logging.DEBUG, "duly"):
        assert asyncio.run(main()) == 1
    assert len(home.attempts) == 1
    (critical,) = (record for record in caplog.records if record.levelname == "CRITICAL")
    assert "http://127.0.0.1:8123" in critical.message
    assert critical.exc_info is None
    assert TOKEN not in caplog.text


# --- other settings ---------------------------------------------------------------------------------------------------


def configured(ground: Ground, text: str) -> DulyConfig:
    ground.configure(text)
    return DulyConfig.load(config_file=ground.toml)


async def reload(duly: Duly, ground: Ground, text: str) -> None:
    """As when the file of the settings is saved."""
    watcher = part(duly, FileWatcherService)
    await watcher.wait_ready(PATIENCE)
    ground.configure(text)
    await watcher._reloader.reload()


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def test_another_token_or_address_starts_the_link_again(ground: Ground) -> None:
    home = peer()

    async def act(duly: Duly) -> None:
        await until(lambda: duly.snapshot().link.state == "connected")
        home.token = OTHER_TOKEN
        await reload(duly, ground, f'dev_mode = true\ntoken = "{OTHER_TOKEN}"')
        await until(lambda: duly.snapshot().link.generation == 2 and duly.snapshot().link.state == "connected")
        await reload(duly, ground, f'dev_mode = true\ntoken = "{OTHER_TOKEN}"\nbase_url = "http://ha.test:8123"')
        await until(lambda: duly.snapshot().link.generation == 3 and duly.snapshot().link.state == "connected")
        assert [endpoint.url for endpoint in home.endpoints] == [
            *["ws://127.0.0.1:8123/api/websocket"] * 2,
            "ws://ha.test:8123/api/websocket",
        ]
        home.state_changed("light.lamp", "on")
        await until(lambda: hall(duly).seen)
        assert hall(duly).seen == ["on"]

    ground.app("hall", HALL)
    config = configured(ground, f'dev_mode = true\ntoken = "{TOKEN}"')
    assert live(lambda: Duly(config, hass=hass(home)), act) == 0


def test_other_settings_leave_the_link_alone(ground: Ground) -> None:
    home = peer()

    async def act(duly: Duly) -> None:
        await until(lambda: duly.snapshot().link.state == "connected")
        await reload(duly, ground, f'dev_mode = true\ntoken = "{TOKEN}"\nasyncio_debug_mode = true')
        await asyncio.sleep(0)
        assert (len(home.attempts), duly.snapshot().link.state) == (1, "connected")

    config = configured(ground, f'dev_mode = true\ntoken = "{TOKEN}"')
    assert live(lambda: Duly(config, hass=hass(home)), act) == 0


def test_a_token_that_is_taken_away_disables_the_link(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        await until(lambda: duly.snapshot().link.state == "connected")
        await reload(duly, ground, "dev_mode = true")
        await until(lambda: duly.snapshot().link.state == "disabled")
        assert hall(duly).states.freshness == "stale"
        assert not hall(duly).api.connected

    ground.app("hall", HALL)
    config = configured(ground, f'dev_mode = true\ntoken = "{TOKEN}"')
    assert live(lambda: Duly(config, hass=hass(peer())), act) == 0


def test_a_first_token_makes_the_parts_and_apps_that_run_use_them(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        assert hall(duly).api.connection_state == "disabled"
        before = hall(duly)
        address = f"http://127.0.0.1:{closed_port()}"
        await reload(duly, ground, f'dev_mode = true\ntoken = "{TOKEN}"\nbase_url = "{address}"')
        await until(lambda: all(find_part(duly, each) for each in (WebsocketService, ApiResource, StateProxy)))
        await until(lambda: part(duly, StateProxy).is_ready())
        assert not {off.name for off in duly.off} & set(OF_HASS)
        assert hall(duly) is before
        await until(lambda: hall(duly).api.connection_state in {"connecting", "waiting"})
        assert part(duly, BusService).states is part(duly, StateProxy)
        with pytest.raises(StatesNotReadyError, match=r"http://127\.0\.0\.1"):
            hall(duly).states["light.lamp"]

    ground.app("hall", HALL)
    config = configured(ground, "dev_mode = true")
    assert live(lambda: Duly(config), act) == 0


def test_with_a_first_token_who_listens_is_told_of_states_there_are(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        address = f"http://127.0.0.1:{closed_port()}"
        await reload(duly, ground, f'dev_mode = true\ntoken = "{TOKEN}"\nbase_url = "{address}"')
        await until(lambda: find_part(duly, StateProxy) is not None and part(duly, StateProxy).is_ready())
        part(duly, StateProxy).replace_all([raw_state("light.lamp", "on")])  # as the link does
        part(duly, StateProxy).mark_fresh()
        await until(lambda: hall(duly).seen)
        assert hall(duly).seen == ["on"]

    ground.app("hall", HALL.replace("handler=self.lamp", "handler=self.lamp, immediate=True"))
    config = configured(ground, "dev_mode = true")
    assert live(lambda: Duly(config), act) == 0


def test_with_a_first_token_an_app_that_needs_it_starts(ground: Ground) -> None:
    async def act(duly: Duly) -> None:
        assert part(duly, AppHandler).apps == []
        address = f"http://127.0.0.1:{closed_port()}"
        await reload(duly, ground, f'dev_mode = true\ntoken = "{TOKEN}"\nbase_url = "{address}"')
        await until(lambda: find_part(duly, StateProxy) is not None and part(duly, StateProxy).is_ready())
        part(duly, StateProxy).replace_all([raw_state("light.lamp", "on")])
        part(duly, StateProxy).mark_fresh()
        await until(lambda: part(duly, AppHandler).apps)
        await until(lambda: hall(duly).status is ResourceStatus.RUNNING)
        assert hall(duly).lamp == "on"

    ground.app("hall", "async def on_initialize(self):\n    self.lamp = self.states['light.lamp'].state")
    config = configured(ground, "dev_mode = true")
    assert live(lambda: Duly(config), act) == 0
