"""What handlers are called with, and which handlers nobody can call."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import pytest

from duly.bus import accessors as A  # noqa: N812 - as users write it
from duly.bus import dependencies as D  # noqa: N812 - as users write it
from duly.bus.errors import DependencyInjectionError, DependencyResolutionError
from duly.bus.injection import plan
from duly.events import (
    MISSING_VALUE,
    CallServiceEvent,
    DulyPayload,
    Event,
    HassContext,
    MissingValue,
    RawStateChangeEvent,
    StateChangeData,
)
from duly.executor import DependencyError
from duly.states import AnyState, LightState, State, SwitchState
from tests.bus import unresolved
from tests.events.samples import called, changed, lamp, other, own

CHANGE = changed(lamp("off"), lamp("on", brightness=200, effect=None))
BORN, GONE = changed(None, lamp()), changed(lamp(), None)
CALL = called("light", "turn_on", entity_id="light.lamp")
BELL = own("ring")
NEW = LightState(CHANGE.payload.data.new_state)
OLD = LightState(CHANGE.payload.data.old_state)

Handler = Callable[..., Any]


def arguments(handler: Handler, event: Event[Any] = CHANGE, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - of any kind
    """What the handler is called with."""
    return plan(handler, kwargs).arguments(event)


# The event


def test_a_handler_may_take_nothing() -> None:
    found = plan(lambda: None)
    assert found.takes_nothing
    assert found.arguments(CHANGE) == {}


def test_a_parameter_named_event_receives_it() -> None:
    assert arguments(lambda event: event) == {"event": CHANGE}


def asks_for(annotation: object, name: str = "it") -> Handler:
    """A handler with one parameter of this annotation."""

    def handler(**_: object) -> None: ...

    parameter = Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)
    handler.__signature__ = Signature([parameter])  # type: ignore[attr-defined] # as decorators set it
    return handler


@pytest.mark.parametrize(
    "annotation",
    [
        Event[Any],
        Event,
        RawStateChangeEvent,
        RawStateChangeEvent | CallServiceEvent,
        RawStateChangeEvent | None,
        Annotated[RawStateChangeEvent, "what happened"],
    ],
)
def test_a_parameter_annotated_as_an_event_receives_it(annotation: object) -> None:
    assert arguments(asks_for(annotation)) == {"it": CHANGE}


@pytest.mark.parametrize("annotation", [Any, object])
def test_a_parameter_named_event_may_be_annotated_as_anything(annotation: object) -> None:
    assert arguments(asks_for(annotation, "event")) == {"event": CHANGE}


def test_an_event_may_be_taken_by_name_only() -> None:
    def handler(*, it: Event[Any]) -> None: ...

    assert arguments(handler) == {"it": CHANGE}


def test_an_event_of_an_app_is_of_the_class_of_all() -> None:
    def handler(it: Event[DulyPayload[str]]) -> None: ...

    assert arguments(handler, BELL) == {"it": BELL}


def test_an_event_of_another_class_than_asked_for_cannot_be_had() -> None:
    def handler(it: RawStateChangeEvent | CallServiceEvent) -> None: ...

    with pytest.raises(
        DependencyResolutionError,
        match=r"handler cannot be called for this event of porch\.bell, parameter it: the event is a Event, not a "
        "RawStateChangeEvent or CallServiceEvent",
    ):
        arguments(handler, BELL)


def test_a_plan_tells_of_a_handler_that_takes_just_the_event() -> None:
    def any_event(it: Event[Any]) -> None: ...
    def one_class(it: RawStateChangeEvent) -> None: ...
    def second(number: int = 5, it: Event[Any] | None = None) -> None: ...
    def more(event: Event[Any], domain: D.Domain) -> None: ...
    def defaulted(event: Event[Any], number: int = 5) -> None: ...

    assert plan(any_event).event_parameter == "it"
    assert plan(defaulted).event_parameter == "event"
    assert plan(one_class).event_parameter is None
    assert plan(second).event_parameter is None
    assert plan(more).event_parameter is None
    assert plan(defaulted, {"number": 6}).event_parameter is None
    assert not plan(any_event).takes_nothing


# Typed states


def test_states_come_typed() -> None:
    def handler(new: D.StateNew[LightState], old: D.StateOld[LightState]) -> None: ...

    found = arguments(handler)
    assert found == {"new": NEW, "old": OLD}
    assert type(found["new"]) is LightState
    assert found["new"].attributes.brightness == 200


@pytest.mark.parametrize(
    "annotation",
    [
        D.StateNew[AnyState],
        D.StateNew,
        D.StateNew[State],  # type: ignore[type-arg] # as many write it
        D.StateNew[SwitchState | LightState],  # type: ignore[misc] # an annotation as a value
    ],
)
def test_states_come_as_the_class_of_their_domain(annotation: object) -> None:
    assert type(arguments(asks_for(annotation))["it"]) is LightState


@pytest.mark.parametrize("event", [GONE, CALL, BELL])
def test_a_state_that_is_absent_is_an_error(event: Event[Any]) -> None:
    def handler(new: D.StateNew[LightState]) -> None: ...

    with pytest.raises(DependencyResolutionError, match="parameter new: the event has none; a LightState is wanted"):
        arguments(handler, event)


def test_a_state_that_may_be_absent_is_none() -> None:
    def handler(new: D.MaybeStateNew[LightState], old: D.MaybeStateOld[LightState]) -> None: ...

    assert arguments(handler, GONE) == {"new": None, "old": LightState(lamp())}
    assert arguments(handler, BORN) == {"new": LightState(lamp()), "old": None}


@pytest.mark.parametrize("annotation", [D.StateNew[SwitchState], D.MaybeStateNew[SwitchState]])  # type: ignore[misc] # an annotation as a value
def test_a_state_of_another_domain_does_not_convert(annotation: object) -> None:
    with pytest.raises(DependencyResolutionError, match=r"does not convert to .*SwitchState"):
        arguments(asks_for(annotation))


def test_the_event_comes_with_typed_states() -> None:
    def handler(it: D.TypedStateChangeEvent[LightState]) -> None: ...

    event = arguments(handler)["it"]
    assert isinstance(event, D.TypedStateChangeEvent)
    assert event.topic == CHANGE.topic
    assert event.payload.context == CHANGE.payload.context
    assert event.payload.entity_id == "light.lamp"
    data: D.TypedStateChangeData[LightState] = event.payload.data
    assert (data.entity_id, data.old_state, data.new_state) == ("light.lamp", OLD, NEW)


def test_a_typed_event_of_any_class_has_that_of_the_domain() -> None:
    def handler(it: D.TypedStateChangeEvent) -> None: ...  # type: ignore[type-arg] # as many write it

    data = arguments(handler, BORN)["it"].payload.data
    assert data.old_state is None
    assert type(data.new_state) is LightState


def test_a_typed_event_of_another_domain_or_kind_cannot_be_had() -> None:
    def handler(it: D.TypedStateChangeEvent[SwitchState]) -> None: ...

    with pytest.raises(DependencyResolutionError, match="SwitchState is for the domain 'switch'"):
        arguments(handler)
    with pytest.raises(DependencyResolutionError, match="the event is a CallServiceEvent, not a RawStateChangeEvent"):
        arguments(handler, CALL)


# Who, what, why


def test_who_and_what_come_as_text() -> None:
    def handler(entity_id: D.EntityId, domain: D.Domain) -> None: ...

    expected = {"entity_id": "light.lamp", "domain": "light"}
    assert arguments(handler) == expected
    assert arguments(handler, CALL) == expected


def test_who_and_what_may_be_missing() -> None:
    def sure(entity_id: D.EntityId) -> None: ...
    def maybe(entity_id: D.MaybeEntityId, domain: D.MaybeDomain) -> None: ...

    assert arguments(maybe, BELL) == {"entity_id": MISSING_VALUE, "domain": MISSING_VALUE}
    assert arguments(maybe) == {"entity_id": "light.lamp", "domain": "light"}
    with pytest.raises(DependencyResolutionError, match="parameter entity_id: the event has none; a str is wanted"):
        arguments(sure, BELL)


def test_a_call_for_several_entities_is_not_about_one() -> None:
    def handler(entity_id: D.EntityId) -> None: ...

    with pytest.raises(DependencyResolutionError, match=r"\['light.a', 'light.b'\] does not convert to str"):
        arguments(handler, called("light", "turn_on", entity_id=["light.a", "light.b"]))


def test_context_and_data_come_as_they_are() -> None:
    def handler(context: D.EventContext, data: D.EventData[StateChangeData]) -> None: ...
    def text(data: D.EventData[str]) -> None: ...
    def raw(data: D.EventData[dict[str, Any]]) -> None: ...

    assert arguments(handler) == {"context": HassContext("01JCAUSE", None, "52a1"), "data": CHANGE.payload.data}
    assert arguments(text, BELL) == {"data": "ring"}
    assert arguments(raw, other("zha_event", a=1)) == {"data": {"a": 1}}
    with pytest.raises(DependencyResolutionError, match="does not convert to StateChangeData"):
        arguments(handler, CALL)


# Accessors of one's own


def test_what_an_accessor_gives_is_converted() -> None:
    def handler(
        text: Annotated[str, A.get_attr_new("brightness")],
        number: Annotated[float, A.get_path("payload.data.new_state.attributes.brightness")],
        on: Annotated[bool, A.get_state_value_new],
        pair: Annotated[tuple[str, str], A.get_state_value_old_new],
        own_accessor: Annotated[int, "its length", lambda event: len(event.topic)],
    ) -> None: ...

    assert arguments(handler) == {
        "text": "200",
        "number": 200.0,
        "on": True,
        "pair": ("off", "on"),
        "own_accessor": 24,
    }


def test_where_an_accessor_gives_nothing_the_default_stands_in() -> None:
    def handler(
        text: Annotated[str, A.get_attr_new("icon")] = "mdi:lamp",
        maybe: Annotated[str | None, A.get_attr_new("icon")] = "none",
        there: Annotated[float, A.get_attr_new("brightness")] = 5,
    ) -> None: ...

    assert arguments(handler) == {"text": "mdi:lamp", "maybe": "none", "there": 200.0}


def test_where_an_accessor_gives_nothing_its_type_may_allow_that() -> None:
    def handler(
        none: Annotated[str | None, A.get_attr_new("icon")],
        missing: Annotated[str | MissingValue | None, A.get_attr_new("icon")],
        effect: Annotated[str | None, A.get_attr_new("effect")],
    ) -> None: ...

    assert arguments(handler) == {"none": None, "missing": MISSING_VALUE, "effect": None}


def test_what_does_not_convert_is_an_error_that_shows_it() -> None:
    def handler(number: Annotated[float, A.get_state_value_new]) -> None: ...

    with pytest.raises(
        DependencyResolutionError,
        match=r"handler cannot be called for this event of hass\.event\.state_changed, parameter number: "
        "'on' does not convert to float",
    ):
        arguments(handler)


def test_what_an_accessor_of_ones_own_cannot_find_is_an_error() -> None:
    def handler(number: Annotated[int, lambda event: event.payload.data["a"]]) -> None: ...

    with pytest.raises(DependencyResolutionError, match="parameter number: 'a'"):
        arguments(handler, other("zha_event"))


def test_a_value_that_cannot_be_had_is_a_failure_of_dependencies() -> None:
    assert issubclass(DependencyResolutionError, DependencyError)
    assert issubclass(DependencyInjectionError, DependencyError)


# Keyword arguments and defaults


def test_keyword_arguments_and_defaults_fill_the_rest() -> None:
    def handler(event: Event[Any], room: str, volume: int = 5, loud: bool = False) -> None: ...

    assert arguments(handler, room="attic", volume=6) == {"event": CHANGE, "room": "attic", "volume": 6}


def test_keyword_arguments_are_copied() -> None:
    given = {"room": "attic"}
    found = plan(lambda room: room, given)
    given["room"] = "cellar"
    assert found.arguments(CHANGE) == {"room": "attic"}
    assert not found.takes_nothing


def test_arguments_are_new_for_each_event() -> None:
    found = plan(lambda event, room: (event, room), {"room": "attic"})
    assert found.arguments(CHANGE) is not found.arguments(CHANGE)


def test_any_keyword_arguments_may_be_taken() -> None:
    def handler(event: Event[Any], **more: Any) -> None: ...  # noqa: ANN401 - of any kind

    assert arguments(handler, room="attic") == {"event": CHANGE, "room": "attic"}
    assert arguments(handler) == {"event": CHANGE}


# Kinds of callables


class Porch:
    """Has handlers."""

    def method(self, event: Event[Any], domain: D.Domain) -> tuple[object, ...]:
        return self, event, domain

    @classmethod
    def of_class(cls, domain: D.Domain) -> object:
        return cls, domain

    @staticmethod
    def static(domain: D.Domain) -> object:
        return domain

    def __call__(self, domain: D.Domain) -> object:
        return self, domain


def decorated(function: Handler) -> Handler:
    """With a decorator that keeps what it wraps."""

    @functools.wraps(function)
    def around(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - of any kind
        return function(*args, **kwargs)

    return around


async def async_handler(domain: D.Domain) -> object:
    """An async one."""
    return domain


def with_room(room: str, domain: D.Domain, volume: int = 5) -> object:
    """One with parameters for ``partial``."""
    return room, domain, volume


PORCH = Porch()


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (PORCH.method, (PORCH, CHANGE, "light")),
        (Porch.of_class, (Porch, "light")),
        (Porch.static, "light"),
        (PORCH, (PORCH, "light")),
        (decorated(PORCH.method), (PORCH, CHANGE, "light")),
        (decorated(decorated(Porch.static)), "light"),
        (functools.partial(with_room, "attic"), ("attic", "light", 5)),
        (functools.partial(with_room, "attic", volume=6), ("attic", "light", 6)),
        (functools.partial(with_room, room="attic"), ("attic", "light", 5)),
        (functools.partial(with_room, "attic", domain="preset"), ("attic", "preset", 5)),
        (functools.partial(decorated(functools.partial(with_room, "attic")), volume=6), ("attic", "light", 6)),
        (decorated(functools.partial(with_room, "attic")), ("attic", "light", 5)),
    ],
)
def test_every_kind_of_callable_is_called_as_it_asks(handler: Handler, expected: object) -> None:
    assert handler(**arguments(handler)) == expected


def test_an_async_handler_is_called_as_it_asks() -> None:
    async def main() -> object:
        called_it: Awaitable[object] = async_handler(**arguments(async_handler))
        return await called_it

    assert asyncio.run(main()) == "light"


# Annotations as text


def test_annotations_that_are_text_are_resolved_in_the_module_of_the_handler() -> None:
    assert arguments(unresolved.with_text) == {"new": NEW, "event": CHANGE}


def test_annotations_that_are_text_are_resolved_in_functions_around_that_are_used() -> None:
    assert arguments(unresolved.of_closure()) == {"level": 200}


def test_a_text_in_an_annotation_is_resolved_too() -> None:
    def handler(old: D.StateNew["LightState"]) -> None: ...

    assert arguments(handler) == {"old": NEW}


@pytest.mark.parametrize("handler", [unresolved.for_type_checkers, unresolved.with_default, unresolved.misspelt])
def test_an_annotation_that_cannot_be_resolved_is_refused(handler: Handler) -> None:
    with pytest.raises(
        DependencyInjectionError,
        match=r"cannot be a handler: the annotation of its parameter .* cannot be resolved, .*: import what it names",
    ):
        plan(handler)


def test_what_is_returned_need_not_be_known() -> None:
    assert arguments(unresolved.gives_unknown) == {"event": CHANGE}


# Handlers that nobody can call


def positional_only(event: Event[Any], /) -> None: ...
def positional_with_default(event: Event[Any], number: int = 5, /) -> None: ...
def star(*args: object) -> None: ...
def nothing_fills(event: Event[Any], room: str) -> None: ...
def no_annotation(state) -> None: ...  # type: ignore[no-untyped-def] # noqa: ANN001 - as many write it
def named_event_but_text(event: str) -> None: ...
def state_itself(new: LightState) -> None: ...
def fine(event: Event[Any], domain: D.Domain, volume: int = 5) -> None: ...


async def async_accessor(_: Event[Any]) -> str:
    """No accessor: it is async."""
    return "light"


def asks_async(domain: Annotated[str, async_accessor]) -> None: ...
def asks_of_two(domain: Annotated[str, lambda _one, _two: "light"]) -> None: ...


def loses_signature(event: Event[Any], domain: D.Domain) -> None: ...


@functools.wraps(loses_signature)
def takes_less(event: Event[Any]) -> None:
    """Says it takes what ``loses_signature`` takes, and does not."""


@pytest.mark.parametrize(
    ("handler", "kwargs", "message"),
    [
        (positional_only, {}, r"its parameter event: .* cannot be filled by name: write it without '/' and '\*'"),
        (positional_with_default, {}, r"cannot be filled by name"),
        (star, {}, r"its parameter \*args: object cannot be filled by name"),
        (nothing_fills, {}, r"nothing fills its parameter room: str: annotate it as Event or with one of duly\.D"),
        (no_annotation, {}, r"nothing fills its parameter state:"),
        (named_event_but_text, {}, r"nothing fills its parameter event: str"),
        (state_itself, {}, r"nothing fills its parameter new: duly\.states\.devices\.LightState"),
        (fine, {"event": 5}, r"its parameter event: .* is filled by the event and by kwargs: leave one out"),
        (fine, {"domain": "light"}, r"is filled by the event and by kwargs"),
        (fine, {"room": "attic"}, r"unexpected keyword argument 'room'"),
        (lambda: None, {"room": "attic"}, r"unexpected keyword argument 'room'"),
        (asks_async, {}, r"must not be async, got async_accessor"),
        (asks_of_two, {}, r"must take one argument, got <lambda>"),
        (takes_less, {}, r"unexpected keyword argument 'domain'"),
        (max, {}, r"max cannot be a handler: "),
    ],
)
def test_a_handler_that_cannot_be_called_is_refused(handler: Handler, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(DependencyInjectionError, match=message):
        plan(handler, kwargs)


def test_the_error_names_the_handler() -> None:
    with pytest.raises(DependencyInjectionError, match=r"^nothing_fills cannot be a handler: "):
        plan(nothing_fills)
