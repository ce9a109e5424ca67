"""When the link is tried again: the arithmetic, as a table."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.config import WebSocketConfig
from duly.hass.recovery import GiveUp, Recovery, Step, Wait

SILENT: Callable[[], float] = lambda: 0.0  # noqa: E731 - a value of a table
STABLE = 30.0


def recovery(random: Callable[[], float] = SILENT, since: float | None = None, **limits: Any) -> Recovery:  # noqa: ANN401 - of the settings
    return Recovery(WebSocketConfig(**limits), random, since=since)


def seconds(step: Step) -> float:
    assert isinstance(step, Wait)
    return step.seconds


def drop(round_: Recovery, at: float, up: float = 1.0) -> Step:
    round_.connected(at)
    return round_.lost(at + up)


def test_waits_between_failed_attempts_double() -> None:
    round_ = recovery(connect_retry_max_attempts=6)
    assert [seconds(round_.failed(0)) for _ in range(5)] == [1, 2, 4, 8, 16]


def test_waits_between_failed_attempts_grow_to_the_most_and_not_beyond() -> None:
    round_ = recovery(connect_retry_max_attempts=2000, connect_retry_max_wait_seconds=5)
    assert [seconds(round_.failed(0)) for _ in range(1999)] == [1, 2, 4] + [5] * 1996


@pytest.mark.parametrize(("random", "waits"), [(0.0, [3, 6, 12]), (0.5, [4.5, 7.5, 13.5]), (1.0, [6, 9, 15])])
def test_a_wait_is_longer_by_up_to_one_initial_wait_at_random(random: float, waits: list[float]) -> None:
    round_ = recovery(lambda: random, connect_retry_initial_wait_seconds=3)
    assert [seconds(round_.failed(0)) for _ in range(3)] == waits


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_round_has_failed_with_the_last_of_its_attempts(attempts: int) -> None:
    round_ = recovery(connect_retry_max_attempts=attempts)
    assert all(isinstance(round_.failed(0), Wait) for _ in range(attempts - 1))
    assert round_.failed(0) == GiveUp(f"{attempts} attempts in a row have failed")


def test_after_the_loss_of_a_stable_connection_the_first_attempt_is_at_once_and_then_waits_begin_anew() -> None:
    round_ = recovery()
    assert [seconds(round_.failed(0)) for _ in range(4)] == [1, 2, 4, 8]
    assert drop(round_, 15, up=STABLE) == Wait(0.0)
    assert [seconds(round_.failed(45)) for _ in range(4)] == [1, 2, 4, 8]
    assert isinstance(round_.failed(45), GiveUp)


@pytest.mark.parametrize(("up", "stable"), [(0.0, False), (29.999, False), (30.0, True), (3e6, True)])
def test_a_connection_is_stable_once_it_has_been_up_for_the_window(up: float, stable: bool) -> None:
    round_ = recovery()
    round_.connected(100)
    assert round_.is_stable(100 + up) is stable
    assert (round_.lost(100 + up) == Wait(0.0)) is stable


def test_waits_after_early_drops_double_and_one_more_than_allowed_ends_the_round() -> None:
    round_ = recovery(early_drop_max_retries=7, early_drop_backoff_max_seconds=60, max_recovery_seconds=1e6)
    assert [seconds(drop(round_, 0)) for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert drop(round_, 0) == GiveUp("8 connections in a row were lost early")


def test_a_wait_after_an_early_drop_is_longer_by_up_to_its_initial_wait() -> None:
    round_ = recovery(lambda: 1.0)
    assert [seconds(drop(round_, 0)) for _ in range(3)] == [4, 6, 10]


def test_without_early_retries_the_first_early_drop_ends_the_round() -> None:
    assert drop(recovery(early_drop_max_retries=0), 0) == GiveUp("1 connections in a row were lost early")


def test_a_stable_connection_resets_the_count_of_early_drops() -> None:
    round_ = recovery(early_drop_max_retries=2)
    assert [seconds(drop(round_, 0)) for _ in range(2)] == [2, 4]
    assert drop(round_, 10, up=STABLE) == Wait(0.0)
    assert [seconds(drop(round_, 50)) for _ in range(2)] == [2, 4]
    assert isinstance(drop(round_, 50), GiveUp)


def test_failed_attempts_between_early_drops_do_not_reset_their_count() -> None:
    round_ = recovery(early_drop_max_retries=2)
    assert seconds(drop(round_, 0)) == 2
    assert seconds(round_.failed(3)) == 1
    assert seconds(drop(round_, 4)) == 4
    assert seconds(round_.failed(9)) == 1, "an attempt that came through has ended the row of failures"
    assert isinstance(drop(round_, 10), GiveUp)


def test_the_time_for_recovery_counts_from_the_loss() -> None:
    round_ = recovery(connect_retry_max_attempts=100, max_recovery_seconds=10)
    round_.connected(0)
    assert round_.lost(100) == Wait(0.0)
    assert round_.deadline == 110
    assert round_.failed(101) == Wait(1)
    assert round_.failed(105) == Wait(2)
    assert round_.failed(107) == Wait(3, last=True), "what is left of the time, and no attempt after it"
    assert round_.failed(110) == GiveUp("there was no stable connection within 10 s")


def test_the_time_for_recovery_goes_on_through_early_drops() -> None:
    round_ = recovery(max_recovery_seconds=10)
    assert drop(round_, 0) == Wait(2)
    assert round_.deadline == 11
    assert drop(round_, 3) == Wait(4)
    assert drop(round_, 8) == Wait(2, last=True)


def test_a_connection_that_is_up_when_the_time_for_recovery_ends_counts_by_how_long_it_lasts() -> None:
    round_ = recovery(max_recovery_seconds=10)
    assert drop(round_, 0) == Wait(2)
    assert drop(round_, 3, up=29) == GiveUp("there was no stable connection within 10 s")
    round_ = recovery(max_recovery_seconds=10)
    assert drop(round_, 0) == Wait(2)
    assert drop(round_, 3, up=30) == Wait(0.0)


def test_before_the_first_link_there_is_no_time_for_recovery() -> None:
    round_ = recovery(connect_retry_max_attempts=100, max_recovery_seconds=1)
    assert round_.deadline is None
    assert isinstance(round_.failed(1e6), Wait)


def test_a_later_round_has_its_own_time_for_recovery() -> None:
    assert recovery(since=500.0, max_recovery_seconds=10).deadline == 510


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 20)), max_size=60),
    st.floats(0, 1),
    st.integers(1, 8),
    st.integers(0, 8),
    st.floats(1, 1000),
)
def test_whatever_happens_waits_are_bounded_and_a_round_ends(
    history: list[tuple[bool, float, float]], random: float, attempts: int, drops: int, budget: float
) -> None:
    limits = WebSocketConfig(
        connect_retry_max_attempts=attempts, early_drop_max_retries=drops, max_recovery_seconds=budget
    )
    round_ = Recovery(limits, lambda: random, since=0.0)
    now, begun, failures, early = 0.0, 0.0, 0, 0
    for succeeds, up, takes in history:
        now += takes
        if succeeds:
            round_.connected(now)
            failures, now = 0, now + up
            stable = up >= limits.early_drop_stable_window_seconds
            step, early, begun = round_.lost(now), 0 if stable else early + 1, now if stable else begun
        else:
            failures += 1
            stable, step = False, round_.failed(now)
        over = failures >= attempts or early > drops or now >= begun + budget
        assert isinstance(step, GiveUp) == (over and not stable)
        if isinstance(step, GiveUp):
            return
        assert 0 <= step.seconds <= 62
        assert step.last == (now + step.seconds >= begun + budget) or step.seconds == 0
        now += step.seconds
        if step.last:
            return
