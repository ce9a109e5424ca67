"""Who watches an entity is told of its changes, by event and by poll."""

from functools import partial

from tests.hass.hand_link import Home, at_home, state
from tests.lifecycle.house import turns

LATER = "2025-06-01T10:00:01+00:00"
EARLIER = "2025-05-01T10:00:00+00:00"


def test_a_watcher_is_told_of_each_change_of_its_entity_until_it_stops() -> None:
    async def main(home: Home) -> None:
        told: list[object] = []
        home.connect(state("light.a"), state("light.b"))
        stop = home.proxy.on_change("light.a", lambda: told.append(home.proxy.raw("light.a")))
        home.tell("light.b", state("light.b", "off", LATER))
        home.tell("light.a", state("light.a", "off", LATER))
        home.tell("light.a", state("light.a", "on", EARLIER))
        home.tell("light.a", None)
        assert told == [state("light.a", "off", LATER), None]
        stop()
        stop()
        home.tell("light.a", state("light.a", "off", LATER))
        assert len(told) == 2

    at_home(main)


def test_several_watch_one_entity_and_one_may_stop_while_it_is_told() -> None:
    async def main(home: Home) -> None:
        told: list[str] = []
        home.connect(state("light.a"))

        def once() -> None:
            told.append("first")
            stop()

        stop = home.proxy.on_change("light.a", once)
        home.proxy.on_change("light.a", lambda: told.append("second"))
        home.tell("light.a", state("light.a", "off", LATER))
        home.tell("light.a", state("light.a", "on", LATER))
        assert told == ["first", "second", "second"]

    at_home(main)


def test_a_watcher_is_told_of_what_a_poll_finds() -> None:
    async def main(home: Home) -> None:
        told: list[str] = []
        home.connect(state("light.a"), state("light.b"), state("light.c"))
        for entity_id in ("light.a", "light.b", "light.c"):
            home.proxy.on_change(entity_id, partial(told.append, entity_id))
        await home.until_polled()
        await home.link.answer([state("light.a"), state("light.b", "off", LATER)])
        await turns()
        assert sorted(told) == ["light.b", "light.c"]

    at_home(main)
