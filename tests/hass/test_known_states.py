"""The store of states, read while it is written."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from duly.hass.known_states import KnownStates
from tests.hass.hand_link import all_of, state

ROUNDS = 2_000


def test_it_finds_states_by_entity_and_by_domain() -> None:
    known = KnownStates(all_of(["light.a", "light.b", "sun.sun"]))
    assert known.get("light.a") == state("light.a")
    assert (known.get("light.c"), known.get("light"), known.get("")) == (None, None, None)
    assert (known.domains(), len(known)) == (["light", "sun"], 3)
    assert (list(known.of_domain("light")), known.size_of("light")) == (["light.a", "light.b"], 2)
    assert (known.of_domain("fan"), known.size_of("fan")) == ({}, 0)
    assert list(known.copy()) == ["light.a", "light.b", "sun.sun"]


def test_a_domain_without_entities_is_none() -> None:
    known = KnownStates(all_of(["light.a"]))
    known.remove("light.b")
    assert known.domains() == ["light"]
    known.remove("light.a")
    known.remove("light.a")
    assert (known.domains(), len(known)) == ([], 0)


def test_a_copy_does_not_change() -> None:
    known = KnownStates(all_of(["light.a"]))
    lights, everything = known.of_domain("light"), known.copy()
    known.put("light.b", state("light.b"))
    assert (list(lights), list(everything)) == (["light.a"], ["light.a"])


def test_it_takes_over_other_states_and_says_which_were_others() -> None:
    known = KnownStates(all_of(["light.same", "light.other", "light.gone", "light.kept", "light.reported"]))
    told = all_of(["light.same", "light.new", "light.not_new"]) + all_of(["light.other", "light.kept"], "off")
    told.append({**state("light.reported"), "last_reported": "2025-06-01T11:00:00+00:00"})
    others = known.take_over({raw["entity_id"]: raw for raw in told}, but={"light.kept", "light.not_new"})
    assert others == ["light.new", "light.other", "light.gone"]
    assert {entity_id: raw["state"] for entity_id, raw in known.copy().items()} == {
        **dict.fromkeys(("light.same", "light.kept", "light.reported", "light.new"), "on"),
        "light.other": "off",
    }
    assert known.copy()["light.reported"]["last_reported"] == "2025-06-01T11:00:00+00:00"


def test_threads_read_while_the_loop_writes() -> None:
    known = KnownStates(all_of([f"light.l{n}" for n in range(50)]))
    written = threading.Event()

    def reading(read: Callable[[], object]) -> None:
        while not written.is_set():
            read()

    with ThreadPoolExecutor() as threads:
        reads = (lambda: _whole(known), lambda: known.of_domain("fan"), known.domains, lambda: len(known))
        ends = [threads.submit(reading, read) for read in reads]
        for number in range(ROUNDS):
            _write(known, number)
        written.set()
        for end in ends:
            end.result()


def _whole(known: KnownStates) -> None:
    for entity_id, raw in known.copy().items():
        assert raw["entity_id"] == entity_id


def _write(known: KnownStates, number: int) -> None:
    for entity_id in (f"light.n{number % 7}", f"fan.f{number % 3}", f"domain_{number}.x"):
        known.put(entity_id, state(entity_id))
    for entity_id in (f"light.n{(number + 3) % 7}", f"fan.f{(number + 1) % 3}", f"domain_{number}.x"):
        known.remove(entity_id)
