"""Predicates: which events they mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.bus import accessors as A  # noqa: N812 - as users write it
from duly.bus import conditions as C  # noqa: N812 - as users write it
from duly.bus import predicates as P  # noqa: N812 - as users write it
from duly.events import MISSING_VALUE, Event
from tests.events.samples import called, changed, lamp, other, own

ON = changed("off", "on")
STILL_ON = changed(lamp("on", brightness=5), lamp("on", brightness=9))
BORN, GONE = changed(None, "on"), changed("on", None)
WARMER = changed("20.5", "21", "sensor.porch")
CALL = called("light", "turn_on", brightness=5, entity_id=["light.lamp", "light.hall"])
BELL = own("ring")


def yes(_: Event[Any]) -> bool:
    """A plain predicate."""
    return True


def longer(old: str, new: str) -> bool:
    """A condition of two values."""
    return len(new) > len(old)


# States and attributes


@pytest.mark.parametrize(
    ("predicate", "holds", "fails"),
    [
        (P.StateFrom("off"), [ON], [STILL_ON, BORN, CALL, BELL]),
        (P.StateFrom(C.Missing()), [BORN, CALL, BELL], [ON, GONE]),
        (P.StateTo("on"), [ON, STILL_ON, BORN], [GONE, CALL, BELL]),
        (P.StateTo(C.IsIn(["on", "off"])), [ON], [GONE]),
        (P.StateTo(C.Present), [ON], [GONE, BELL]),
        (P.StateTo(lambda value: value == "on"), [ON], [GONE]),
        (P.StateTo(P.ANY_VALUE), [ON], [GONE, BELL]),
        (P.StateComparison(C.Increased()), [WARMER], [ON, BORN, GONE, BELL]),
        (P.StateComparison(C.Decreased), [changed("21", "20")], [WARMER]),
        (P.StateComparison(longer), [changed("on", "off")], [ON, CALL]),
        (P.StateDidChange(), [ON, BORN, GONE], [STILL_ON, CALL, BELL]),
        (P.AttrFrom("brightness", 5), [STILL_ON], [ON, BORN, CALL]),
        (P.AttrTo("brightness", C.Comparison(">", 8)), [STILL_ON], [ON, GONE, BELL]),
        (P.AttrTo("brightness", C.Missing), [ON, GONE, BELL], [STILL_ON]),
        (P.AttrComparison("brightness", C.Increased()), [STILL_ON], [ON, BORN, BELL]),
        (P.AttrDidChange("brightness"), [STILL_ON, changed("on", lamp("on", brightness=1))], [ON, BORN, BELL]),
        (P.AttrDidChange("icon"), [], [STILL_ON, ON]),
    ],
)
def test_predicates_on_states(predicate: P.EventPredicate, holds: list[Event[Any]], fails: list[Event[Any]]) -> None:
    assert [predicate(event) for event in holds] == [True] * len(holds)
    assert [predicate(event) for event in fails] == [False] * len(fails)


# Values


@pytest.mark.parametrize(
    ("predicate", "holds", "fails"),
    [
        (P.ValueIs(A.get_entity_id, "light.lamp"), [ON], [CALL, BELL]),
        (P.ValueIs(A.get_path("payload.data"), "ring"), [BELL], [ON]),
        (P.ValueIs(A.get_entity_id, C.Glob("light.*")), [ON], [WARMER]),
        (P.ValueIs(A.get_entity_id), [ON, CALL], [BELL]),
        (P.ValueIs(A.get_attr_new("x"), None), [changed(None, lamp(x=None))], [ON]),
        (P.ValueIs(A.get_attr_new("x"), MISSING_VALUE), [ON], [changed(None, lamp(x=1))]),
        (P.DidChange(A.get_state_value_old_new), [ON], [STILL_ON, BELL]),
        (P.DidChange(A.get_all_attrs_old_new), [STILL_ON], [ON, BELL]),
        (P.DidChange(A.get_attrs_old_new(["brightness", "icon"])), [STILL_ON], [ON, BORN, BELL]),
        (P.IsPresent(A.get_service), [CALL], [ON, BELL]),
        (P.IsPresent(A.get_attr_new("x")), [changed(None, lamp(x=None))], [ON]),
        (P.IsMissing(A.get_service), [ON, BELL], [CALL]),
    ],
)
def test_predicates_on_values(predicate: P.EventPredicate, holds: list[Event[Any]], fails: list[Event[Any]]) -> None:
    assert [predicate(event) for event in holds] == [True] * len(holds)
    assert [predicate(event) for event in fails] == [False] * len(fails)


# Who and what


@pytest.mark.parametrize(
    ("predicate", "holds", "fails"),
    [
        (P.DomainMatches("light"), [ON, CALL], [WARMER, BELL]),
        (P.DomainMatches("l*"), [ON, CALL], [WARMER, BELL]),
        (P.EntityMatches("light.lamp"), [ON, CALL, other("x", entity_id="light.lamp")], [WARMER, BELL]),
        (P.EntityMatches("light.hall"), [CALL], [ON]),
        (P.EntityMatches("*.porch"), [WARMER], [ON, CALL, BELL]),
        (P.EntityMatches("Light.*"), [], [ON]),
        (P.ServiceMatches("turn_on"), [CALL], [ON, BELL, called("light", "turn_off")]),
        (P.ServiceMatches("turn_*"), [CALL, called("light", "turn_off")], [ON, called("light", "toggle")]),
    ],
)
def test_predicates_on_who_and_what(
    predicate: P.EventPredicate, holds: list[Event[Any]], fails: list[Event[Any]]
) -> None:
    assert [predicate(event) for event in holds] == [True] * len(holds)
    assert [predicate(event) for event in fails] == [False] * len(fails)


@pytest.mark.parametrize("kind", [P.DomainMatches, P.EntityMatches, P.ServiceMatches])
@pytest.mark.parametrize("text", ["", None, ["light"]])
def test_what_matches_is_a_text(kind: Callable[[Any], object], text: object) -> None:
    with pytest.raises(ValueError, match="needs a text that is not empty, got"):
        kind(text)


# Service data


@pytest.mark.parametrize(
    ("spec", "holds"),
    [
        ({"brightness": 5}, True),
        ({"brightness": 6}, False),
        ({"effect": "rainbow"}, True),
        ({"effect": "rain*"}, True),
        ({"effect": "r[ao]inbow"}, True),
        ({"effect": "snow*"}, False),
        ({"effect": P.ANY_VALUE}, True),
        ({"effect": C.Contains("bow")}, True),
        ({"effect": C.Present}, True),
        ({"effect": lambda value: value == "rainbow"}, True),
        ({"transition": P.ANY_VALUE}, False),
        ({"transition": C.Missing()}, True),
        ({"transition": None}, False),
        ({"flash": None}, True),
        ({"brightness": 5, "effect": "rainbow"}, True),
        ({"brightness": 5, "effect": "snow"}, False),
        ({"entity_id": "light.lamp"}, True),
        ({"entity_id": "*.hall"}, True),
        ({"entity_id": "light.attic"}, False),
        ({"entity_id": ["light.lamp", "light.hall"]}, True),
        ({"entity_id": C.StartsWith("light.h")}, True),
        ({"area_id": "porch"}, True),
        ({"label_id": "a"}, True),
        ({"device_id": "d"}, True),
        ({"floor_id": "f"}, True),
        ({"rgb_color": 255}, False),
        ({"rgb_color": [255, 0, 0]}, True),
        ({}, True),
    ],
)
def test_service_data_are_as_the_spec_says(spec: dict[str, Any], holds: bool) -> None:
    event = called(
        "light",
        "turn_on",
        brightness=5,
        effect="rainbow",
        flash=None,
        rgb_color=[255, 0, 0],
        entity_id=["light.lamp", "light.hall"],
        area_id=["porch"],
        device_id=["d", "e"],
        floor_id=("f",),
        label_id="a",
    )
    assert P.ServiceDataWhere(spec)(event) is holds
    assert P.ServiceDataWhere.from_kwargs(**spec)(event) is holds


def test_without_auto_glob_wildcards_are_text() -> None:
    where = P.ServiceDataWhere({"effect": "rain*"}, auto_glob=False)
    assert not where(called("light", "turn_on", effect="rainbow"))
    assert where(called("light", "turn_on", effect="rain*"))


def test_other_events_have_no_service_data() -> None:
    assert not P.ServiceDataWhere({})(ON)
    assert not P.ServiceDataWhere({"a": C.Missing()})(BELL)


def test_a_spec_of_service_data_is_copied() -> None:
    spec = {"brightness": 5}
    where = P.ServiceDataWhere(spec)
    spec["brightness"] = 6
    assert where == P.ServiceDataWhere({"brightness": 5})


def test_a_spec_of_service_data_is_a_mapping() -> None:
    with pytest.raises(TypeError, match="the spec of service data must be a mapping, got 5"):
        P.ServiceDataWhere(5)  # type: ignore[arg-type] # wrong on purpose


# Combinations


def is_on(event: Event[Any]) -> bool:
    """A plain predicate."""
    return bool(A.get_state_value_new(event) == "on")


def test_predicates_combine() -> None:
    both = P.StateDidChange() & P.StateTo("on")
    either = P.StateTo("on") | P.IsPresent(A.get_service)
    assert [both(event) for event in (ON, STILL_ON)] == [True, False]
    assert [either(event) for event in (ON, CALL, BELL)] == [True, True, False]
    assert [(~both)(event) for event in (ON, STILL_ON)] == [False, True]


def test_predicates_combine_with_any_callable_on_either_side() -> None:
    assert (P.StateDidChange() & is_on) == P.AllOf([P.StateDidChange(), is_on])
    assert (is_on & P.StateDidChange()) == P.AllOf([is_on, P.StateDidChange()])
    assert (P.StateDidChange() | is_on) == P.AnyOf([P.StateDidChange(), is_on])
    assert (is_on | P.StateDidChange()) == P.AnyOf([is_on, P.StateDidChange()])


def test_chains_of_one_kind_stay_flat() -> None:
    one, two, three = P.StateTo("a"), P.StateTo("b"), P.StateTo("c")
    assert one & two & three == P.AllOf([one, two, three])
    assert one | two | three == P.AnyOf([one, two, three])
    assert (one | two) & three == P.AllOf([P.AnyOf([one, two]), three])


def test_a_guard_makes_a_predicate_of_any_callable() -> None:
    guard = P.Guard(is_on)
    assert [guard(event) for event in (ON, BELL)] == [True, False]
    assert [(~guard)(event) for event in (ON, BELL)] == [False, True]


def test_other_results_count_by_truth() -> None:
    assert P.AllOf([lambda _: 1, lambda _: "yes"])(ON) is True
    assert P.AllOf([lambda _: []])(ON) is False
    assert P.AnyOf([lambda _: None, lambda _: 0])(ON) is False
    assert P.Not(lambda _: "")(ON) is True
    assert P.Guard(lambda _: [0])(ON) is True
    assert P.StateTo(lambda _: "yes")(ON) is True
    assert P.StateComparison(lambda _old, _new: 0)(ON) is False


def test_of_nothing_all_holds_and_any_does_not() -> None:
    assert P.AllOf([])(ON)
    assert not P.AnyOf([])(ON)


truths = st.recursive(
    st.booleans().map(lambda value: (value, P.Guard(lambda _: value))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(
            lambda found: (all(value for value, _ in found), P.AllOf([each for _, each in found]))
        ),
        st.lists(inner, max_size=4).map(
            lambda found: (any(value for value, _ in found), P.AnyOf([each for _, each in found]))
        ),
        inner.map(lambda found: (not found[0], P.Not(found[1]))),
        st.tuples(inner, inner).map(lambda two: (two[0][0] and two[1][0], two[0][1] & two[1][1])),
        st.tuples(inner, inner).map(lambda two: (two[0][0] or two[1][0], two[0][1] | two[1][1])),
        inner.map(lambda found: (not found[0], ~found[1])),
    ),
)


@given(truths)
def test_combinations_are_those_of_logic(found: tuple[bool, P.EventPredicate]) -> None:
    expected, predicate = found
    assert predicate(ON) is expected


def test_the_cheapest_is_asked_first_and_the_rest_only_if_it_matters() -> None:
    asked: list[str] = []

    def dear(_: Event[Any]) -> bool:
        asked.append("dear")
        return True

    assert not P.AllOf([dear, P.StateTo("off")])(ON)
    assert P.AnyOf([P.Guard(dear), P.StateTo("on")])(ON)
    assert not P.AllOf([P.AnyOf([dear, P.StateTo("x")]), P.StateTo("off") & P.StateDidChange()])(ON)
    assert asked == []
    assert P.AllOf([dear, P.StateTo("on")])(ON)
    assert asked == ["dear"]


def test_predicates_of_the_same_cost_are_asked_as_written() -> None:
    asked: list[int] = []

    def ask(number: int, _: Event[Any]) -> bool:
        asked.append(number)
        return True

    P.AllOf([partial(ask, number) for number in range(5)])(ON)
    assert asked == [0, 1, 2, 3, 4]


# As values


def fresh() -> list[P.EventPredicate]:
    """One of each kind, made anew."""
    return [
        P.AllOf([P.StateTo("on"), is_on]),
        P.AnyOf([P.StateTo("on"), is_on]),
        P.Not(P.StateTo("on")),
        P.Guard(is_on),
        P.ValueIs(A.get_attr_new("a"), C.IsIn(["x"])),
        P.ValueIs(A.get_attr_new("a")),
        P.DidChange(A.get_attr_old_new("a")),
        P.IsPresent(A.get_path("payload.data")),
        P.IsMissing(A.get_path("payload.data")),
        P.StateFrom("on"),
        P.StateTo("on"),
        P.StateComparison(C.Increased),
        P.StateComparison(C.Decreased),
        P.StateDidChange(),
        P.AttrFrom("a", "on"),
        P.AttrTo("a", "on"),
        P.AttrComparison("a", C.Increased()),
        P.AttrDidChange("a"),
        P.DomainMatches("light"),
        P.EntityMatches("light"),
        P.ServiceMatches("light"),
        P.ServiceDataWhere({"a": "x*"}),
        P.ServiceDataWhere({"a": "x*"}, auto_glob=False),
    ]


def test_predicates_that_say_the_same_are_equal_and_others_are_not() -> None:
    for number, one in enumerate(fresh()):
        assert [index for index, another in enumerate(fresh()) if one == another] == [number]


def test_a_class_of_conditions_stands_for_an_instance() -> None:
    assert P.StateComparison(C.Increased) == P.StateComparison(C.Increased())
    assert P.AllOf([P.StateDidChange]) == P.AllOf([P.StateDidChange()])


@pytest.mark.parametrize("given_class", [str, bool, C.Glob, P.StateTo])
def test_any_other_class_is_refused(given_class: type) -> None:
    with pytest.raises(TypeError, match=rf"a condition must be .*, got the class {given_class.__name__}"):
        P.StateTo(given_class)


def test_callables_are_compared_by_identity_and_bound_methods_as_python_does() -> None:
    class Porch:
        def dark(self, _: Event[Any]) -> bool:
            return True

    porch = Porch()
    assert P.Guard(porch.dark) == P.Guard(porch.dark)
    assert P.Guard(porch.dark) != P.Guard(Porch().dark)
    assert P.Guard(lambda _: True) != P.Guard(lambda _: True)


@pytest.mark.parametrize("predicate", fresh(), ids=lambda predicate: type(predicate).__name__)
def test_predicates_are_frozen_and_slotted(predicate: P.EventPredicate) -> None:
    assert not hasattr(predicate, "__dict__")
    for field in fields(predicate):  # type: ignore[arg-type] # all are dataclasses
        with pytest.raises(FrozenInstanceError):
            setattr(predicate, field.name, "off")


@pytest.mark.parametrize(
    ("predicate", "phrase"),
    [
        (P.StateTo("on"), "new state value is 'on'"),
        (P.StateFrom(C.IsIn(["on"])), "old state value is one of ('on',)"),
        (P.StateTo(is_on), "new state value satisfies is_on"),
        (P.StateTo(P.ANY_VALUE), "new state value is present"),
        (P.StateDidChange(), "state changed"),
        (P.StateComparison(C.Increased()), "state value increased"),
        (P.AttrTo("brightness", C.Comparison(">", 5)), "new attribute brightness is > 5"),
        (P.AttrComparison("brightness", C.Decreased()), "attribute brightness decreased"),
        (P.AttrDidChange("brightness"), "attribute brightness changed"),
        (P.ValueIs(A.get_path("payload.data.x"), 5), "payload.data.x is 5"),
        (P.ValueIs(A.get_attrs_new(["a", "b"])), "new attributes a, b is present"),
        (P.DidChange(A.get_attrs_old_new(["a", "b"])), "attributes a, b changed"),
        (P.DidChange(A.get_state_object_old_new), "state object changed"),
        (P.IsPresent(A.get_service), "service is present"),
        (P.IsMissing(A.get_service_data_key("a")), "service data a is missing"),
        (P.DomainMatches("light"), "domain is 'light'"),
        (P.EntityMatches("light.*"), "entity matches 'light.*'"),
        (P.ServiceMatches("turn_on"), "service is 'turn_on'"),
        (P.ServiceDataWhere({"a": 1, "b": "x*"}), "service data a is 1 and service data b matches 'x*'"),
        (P.ServiceDataWhere({}), "any service data"),
        (P.Guard(is_on), "is_on() holds"),
        (P.Not(P.StateTo("on")), "not new state value is 'on'"),
        (
            P.StateDidChange() & (P.StateTo(5) | is_on) & ~(P.AttrDidChange("a") & yes),
            "state changed and (new state value is 5 or is_on() holds) and not (attribute a changed and yes() holds)",
        ),
        (P.AllOf([]), "any event"),
        (P.AnyOf([]), "no event"),
    ],
)
def test_a_predicate_says_what_it_means_in_english(predicate: P.EventPredicate, phrase: str) -> None:
    assert predicate.summarize() == phrase


# Wrong arguments


@pytest.mark.parametrize("kind", [P.AllOf, P.AnyOf])
@pytest.mark.parametrize("given_value", ["on", 5, None, {"a": 1}, P.StateDidChange(), [5], ["on"]])
def test_a_combination_is_of_a_collection_of_predicates(kind: Callable[[Any], object], given_value: object) -> None:
    with pytest.raises(TypeError, match=r"predicates? must be"):
        kind(given_value)


@pytest.mark.parametrize("kind", [P.Not, P.Guard])
def test_what_is_denied_or_wrapped_is_callable(kind: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="a predicate must be callable with an event, got 'on'"):
        kind("on")


@pytest.mark.parametrize("kind", [P.ValueIs, P.DidChange, P.IsPresent, P.IsMissing])
def test_a_source_is_an_accessor(kind: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"source must be an accessor, .* got 'payload\.data'"):
        kind("payload.data")


@pytest.mark.parametrize("make", [P.StateComparison, lambda given_value: P.AttrComparison("a", given_value)])
def test_a_comparison_has_no_literal(make: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="a comparison needs a condition that takes the old and the new value, got 5"):
        make(5)


def test_what_a_predicate_raises_propagates() -> None:
    def fails(_: object) -> bool:
        raise LookupError("no porch")

    for predicate in (P.Guard(fails), P.AllOf([fails]), P.AnyOf([fails]), P.Not(fails), P.StateTo(fails)):
        with pytest.raises(LookupError, match="no porch"):
            predicate(ON)
