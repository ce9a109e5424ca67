"""What is to come of the jobs of a ledger."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from duly.core.clock import Zone
from duly.core.trigger import TriggerProtocol
from duly.ledger import jobs
from duly.ledger.upcoming import Upcoming, newest_chain, upcoming
from duly.triggers import Cron, Every
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, seconds, written
from tests.scheduler.custom import Plain


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def ahead(file: Written) -> Upcoming:
    with reader_of(file) as reader:
        (job,) = reader.read(jobs.jobs)
        return reader.read(upcoming, job)


def slots(file: Written, moment: float, number: int = 3) -> list[float | None]:
    return [seconds(slot) for slot in islice(ahead(file).slots(at(moment)), number)]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(0, [100, 110, 120]), (99.5, [100, 110, 120]), (100, [110, 120, 130]), (1234, [1240, 1250, 1260])],
)
def test_slots_are_those_behind_a_moment_from_the_first_of_the_schedule_on(
    moment: float, expected: list[float], file: Written
) -> None:
    file.job(first=100)
    assert slots(file, moment) == expected


def test_it_is_the_newest_schedule_that_goes_on(file: Written) -> None:
    file.repository.end_schedule(file.db, file.job(), at(25))
    file.job(trigger=Every(seconds=7), first=30)
    assert slots(file, 20) == [30, 37, 44]


@pytest.mark.parametrize("end", ["end_schedule", "cancel_job", "retire_job"])
def test_of_a_job_that_has_ended_nothing_comes(end: str, file: Written) -> None:
    schedule = file.job()
    target = schedule if end == "end_schedule" else file.job_id(schedule)
    getattr(file.repository, end)(file.db, target, at(5))
    assert slots(file, 0) == []
    assert (ahead(file).schedule, ahead(file).unknown) == (None, None)


def test_of_a_trigger_of_a_user_the_first_slot_is_known_until_it_is_decided(file: Written) -> None:
    schedule = file.job(trigger=Plain(10))
    assert slots(file, 5) == [10]
    assert slots(file, 10) == []
    file.slots(schedule, [10])
    assert slots(file, 5) == []
    assert ahead(file).unknown == "a trigger of its own, which only its program can ask"


def test_a_spec_that_cannot_be_read_is_told(file: Written) -> None:
    file.db.execute("UPDATE raw_schedules SET trigger_spec = '{}' WHERE id = ?", (file.job(),))
    assert str(ahead(file).unknown).startswith("no trigger can be rebuilt from '{}'")
    assert slots(file, 5) == [10]


@pytest.mark.parametrize(
    ("trigger", "zone"),
    [
        (Cron("@daily"), "Europe/Berlin"),
        (Cron("@daily", timezone="America/Chicago"), "America/Chicago"),
        (Every(seconds=10), "Europe/Berlin"),
        (Plain(10), "Europe/Berlin"),
    ],
    ids=["its host's", "its own", "an interval", "of a user"],
)
def test_the_zone_of_a_job_is_that_by_which_its_schedule_goes(
    trigger: TriggerProtocol, zone: Zone, file: Written
) -> None:
    file.job(trigger=trigger, zone="Europe/Berlin")
    with reader_of(file) as reader:
        (job,) = reader.read(jobs.jobs)
        assert reader.read(newest_chain, job)[1] == zone
