"""The example apps for Home Assistant, each once for real; what they do over hours is tested on virtual time."""

from pathlib import Path

from whenever import TimeDelta

from duly.scheduler import ScheduledJob
from examples.home_assistant.apps.climate_by_presence import ClimateByPresence
from examples.home_assistant.apps.cover_by_sun import CoverBySun
from examples.home_assistant.apps.door_left_open import DoorLeftOpen
from examples.home_assistant.apps.motion_light import MotionLight
from tests.faults.app_folder import let_pass, soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.remote import Json
from tests.hass_core.running_duly import RunningDuly


def switch(home: HomeAssistant, name: str, *, on: bool) -> None:
    home.remote.call("input_boolean", "turn_on" if on else "turn_off", entity_id=f"input_boolean.{name}")


def attribute(home: HomeAssistant, entity_id: str, name: str) -> Json:
    return home.remote.rest(f"/api/states/{entity_id}")["attributes"].get(name)


def test_the_light_goes_on_with_motion_and_off_afterwards(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    state = home_assistant.remote.state
    config = {"motion": "binary_sensor.moving", "light": "light.lamp", "hold_seconds": 1}
    with RunningDuly(tmp_path, MotionLight, home=home_assistant, config=config) as duly:
        duly.until_connected()
        switch(home_assistant, "motion", on=True)
        soon(lambda: state("light.lamp") == "on")
        let_pass(1.5)
        assert state("light.lamp") == "on"
        switch(home_assistant, "motion", on=False)
        soon(lambda: state("light.lamp") == "off")
        soon(lambda: set(duly.rows("light_up") + duly.rows("go_dark")) == {"success"})


def test_it_gets_warm_when_the_first_comes_and_cool_when_the_last_has_gone(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    people = ["input_boolean.anna", "input_boolean.ben"]
    config = {"people": people, "thermostat": "climate.living_room", "comfort": 21, "away": 16.5}

    def wanted() -> Json:
        return attribute(home_assistant, "climate.living_room", "temperature")

    with RunningDuly(
        tmp_path, ClimateByPresence, home=home_assistant, config={**config, "leave_after_seconds": 1}
    ) as duly:
        duly.until_connected()
        soon(lambda: wanted() == 16.5)
        switch(home_assistant, "anna", on=True)
        soon(lambda: wanted() == 21)
        switch(home_assistant, "ben", on=True)
        switch(home_assistant, "anna", on=False)
        let_pass(2)
        assert wanted() == 21
        switch(home_assistant, "ben", on=False)
        soon(lambda: wanted() == 16.5)
        rows = [row for name in ("0 comes", "1 comes", "0 is gone", "1 is gone") for row in duly.rows(name)]
        assert set(rows) == {"success"}


def test_the_shutters_are_moved_by_their_jobs(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    config = {"cover": "cover.shutters", "latitude": 52.0, "longitude": 5.0}

    def move(job: ScheduledJob) -> str:
        """What has become of the shutters when a job that is due within a day is run before."""
        due = job.next_run
        assert shutters.now() < due < shutters.now() + TimeDelta(hours=25)
        before = home_assistant.remote.state("cover.shutters")
        duly.ask(lambda: shutters.scheduler.run_job_now(job))
        soon(lambda: home_assistant.remote.state("cover.shutters") != before)
        return home_assistant.remote.state("cover.shutters")

    with RunningDuly(tmp_path, CoverBySun, home=home_assistant, config=config) as duly:
        duly.until_connected()
        shutters = duly.app(CoverBySun)
        assert [move(shutters.opening), move(shutters.closing)] == ["open", "closed"]
        soon(lambda: duly.rows("open") == duly.rows("close") == ["success"])


def test_a_door_left_open_is_told_of_again_and_again_until_it_is_shut(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    config = {"doors": ["binary_sensor.front_door"], "minutes": 1 / 60, "again_after_minutes": 1 / 60}

    def titles() -> list[str]:
        messages = home_assistant.remote.command(type="persistent_notification/get")
        return [message["title"] for message in messages]

    with RunningDuly(tmp_path, DoorLeftOpen, home=home_assistant, config=config) as duly:
        duly.until_connected()
        switch(home_assistant, "door_open", on=True)
        soon(lambda: titles().count("Front door is open") >= 3)
        switch(home_assistant, "door_open", on=False)
        soon(lambda: "Front door is shut" in titles())
        told = len(titles())
        let_pass(2)
        assert len(titles()) == told
        assert set(duly.rows("binary_sensor.front_door left open")) == {"success"}
