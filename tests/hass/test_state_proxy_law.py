"""Whatever comes in whatever order: the states are what the rules make of the history of each entity by itself."""

from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import event, given, settings
from hypothesis import strategies as st

from duly.events import RawState
from duly.hass.errors import HassTimeoutError
from tests.hass.hand_link import Home, at_home, state
from tests.profiles import examples

ENTITIES = ("light.a", "light.b", "sun.sun")
_SPELLINGS = ("2025-06-01T10:00:{:02}+00:00", "2025-06-01T12:00:{:02}+02:00", "2025-06-01T09:00:{:02}.000000-01:00")


@dataclass(frozen=True)
class Version:
    """A state of an entity. ``updated``: seconds within a minute, spelled in one of three ways."""

    text: str
    updated: int
    spelling: int
    reported: int

    def raw(self, entity_id: str) -> RawState:
        spelled = _SPELLINGS[self.spelling].format(self.updated)
        return {**state(entity_id, self.text, spelled), "last_reported": str(self.reported)}


Versions: TypeAlias = dict[str, Version]


@dataclass(frozen=True)
class Sync:
    """A connection comes up, or the one there is loads again."""

    states: Versions


@dataclass(frozen=True)
class Told:
    """An event; ``None``: the entity is removed."""

    entity_id: str
    new: Version | None


@dataclass(frozen=True)
class Ask:
    """A poll asks."""


@dataclass(frozen=True)
class Answer:
    """The poll is answered; ``None``: with an error."""

    states: Versions | None


@dataclass(frozen=True)
class Lose:
    """The link is lost."""


Step: TypeAlias = Sync | Told | Ask | Answer | Lose

versions = st.builds(
    Version, st.sampled_from("xyz"), st.integers(0, 3), st.integers(0, len(_SPELLINGS) - 1), st.integers(0, 2)
)
all_states = st.dictionaries(st.sampled_from(ENTITIES), versions)
told = st.builds(Told, st.sampled_from(ENTITIES), st.none() | versions)
syncs = st.builds(Sync, all_states)
answers = st.builds(Answer, all_states)
polls = st.builds(lambda told, answer: [Ask(), *told, answer], st.lists(told, max_size=3), answers)
breaks = st.one_of(syncs, st.just(Ask()), st.just(Answer(None)), st.just(Lose()))
histories = st.builds(
    lambda first, rounds: [first, *(step for steps in rounds for step in steps)],
    syncs | st.just(Ask()),
    st.lists(st.one_of(polls, st.lists(told, max_size=3), st.lists(breaks, max_size=2)), max_size=6),
)


def possible(history: list[Step]) -> list[Step]:
    """Without what cannot happen: polls without link, a second one beside the first, answers that nobody asked for."""
    connected = asked = False
    kept: list[Step] = []
    for step in history:
        if (isinstance(step, Ask) and (not connected or asked)) or (isinstance(step, Answer) and not asked):
            continue
        kept.append(step)
        match step:
            case Sync():
                connected, asked = True, False
            case Lose():
                connected = asked = False
            case Ask():
                asked = True
            case Answer():
                asked = False
    return kept


@dataclass
class Entity:
    """The history of one entity, seen without the others."""

    entity_id: str
    known: Version | None = None
    loaded: bool = False
    changed_since_asked: bool = False
    drift: int = field(default=0)

    def live(self, history: list[Step]) -> None:
        for step in history:
            match step:
                case Sync(states):
                    self.known, self.loaded = states.get(self.entity_id), True
                case Told(self.entity_id, new) if self.loaded:
                    self._told(new)
                case Ask():
                    self.changed_since_asked = False
                case Answer(dict(states)) if not self.changed_since_asked:
                    self._polled(states.get(self.entity_id))

    def _told(self, new: Version | None) -> None:
        if new is None or self.known is None or new.updated >= self.known.updated:
            self.known, self.changed_since_asked = new, True

    def _polled(self, found: Version | None) -> None:
        if (found is None) != (self.known is None) or (
            found is not None
            and self.known is not None
            and (found.text, found.updated, found.spelling)
            != (self.known.text, self.known.updated, self.known.spelling)
        ):
            self.drift += 1
        self.known = found


async def _carry_out(home: Home, step: Step) -> None:
    match step:
        case Sync(states):
            home.link.forget()
            home.connect(*(version.raw(entity_id) for entity_id, version in states.items()))
        case Told(entity_id, new):
            home.tell(entity_id, None if new is None else new.raw(entity_id))
        case Ask():
            await home.until_polled()
        case Answer(None):
            await home.link.refuse(HassTimeoutError("get_states", 15))
        case Answer(dict(states)):
            await home.link.answer([version.raw(entity_id) for entity_id, version in states.items()])
        case Lose():
            home.lose()


@settings(max_examples=examples() // 5)
@given(histories)
def test_each_entity_is_what_its_own_history_says(drawn: list[Step]) -> None:
    history = possible(drawn)
    event(f"answers: {min(3, sum(isinstance(step, Answer) for step in history))}")
    entities = [Entity(entity_id) for entity_id in ENTITIES]
    for entity in entities:
        entity.live(history)

    async def main(home: Home) -> None:
        for step in history:
            await _carry_out(home, step)
        for entity in entities:
            expected = None if entity.known is None else entity.known.raw(entity.entity_id)
            assert home.proxy.raw(entity.entity_id) == expected
        assert home.proxy.snapshot().drift == sum(entity.drift for entity in entities)
        assert (home.proxy.freshness == "never") == (not any(isinstance(step, Sync) for step in history))

    at_home(main)
