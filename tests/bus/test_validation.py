"""What is refused when a listener is registered, and that nothing is left behind then."""

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from duly.bus import ANY_VALUE, DependencyInjectionError, DuplicateListenerError, ListenerNameRequiredError
from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.bus import predicates as P  # noqa: N812 - as users import it
from tests.bus.porch import Scene, in_scene
from tests.executor.plant import rows_of

LAMP = "light.lamp"


async def handler() -> None:
    """Does nothing."""


async def late(*_: object) -> bool:
    """An async filter."""
    return True


class Later:
    """An async filter that is an object."""

    async def __call__(self, _: object) -> bool:
        return True


class Callee:
    """A handler that is an object."""

    async def __call__(self) -> None:
        """Does nothing."""

    async def method(self) -> None:
        """Does nothing."""


def refused(folder: Path, kind: type[Exception], *texts: str, method: str = "on", **arguments: Any) -> None:  # noqa: ANN401 - of the method
    """Registering raises an error that names these, and leaves nothing behind."""

    async def main(scene: Scene) -> None:
        if method == "on" and "topic" not in arguments:
            arguments["topic"] = "lamp"
        arguments.setdefault("handler", handler)
        with pytest.raises(kind) as caught:
            await getattr(scene.bus, method)(**arguments)
        assert type(caught.value) is kind
        assert all(text in str(caught.value) for text in texts), str(caught.value)
        assert scene.bus.get_listeners() == scene.service.listeners() == []
        assert scene.bus.get_listener_db_ids() == []
        assert not scene.bus.live.listed()
        assert (scene.timers, scene.states.waiting) == (0, 0)
        await scene.hall.database.flush()
        assert rows_of(scene.hall.path, "listeners") == []

    in_scene(folder, main)


def anything(value: object) -> Any:  # noqa: ANN401 - what is wrong on purpose
    """A value that a type checker lets pass for what is asked for."""
    return value


def refused_change(folder: Path, kind: type[Exception], *texts: str, **arguments: Any) -> None:  # noqa: ANN401 - as above
    refused(folder, kind, *texts, method="on_state_change", **({"entity_id": LAMP} | arguments))


SECONDS = [True, False, 0, -1, math.nan, math.inf, -math.inf, "5"]


@pytest.mark.parametrize("value", SECONDS)
@pytest.mark.parametrize("name", ["debounce", "throttle", "timeout"])
def test_seconds_must_be_positive_and_finite(tmp_path: Path, name: str, value: object) -> None:
    refused(tmp_path, ValueError, name, repr(value), **{name: anything(value)})


@pytest.mark.parametrize("value", SECONDS)
def test_so_must_the_duration(tmp_path: Path, value: object) -> None:
    refused_change(tmp_path, ValueError, "duration", repr(value), duration=value)


@pytest.mark.parametrize(
    "both",
    [
        {"debounce": 1, "throttle": 2},
        {"debounce": 1, "once": True},
        {"throttle": 1, "once": True},
        {"debounce": 1, "duration": 2},
        {"throttle": 1, "duration": 2},
        {"timeout": 1, "timeout_disabled": True},
    ],
    ids=" and ".join,
)
def test_some_options_exclude_each_other(tmp_path: Path, both: dict[str, Any]) -> None:
    refused_change(tmp_path, ValueError, *both, **both)


@pytest.mark.parametrize(("name", "value"), [("immediate", True), ("duration", 5)])
@pytest.mark.parametrize("glob", ["light.*", "light.lam?", "light.[ab]", "*"])
def test_a_glob_has_no_first_state_and_no_hold(tmp_path: Path, name: str, value: object, glob: str) -> None:
    refused_change(tmp_path, ValueError, name, glob, entity_id=glob, **{name: anything(value)})


@pytest.mark.parametrize("value", ["off", None, ANY_VALUE])
def test_immediate_with_changed_from_could_never_hold(tmp_path: Path, value: object) -> None:
    refused_change(tmp_path, ValueError, "immediate", "changed_from", repr(value), immediate=True, changed_from=value)


@pytest.mark.parametrize("entity_id", ["", "lamp", ".lamp", "light.", "light.lamp.two", None, 5])
def test_an_entity_id_is_domain_and_object_or_a_glob(tmp_path: Path, entity_id: object) -> None:
    refused_change(tmp_path, ValueError, "entity_id", repr(entity_id), entity_id=entity_id)
    refused(tmp_path, ValueError, "entity_id", method="on_attribute_change", entity_id=entity_id, attr="brightness")


@pytest.mark.parametrize("attr", ["", None, 5])
def test_an_attribute_has_a_name(tmp_path: Path, attr: object) -> None:
    refused(tmp_path, ValueError, "attr", repr(attr), method="on_attribute_change", entity_id=LAMP, attr=attr)


@pytest.mark.parametrize("topic", ["", None, 5])
def test_a_topic_is_text(tmp_path: Path, topic: object) -> None:
    refused(tmp_path, ValueError, "topic", repr(topic), topic=topic)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("on_call_service", "domain"),
        ("on_call_service", "service"),
        ("on_component_loaded", "component"),
        ("on_service_registered", "domain"),
        ("on_service_registered", "service"),
        ("on_app_state_changed", "app_key"),
        ("on_app_state_changed", "status"),
        ("on_app_running", "app_key"),
        ("on_app_stopping", "app_key"),
        ("on_duly_service_status", "status"),
    ],
)
def test_what_is_given_to_choose_by_is_not_empty(tmp_path: Path, method: str, name: str) -> None:
    refused(tmp_path, ValueError, name, "''", method=method, **{name: ""})


@pytest.mark.parametrize(("name", "value"), [("mode", "sometimes"), ("if_exists", "maybe"), ("mode", None)])
def test_words_are_known(tmp_path: Path, name: str, value: object) -> None:
    refused(tmp_path, ValueError, name, repr(value), **{name: anything(value)})


@pytest.mark.parametrize(
    "given",
    [
        lambda: None,
        functools.partial(handler),
        Callee(),
        functools.partial(lambda: None),
    ],
    ids=["lambda", "partial", "object", "partial of lambda"],
)
def test_what_has_no_stable_name_needs_one(tmp_path: Path, given: Callable[..., Any]) -> None:
    refused(tmp_path, ListenerNameRequiredError, "name=", handler=given)


@pytest.mark.parametrize("given", [lambda: None, functools.partial(handler), Callee(), Callee().method, handler])
def test_with_a_name_it_may_be_anything(tmp_path: Path, given: Callable[..., Any]) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp", handler=given, name="given")
        assert subscription.name == "given"
        await scene.emit(1)
        assert [row["status"] for row in await scene.hall.rows()] == ["success"]

    in_scene(tmp_path, main)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        first = await scene.bus.on(topic="lamp", handler=handler)
        with pytest.raises(DuplicateListenerError) as caught:
            await scene.bus.on(topic="lamp", handler=Callee().method, name="handler")
        for text in ("'handler'", "'lamp'", "function handler", "Callee.method", "name="):
            assert text in str(caught.value)
        assert scene.bus.get_listeners() == [first.listener]
        assert len(scene.listeners()) == 1

    in_scene(tmp_path, main)


@pytest.mark.parametrize("where", [5, "on", [P.StateDidChange(), "on"], [5], {"brightness": 3}, [{"brightness": 3}]])
def test_where_is_a_predicate_or_several(tmp_path: Path, where: object) -> None:
    refused(tmp_path, TypeError, "where", where=where)


@pytest.mark.parametrize(
    "where",
    [
        late,
        [late],
        P.AllOf((P.StateDidChange(), late)),
        P.AnyOf((P.Not(late),)),
        P.Not(P.Guard(late)),
        P.Guard(late),
        P.ValueIs(lambda _: 1, late),
        P.StateTo(late),
        functools.partial(late, 1),
        Later(),
        P.Guard(functools.partial(functools.partial(late, 1), 2)),
        P.StateDidChange() & P.Guard(Later()),
    ],
    ids=map(str, range(12)),
)
def test_an_async_filter_is_refused_at_any_depth(tmp_path: Path, where: object) -> None:
    refused(tmp_path, TypeError, "async", where=where)


@pytest.mark.parametrize("name", ["changed", "changed_from", "changed_to"])
@pytest.mark.parametrize("method", ["on_state_change", "on_attribute_change"])
@pytest.mark.parametrize("condition", [late, Later(), functools.partial(late, 1)])
def test_an_async_condition_is_refused(tmp_path: Path, name: str, method: str, condition: object) -> None:
    attr = {"attr": "brightness"} if method == "on_attribute_change" else {}
    refused(tmp_path, TypeError, method=method, entity_id=LAMP, **attr, **{name: condition})


@pytest.mark.parametrize("changed", [5, "yes", None])
def test_changed_is_yes_no_or_a_condition(tmp_path: Path, changed: object) -> None:
    refused_change(tmp_path, TypeError, "changed", repr(changed), changed=changed)


@pytest.mark.parametrize(
    "terms", [{"changed": C.Present()}, {"changed_to": C.Increased}, {"changed_from": C.Increased()}]
)
def test_a_condition_takes_as_many_values_as_there_are(tmp_path: Path, terms: dict[str, Any]) -> None:
    refused_change(tmp_path, TypeError, **terms)


@pytest.mark.parametrize("given", [None, 5, "handler"])
def test_a_handler_is_callable(tmp_path: Path, given: object) -> None:
    refused(tmp_path, TypeError, "handler", repr(given), handler=given)


def test_a_generator_function_handles_nothing(tmp_path: Path) -> None:
    def generate() -> Iterator[int]:
        yield 1

    refused(tmp_path, TypeError, "generator", handler=generate)


def test_every_parameter_can_be_filled(tmp_path: Path) -> None:
    async def asks(lamp: int) -> None:
        """Asks for what nobody gives."""

    refused(tmp_path, DependencyInjectionError, "lamp", handler=asks)


def test_kwargs_are_of_the_handler(tmp_path: Path) -> None:
    refused(tmp_path, DependencyInjectionError, "lamp", kwargs={"lamp": 1})


@pytest.mark.parametrize("kwargs", [5, [("a", 1)], {1: 2}])
def test_kwargs_are_a_mapping(tmp_path: Path, kwargs: object) -> None:
    refused(tmp_path, TypeError, "kwargs", kwargs=kwargs)


@pytest.mark.parametrize(
    ("name", "value"), [("on_error", 5), ("priority", "high"), ("priority", True), ("name", 5), ("colour", "red")]
)
def test_options_are_of_their_kind(tmp_path: Path, name: str, value: object) -> None:
    refused(tmp_path, TypeError, name, **{name: anything(value)})


def test_a_bus_needs_an_owner(tmp_path: Path) -> None:
    from duly.bus import Bus  # noqa: PLC0415 - of this test alone

    async def main(scene: Scene) -> None:
        with pytest.raises(AssertionError, match="add_child"):
            Bus(scene.hall.house)

    in_scene(tmp_path, main)
