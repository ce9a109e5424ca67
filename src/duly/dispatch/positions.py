"""The positions of all entries, in a fixed number of keys.

A key holds many entries, so a commit costs a few messages, however many entries it is about. Each key also holds the
*fence* of the leader that wrote it last. A new leader *seals* all keys before anything else: it writes its own fence
over what it read. A leader before it writes over a revision that is no more, and so can write nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from duly.core.clock import NEVER
from duly.dispatch.fleet import Position

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from duly.dispatch.bucket import Bucket, Cell
    from duly.dispatch.lease import Lease

SHARDS: Final = 32
"""How many keys there are; all replicas of all versions have to agree."""


def shard_of(name: str) -> int:
    """The number of the key that holds an entry."""
    return crc32(name.encode()) % SHARDS


def written(position: Position) -> str:
    """A position as JSON text; what is as usual is left out, a moment that does not come is ``null``."""
    parts: dict[str, object] = {
        "trigger": position.trigger_id,
        "spec": position.spec,
        "zone": position.zone,
        "first": _moment(position.first),
        "pending": _moment(position.pending),
    }
    if position.open:
        parts["open"] = position.open
    if position.paused_at is not None:
        parts["paused"] = position.paused_at
    return _json(parts)


def read(parts: Mapping[str, Any]) -> Position:
    """The position that ``written`` wrote."""
    first, pending = parts["first"], parts["pending"]
    return Position(
        trigger_id=parts["trigger"],
        spec=parts["spec"],
        zone=parts["zone"],
        first=NEVER if first is None else first,
        pending=NEVER if pending is None else pending,
        open=tuple(parts.get("open", ())),
        paused_at=parts.get("paused"),
    )


def _moment(moment: int) -> int | None:
    return None if moment == NEVER else moment


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(slots=True)
class _Shard:
    """One of the keys, as this leadership has written it last or is writing it."""

    key: str
    revision: int = 0
    count: int = 0
    """How many texts there were under this fence: tells them apart."""
    committed: int | None = None
    """The fence of the last leadership that has changed a position here."""
    entries: dict[str, str] = field(default_factory=dict)
    """Positions as text, by name: a commit turns only what has changed into text."""

    def text(self, fence: int) -> bytes:
        entries = ",".join(f"{_json(name)}:{position}" for name, position in self.entries.items())
        head = _json({"fence": fence, "count": self.count, "committed": self.committed})
        return f'{head[:-1]},"entries":{{{entries}}}}}'.encode()


class Positions:
    """Owns what is in the keys, for the time of one lease. Guarded by the event loop."""

    def __init__(self, bucket: Bucket, lease: Lease) -> None:
        self.found: Mapping[str, Position] = {}
        """What was committed before."""
        self.previous: int | None = None
        """The fence of the last leadership that has committed anything; ``None``: there was none."""
        self._bucket = bucket
        self._lease = lease
        self._shards = [_Shard(f"positions.{number:02}") for number in range(SHARDS)]

    async def seal(self) -> None:
        """Put the fence on all keys, and learn what was committed before.

        Raises:
            LeadershipLostError: another replica leads.
        """
        await _all(self._seal(shard) for shard in self._shards)
        self.found = {name: read(json.loads(text)) for shard in self._shards for name, text in shard.entries.items()}
        self.previous = max((s.committed for s in self._shards if s.committed is not None), default=None)

    async def commit(self, changes: Mapping[str, Position | None]) -> None:
        """See ``fleet.Leadership``."""
        self._lease.check()
        texts = [(shard, self._changed(shard, changed)) for shard, changed in self._by_shard(changes)]
        for shard, text in texts:
            self._bucket.check(shard.key, text)
        await _all(self._write(shard, text, shard.count) for shard, text in texts)

    def _by_shard(self, changes: Mapping[str, Position | None]) -> Iterable[tuple[_Shard, dict[str, Position | None]]]:
        parts: defaultdict[int, dict[str, Position | None]] = defaultdict(dict)
        for name, position in changes.items():
            parts[shard_of(name)][name] = position
        return [(self._shards[number], changed) for number, changed in parts.items()]

    def _changed(self, shard: _Shard, changes: Mapping[str, Position | None]) -> bytes:
        for name, position in changes.items():
            if position is None:
                shard.entries.pop(name, None)
            else:
                shard.entries[name] = written(position)
        shard.count += 1
        shard.committed = self._lease.fence
        return shard.text(self._lease.fence)

    async def _seal(self, shard: _Shard) -> None:
        while True:
            self._lease.check()
            try:
                if await self._sealed(shard):
                    return
            except TimeoutError:
                continue

    async def _sealed(self, shard: _Shard) -> bool:
        cell = await self._bucket.read(shard.key)
        shard.committed = cell.value.get("committed")
        shard.entries = {name: _json(position) for name, position in cell.value.get("entries", {}).items()}
        if self._fence_in(cell) == self._lease.fence:  # an attempt of which we did not know that it succeeded
            shard.revision = cell.revision
            return True
        revision = await self._bucket.write(shard.key, shard.text(self._lease.fence), cell.revision)
        shard.revision = revision or 0
        return revision is not None

    async def _write(self, shard: _Shard, text: bytes, count: int) -> None:
        while True:
            self._lease.check()
            try:
                revision = await self._bucket.write(shard.key, text, shard.revision)
                if revision is None:
                    revision = await self._resolved(shard, count)
            except TimeoutError:
                continue
            if revision is not None:
                shard.revision = revision
                return

    async def _resolved(self, shard: _Shard, count: int) -> int | None:
        """After a conflict: the revision, if an attempt has succeeded without our knowing; ``None``: write again."""
        cell = await self._bucket.read(shard.key)
        fence = self._fence_in(cell)
        if fence != self._lease.fence:
            self._lease.lose(
                "the positions are gone" if fence is None else f"positions were written with fence {fence}"
            )
            self._lease.check()
        if cell.value["count"] == count:
            return cell.revision
        shard.revision = cell.revision  # an earlier text of ours, of which this one has everything
        return None

    def _fence_in(self, cell: Cell) -> int | None:
        """Whose key it is.

        Raises:
            LeadershipLostError: that of a later leader.
        """
        fence: int | None = cell.value.get("fence")
        if fence is not None and fence > self._lease.fence:
            self._lease.lose(f"positions were written with fence {fence}")
            self._lease.check()
        return fence


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; when all have ended, raise what went wrong first."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
