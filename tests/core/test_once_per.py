"""Once in so many seconds, and no oftener."""

from duly.core.clock import SECOND
from duly.core.once_per import OncePer


def test_the_first_is_due_whatever_the_time() -> None:
    assert OncePer(30).due(0)


def test_nothing_is_due_until_the_pause_is_over() -> None:
    once = OncePer(30)
    assert [once.due(seconds * SECOND) for seconds in (5, 6, 34, 35, 36)] == [True, False, False, True, False]


def test_what_was_not_due_does_not_prolong_the_pause() -> None:
    once = OncePer(0.5)
    once.due(0)
    once.due(SECOND // 4)
    assert once.due(SECOND // 2)
