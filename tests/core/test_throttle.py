"""A throttle lets one through, and then none for a while."""

from duly.core.clock import SECOND
from duly.core.throttle import Throttle


def test_the_first_passes_whatever_the_time() -> None:
    assert Throttle(30).passes(0)


def test_nothing_passes_until_the_pause_is_over() -> None:
    throttle = Throttle(30)
    assert [throttle.passes(seconds * SECOND) for seconds in (5, 6, 34, 35, 36)] == [True, False, False, True, False]


def test_what_is_held_back_does_not_prolong_the_pause() -> None:
    throttle = Throttle(0.5)
    throttle.passes(0)
    throttle.passes(SECOND // 4)
    assert throttle.passes(SECOND // 2)
