"""Which listeners an event goes to."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.bus.globs import is_glob
from duly.bus.index import Index
from duly.bus.listener import Listener, ListenerOptions
from duly.events import routes_of
from tests.bus.hall import event
from tests.events.samples import called, changed
from tests.executor.plant import Invoker, nothing

ENTITY = "hass.event.state_changed.light.lamp"
DOMAIN = "hass.event.state_changed.light.*"
BASE = "hass.event.state_changed"


def listener(topic: str, order: int = 0, priority: int = 0) -> Listener:
    made = Listener(
        f"{topic}/{order}",
        topic,
        nothing,
        Invoker(nothing, None),
        options=ListenerOptions(priority=priority),
        owner_id="x",
        app_key="porch",
        instance_index=0,
        source_tier="app",
    )
    made.order = order
    return made


def index_of(*topics: str) -> Index:
    index = Index()
    for order, topic in enumerate(topics):
        index.add(listener(topic, order))
    return index


def found(index: Index, routes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(each.topic, route) for each, route in index.find(routes)]


@pytest.mark.parametrize(
    ("topic", "route"),
    [
        (ENTITY, ENTITY),
        (DOMAIN, ENTITY),
        (BASE, BASE),
        ("hass.event.state_changed.*.lamp", ENTITY),
        ("hass.event.state_changed.l?ght.*", ENTITY),
        ("hass.event.*", ENTITY),
        ("hass.event.state_change[d]", BASE),
        ("*", ENTITY),
    ],
)
def test_a_listener_is_found_by_the_most_specific_route_that_its_topic_fits(topic: str, route: str) -> None:
    assert found(index_of(topic), routes_of(changed("off", "on", "light.lamp"))) == [(topic, route)]


@pytest.mark.parametrize(
    "topic",
    [
        "hass.event.state_changed.light.lamp2",
        "hass.event.state_changed.switch.*",
        "hass.event.state_changed.Light.*",
        "hass.event.state_changed.light",
        "event.state_changed.light.*",
        "hass.event.call_service",
    ],
)
def test_other_topics_do_not_lead_to_a_listener(topic: str) -> None:
    assert found(index_of(topic), routes_of(changed("off", "on", "light.lamp"))) == []


def test_a_service_is_found_by_domain_and_service_by_domain_by_glob_and_by_base() -> None:
    base = "hass.event.call_service"
    topics = (f"{base}.light.turn_on", f"{base}.light.*", f"{base}.*.turn_on", base)
    routes = routes_of(called("light", "turn_on"))
    assert found(index_of(*topics), routes) == [(topic, base if topic == base else routes[0]) for topic in topics]


def test_a_topic_of_an_app_that_looks_like_a_route_is_a_glob() -> None:
    assert found(index_of("porch.light.*"), routes_of(event(topic="porch.light.lamp"))) == [
        ("porch.light.*", "porch.light.lamp")
    ]


def test_a_removed_listener_is_found_no_more_and_the_others_of_its_topic_are() -> None:
    index = Index()
    for topic in (ENTITY, "hass.*", BASE):
        pair = [listener(topic, order) for order in (1, 2)]
        for each in pair:
            index.add(each)
        assert len(found(index, (topic.replace("*", "x"),))) == 2
        index.remove(pair[0])
        assert [each for each, _ in index.find((topic.replace("*", "x"),))] == [pair[1]]
        index.remove(pair[1])
        index.remove(pair[1])
        assert found(index, (topic.replace("*", "x"),)) == []


_TOPICS = st.lists(
    st.sampled_from(["a", "b", "a.a", "a.b", "a.*", "*.b", "?", "a.?", "[ab]", "[!a]", "*", "b.[ab]*", "b.*"]),
    max_size=12,
)


@given(topics=_TOPICS, removed=st.sets(st.integers(0, 11)), routes=st.permutations(["a", "a.b", "b", "b.a"]))
def test_it_finds_what_trying_all_of_them_finds(topics: list[str], removed: set[int], routes: list[str]) -> None:
    index = Index()
    listeners = [listener(topic, order, priority=order % 3) for order, topic in enumerate(topics)]
    for each in listeners:
        index.add(each)
    index.find(tuple(routes))
    live = [each for number, each in enumerate(listeners) if number not in removed]
    for each in set(listeners) - set(live):
        index.remove(each)
    expected = [
        (each, next(route for route in routes if fits(each.topic, route)))
        for each in sorted(live, key=lambda one: (-one.options.priority, one.order))
        if any(fits(each.topic, route) for route in routes)
    ]
    assert list(index.find(tuple(routes))) == expected


def fits(topic: str, route: str) -> bool:
    return fnmatchcase(route, topic) if is_glob(topic) else topic == route


def test_what_is_remembered_is_bounded() -> None:
    index = index_of("*")
    for number in range(10_000):
        index.find((f"topic {number}",))
    assert len(index._found) <= 4_096
    assert len(index._verdicts) <= 4_096


def test_the_listeners_that_are_remembered_are_bounded_too() -> None:
    index = index_of(*["*"] * 1_000)
    for number in range(1_000):
        assert len(index.find((f"topic {number}",))) == 1_000
    assert sum(map(len, index._found.values())) <= 65_536


@pytest.mark.parametrize(("topic", "leads"), [("a.b", True), ("a.*", True), ("a", False), ("b.*", False)])
def test_it_tells_whether_a_topic_has_a_listener(topic: str, leads: bool) -> None:
    index = Index()
    each = listener(topic, 1)
    index.add(each)
    assert index.leads("a.b") is leads
    index.remove(each)
    assert not index.leads("a.b")
