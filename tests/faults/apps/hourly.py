"""Jobs that are due once an hour, by triggers of all kinds."""

from typing import Literal

from whenever import ZonedDateTime

from duly.apps import App
from duly.core.trigger import TriggerProtocol
from duly.scheduler import Cron, Every

HOUR = 3600
START = ZonedDateTime(2025, 1, 1, 0, 17, tz="UTC")


class HourLater:
    """An hour after it was first asked, and so on, as a user may write it."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """An hour later."""
        return current_time.add(hours=1)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """The next full number of hours later."""
        while previous_run <= current_time:
            previous_run = previous_run.add(hours=1)
        return previous_run

    def trigger_label(self) -> str:
        """A word."""
        return "later"

    def trigger_detail(self) -> str | None:
        """None."""
        return None

    def trigger_db_type(self) -> Literal["custom"]:
        """Its kind."""
        return "custom"

    def trigger_id(self) -> str:
        """Always the same."""
        return "later:3600"


class Hourly(App):
    """Schedules them, and says when they are due next."""

    async def on_initialize(self) -> None:
        """Schedule them."""
        triggers: dict[str, TriggerProtocol] = {
            "every": Every(hours=1),
            "hung": Every(hours=1, start=START),
            "cron": Cron("H * * * *"),
            "own": HourLater(),
        }
        self.due: dict[str, ZonedDateTime] = {}
        for name, trigger in triggers.items():
            job = await self.scheduler.schedule(self.work, trigger, name)
            self.due[name] = job.next_run
            self.logger.info("due: %s %s", name, job.next_run)

    async def work(self) -> None:
        """Do nothing."""
