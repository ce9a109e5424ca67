"""Jobs that follow entities of a real Home Assistant."""

from datetime import timedelta
from pathlib import Path

from whenever import Instant

from duly import App
from duly.core.clock import SystemClock, zoned
from duly.hass import EntityTime
from duly.sun import Sun
from tests.faults.app_folder import soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import RunningDuly

WAKE, PARTY = "input_datetime.wake", "input_datetime.party"


def now() -> Instant:
    """On the clock of the machine, as Home Assistant has it."""
    return zoned(SystemClock().now(), "UTC").to_instant().round("second")


class Alarm(App):
    """Follows a time of day, a moment, and the sun."""

    async def on_initialize(self) -> None:
        self.rings = 0
        self.wake = await self.scheduler.schedule(self.ring, EntityTime(WAKE, timezone="UTC"), "wake")
        self.party = await self.scheduler.schedule(self.ring, EntityTime(PARTY, offset=-60), "party")
        self.rise = await self.scheduler.schedule(self.ring, EntityTime("sun.sun", "next_rising"), "rise")

    async def ring(self) -> None:
        self.rings += 1

    def next_run(self, name: str) -> Instant:
        job = {"wake": self.wake, "party": self.party, "rise": self.rise}[name]
        return job.next_run.to_instant()


def test_jobs_follow_what_people_set_and_where_the_sun_is(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    remote = home_assistant.remote
    remote.call("input_datetime", "set_datetime", entity_id=WAKE, time="07:30:00")
    with RunningDuly(tmp_path, Alarm, home=home_assistant) as duly:
        alarm = duly.app(Alarm)
        soon(lambda: alarm.next_run("wake").format_iso()[11:19] == "07:30:00")
        remote.call("input_datetime", "set_datetime", entity_id=WAKE, time="22:15:30")
        soon(lambda: alarm.next_run("wake").format_iso()[11:19] == "22:15:30")
        in_two_hours = now().add(hours=2)
        remote.call("input_datetime", "set_datetime", entity_id=PARTY, timestamp=in_two_hours.timestamp())
        soon(lambda: alarm.next_run("party") == in_two_hours.subtract(minutes=1))
        told = Instant.parse_iso(remote.rest("/api/states/sun.sun")["attributes"]["next_rising"])
        soon(lambda: abs(alarm.next_run("rise") - told).total("seconds") <= 1)
        own = Sun("sunrise", latitude=52, longitude=5).first_run_time(alarm.now())
        assert own is not None
        assert abs((own.to_instant() - told).total("seconds")) < timedelta(minutes=1).total_seconds()


def test_a_job_runs_when_an_entity_says_and_waits_for_the_next_word(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    remote = home_assistant.remote
    with RunningDuly(tmp_path, Alarm, home=home_assistant) as duly:
        duly.until_connected()
        alarm = duly.app(Alarm)
        at = now().add(seconds=63)
        remote.call("input_datetime", "set_datetime", entity_id=PARTY, timestamp=at.timestamp())
        soon(lambda: alarm.rings == 1)
        soon(lambda: duly.rows("party") == ["success"])
        assert alarm.party in duly.ask(alarm.scheduler.list_jobs)
