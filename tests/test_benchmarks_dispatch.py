import pytest

from benchmarks.measures import leading, publishing, takeover
from benchmarks.subjects.leaders import Leader
from benchmarks.subjects.protocols import Publishes
from benchmarks.subjects.publishers import (
    Delivering,
    DeliveringByTwoToTwo,
    PublishAsync,
    PublishAsyncTasks,
    PublishOneByOne,
)

WAYS = (Delivering, DeliveringByTwoToTwo, PublishAsync, PublishAsyncTasks, PublishOneByOne)


@pytest.mark.parametrize("subject", WAYS)
def test_every_way_to_publish_gets_all_messages_into_its_stream(subject: type[Publishes]) -> None:
    assert publishing.measure(subject, size=20)["message"][""] > 0


def test_schedules_that_are_spread_are_measured_while_they_run() -> None:
    metrics = leading.spread(Leader, size=60, window=3)
    assert 0 < metrics["start"][""] < 60_000
    assert 0 <= metrics["median"][""] <= metrics["p99"][""]
    assert metrics["memory"][""] > 10


def test_schedules_that_are_due_at_once_are_measured_until_all_have_their_row() -> None:
    metrics = leading.burst(Leader, size=3)
    assert 0 < metrics["slot"][""] <= metrics["row"][""]


def test_the_time_without_a_leader_is_that_without_messages() -> None:
    metrics = takeover.measure(Leader, times=1)
    assert 1_000 < metrics["killed"][""] < 30_000
    assert 0 < metrics["stopped"][""] < 30_000
