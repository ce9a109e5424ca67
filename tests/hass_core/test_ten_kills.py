"""Home Assistant is killed ten times in a row while apps run."""

from pathlib import Path

from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.resident import HANDLERS, Resident, assert_job_was_on_time, toggle_once, until_settled
from tests.hass_core.running_duly import RunningDuly

KILLS = 10
IMPATIENT = {
    "connect_retry_initial_wait_seconds": 0.2,
    "connect_retry_max_wait_seconds": 0.5,
    "connect_retry_max_attempts": 1_000,
    "early_drop_backoff_initial_seconds": 0.1,
    "early_drop_backoff_max_seconds": 0.5,
    "early_drop_max_retries": KILLS,
}
"""Waits that do not make a test long, and as many early drops as there are."""


def test_ten_outages_cost_no_listener_no_call_and_no_slot_and_each_is_told(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    home = own_home_assistant
    with RunningDuly(tmp_path, Resident, home=home, websocket=IMPATIENT) as duly:
        duly.until_connected()
        resident = duly.app(Resident)
        listeners = duly.ask(lambda: [listener.db_id for listener in resident.bus.get_listeners()])
        toggle_once(duly, home)
        for number in range(1, KILLS + 1):
            home.kill()
            duly.until_lost(number)
            home.launch()
            duly.until_connected(number + 1)
            until_settled(duly, home)
            toggle_once(duly, home)
        link = duly.link
        assert (link.losses, link.connects, link.bad_events) == (KILLS, KILLS + 1, 0)
        assert link.failed_attempts >= KILLS
        assert duly.ask(lambda: [listener.db_id for listener in resident.bus.get_listeners()]) == listeners
        assert (len(resident.reconnected), len(resident.disconnected)) == (KILLS, KILLS)
    assert duly.rows("go") == ["success"] * KILLS
    for name in HANDLERS:
        assert duly.rows(name) == ["success"] * (KILLS + 1)
    assert len(duly.logged("linked to Home Assistant", "INFO")) == KILLS + 1
    assert len(duly.logged(" again, after ", "INFO")) == KILLS
    assert duly.logged("the link to Home Assistant is lost", "WARNING")
    assert_job_was_on_time(duly, KILLS)
