import pytest
from whenever import ZonedDateTime

from duly.core.clock import SECOND
from duly.core.outcomes import Reason
from duly.testing import Account, VirtualClock
from duly.testing.moments import in_zone


class Alarm:
    """A host with something to do at given moments; notes when it had its turns, and why."""

    def __init__(self, clock: VirtualClock, *seconds: float) -> None:
        self.clock = clock
        self.start = clock.now()
        self.moments = [self.start + round(second * SECOND) for second in seconds]
        self.turns: list[tuple[float, Reason]] = []
        self.steps: list[float] = []
        clock.attach(self)

    def next_event(self) -> int | None:
        return min(self.moments, default=None)

    def turn(self, now: int, why: Reason) -> None:
        due = [moment for moment in self.moments if moment <= now]
        self.moments = [moment for moment in self.moments if moment > now]
        self.turns += [((now - self.start) / SECOND, why)] * bool(due)

    def stepped(self, delta: int) -> None:
        self.steps.append(delta / SECOND)

    def accounts(self) -> list[Account]:
        return []


def test_it_stands_at_the_beginning_of_2025_in_utc_unless_told_otherwise() -> None:
    clock = VirtualClock()
    assert clock.time() == ZonedDateTime(2025, 1, 1, tz="UTC")
    assert clock.zone == "UTC"


def test_its_zone_is_that_of_its_start() -> None:
    assert VirtualClock(ZonedDateTime(2025, 7, 1, tz="Asia/Kolkata")).zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2025-03-30T02:30", "2025-03-30T03:30+02:00[Europe/Berlin]"),
        ("2025-10-26T02:30", "2025-10-26T02:30+02:00[Europe/Berlin]"),
    ],
)
def test_a_moment_that_is_left_out_moves_forward_and_one_that_is_repeated_is_the_first(given: str, moment: str) -> None:
    assert in_zone(given, "Europe/Berlin") == ZonedDateTime.parse_iso(moment)


def test_time_passes_on_both_clocks_alike() -> None:
    clock = VirtualClock()
    start = clock.now()
    clock.advance(1.5)
    assert (clock.now() - start, clock.monotonic()) == (1_500_000_000, 1_500_000_000)


def test_everything_due_on_the_way_happens_at_its_moment() -> None:
    clock = VirtualClock()
    alarm, other = Alarm(clock, 5, 20, 21), Alarm(clock, 7)
    clock.advance(20)
    assert alarm.turns == [(5, Reason.STALLED), (20, Reason.STALLED)]
    assert other.turns == [(7, Reason.STALLED)]


def test_in_a_stall_everything_happens_at_the_end() -> None:
    clock = VirtualClock()
    alarm = Alarm(clock, 5, 20)
    clock.stall(30)
    assert alarm.turns == [(30, Reason.STALLED)]


def test_asleep_only_the_wall_clock_goes_on() -> None:
    clock = VirtualClock()
    alarm = Alarm(clock, 5)
    clock.suspend(30)
    assert (alarm.turns, alarm.steps, clock.monotonic()) == ([(30, Reason.SUSPENDED)], [30], 0)


def test_the_wall_clock_can_be_set_back() -> None:
    clock = VirtualClock()
    alarm = Alarm(clock, 5)
    start = clock.now()
    clock.step(-10)
    assert (clock.now() - start, clock.monotonic(), alarm.steps) == (-10 * SECOND, 0, [-10])


def test_time_that_elapses_gives_nobody_a_turn() -> None:
    clock = VirtualClock()
    alarm = Alarm(clock, 5)
    clock.elapse(30)
    assert alarm.turns == []


def test_who_is_detached_gets_no_more_turns() -> None:
    clock = VirtualClock()
    alarm = Alarm(clock, 5)
    clock.detach(alarm)
    clock.detach(alarm)
    clock.advance(10)
    assert alarm.turns == []


@pytest.mark.parametrize("method", ["advance", "stall", "suspend", "elapse"])
def test_time_does_not_pass_backwards(method: str) -> None:
    with pytest.raises(ValueError, match=r"time passes forward only, got -1 seconds; use step to set the clock back"):
        getattr(VirtualClock(), method)(-1)


def test_a_host_that_is_due_for_ever_is_found_out() -> None:
    class Restless(Alarm):
        def turn(self, now: int, why: Reason) -> None:
            pass

    clock = VirtualClock()
    Restless(clock, 0)
    with pytest.raises(AssertionError, match="something is still due at 2025-01-01"):
        clock.advance(1)


def test_work_outside_a_job_is_time_that_passes() -> None:
    clock = VirtualClock()
    clock.work(3)
    assert clock.monotonic() == 3 * SECOND
