"""Home Assistant dies as in a power cut, and comes back: rows 3 and 5."""

import asyncio
from pathlib import Path

from duly.apps import App
from duly.hass.errors import HassUnavailableError
from tests.faults.app_folder import let_pass, soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.resident import Resident, assert_job_was_on_time, toggle_once, until_settled
from tests.hass_core.running_duly import RunningDuly, seconds_now

STABLE = 30
"""Seconds after which a connection counts as stable."""
AT_ONCE = 0.05
PROMPT = 1.0


def test_a_home_assistant_that_was_killed_comes_back_to_what_was_listening(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 3."""
    home = own_home_assistant
    with RunningDuly(tmp_path, Resident, home=home) as duly:
        duly.until_connected()
        resident = duly.app(Resident)
        for _ in range(3):
            home.remote.call("counter", "increment", entity_id="counter.hits")
        toggle_once(duly, home)
        let_pass(STABLE + 1)
        home.kill()
        duly.until_lost()
        assert duly.ask(lambda: resident.states["counter.hits"].state) == "3"
        assert duly.ask(lambda: resident.states.freshness) == "stale"
        home.launch()
        duly.until_connected(2)
        until_settled(duly, home)
        toggle_once(duly, home)
        assert (len(resident.reconnected), len(resident.disconnected)) == (1, 1)
        kept = home.remote.state("counter.hits")
        assert kept != "3"
        assert duly.ask(lambda: resident.states["counter.hits"].state) == kept
        changes = [(each.event.payload.data.old_state_value, each.value) for each in resident.counted]
        assert changes[:3] == [("0", "1"), ("1", "2"), ("2", "3")]
        assert ("3", kept) not in changes
        soon(lambda: len(duly.rows("light.lamp")) == len(duly.rows("input_boolean.lamp_state")) == 2)
        assert_job_was_on_time(duly, STABLE)


Failure = tuple[HassUnavailableError, float]
"""An error and when it came."""


class Caller(App):
    async def fail(self) -> Failure:
        """Ask something that will not be answered."""
        try:
            await self.api.get_config()
        except HassUnavailableError as error:
            return error, seconds_now()
        raise AssertionError("there was an answer")

    async def begin(self) -> None:
        self.call = asyncio.create_task(self.fail())

    async def end(self) -> Failure:
        return await self.call


def test_calls_during_an_outage_fail_at_once_and_those_in_flight_as_the_connection_closes(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 5."""
    home = own_home_assistant
    with RunningDuly(tmp_path, Caller, home=home) as duly:
        duly.until_connected()
        caller = duly.app(Caller)
        home.pause()
        duly.run(caller.begin())
        let_pass(1)
        assert not caller.call.done()
        killed = seconds_now()
        home.kill()
        error, at = duly.run(caller.end())
        assert at - killed < PROMPT
        assert home.url in str(error)
        took = list[float]()
        for _ in range(5):
            began = seconds_now()
            error, at = duly.run(caller.fail())
            took.append(at - began)
        assert min(took) < AT_ONCE
        assert error.since is not None
        assert error.last_error
        assert error.state in {"waiting", "connecting"}
        assert "next attempt" in str(error)
        home.launch()
        duly.until_connected(2)
        assert duly.run(caller.api.get_config())["location_name"] == "Test Home"
