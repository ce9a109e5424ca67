"""The functions that a worker runs, and the decorator that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, TypeVar

from duly.core.arguments import callable_name, checked_arguments, is_async, is_number, is_text
from duly.core.policy import Policy, checked_policy
from duly.dispatch.messages import TaskMessage

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Task:
    """A function under its worker type, and what becomes of tasks that fail."""

    worker_type: str
    function: Callable[..., Any]
    policy: Policy
    """Of which retries and their delays count."""
    timeout: float | None
    """Seconds; ``None``: no limit."""
    is_async: bool
    wants_message: bool
    """Whether the function takes the whole message besides the payload."""

    @property
    def attempts(self) -> int:
        """How often a task is tried until it is given up."""
        return self.policy.retries + 1

    def delay_after(self, attempt: int) -> float:
        """Seconds to wait once an attempt, the first is 1, has failed."""
        return self.policy.delay_before_retry(attempt) / 1e9

    def arguments(self, message: TaskMessage) -> tuple[Any, ...]:
        """What the function is called with."""
        return (message.payload, message) if self.wants_message else (message.payload,)


class Tasks:
    """Owns functions by worker type. Filled while modules are imported, which is one thread's work."""

    def __init__(self) -> None:
        self._by_type: dict[str, Task] = {}

    def task(
        self,
        worker_type: str,
        *,
        retries: int = 3,
        retry_delay: float = 1.0,
        retry_backoff: float = 2.0,
        timeout: float | None = None,
    ) -> Callable[[FunctionT], FunctionT]:
        """Let a function, sync or async, do the tasks of a worker type.

        It is called with the payload of the task, and, if it has a second parameter annotated as ``TaskMessage``, the
        whole message. What it returns is published as the output and has to be JSON. If it raises or takes longer than
        ``timeout`` seconds, the task is tried again ``retries`` times, the first time ``retry_delay`` seconds later,
        then after ``retry_backoff`` times that, and so on, an hour at most.

        Raises:
            ValueError: an option is out of its range, or another function does the tasks of this type.
            TypeError: the function is a generator, or cannot be called so.
        """
        if not is_text(worker_type):
            raise ValueError(f"worker_type must be a text that is not empty, got {worker_type!r}: write @task('name')")
        if timeout is not None and not is_number(timeout, above=0):
            raise ValueError(f"timeout must be a positive number of seconds, or None, got {timeout!r}")
        policy = checked_policy(
            mode="parallel", misfire="run_all", jitter=None,
            retries=retries, retry_delay=retry_delay, retry_backoff=retry_backoff,
        )  # fmt: skip

        def register(function: FunctionT) -> FunctionT:
            wants = _wants_message(function)
            _check_payload(function, wants)
            self._add(Task(worker_type, function, policy, timeout, is_async(function), wants))
            return function

        return register

    def _add(self, task: Task) -> None:
        other = self._by_type.get(task.worker_type)
        if other is not None and _place(other.function) != _place(task.function):
            names = f"{_place(other.function)} and {_place(task.function)}"
            raise ValueError(f"two functions for the worker type {task.worker_type!r}: {names}")
        self._by_type[task.worker_type] = task

    def by_type(self) -> Mapping[str, Task]:
        """All of them, as they are now."""
        return dict(self._by_type)


TASKS = Tasks()
"""Those of this process."""
task = TASKS.task


def _check_payload(function: Callable[..., Any], wants_message: bool) -> None:  # noqa: FBT001 - what was found out
    """See that it can be called as a task is.

    Raises:
        TypeError: it cannot.
    """
    try:
        checked_arguments(function, ({}, None) if wants_message else ({},), None)
    except TypeError as error:
        name = callable_name(function)
        raise TypeError(f"{name} must take the payload of the task, a dict: def {name}(payload): {error}") from None


def _wants_message(function: Callable[..., Any]) -> bool:
    """Whether its second parameter is annotated as a message.

    Raises:
        TypeError: it cannot be called at all.
    """
    if not callable(function):
        raise TypeError(f"a task is a function, got {function!r}: write @task('name') above it")
    positional = [each for each in _parameters(function) if each.kind in _POSITIONAL]
    return len(positional) > 1 and positional[1].annotation in _OF_MESSAGES


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(signature(function, eval_str=True).parameters.values())
    except NameError:  # an annotation that only a type checker can read
        return list(signature(function).parameters.values())
    except ValueError:  # some functions written in C do not tell
        return []


_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_OF_MESSAGES = (TaskMessage, "TaskMessage")


def _place(function: Callable[..., Any]) -> str:
    """Where it is from: the same for a function whose module is imported again."""
    return f"{function.__module__}.{getattr(function, '__qualname__', None) or callable_name(function)}"
