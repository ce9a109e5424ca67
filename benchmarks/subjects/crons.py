"""Cron expressions: Duly, and the libraries that know them. Each is given and gives times in the type it likes best."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from whenever import Instant, ZonedDateTime

from benchmarks.subjects.protocols import Job, NotOfferedError
from duly.triggers import Cron

_SECOND = 1_000_000_000


class DulyChain:
    """As the engine asks: integer nanoseconds, the zone bound once."""

    distribution: ClassVar[str | None] = "duly"

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Ask one chain for every moment."""
        chain = Cron(expression).chain(zone)
        return chain.next, [(moment * _SECOND, moment * _SECOND) for moment in moments]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Feed each answer back."""
        ask = Cron(expression).chain(zone).next
        at: int = start * _SECOND

        def walk(steps: int) -> None:
            nonlocal at
            moment: int | None = at
            for _ in range(steps):
                assert moment is not None
                moment = ask(moment, moment)
            assert moment is not None
            at = moment

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """From nanoseconds."""
        return int(answer // _SECOND)


class DulyPublic:
    """As a user asks: ``ZonedDateTime`` in and out."""

    distribution: ClassVar[str | None] = "duly"

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Ask one trigger for every moment."""
        times = [_whenever(moment, zone) for moment in moments]
        return Cron(expression).next_run_time, [(moment, moment) for moment in times]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Feed each answer back."""
        ask = Cron(expression).next_run_time
        at = _whenever(start, zone)

        def walk(steps: int) -> None:
            nonlocal at
            moment: ZonedDateTime | None = at
            for _ in range(steps):
                assert moment is not None
                moment = ask(moment, moment)
            assert moment is not None
            at = moment

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """From a zoned time."""
        return int(answer.timestamp())


class Cronsim:
    """An iterator that cannot be moved: a fresh time needs a new one, which parses the expression again."""

    distribution: ClassVar[str | None] = "cronsim"

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Make an iterator and take its first element."""
        from cronsim import CronSim

        def ask(moment: datetime) -> datetime:
            return next(CronSim(expression, moment))

        return ask, [(_datetime(moment, zone),) for moment in moments]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Iterate."""
        from cronsim import CronSim

        elements = CronSim(expression, _datetime(start, zone))

        def walk(steps: int) -> None:
            for _ in range(steps):
                next(elements)

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """From a datetime."""
        return int(answer.timestamp())


class CronsimParsed(Cronsim):
    """Its share that only searches: iterators are made beforehand and put back by setting an attribute of theirs."""

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Put the iterator of the moment back there and take its first element."""
        from cronsim import CronSim

        iterators = [CronSim(expression, _datetime(moment, zone)) for moment in moments]

        def ask(iterator: CronSim, moment: datetime) -> datetime:
            iterator.dt = moment
            return next(iterator)

        return ask, [(iterator, iterator.dt) for iterator in iterators]


class Croniter:
    """An iterator that can be moved."""

    distribution: ClassVar[str | None] = "croniter"

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Move one iterator: ``get_next`` with a start time."""
        from croniter import croniter

        times = [_datetime(moment, zone) for moment in moments]
        return croniter(expression, times[0]).get_next, [(datetime, moment) for moment in times]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Iterate."""
        from croniter import croniter

        ask = croniter(expression, _datetime(start, zone)).get_next

        def walk(steps: int) -> None:
            for _ in range(steps):
                ask(datetime)

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """From a datetime."""
        return int(answer.timestamp())


class Apscheduler3:
    """The cron trigger of APScheduler 3: other weekday numbers, no last day by ``L``, no OR of the two day fields."""

    distribution: ClassVar[str | None] = "apscheduler"

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Ask one trigger for every moment."""
        ask = self._trigger(expression, zone).get_next_fire_time
        return ask, [(None, _datetime(moment, zone)) for moment in moments]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Feed each answer back."""
        ask = self._trigger(expression, zone).get_next_fire_time
        at = _datetime(start, zone)

        def walk(steps: int) -> None:
            nonlocal at
            moment = at
            for _ in range(steps):
                moment = ask(moment, moment)
            at = moment

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """From a datetime."""
        return int(answer.timestamp())

    def _trigger(self, expression: str, zone: str) -> Any:  # noqa: ANN401 - the library has no types
        from apscheduler.triggers.cron import CronTrigger

        minute, hour, day, month, weekday = expression.split()
        if "#" in weekday or (day != "*" and weekday != "*"):
            raise NotOfferedError(expression)
        names = {"*": "*", "1-5": "mon-fri"}
        fields = {"minute": minute, "hour": hour, "day": day.replace("L", "last"), "month": month}
        return CronTrigger(**fields, day_of_week=names[weekday], timezone=ZoneInfo(zone))


def _whenever(moment: int, zone: str) -> ZonedDateTime:
    return Instant.from_timestamp(moment).to_tz(zone)


def _datetime(moment: int, zone: str) -> datetime:
    return datetime.fromtimestamp(moment, UTC if zone == "UTC" else ZoneInfo(zone))
