"""What a ``RecordingApi`` keeps."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from whenever import ZonedDateTime

from duly.core import clock as clocks
from duly.core.clock import zoned
from duly.hass.errors import HassError
from duly.hass.link import Link
from duly.testing.recorded_home import Unanswered, answered_by_test

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class ApiCall:
    """Something that was asked of Home Assistant to be done."""

    method: str
    """The name of the method; of helpers as in ``helpers.create``."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    at: ZonedDateTime
    arguments: Mapping[str, Any] = field(repr=False)
    """All arguments by name, those with their defaults and those of services among them."""

    def has(self, partial: Mapping[str, Any]) -> bool:
        """Whether these are among the arguments."""
        return all(name in self.arguments and self.arguments[name] == value for name, value in partial.items())

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.at} {self.method}({', '.join(given)})"


@dataclass(frozen=True, slots=True)
class RecordedMethod:
    """A method of ``Api`` as it is recorded."""

    name: str
    function: Callable[..., Awaitable[Any]]
    kept: bool
    """Whether calls are kept: it may write."""
    default: Callable[[Mapping[str, Any]], Any] | None
    """What it gives, by its arguments, if nobody answers; ``None``: that is an error."""

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of a call by name, with defaults.

        Raises:
            TypeError: they do not fit the method.
        """
        bound = inspect.signature(self.function).bind(None, *args, **kwargs)
        bound.apply_defaults()
        named, extra = self._parameters()
        found = {name: bound.arguments[name] for name in named}
        return found if extra is None else found | bound.arguments[extra]

    def check_names(self, names: Collection[str]) -> None:
        """Refuse names that no argument of a call can have.

        Raises:
            TypeError: there are some.
        """
        named, extra = self._parameters()
        if extra is None and (unknown := sorted(set(names) - set(named))):
            raise TypeError(f"{self.name} has no argument {unknown[0]!r}, it has {', '.join(named)}")

    def _parameters(self) -> tuple[list[str], str | None]:
        """The names of its parameters, and of the one that takes all other arguments, if there is one."""
        _, *parameters = inspect.signature(self.function).parameters.values()
        extra = [each.name for each in parameters if each.kind is inspect.Parameter.VAR_KEYWORD]
        return [each.name for each in parameters if each.name not in extra], extra[0] if extra else None


class Recorder:
    """Owns what was asked for, and the answers of the test. Guarded by the event loop, if there is one."""

    def __init__(self) -> None:
        self.calls: list[ApiCall] = []
        self.responses: dict[str, Any] = {}
        """By name of method: what it gives, or the exception that it raises."""

    async def carry_out(
        self, method: RecordedMethod, link: Link, api: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the method gives
        """Do what can be done here, keep the call, and give what the test answers, if it does.

        The method's own code always runs, so that wrong arguments raise as they would.
        """
        if not link.connected:
            raise link.unavailable()
        call = self._call(method, args, kwargs)
        answered = method.name in self.responses
        token = answered_by_test.set(answered)
        try:
            result = await method.function(api, *args, **kwargs)
        except Unanswered:
            result = _NOTHING
        except HassError:  # refused, but asked for
            self._keep(method, call)
            raise
        finally:
            answered_by_test.reset(token)
        self._keep(method, call)
        if answered:
            return _given(self.responses[method.name])
        return self._default(method, call) if result is _NOTHING else result

    def _keep(self, method: RecordedMethod, call: ApiCall) -> None:
        if method.kept:
            self.calls.append(call)

    def _call(self, method: RecordedMethod, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApiCall:
        clock = clocks.current()
        args, kwargs = _snapshot(args), _snapshot(kwargs)
        return ApiCall(method.name, args, kwargs, zoned(clock.now(), clock.zone), method.arguments(args, kwargs))

    def _default(self, method: RecordedMethod, call: ApiCall) -> Any:  # noqa: ANN401 - what the method gives
        if method.default is None:
            raise LookupError(f"{method.name}() has no answer here: give it one with respond({method.name!r}, …)")
        return method.default(call.arguments)


def _snapshot(value: Any) -> Any:  # noqa: ANN401 - any argument
    """The value as it is now, whatever the caller does with it later."""
    if isinstance(value, Mapping):
        return {key: _snapshot(each) for key, each in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        return value
    copies = map(_snapshot, value)
    if isinstance(value, tuple):
        return tuple(copies)
    return set(copies) if isinstance(value, AbstractSet) else list(copies)


def _given(response: Any) -> Any:  # noqa: ANN401 - what the test says
    if isinstance(response, BaseException) or (isinstance(response, type) and issubclass(response, BaseException)):
        raise response
    return response
