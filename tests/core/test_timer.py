"""The timer against a sorted list."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from duly.core.timer import Timer

MOMENTS = st.integers(-1_000, 1_000)


@dataclass(eq=False)
class Item:
    number: int = -1
    entry: int | None = None


class TimerModel(RuleBasedStateMachine):
    """Every operation on a timer, and on a list of (deadline, item)."""

    items: Bundle[Item] = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        self.timer: Timer[Item] = Timer()
        self.known: list[Item] = []
        self.armed: list[tuple[int, Item]] = []

    @rule(target=items)
    def add(self) -> Item:
        item = Item()
        self.timer.add(item)
        self.known.append(item)
        return item

    @rule(item=items, deadline=MOMENTS)
    def arm(self, item: Item, deadline: int) -> None:
        self.disarm(item)
        self.timer.arm(item, deadline)
        self.armed.append((deadline, item))

    @rule(item=items)
    def disarm(self, item: Item) -> None:
        self.timer.disarm(item)
        self._forget(item)

    @rule(item=consumes(items))
    def discard(self, item: Item) -> None:
        self.timer.discard(item)
        self.known.remove(item)
        self._forget(item)

    @rule(now=MOMENTS)
    def pop_all_due(self, now: int) -> None:
        popped = []
        while (item := self.timer.pop_due(now)) is not None:
            assert item.entry is None
            popped.append(next(deadline for deadline, armed in self.armed if armed is item))
            self._forget(item)
        assert popped == sorted(popped)
        assert all(deadline > now for deadline, _ in self.armed)

    @invariant()
    def the_earliest_deadline_is_known(self) -> None:
        assert self.timer.earliest() == min((deadline for deadline, _ in self.armed), default=None)

    @invariant()
    def all_items_are_known(self) -> None:
        assert {id(item) for item in self.timer} == {id(item) for item in self.known}

    def _forget(self, item: Item) -> None:
        self.armed = [(deadline, armed) for deadline, armed in self.armed if armed is not item]


TestTimer = TimerModel.TestCase


@given(st.lists(MOMENTS))
def test_items_come_out_in_the_order_of_their_deadlines(deadlines: list[int]) -> None:
    timer: Timer[Item] = Timer()
    due = {}
    for deadline in deadlines:
        item = Item()
        timer.add(item)
        timer.arm(item, deadline)
        due[item] = deadline
    popped = []
    while (found := timer.pop_due(1_000)) is not None:
        popped.append(due[found])
    assert popped == sorted(deadlines)


def test_an_item_is_due_at_its_deadline_and_not_a_nanosecond_before() -> None:
    timer, item = _timer_with(1)
    timer.arm(item[0], 10)
    assert timer.pop_due(9) is None
    assert timer.pop_due(10) is item[0]
    assert timer.pop_due(10) is None


def test_disarming_an_unarmed_item_is_harmless() -> None:
    timer, (item,) = _timer_with(1)
    timer.disarm(item)
    assert timer.earliest() is None


@pytest.mark.parametrize("leave", [Timer.disarm, Timer.discard])
def test_what_was_disarmed_never_makes_up_more_than_half_of_a_large_heap(
    leave: Callable[[Timer[Item], Item], None],
) -> None:
    timer, items = _timer_with(10_000)
    for number, item in enumerate(items):
        timer.arm(item, number)
    for left, item in enumerate(reversed(items)):
        leave(timer, item)
        assert len(timer._heap) <= max(2 * (10_000 - left), 129)


def test_arming_and_disarming_for_ever_takes_bounded_room() -> None:
    timer, (item,) = _timer_with(1)
    for deadline in range(10_000):
        timer.arm(item, deadline)
        timer.disarm(item)
    assert len(timer._heap) <= 130


def test_adding_and_discarding_for_ever_takes_bounded_room() -> None:
    timer: Timer[Item] = Timer()
    for deadline in range(10_000):
        item = Item()
        timer.add(item)
        timer.arm(item, deadline)
        timer.discard(item)
    assert len(timer._items) == 1
    assert len(timer._heap) <= 130


def test_an_item_in_the_place_of_a_discarded_one_is_not_due_at_its_deadline() -> None:
    timer, (old,) = _timer_with(1)
    timer.arm(old, 5)
    timer.discard(old)
    new = Item()
    timer.add(new)
    timer.arm(new, 10)
    assert new.number == 0
    assert timer.earliest() == 10
    assert timer.pop_due(9) is None
    assert timer.pop_due(10) is new


def _timer_with(number: int) -> tuple[Timer[Item], list[Item]]:
    timer: Timer[Item] = Timer()
    items = [Item() for _ in range(number)]
    for item in items:
        timer.add(item)
    return timer, items
