"""What a registration makes of ``where``, and what it refuses; what becomes of a filter that answers too late."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from duly.bus import accessors as A  # noqa: N812 - as users write it
from duly.bus import conditions as C  # noqa: N812 - as users write it
from duly.bus import predicates as P  # noqa: N812 - as users write it
from duly.bus.judging import verdict
from duly.bus.where import all_of
from duly.events import Event
from tests.events.samples import called, changed

ON = changed("off", "on")
STATE_TO_ON = P.StateTo("on")


def yes(_: object) -> bool:
    """A predicate."""
    return True


async def later(_: object) -> bool:
    """No predicate: it is async."""
    return True


async def trickle(_: object) -> AsyncIterator[bool]:
    """No predicate: it is an async generator."""
    yield True


def drip(_: object) -> Iterator[bool]:
    """No predicate: it is a generator."""
    yield True


class Later:
    """No predicate: calling it is async."""

    async def __call__(self, _: object) -> bool:
        return True

    async def method(self, _: object) -> bool:
        """Is async too."""
        return True


@functools.wraps(later)
def wrapped(event: object) -> Awaitable[bool]:
    """No predicate: what it wraps is async."""
    return later(event)


ASYNC: dict[str, Callable[[Any], Any]] = {
    "function": later,
    "generator": trickle,
    "object": Later(),
    "method": Later().method,
    "wrapped": wrapped,
    "partial": functools.partial(later),
    "partial of partial": functools.partial(functools.partial(later)),
    "partial of object": functools.partial(Later()),
}


# One predicate of many


@pytest.mark.parametrize("where", [None, [], (), set()])
def test_of_nothing_no_predicate_is_made(where: object) -> None:
    assert all_of(where) is None


@pytest.mark.parametrize("where", [STATE_TO_ON, [STATE_TO_ON], (STATE_TO_ON,), {STATE_TO_ON}])
def test_one_predicate_stays_as_it_is(where: object) -> None:
    assert all_of(where) == STATE_TO_ON


def test_a_function_stays_as_it_is() -> None:
    assert all_of(yes) is yes


def test_of_several_all_must_hold() -> None:
    assert all_of([STATE_TO_ON, yes]) == P.AllOf([STATE_TO_ON, yes])
    assert all_of(each for each in (STATE_TO_ON, yes)) == P.AllOf([STATE_TO_ON, yes])


def test_a_class_of_predicates_stands_for_an_instance() -> None:
    assert all_of(P.StateDidChange) == P.StateDidChange()
    assert all_of([P.StateDidChange, STATE_TO_ON]) == P.AllOf([P.StateDidChange(), STATE_TO_ON])


def test_a_mapping_is_of_service_data_where_that_is_meant() -> None:
    spec = {"brightness": C.Comparison(">", 5)}
    assert all_of(spec, mappings=True) == P.ServiceDataWhere(spec)
    assert all_of([spec, yes], mappings=True) == P.AllOf([P.ServiceDataWhere(spec), yes])
    predicate = all_of(spec, mappings=True)
    assert predicate is not None
    assert predicate(called("light", "turn_on", brightness=6))


@pytest.mark.parametrize("where", [5, "on", "light.*", [5], [None], ["on"], {"a": 1}, [{"a": 1}], str, [[yes]]])
def test_what_is_no_predicate_is_refused(where: object) -> None:
    with pytest.raises(TypeError, match=r"^where must be "):
        all_of(where)


@pytest.mark.parametrize("where", [lambda: True, lambda _one, _two: True, P.StateTo(C.Increased())])
def test_what_takes_other_arguments_is_refused(where: object) -> None:
    with pytest.raises(TypeError, match="where must take one argument, got"):
        all_of(where)


def test_a_comparison_of_one_value_is_refused() -> None:
    with pytest.raises(TypeError, match="where must take 2 arguments, got IsNone"):
        all_of(P.StateComparison(C.IsNone))


def test_what_does_not_tell_its_arguments_is_taken() -> None:
    assert all_of(P.StateTo(max)) == P.StateTo(max)


# Async at any depth


@pytest.mark.parametrize("function", ASYNC.values(), ids=ASYNC.keys())
@pytest.mark.parametrize(
    "around",
    [
        lambda given: given,
        lambda given: [given],
        lambda given: P.AllOf([yes, given]),
        lambda given: P.AnyOf([yes, given]),
        P.Not,
        P.Guard,
        lambda given: P.ValueIs(A.get_entity_id, given),
        P.ValueIs,
        P.DidChange,
        P.IsPresent,
        P.IsMissing,
        P.StateTo,
        P.StateFrom,
        lambda given: P.AttrTo("a", given),
        lambda given: P.AttrFrom("a", given),
        lambda given: P.ServiceDataWhere({"a": given}),
        lambda given: functools.partial(P.AllOf([given])),
        lambda given: P.AllOf([P.AnyOf([yes, P.Not(P.Guard(P.ValueIs(A.get_entity_id, given)))])]),
    ],
)
def test_async_is_refused_at_any_depth(around: Callable[[Any], Any], function: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"where must not be async, got .*: filters run on the event loop"):
        all_of(around(function))


@pytest.mark.parametrize("kind", [P.StateComparison, functools.partial(P.AttrComparison, "a")])
def test_an_async_comparison_is_refused(kind: Callable[[Any], Any]) -> None:
    async def compare(_old: object, _new: object) -> bool:
        return True

    with pytest.raises(TypeError, match="where must not be async, got compare"):
        all_of(kind(compare))


def test_a_generator_function_is_refused() -> None:
    with pytest.raises(TypeError, match="where must not be a generator function, got drip"):
        all_of(drip)


# An awaitable as a result


@pytest.mark.parametrize(
    "around",
    [
        lambda given: given,
        lambda given: P.AllOf([given]),
        lambda given: P.AllOf([yes, P.AnyOf([P.Not(given)])]),
        lambda given: P.AnyOf([given]),
        P.Not,
        P.Guard,
        P.StateTo,
        lambda given: P.ValueIs(A.get_entity_id, given),
        lambda given: P.StateComparison(lambda old, _new: given(old)),
    ],
)
def test_an_awaitable_as_a_result_is_closed_and_an_error(around: Callable[[Any], Any]) -> None:
    given: list[Any] = []

    def sly(value: object) -> object:
        given.append(later(value))
        return given[-1]

    with pytest.raises(TypeError, match=r"a filter must give its answer at once, got .* to be awaited"):
        verdict(around(sly), ON)
    (coroutine,) = given
    assert coroutine.cr_frame is None  # closed


def test_a_future_as_a_result_is_cancelled_and_an_error() -> None:
    async def main() -> None:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with pytest.raises(TypeError, match="must give its answer at once"):
            verdict(lambda _: future, ON)
        assert future.cancelled()

    asyncio.run(main())


@pytest.mark.parametrize(("result", "expected"), [(True, True), (False, False), (1, True), ("", False), (None, False)])
def test_a_verdict_is_by_truth(result: object, expected: bool) -> None:
    assert verdict(lambda _: result, ON) is expected


def test_what_a_predicate_raises_is_the_verdict() -> None:
    def fails(_: Event[Any]) -> bool:
        raise LookupError("no porch")

    with pytest.raises(LookupError, match="no porch"):
        verdict(fails, ON)
