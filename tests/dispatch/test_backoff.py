"""How long to wait before something is tried again."""

from duly.dispatch.backoff import backoff


def test_each_pause_is_twice_the_one_before_up_to_two_seconds() -> None:
    assert [backoff(failures) for failures in range(8)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_it_stays_so_for_ever() -> None:
    assert backoff(10**9) == 2.0
