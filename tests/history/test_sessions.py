"""Sessions: one row per run of the process."""

import asyncio
import logging
import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

import pytest

from duly.core.clock import SECOND
from duly.testing import VirtualClock
from tests.history.file_room import FileRoom, entry, in_room, locked, opened


def test_a_session_is_there_once_it_has_started(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def main(room: FileRoom) -> None:
        (row,) = room.rows("sessions")
        assert (row["id"], row["status"], row["stopped_at"]) == (room.sessions.session_id, "running", None)
        assert (row["version"], row["pid"], row["started_at"]) == (version("duly"), os.getpid(), clock.now() / SECOND)

    in_room(tmp_path, main, clock)


def test_a_stop_ends_it_with_the_time_and_the_drop_counters(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def main() -> None:
        async with opened(tmp_path, clock) as room:
            room.database.records.append(entry(scheduled_ts=float(2**70)))
            room.database.records.give_up(entry())
            clock.advance(5)
        (row,) = room.rows("sessions")
        assert (row["status"], row["stopped_at"], row["error_type"]) == ("success", clock.now() / SECOND, None)
        assert (row["dropped_overflow"], row["dropped_exhausted"], row["dropped_shutdown"]) == (1, 1, 0)

    asyncio.run(main())


def test_a_fatal_reason_is_stored(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as room:
            room.sessions.fatal_error = ValueError("the disk is gone")
        (row,) = room.rows("sessions")
        assert (row["status"], row["error_type"], row["error_message"]) == ("failure", "ValueError", "the disk is gone")
        assert row["error_traceback"] == "ValueError: the disk is gone\n"

    asyncio.run(main())


def test_a_session_that_was_not_ended_is_an_orphan(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()

    async def first() -> None:
        async with opened(tmp_path, clock) as room:
            started = clock.now() / SECOND
            room.database.records.append(entry(started + 100, duration_ms=5_000.0))
            mark = entry(started + 50, status="started", execution_id="00000000-0000-7000-8000-000000000001")
            room.database.records.append(mark)
            await room.database.flush()
            copy, source = sqlite3.connect(tmp_path / "killed.db"), sqlite3.connect(room.path)
            source.backup(copy)
            copy.close()
            source.close()

    async def main(room: FileRoom) -> None:
        orphan, own = room.rows("sessions")
        assert (orphan["status"], orphan["stopped_at"]) == ("unknown", orphan["started_at"] + 105)
        assert own["status"] == "running"
        assert [row["status"] for row in room.rows("executions")] == ["success", "interrupted"]

    asyncio.run(first())
    (tmp_path / "next").mkdir()
    (tmp_path / "killed.db").rename(tmp_path / "next" / "duly.db")
    with caplog.at_level(logging.WARNING, "duly.SessionManager"):
        in_room(tmp_path / "next", main, clock)
    assert any("sessions=1 interrupted=1" in record.getMessage() for record in caplog.records)


def test_what_a_file_that_is_locked_at_the_stop_does_not_take_is_told_with_number_and_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with opened(tmp_path) as room:
            await room.database.submit(lambda db: db.execute("PRAGMA busy_timeout = 0"))
            with locked(room.path):
                room.database.records.append(entry())
                await room.stop()
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR][1:] == [
            f"{room.path}: the session could not be ended, the next start will: session=1: database is locked",
            f"the last records could not be written to {room.path}: lost=1",
        ]

    asyncio.run(main())


def test_a_stop_that_ends_before_the_session_does_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with opened(tmp_path) as room:
            stop = asyncio.create_task(room.sessions.on_shutdown())
            await asyncio.sleep(0)
            stop.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stop
        text = f"{room.path}: the session could not be ended, the next start will: session=1: it took too long"
        assert text in caplog.text

    asyncio.run(main())


def test_a_database_that_does_not_come_back_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as room:
            room.database._restarting = True  # and then the start fails
            await room.database.shutdown()
            room.database.records.append(entry())
            waiting = room.database.issue(lambda db: None)
            await room.sessions.shutdown()
            assert room.database.records.counts() == (0, 0, 1)
            with pytest.raises(RuntimeError, match="not carried out"):
                await waiting
        async with opened(tmp_path) as room:
            assert len(room.rows("sessions")) == 2

    asyncio.run(main())
