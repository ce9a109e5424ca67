"""An account of what replicas have published, drawn up from the stream and their ledgers without any code of theirs."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from duly.core.clock import SECOND
from duly.dispatch.messages import slot_text
from tests.dispatch.troupe import chains

NAME = "fire"
ACTOR = f"scheduler-{NAME}"


@dataclass(frozen=True)
class Stored:
    """A message in the stream."""

    message_id: str
    at: int
    """When the server took it."""

    @property
    def entry(self) -> str:
        return self.message_id.split("/")[1]

    @property
    def slot(self) -> str:
        return self.message_id.split("/")[2]

    @property
    def late(self) -> float:
        """Seconds from its slot until the server took it."""
        return self.at / SECOND - datetime.fromisoformat(self.slot).timestamp()


@dataclass(frozen=True)
class Tally:
    """What became of the slots of all entries, by stream and ledgers."""

    outcomes: Counter[str]
    """Slots, by status and reason."""
    last: dict[str, int]
    """The last slot of each entry that was decided."""


def tally(ledgers: Sequence[Path], messages: Sequence[Stored], copies: dict[str, int]) -> Tally:
    """See that each slot has one row that counts, and its messages once if that row says so, and else none.

    Of what the end of the last leader came upon the stream may have messages, which no leader has come to record.
    ``copies`` are how many messages a slot has, by entry; an entry that is not in it has one.
    """
    ids = Counter(message.message_id for message in messages)
    assert {key: times for key, times in ids.items() if times > 1} == {}, "more than once in the stream"
    published: defaultdict[str, set[str]] = defaultdict(set)
    for message in messages:
        if not message.slot.startswith("manual"):
            published[message.entry].add(message.message_id)
    decided = [
        (name, *each) for name, of_name in chains(ledgers).items() for one in of_name for each in one.effective()
    ]
    last_fence = max(row.fence for _, _, row in decided)
    outcomes, last = Counter[str](), dict[str, int]()
    for name, slot, row in decided:
        outcomes[f"{row.status} {row.reason}" if row.reason else row.status] += 1
        last[name] = max(slot, last.get(name, 0))
        wanted = set(_ids(name, slot, copies.get(name)))
        found = wanted & published[name]
        published[name] -= wanted
        if row.status == "interrupted":
            assert row.fence == last_fence, f"nobody has gone on with {row} of {name}"
        else:
            assert row.status in {"success", "missed", "skipped", "cancelled"}, row
            assert found == (wanted if row.status == "success" else set()), f"{row} of {name}, in the stream: {found}"
    assert not any(published.values()), "no ledger knows them"
    return Tally(outcomes, last)


def _ids(name: str, slot: int, copies: int | None) -> list[str]:
    """Of the messages for a slot."""
    key = f"{ACTOR}/{name}/{slot_text(slot)}"
    return [key] if copies is None else [f"{key}/{index}" for index in range(copies)]
