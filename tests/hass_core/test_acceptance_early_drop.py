"""Home Assistant dies again and again, or hangs: row 4."""

from pathlib import Path

from duly.core.clock import SECOND
from duly.hass import ConnectionState
from tests.faults.app_folder import soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.resident import Resident, assert_job_was_on_time, toggle_once, until_settled
from tests.hass_core.running_duly import RunningDuly, seconds_now

INITIAL = 2.0
"""The first wait after an early drop; as much again at random."""
HEARTBEAT = 10


def wait_after_kill(duly: RunningDuly, home: HomeAssistant, losses: int) -> float:
    """Seconds until the next attempt, as the link says when it has lost one."""
    home.kill()
    duly.until_lost(losses)
    link = duly.link
    assert link.state is ConnectionState.WAITING
    assert link.next_attempt is not None
    return (link.next_attempt - link.since) / SECOND


def test_early_drops_make_it_wait_longer_each_time_and_it_recovers(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 4, kill -9 three times."""
    home = own_home_assistant
    with RunningDuly(tmp_path, Resident, home=home) as duly:
        duly.until_connected()
        for number in range(1, 4):
            connected = seconds_now()
            waits = wait_after_kill(duly, home, number)
            assert seconds_now() - connected < 30
            doubled = INITIAL * 2 ** (number - 1)
            assert doubled - 0.1 <= waits <= doubled + INITIAL + 0.1
            home.launch()
            duly.until_connected(number + 1)
            until_settled(duly, home)
        toggle_once(duly, home)
        assert duly.alive
        resident = duly.app(Resident)
        assert (len(resident.reconnected), len(resident.disconnected)) == (3, 3)
        assert_job_was_on_time(duly, sum(INITIAL * 2**number for number in range(3)))


def test_a_home_assistant_that_hangs_is_noticed_and_the_link_recovers_when_it_goes_on(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 4, SIGSTOP and SIGCONT."""
    home = own_home_assistant
    with RunningDuly(tmp_path, Resident, home=home, websocket={"heartbeat_interval_seconds": HEARTBEAT}) as duly:
        duly.until_connected()
        toggle_once(duly, home)
        home.pause()
        began = seconds_now()
        duly.until_lost()
        assert seconds_now() - began < 1.5 * HEARTBEAT + 1
        soon(lambda: duly.link.state is ConnectionState.CONNECTING)
        home.resume()
        duly.until_connected(2)
        until_settled(duly, home)
        toggle_once(duly, home)
        assert_job_was_on_time(duly, HEARTBEAT)
