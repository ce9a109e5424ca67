"""The conservation law, and the reason of every row, over random histories."""

from hypothesis import given, settings

from tests.core.account import Spec
from tests.core.histories import HISTORIES
from tests.core.play import Operation, Play
from tests.profiles import examples


@settings(max_examples=examples())
@given(HISTORIES)
def test_every_slot_ends_in_exactly_one_outcome_and_for_the_right_reason(
    history: tuple[list[Spec], int, list[Operation]],
) -> None:
    specs, start, operations = history
    Play(specs, start).perform(operations)
