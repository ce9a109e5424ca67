"""Carrying out the runs of a job elsewhere than in its host."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of a job, as it is told to whoever carries it out elsewhere."""

    job: str
    """The name of the job, in its host that of no other at that time."""
    slot: int | None
    """Nominal time in nanoseconds since the epoch; ``None``: run by hand."""
    attempt: int
    """The first is 1."""
    func: str
    """The name of the function, which is not called here."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@runtime_checkable
class RunExecutor(Protocol):
    """Carries out the runs of jobs elsewhere: what a host awaits instead of the function of a job."""

    async def execute(self, call: Call) -> object:
        """What comes of the call. What it raises fails the attempt; it is cancelled when that times out or is to end.

        Awaited on the loop on which the host runs async jobs, which is not always the same.
        """
        ...


def check_executor(executor: object, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> None:
    """Refuse what cannot carry out runs, and arguments that cannot travel.

    Raises:
        TypeError: ``executor`` has no method ``execute``, or an argument cannot be written as JSON.
        ValueError: an argument is NaN or infinite, or contains itself.
    """
    if isinstance(executor, type) or not isinstance(executor, RunExecutor) or not callable(executor.execute):
        raise TypeError(
            f"executor must have a method 'async def execute(self, call)', got {executor!r}: pass an object such as "
            "NatsExecutor(bus, 'worker_type')"
        )
    import json  # noqa: PLC0415 - loaded only by those who send jobs away

    for name, value in (*enumerate(args), *(kwargs or {}).items()):
        try:
            json.dumps(value, allow_nan=False)
            _check_keys(value)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"argument {name!r} of a job that is sent away must be JSON, got {value!r}: {error}"
            ) from None


def _check_keys(value: object) -> None:
    """Refuse keys of which JSON would make text. ``value`` is JSON otherwise."""
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise TypeError(f"keys must be text, not {wrong[0]!r}")
        _check_keys(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            _check_keys(each)
