"""What can carry out runs elsewhere, and which arguments can travel."""

import math
from typing import Any

import pytest

from duly.core.run_executor import RunExecutor, check_executor
from tests.core.away import Away


class Unfit:
    execute = "no method"


def test_an_object_with_the_method_is_a_run_executor() -> None:
    assert isinstance(Away(), RunExecutor)
    check_executor(Away(), (1, "two", [None]), {"three": {"four": 5.5}})


@pytest.mark.parametrize("executor", [7, "worker", Unfit(), Away], ids=["number", "text", "attribute", "class"])
def test_what_has_no_such_method_is_refused(executor: object) -> None:
    with pytest.raises(TypeError, match="executor must have a method"):
        check_executor(executor, (), None)


def test_a_positional_argument_that_is_not_json_is_refused_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"argument 1 of a job that is sent away must be JSON, got \{1\}"):
        check_executor(Away(), (0, {1}), None)


def test_a_keyword_argument_that_is_not_json_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match="argument 'at' of a job that is sent away must be JSON"):
        check_executor(Away(), (), {"at": object()})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_json_has_not_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="argument 'x' of a job that is sent away must be JSON"):
        check_executor(Away(), (), {"x": value})


def test_an_argument_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="argument 0 of a job that is sent away must be JSON"):
        check_executor(Away(), (endless,), None)


@pytest.mark.parametrize("value", [{1: "one"}, [({None: 0},)], {"deep": {"er": {True: 1}}}])
def test_keys_that_json_would_change_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="keys must be text"):
        check_executor(Away(), (value,), None)
