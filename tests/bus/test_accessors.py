"""Accessors: what they find in events."""

from typing import Any

import pytest

from duly.bus import accessors as A  # noqa: N812 - as users write it
from duly.bus.accessors import Accessor
from duly.events import MISSING_VALUE, AnyHassEvent, Event, HassContext
from tests.events.samples import called, changed, lamp, other, own

DIM, BRIGHT = lamp("off"), lamp("on", brightness=200, color_mode="hs")
CHANGE = changed(DIM, BRIGHT)
BORN, GONE = changed(None, BRIGHT), changed(BRIGHT, None)

OF_STATES: list[tuple[str, tuple[Any, ...], Any, Any]] = [
    ("get_state_value", (), "off", "on"),
    ("get_state_object", (), DIM, BRIGHT),
    ("get_attr", ("brightness",), MISSING_VALUE, 200),
    (
        "get_attrs",
        (["brightness", "icon"],),
        {"brightness": MISSING_VALUE, "icon": MISSING_VALUE},
        {"brightness": 200, "icon": MISSING_VALUE},
    ),
    ("get_all_attrs", (), {}, {"brightness": 200, "color_mode": "hs"}),
]


def accessor(name: str, arguments: tuple[Any, ...]) -> Accessor:
    """The accessor of this name; those with arguments are made with them."""
    found = getattr(A, name)
    return found(*arguments) if arguments else found  # type: ignore[no-any-return] # looked up by name


@pytest.mark.parametrize(("name", "arguments", "old", "new"), OF_STATES)
def test_each_side_of_a_change_has_its_accessor(name: str, arguments: Any, old: object, new: object) -> None:  # noqa: ANN401 - of any kind
    assert accessor(f"{name}_old", arguments)(CHANGE) == old
    assert accessor(f"{name}_new", arguments)(CHANGE) == new
    assert accessor(f"{name}_old_new", arguments)(CHANGE) == (old, new)


@pytest.mark.parametrize(("name", "arguments"), [row[:2] for row in OF_STATES if row[0] != "get_attrs"])
def test_where_there_is_no_state_there_is_no_value(name: str, arguments: Any) -> None:  # noqa: ANN401 - of any kind
    assert accessor(f"{name}_old", arguments)(BORN) is MISSING_VALUE
    assert accessor(f"{name}_new", arguments)(GONE) is MISSING_VALUE
    assert accessor(f"{name}_old_new", arguments)(BORN)[0] is MISSING_VALUE


def test_attributes_asked_for_by_name_are_missing_each_where_there_is_no_state() -> None:
    assert A.get_attrs_old(["icon"])(BORN) == {"icon": MISSING_VALUE}


@pytest.mark.parametrize(
    "event", [called("light", "turn_on"), other("zha_event", state="on"), own(), own({"state": 1})]
)
@pytest.mark.parametrize(("name", "arguments"), [row[:2] for row in OF_STATES])
@pytest.mark.parametrize("side", ["old", "new", "old_new"])
def test_an_event_that_is_no_change_has_no_states(
    event: Event[Any],
    name: str,
    arguments: Any,  # noqa: ANN401 - of any kind
    side: str,
) -> None:
    assert accessor(f"{name}_{side}", arguments)(event) is MISSING_VALUE


def test_states_without_attributes_have_no_values_of_them() -> None:
    event = changed({"entity_id": "light.lamp", "state": "on"}, {"state": "on", "attributes": None})
    assert A.get_all_attrs_old_new(event) == (MISSING_VALUE, MISSING_VALUE)
    assert A.get_attr_new("brightness")(event) is MISSING_VALUE


def test_an_attribute_that_is_none_is_there() -> None:
    assert A.get_attr_new("effect")(changed(None, lamp(effect=None))) is None


# Paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("topic", "hass.event.state_changed"),
        ("payload.data.entity_id", "light.lamp"),
        ("payload.data.new_state.attributes.brightness", 200),
        ("payload.data.new_state.state", "on"),
        ("payload.data.domain", "light"),
        ("payload.context.user_id", "52a1"),
        ("payload.data.new_state", BRIGHT),
        ("payload.data.new_state.attributes.icon", MISSING_VALUE),
        ("payload.data.new_state.attributes.icon.deeper", MISSING_VALUE),
        ("payload.data.nothing", MISSING_VALUE),
        ("payload.data.entity_id.upper", MISSING_VALUE),
        ("payload.data.old_state.attributes.items", MISSING_VALUE),
    ],
)
def test_a_path_goes_through_attributes_and_keys(path: str, expected: object) -> None:
    assert A.get_path(path)(CHANGE) == expected


def test_a_path_goes_through_sequences_by_number() -> None:
    event = called("light", "turn_on", entity_id=["light.a", "light.b"])
    assert A.get_path("payload.data.service_data.entity_id.1")(event) == "light.b"
    assert A.get_path("payload.data.service_data.entity_id.2")(event) is MISSING_VALUE
    assert A.get_path("payload.data.service_data.entity_id.first")(event) is MISSING_VALUE


def test_a_path_ends_where_there_is_none() -> None:
    assert A.get_path("payload.data.old_state.state")(BORN) is MISSING_VALUE


@pytest.mark.parametrize("path", ["", ".", "payload.", "payload..data", "payload._text", "__class__.__name__"])
def test_a_path_is_of_public_names(path: str) -> None:
    with pytest.raises(ValueError, match="path must be public names with dots between them"):
        A.get_path(path)


# Who and what


@pytest.mark.parametrize(
    ("event", "domain", "entity_id", "service"),
    [
        (CHANGE, "light", "light.lamp", MISSING_VALUE),
        (called("light", "turn_on"), "light", MISSING_VALUE, "turn_on"),
        (called("light", "turn_on", entity_id="light.lamp"), "light", "light.lamp", "turn_on"),
        (called("light", "turn_on", entity_id=["light.lamp"]), "light", "light.lamp", "turn_on"),
        (called("light", "turn_on", entity_id=["light.a", "light.b"]), "light", ["light.a", "light.b"], "turn_on"),
        (other("service_registered", domain="light", service="turn_on"), "light", MISSING_VALUE, "turn_on"),
        (other("automation_triggered", entity_id="automation.dusk"), "automation", "automation.dusk", MISSING_VALUE),
        (other("zha_event"), MISSING_VALUE, MISSING_VALUE, MISSING_VALUE),
        (own(), MISSING_VALUE, MISSING_VALUE, MISSING_VALUE),
    ],
)
def test_an_event_tells_who_and_what_it_is_about(
    event: AnyHassEvent, domain: object, entity_id: object, service: object
) -> None:
    assert (A.get_domain(event), A.get_entity_id(event), A.get_service(event)) == (domain, entity_id, service)


def test_an_event_tells_what_it_is_due_to() -> None:
    assert A.get_context(CHANGE) == HassContext("01JCAUSE", None, "52a1")
    assert A.get_context(own()) is MISSING_VALUE


def test_a_call_tells_what_it_was_made_with() -> None:
    event = called("light", "turn_on", brightness=5)
    assert A.get_service_data(event) == {"brightness": 5}
    assert A.get_service_data_key("brightness")(event) == 5
    assert A.get_service_data_key("effect")(event) is MISSING_VALUE


def test_other_events_have_no_service_data() -> None:
    assert A.get_service_data(CHANGE) is MISSING_VALUE
    assert A.get_service_data_key("brightness")(CHANGE) is MISSING_VALUE
    assert A.get_service_data(other("odd", service_data=5)) is MISSING_VALUE


# All that changed


def test_all_changes_are_nested_as_the_states_are() -> None:
    old = lamp("off", color={"h": 1, "s": 2}, effect="none", icon="mdi:lamp")
    new = lamp("on", color={"h": 1, "s": 3}, brightness=5, icon="mdi:lamp")
    assert A.get_all_changes()(changed(old, new)) == {
        "state": ("off", "on"),
        "attributes": {
            "color": {"s": (2, 3)},
            "effect": ("none", MISSING_VALUE),
            "brightness": (MISSING_VALUE, 5),
        },
    }


def test_times_and_context_are_no_changes_unless_asked_for() -> None:
    new = lamp() | {"last_updated": "2025-04-01T00:00:00+00:00", "context": {"id": "02", "parent_id": None}}
    event = changed(lamp(), new)
    assert A.get_all_changes()(event) == {}
    found = A.get_all_changes(exclude=["context"])(event)
    assert found == {"last_updated": (lamp()["last_updated"], new["last_updated"])}


def test_what_is_excluded_is_so_at_every_depth() -> None:
    event = changed(lamp(brightness=1), lamp("off", brightness=2))
    assert A.get_all_changes(exclude=("brightness",))(event) == {"state": ("on", "off")}


def test_all_of_a_new_state_has_changed() -> None:
    found = A.get_all_changes(exclude=("last_changed", "last_updated", "context"))(BORN)
    assert found == {
        "entity_id": (MISSING_VALUE, "light.lamp"),
        "state": (MISSING_VALUE, "on"),
        "attributes": {"brightness": (MISSING_VALUE, 200), "color_mode": (MISSING_VALUE, "hs")},
    }


def test_a_value_that_becomes_a_mapping_is_one_change() -> None:
    event = changed(lamp(color=5), lamp(color={"h": 1}))
    assert A.get_all_changes()(event) == {"attributes": {"color": (5, {"h": 1})}}


def test_an_event_that_is_no_change_has_no_changes() -> None:
    assert A.get_all_changes()(own()) is MISSING_VALUE


@pytest.mark.parametrize("exclude", ["context", CHANGE, None])
def test_what_is_excluded_is_a_collection_of_names(exclude: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(ValueError, match="exclude must be a collection of names"):
        A.get_all_changes(exclude)


@pytest.mark.parametrize("make", [A.get_attrs_old, A.get_attrs_new, A.get_attrs_old_new])
def test_names_of_attributes_are_a_collection(make: Any) -> None:  # noqa: ANN401 - one of several
    with pytest.raises(ValueError, match=r"one alone is written \['icon'\]"):
        make("icon")


# As values


@pytest.mark.parametrize(
    ("one", "same", "another"),
    [
        (A.get_attr_new("a"), A.get_attr_new("a"), A.get_attr_old("a")),
        (A.get_attr_old_new("a"), A.get_attr_old_new("a"), A.get_attr_old_new("b")),
        (A.get_attrs_old(["a"]), A.get_attrs_old(("a",)), A.get_attrs_new(["a"])),
        (A.get_path("payload.data"), A.get_path("payload.data"), A.get_path("payload")),
        (A.get_service_data_key("a"), A.get_service_data_key("a"), A.get_service_data_key("b")),
        (A.get_all_changes(), A.get_all_changes(), A.get_all_changes(exclude=())),
    ],
)
def test_accessors_that_say_the_same_are_equal(one: object, same: object, another: object) -> None:
    assert one == same
    assert one != another
