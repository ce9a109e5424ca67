"""What ``@task`` takes, and refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from duly.dispatch import TaskMessage
from duly.dispatch.tasks import Tasks

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]  # the module is not there when the test runs

MESSAGE = TaskMessage(worker_type="mail", payload={"to": "ann"})


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


def plain(payload: dict[str, Any]) -> object:
    return payload


def whole(payload: dict[str, Any], message: TaskMessage) -> object:
    return payload, message


async def later(payload: dict[str, Any]) -> object:
    return payload


def with_default(payload: dict[str, Any], tries: int = 3) -> object:
    return payload, tries


def of_unknown_type(payload: Unknown, message: TaskMessage) -> object:
    return payload, message


def test_a_task_is_called_with_its_payload(tasks: Tasks) -> None:
    tasks.task("mail")(plain)
    assert tasks.by_type()["mail"].arguments(MESSAGE) == ({"to": "ann"},)


@pytest.mark.parametrize("function", [whole, of_unknown_type])
def test_a_second_parameter_annotated_as_a_message_gets_the_whole_message(
    tasks: Tasks, function: Callable[..., Any]
) -> None:
    tasks.task("mail")(function)
    assert tasks.by_type()["mail"].arguments(MESSAGE) == ({"to": "ann"}, MESSAGE)


def test_a_second_parameter_with_a_default_keeps_it(tasks: Tasks) -> None:
    tasks.task("mail")(with_default)
    assert tasks.by_type()["mail"].arguments(MESSAGE) == ({"to": "ann"},)


def test_the_decorator_gives_the_function_back_unchanged(tasks: Tasks) -> None:
    assert tasks.task("mail")(plain) is plain


def test_a_function_knows_whether_it_is_async(tasks: Tasks) -> None:
    tasks.task("now")(plain)
    tasks.task("later")(later)
    assert [each.is_async for each in tasks.by_type().values()] == [False, True]


def test_a_function_may_do_several_worker_types(tasks: Tasks) -> None:
    tasks.task("mail")(tasks.task("letter")(plain))
    assert sorted(tasks.by_type()) == ["letter", "mail"]


def test_two_functions_for_one_worker_type_are_refused_with_their_names(tasks: Tasks) -> None:
    tasks.task("mail")(plain)
    with pytest.raises(ValueError, match=r"two functions for the worker type 'mail': .*plain and .*later"):
        tasks.task("mail")(later)


def test_the_function_of_a_module_that_is_imported_again_takes_the_place_of_the_former(tasks: Tasks) -> None:
    @functools.wraps(plain)
    def again(payload: dict[str, Any]) -> object:
        return payload

    tasks.task("mail")(plain)
    tasks.task("mail")(again)
    assert tasks.by_type()["mail"].function is again


def generates(payload: dict[str, Any]) -> Iterator[object]:
    yield payload


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generates, "must not be a generator function"),
        (lambda: None, "cannot be called"),
        (lambda payload, other: (payload, other), "cannot be called"),
        ("mail", r"a task is a function, got 'mail'"),
    ],
)
def test_what_cannot_be_called_with_a_payload_is_refused(tasks: Tasks, function: Any, message: str) -> None:  # noqa: ANN401 - anything
    with pytest.raises(TypeError, match=message):
        tasks.task("mail")(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries must be a whole number of at least 0, got -1"),
        ({"retries": True}, "retries must be"),
        ({"retry_delay": -1}, "retry_delay must be non-negative seconds, got -1"),
        ({"retry_backoff": 0}, "retry_backoff must be a positive number, got 0"),
        ({"timeout": 0}, "timeout must be a positive number of seconds, or None, got 0"),
        ({"timeout": float("nan")}, "timeout must be"),
    ],
)
def test_options_out_of_range_are_refused(tasks: Tasks, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tasks.task("mail", **options)


@pytest.mark.parametrize("worker_type", ["", None, plain])
def test_a_worker_type_is_a_text(tasks: Tasks, worker_type: Any) -> None:  # noqa: ANN401 - anything
    with pytest.raises(ValueError, match="worker_type must be a text"):
        tasks.task(worker_type)


def test_delays_grow_up_to_an_hour(tasks: Tasks) -> None:
    tasks.task("mail", retries=20, retry_delay=2, retry_backoff=3)(plain)
    found = tasks.by_type()["mail"]
    assert found.attempts == 21
    assert [found.delay_after(attempt) for attempt in (1, 2, 3, 20)] == [2.0, 6.0, 18.0, 3600.0]
