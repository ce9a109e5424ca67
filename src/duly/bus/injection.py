"""What a handler is called with: planned once, when it is registered, and looked up for each event.

| Parameter | Receives |
|---|---|
| annotated ``Event`` or a subclass; named ``event``, without annotation | the event; of another class: an error |
| annotated ``TypedStateChangeEvent[S]`` | the event with typed states |
| ``Annotated[T, accessor]``, and so all of ``dependencies`` | what the accessor gives, converted to ``T`` |
| in ``kwargs``; else with a default | that value |

Where an accessor gives nothing, the parameter's default is taken; else ``MISSING_VALUE`` or ``None``, if ``T`` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

from duly.bus.accessors import Accessor
from duly.bus.annotations import annotated_parameters
from duly.bus.conversion import Converter, allows, converter
from duly.bus.dependencies import TypedStateChangeEvent
from duly.bus.errors import DependencyInjectionError, DependencyResolutionError
from duly.bus.judging import check
from duly.core.arguments import callable_name
from duly.events import MISSING_VALUE, Event, MissingValue, RawStateChangeEvent
from duly.states import State

Source: TypeAlias = Callable[[Event[Any]], Any]
"""Gives what a parameter receives; raises one of ``_FAILURES`` where there is nothing to give."""

_FAILURES: Final = (LookupError, AttributeError, TypeError, ValueError)
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the arguments of one handler come from."""

    handler: str
    sources: Mapping[str, Source]
    """By the parameter that receives."""
    fixed: Mapping[str, Any]
    event_parameter: str | None = None
    """The first parameter of a handler that takes the event, of any class, and nothing else."""

    @property
    def takes_nothing(self) -> bool:
        """Whether the handler is called without arguments."""
        return not self.sources and not self.fixed

    def arguments(self, event: Event[Any]) -> dict[str, Any]:
        """The keyword arguments for an event.

        Raises:
            DependencyResolutionError: one is absent, or cannot be converted.
        """
        found, name = dict(self.fixed), ""
        try:
            for name, source in self.sources.items():
                found[name] = source(event)
        except _FAILURES as error:
            raise DependencyResolutionError(
                f"{self.handler} cannot be called for this event of {event.topic}, parameter {name}: {error!s:.500}"
            ) from error
        return found


def plan(handler: Callable[..., Any], kwargs: Mapping[str, Any] | None = None) -> Plan:
    """Where the arguments of a handler come from. ``kwargs`` are copied.

    Raises:
        DependencyInjectionError: a parameter cannot be filled, or is filled twice; ``kwargs`` has one that is none.
    """
    name, fixed = callable_name(handler), dict(kwargs or {})
    try:
        sources = dict(_sources(handler, fixed))
        signature(handler, follow_wrapped=False).bind(**fixed, **sources)
    except (TypeError, ValueError) as error:
        raise DependencyInjectionError(f"{name} cannot be a handler: {error}") from error
    first = next(iter(signature(handler).parameters), None)
    takes_event = first is not None and not fixed and sources == {first: _event}
    return Plan(name, sources, fixed, first if takes_event else None)


def _sources(handler: Callable[..., Any], fixed: Mapping[str, Any]) -> Iterator[tuple[str, Source]]:
    """What fills parameters, other than ``fixed`` and their defaults. Raises ``TypeError`` and ``ValueError``."""
    preset = _preset(handler)
    for parameter in annotated_parameters(handler):
        name, source = parameter.name, None if parameter.name in preset else _source(parameter)
        if parameter.kind in {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL}:
            raise TypeError(f"its parameter {parameter} cannot be filled by name: write it without '/' and '*'")
        if source is not None and name in fixed:
            raise ValueError(f"its parameter {parameter} is filled by the event and by kwargs: leave one out")
        if source is not None:
            yield name, source
        elif name not in fixed and parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_KEYWORD:
            raise TypeError(
                f"nothing fills its parameter {parameter}: annotate it as Event or with one of duly.D, give it a "
                "default, or pass it in kwargs"
            )


def _preset(handler: Callable[..., Any]) -> frozenset[str]:
    """The parameters that a ``partial`` has filled by name."""
    found: set[str] = set()
    while isinstance(handler, partial):
        found.update(handler.keywords)
        handler = handler.func
    return frozenset(found)


# What the event fills


def _source(parameter: Parameter) -> Source | None:
    """What fills a parameter from the event; ``None``: nothing does."""
    wanted, accessor = _split(parameter.annotation)
    if accessor is not None:
        return _Value(wanted, accessor, converter(wanted), _if_absent(parameter.default, wanted))
    if get_origin(wanted) is TypedStateChangeEvent or wanted is TypedStateChangeEvent:
        (state,) = get_args(wanted) or (State,)
        return partial(_typed_event, converter(state))
    kinds = _event_classes(wanted)
    if Event in kinds or (parameter.name == "event" and wanted in {Parameter.empty, Any, object}):
        return _event
    return partial(_event_of, kinds) if kinds else None


def _split(annotation: Any) -> tuple[Any, Accessor | None]:  # noqa: ANN401 - types have no common one
    """The type that is asked for, and the accessor that gives it."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    wanted, *extras = get_args(annotation)
    accessor = next((each for each in extras if callable(each) and not isinstance(each, type)), None)
    if accessor is not None:
        check(accessor, 1, f"the accessor in {annotation!r}")
    return wanted, accessor


def _if_absent(default: object, wanted: Any) -> object:  # noqa: ANN401 - types have no common one
    if default is not Parameter.empty:
        return default
    if allows(wanted, MissingValue):
        return MISSING_VALUE
    return None if allows(wanted, NoneType) else _NOTHING


def _event_classes(wanted: Any) -> tuple[type[Event[Any]], ...]:  # noqa: ANN401 - types have no common one
    """The classes of events that an annotation names; empty: it names something else."""
    members = get_args(wanted) if get_origin(wanted) in {Union, UnionType} else (wanted,)
    classes = [get_origin(each) or each for each in members if each is not NoneType]
    return tuple(classes) if all(isinstance(each, type) and issubclass(each, Event) for each in classes) else ()


def _event(event: Event[Any]) -> Event[Any]:
    return event


def _event_of(kinds: tuple[type[Event[Any]], ...], event: Event[Any]) -> Event[Any]:
    if not isinstance(event, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"the event is a {type(event).__name__}, not a {names}")
    return event


def _typed_event(read: Converter, event: Event[Any]) -> Event[Any]:
    if not isinstance(event, RawStateChangeEvent):
        raise TypeError(f"the event is a {type(event).__name__}, not a RawStateChangeEvent")
    return TypedStateChangeEvent.of(event, read)


@dataclass(frozen=True, slots=True)
class _Value:
    """What an accessor gives, converted."""

    wanted: Any
    accessor: Accessor
    convert: Converter
    absent: object
    """What is given where there is nothing; ``_NOTHING``: that is an error."""

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - of the wanted type
        value = self.accessor(event)
        if value is MISSING_VALUE:
            if self.absent is _NOTHING:
                raise LookupError(f"the event has none; a {_shown(self.wanted)} is wanted")
            return self.absent
        try:
            return self.convert(value)
        except (TypeError, ValueError) as error:
            because = f": {error}" if str(error) else ""
            raise ValueError(f"{value!r:.200} does not convert to {_shown(self.wanted)}{because}") from error


def _shown(wanted: Any) -> str:  # noqa: ANN401 - types have no common one
    return wanted.__name__ if isinstance(wanted, type) and not get_args(wanted) else str(wanted)
