"""A program that lives several times on one ledger file, in virtual time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whenever import ZonedDateTime

from duly import Scheduler
from duly.core.clock import SECOND
from duly.testing import World
from tests.embedded.filed import rows_of
from tests.scheduler.custom import Described

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


class Lives:
    """A program that is started again and again on one file and one clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()

    def begin(self, **options: Any) -> Scheduler:  # noqa: ANN401 - those of a Scheduler
        return self.world.scheduler(history=self.path, **options)

    def kill(self, scheduler: Scheduler, down: float = 0, *, durable: bool = True) -> None:
        self.world.kill(scheduler, durable=durable)
        self.world.clock.elapse(down)

    def rows(self, columns: str = "status, tick_count", table: str = "executions") -> list[Any]:
        order = "scheduled_ts, attempt_number" if table == "executions" else "id"
        return rows_of(self.path, columns, table, order)


def nanoseconds(offset: float) -> int:
    return round(seconds(offset)[0] * SECOND)


def seconds(*offsets: float) -> list[float]:
    return [BEGIN.timestamp() + offset for offset in offsets]


class Custom(Described):
    """A trigger of a user's: every ten seconds, and it cannot count."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime:
        return current_time.add(seconds=10)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime:
        return max(previous_run, current_time).add(seconds=10)
