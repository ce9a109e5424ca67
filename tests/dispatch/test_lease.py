"""How long a lease has stood still, as a replica that waits counts it."""

from duly.dispatch.lease import Observation, holder_of
from duly.testing import VirtualClock


def watched(*steps: tuple[float, int, int | None]) -> list[float]:
    """What an observation says, looking after so many seconds at a revision on a connection."""
    clock = VirtualClock()
    observation = Observation(clock)
    seen = []
    for seconds, revision, connection in steps:
        clock.advance(seconds)
        seen.append(observation.seconds(revision, connection))
    return seen


def test_a_revision_that_stays_is_counted_from_when_it_was_first_seen() -> None:
    assert watched((9, 1, 0), (0.5, 1, 0), (0.25, 1, 0), (0.5, 1, 0)) == [0, 0.5, 0.75, 1.25]


def test_a_new_revision_begins_anew() -> None:
    assert watched((0, 1, 0), (0.5, 1, 0), (0.5, 2, 0), (0.5, 2, 0)) == [0, 0.5, 0, 0.5]


def test_a_new_connection_begins_anew() -> None:
    assert watched((0, 1, 0), (0.5, 1, 0), (0.5, 1, 1), (0.5, 1, 1)) == [0, 0.5, 0, 0.5]


def test_time_in_which_nobody_looked_counts_as_one_second_at_most() -> None:
    assert watched((0, 1, 0), (3600, 1, 0), (0.5, 1, 0)) == [0, 1, 1.5]


def test_what_is_restarted_begins_anew() -> None:
    clock = VirtualClock()
    observation = Observation(clock)
    observation.seconds(1, 0)
    clock.advance(0.5)
    observation.restart()
    assert observation.seconds(1, 0) == 0


def test_a_holder_without_a_name_is_another_replica() -> None:
    assert holder_of({"holder": "two"}) == "two"
    assert holder_of({}) == "another replica"
