"""Every mode, misfire policy and operation by a fixed example, with proof that the example meets its case."""

import pytest

from duly.core.policy import Misfire, Mode
from tests.core.cells import CELLS, cell
from tests.core.histories import PLAIN
from tests.core.play import Play


@pytest.mark.parametrize(("mode", "misfire", "operation"), CELLS)
def test_the_law_holds_where_the_operation_meets_the_job_in_the_state_that_matters(
    mode: Mode, misfire: Misfire, operation: str
) -> None:
    specs, operations = cell(mode, misfire, operation)
    play = Play(specs, PLAIN).perform(operations)
    assert operation in play.accounts[0].met


@pytest.mark.parametrize(("mode", "misfire", "operation"), CELLS)
def test_the_law_holds_there_with_jitter_longer_than_the_interval(mode: Mode, misfire: Misfire, operation: str) -> None:
    specs, operations = cell(mode, misfire, operation, jitter=25)
    Play(specs, PLAIN).perform(operations)
