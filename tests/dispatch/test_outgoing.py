"""The messages of a slot, and their ids."""

from pathlib import Path

import pytest

from duly.dispatch.entry import ScheduleEntry
from duly.dispatch.outgoing import Occasion, outgoing
from duly.dispatch.subjects import Subjects
from tests.dispatch.troupe import goal, schedule_file, task

SLOT = 1_735_689_600_000_000_000


def entry_of(folder: Path, written: dict[str, object]) -> ScheduleEntry:
    return schedule_file(folder, written).entries[0]


def test_the_message_id_names_actor_entry_and_slot(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, task("nightly", interval_seconds=1))
    [message] = outgoing(entry, Occasion.of_slot("scheduler-a", "nightly", SLOT), Subjects(), None)
    assert message.message_id == "scheduler-a/nightly/2025-01-01T00:00:00Z"


def test_each_item_of_an_expansion_has_an_id_of_its_own(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, task("nightly", interval_seconds=1))
    occasion = Occasion.of_slot("scheduler-a", "nightly", SLOT)
    messages = outgoing(entry, occasion, Subjects(), [{"n": 1}, {"n": 2}])
    assert [each.message_id.rpartition("/")[2] for each in messages] == ["0", "1"]
    assert len({each.uid for each in messages}) == 2


@pytest.mark.parametrize("written", [task("a", interval_seconds=1), goal("a", interval_seconds=1)])
def test_the_same_slot_gives_the_same_ids_and_another_one_others(tmp_path: Path, written: dict[str, object]) -> None:
    entry = entry_of(tmp_path, written)

    def uid(slot: int) -> str:
        return outgoing(entry, Occasion.of_slot("scheduler-a", "a", slot), Subjects(), None)[0].uid

    assert uid(SLOT) == uid(SLOT)
    assert uid(SLOT) != uid(SLOT + 1)


def test_what_is_asked_for_by_hand_is_never_the_same(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, task("a", interval_seconds=1))
    ids = {outgoing(entry, Occasion.by_hand("scheduler-a", "a"), Subjects(), None)[0].message_id for _ in range(100)}
    assert len(ids) == 100


@pytest.mark.parametrize("name", ["a/b", "a b", "näh", "a\u2028b", "50%", "日本"])
def test_a_name_of_any_characters_stands_in_a_header_and_in_one_part_of_the_key(name: str) -> None:
    key = Occasion.of_slot("scheduler-a", name, SLOT).key
    assert key.isascii()
    assert key.isprintable()
    assert len(key.split("/")) == 3


def test_names_that_differ_give_keys_that_differ() -> None:
    names = ["a/b", "a%2Fb", "a b", "a%20b", "a"]
    assert len({Occasion.of_slot("scheduler-a", name, SLOT).key for name in names}) == len(names)


def test_an_item_cannot_overwrite_the_slot_of_a_goal(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, goal("a", interval_seconds=1))
    occasion = Occasion.of_slot("scheduler-a", "a", SLOT)
    [message] = outgoing(entry, occasion, Subjects(), [{"_schedule": "mine"}])
    assert message.body["context"]["_schedule"]["slot_key"] == occasion.key


def test_merging_leaves_the_entry_as_it_is(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, task("a", interval_seconds=1))
    outgoing(entry, Occasion.of_slot("scheduler-a", "a", SLOT), Subjects(), [{"n": 1}])
    assert entry.task_config is not None
    assert entry.task_config["payload"] == {}
