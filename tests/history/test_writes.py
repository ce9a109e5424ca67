"""Writing through the database service: results, room, order, stop and restart."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from duly.ledger.entries import Entry, EntryStore
from duly.ledger.writer import Work
from tests.history.file_room import FileRoom, audit, entry, in_room, opened, until
from tests.lifecycle.house import turns


def numbers(room: FileRoom) -> list[int]:
    return [round(row["ts"] * 1e9) for row in room.rows("audit")]


class Held:
    """Keeps the writer busy until it is let go."""

    def __init__(self, room: FileRoom) -> None:
        self.begun, self._go = threading.Event(), threading.Event()
        self.done = room.database.issue(self._hold)

    def _hold(self, db: sqlite3.Connection) -> None:
        self.begun.set()
        assert self._go.wait(10)

    def let_go(self) -> None:
        self._go.set()


async def hold(room: FileRoom) -> Held:
    held = Held(room)
    await until(held.begun.is_set)
    return held


def test_a_write_gives_its_result_after_the_commit(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        assert await room.database.submit(audit(7)) == 7
        assert numbers(room) == [7]

    in_room(tmp_path, main)


def test_an_error_undoes_only_its_own_write(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        def fail(db: sqlite3.Connection) -> None:
            audit(2)(db)
            raise ValueError("no")

        held = await hold(room)
        works: list[Work[int | None]] = [audit(1), fail, audit(3)]
        writes = [room.database.issue(work) for work in works]
        held.let_go()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [repr(each) for each in results] == ["1", "ValueError('no')", "3"]
        assert numbers(room) == [1, 3]

    in_room(tmp_path, main)


def test_writes_that_wait_for_room_keep_their_order(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        writes = [room.database.issue(audit(number)) for number in range(50)]
        held.let_go()
        assert await asyncio.gather(*writes) == list(range(50))
        assert numbers(room) == list(range(50))

    in_room(tmp_path, main, write_queue_max=2)


def test_a_write_without_room_is_refused_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        room_left = 5 - len(room.database._writes)  # of which upkeep may have taken some
        taken = [room.database.enqueue(audit(number)) for number in range(room_left + 2)]
        assert taken == [True] * room_left + [False, False]
        assert room.database.refused_writes == 2
        held.let_go()
        await held.done
        await room.database.flush()
        assert numbers(room) == list(range(room_left))

    in_room(tmp_path, main, write_queue_max=5)
    assert any("raise database.write_queue_max" in record.getMessage() for record in caplog.records)


def test_a_crowd_of_writes_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        for number in range(6):
            room.database.enqueue(audit(number))
        held.let_go()
        await held.done

    with caplog.at_level(logging.WARNING, "duly.DatabaseService"):
        in_room(tmp_path, main, write_queue_max=8)
    lines = [record.getMessage() for record in caplog.records if "writes wait" in record.getMessage()]
    assert lines == ["writes wait: fill=6 capacity=8 percentage=75"]


def test_a_write_may_come_from_any_thread(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        assert await asyncio.to_thread(room.database.enqueue, audit(1))
        await room.database.flush()
        assert numbers(room) == [1]

    in_room(tmp_path, main)


def test_before_the_start_and_after_the_stop_writes_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        room = FileRoom(tmp_path / "duly.db")
        with pytest.raises(RuntimeError, match="does not run"):
            await room.database.submit(audit(1))
        with pytest.raises(RuntimeError, match="does not run"):
            room.database.enqueue(audit(1))
        await room.start()
        await room.stop()
        with pytest.raises(RuntimeError, match="does not run"):
            await room.database.submit(audit(1))

    asyncio.run(main())


def test_writes_accepted_before_the_stop_are_carried_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path, write_queue_max=2) as room:
            held = await hold(room)
            writes = [room.database.issue(audit(number)) for number in range(20)]
            stop = asyncio.create_task(room.stop())
            await turns()
            held.let_go()
            assert await asyncio.gather(*writes) == list(range(20))
            await stop
            assert numbers(room) == list(range(20))

    asyncio.run(main())


def test_writes_wait_while_the_service_restarts(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        writes = [room.database.issue(audit(number)) for number in range(5)]
        restart = asyncio.create_task(room.database.restart())
        await turns()
        writes += [room.database.issue(audit(number)) for number in range(5, 10)]
        assert room.database.enqueue(audit(10))
        held.let_go()
        assert await asyncio.gather(*writes) == list(range(10))
        await restart
        await room.database.flush()
        assert numbers(room) == list(range(11))

    in_room(tmp_path, main)


def test_writes_behind_records_that_cannot_be_written_wait_for_the_restart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(store: EntryStore, db: sqlite3.Connection, records: Sequence[Entry]) -> None:
        if failures:
            raise failures.pop()
        write(store, db, records)

    async def main(room: FileRoom) -> None:
        held = await hold(room)
        room.database.records.append(entry())
        writing = room.database.issue(audit(1))
        restart = asyncio.create_task(room.database.restart())
        await until(lambda: not room.database.is_open)
        held.let_go()
        assert await writing == 1
        await restart
        assert (failures, numbers(room), len(room.rows("executions"))) == ([], [1], 1)

    write, failures = EntryStore.write, [sqlite3.OperationalError("disk I/O error")]
    monkeypatch.setattr(EntryStore, "write", fail_once)
    in_room(tmp_path, main)


def test_a_write_that_comes_back_after_the_stop_fails(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        writing, flushing = room.database.issue(audit(1)), asyncio.create_task(room.database.flush())
        await turns()
        room.database._writes.suspend()
        room.database._writes.close()
        held.let_go()
        with pytest.raises(RuntimeError, match="the database service has stopped: the write was not carried out"):
            await writing
        await flushing
        assert len(room.database._writes) == 0

    in_room(tmp_path, main)


def test_the_stop_leaves_no_write_ahead_log(tmp_path: Path) -> None:
    async def main() -> None:
        log = tmp_path / "duly.db-wal"
        async with opened(tmp_path) as room:
            await room.database.submit(audit(1))
            while log.stat().st_size == 0:  # the checkpoint after the start has emptied it
                await room.database.submit(audit(2))
            await room.database.read(lambda db: db.execute("SELECT count(*) FROM audit").fetchone())
        assert not log.exists()

    asyncio.run(main())


def test_the_lock_is_held_through_a_restart_and_let_go_at_the_stop(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        other = FileRoom(room.path)
        with pytest.raises(Exception, match="in use by the process with pid"):
            await other.start()
        await room.database.restart()
        with pytest.raises(Exception, match="in use by the process with pid"):
            await other.start()

    in_room(tmp_path, main)
    in_room(tmp_path, lambda room: room.database.flush())


def test_who_gives_up_waiting_does_not_undo_the_write(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        held = await hold(room)
        waiting = asyncio.create_task(room.database.submit(audit(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        held.let_go()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await room.database.flush()
        assert numbers(room) == [1]

    in_room(tmp_path, main)
