"""The table of statuses, and what is told about changes."""

import itertools
import logging

import pytest

from duly.config import DulyConfig
from duly.lifecycle import InvalidLifecycleTransitionError, Resource, ResourceStatus, StatusChange
from duly.lifecycle.status import TRANSITIONS
from tests.lifecycle.house import House

TABLE = {
    "not_started": "starting stopping",
    "starting": "running failed crashed stopping stopped",
    "running": "stopping stopped failed crashed",
    "stopping": "stopped failed",
    "stopped": "starting",
    "failed": "starting stopping stopped crashed exhausted_cooling exhausted_dead",
    "crashed": "starting stopping stopped",
    "exhausted_cooling": "starting stopping exhausted_dead",
    "exhausted_dead": "stopping",
}
PAIRS = [(a, b) for a, b in itertools.product(ResourceStatus, ResourceStatus) if a is not b]
ALLOWED = [(a, b) for a, b in PAIRS if b.value in TABLE[a.value].split()]
FORBIDDEN = [pair for pair in PAIRS if pair not in ALLOWED]


def part_at(house: House, status: ResourceStatus) -> Resource:
    part = Resource(house)
    part._standing.force(status)
    house.changes.clear()
    return part


def test_the_table_names_every_status() -> None:
    assert {status.value for status in TRANSITIONS} == set(TABLE)


@pytest.mark.parametrize(("now", "then"), ALLOWED)
def test_an_allowed_change_takes_place_and_is_announced(now: ResourceStatus, then: ResourceStatus) -> None:
    house = House()
    part = part_at(house, now)
    part.set_status(then)
    assert (part.status, part.previous_status) == (then, now)
    assert house.changes == [StatusChange(part, then, now, ready=False, ready_reason="", exception=None)]


@pytest.mark.parametrize(("now", "then"), FORBIDDEN)
def test_any_other_change_raises_in_strict_lifecycle_and_the_status_stays(
    now: ResourceStatus, then: ResourceStatus
) -> None:
    house = House()
    part = part_at(house, now)
    with pytest.raises(InvalidLifecycleTransitionError) as caught:
        part.set_status(then)
    assert (caught.value.resource, caught.value.from_status, caught.value.to_status) == ("Resource", now, then)
    assert (part.status, house.changes) == (now, [])


@pytest.mark.parametrize(("now", "then"), FORBIDDEN)
def test_otherwise_it_is_a_warning_with_the_calling_frame_and_takes_place(
    now: ResourceStatus, then: ResourceStatus, caplog: pytest.LogCaptureFixture
) -> None:
    part = part_at(House(DulyConfig.hermetic(strict_lifecycle=False)), now)
    part.set_status(then)
    assert part.status is then
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"invalid status change of Resource: {now} to {then}" in record.getMessage()
    assert "test_otherwise_it_is_a_warning" in record.getMessage()
    assert __file__ in record.getMessage()


@pytest.mark.parametrize("status", ResourceStatus)
def test_the_present_status_again_does_nothing(status: ResourceStatus) -> None:
    house = House()
    part = part_at(house, status)
    part.set_status(status)
    assert (part.status, house.changes) == (status, [])


def test_a_status_keeps_the_error_that_it_is_due_to() -> None:
    house = House()
    part = part_at(house, ResourceStatus.RUNNING)
    error = ValueError("no")
    part.set_status(ResourceStatus.FAILED, exception=error)
    assert part.exception is error
    assert house.changes[0].exception is error


def test_only_a_change_of_readiness_is_announced() -> None:
    house = House()
    part = Resource(house)
    part.mark_ready("warm")
    part.mark_ready("again")
    assert (part.is_ready(), part.ready_reason) == (True, "warm")
    part.mark_not_ready("cold")
    part.mark_not_ready("again")
    assert (part.is_ready(), part.ready_reason) == (False, "cold")
    assert [(change.ready, change.ready_reason) for change in house.changes] == [(True, "warm"), (False, "cold")]


def test_where_readiness_alone_changes_the_status_before_is_the_present_one() -> None:
    house = House()
    part = part_at(house, ResourceStatus.STARTING)
    part.set_status(ResourceStatus.RUNNING)
    part.mark_ready("warm")
    assert [(change.previous_status, change.status) for change in house.changes] == [
        ("starting", "running"),
        ("running", "running"),
    ]
    assert part.previous_status == "starting"
