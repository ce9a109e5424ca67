"""The database service: its settings, its chores, its reads, and what makes it fail."""

import asyncio
import logging
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from duly.config import DatabaseConfig, DulyConfig
from duly.core.clock import SECOND
from duly.history import DatabaseService
from duly.history.upkeep import retain
from duly.ledger import forks
from duly.ledger.errors import DatabaseFileError, SchemaVersionError
from duly.lifecycle import RestartType
from duly.testing import VirtualClock
from tests.history.file_room import FileRoom, audit, entry, in_room, locked, opened, until
from tests.lifecycle.house import House

DAY = 86_400


def short(room: FileRoom, **intervals: Any) -> None:  # noqa: ANN401 - of the settings
    """Give settings values shorter than the smallest allowed, before the start."""
    for name, value in intervals.items():
        object.__setattr__(room.house.config.database, name, value)


async def run_with(folder: Path, intervals: dict[str, Any], **settings: Any) -> FileRoom:  # noqa: ANN401 - settings
    room = FileRoom(folder / "duly.db", **settings)
    short(room, **intervals)
    await room.start()
    return room


def test_it_is_restarted_three_times_in_two_minutes_and_some_errors_are_fatal() -> None:
    spec = DatabaseService.restart_spec
    assert (spec.restart_type, spec.budget_intensity, spec.budget_period_seconds) == (RestartType.TRANSIENT, 3, 120.0)
    assert spec.fatal_error_names == ("SchemaVersionError", "DatabaseFileError")


def test_the_file_is_where_the_settings_say(tmp_path: Path) -> None:
    given = DulyConfig.hermetic(database=DatabaseConfig(path=tmp_path / "deep" / "x.db"), data_dir=tmp_path)
    assert House(given).add_child(DatabaseService).path == tmp_path / "deep" / "x.db"
    assert House(DulyConfig.hermetic(data_dir=tmp_path)).add_child(DatabaseService).path == tmp_path / "duly.db"


def test_a_new_file_is_made_with_its_folders(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        assert room.path.is_file()
        assert room.database.ready_reason == "open"

    in_room(tmp_path / "deep" / "deeper", main)


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        ("PRAGMA application_id = 1146440793; PRAGMA user_version = 999", SchemaVersionError, "upgrade Duly"),
        ("CREATE TABLE other (id)", DatabaseFileError, "database of something else"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start_and_stays_as_it_is(
    tmp_path: Path, script: str, error: type[Exception], text: str
) -> None:
    db = sqlite3.connect(tmp_path / "duly.db")
    db.executescript(script)
    db.close()
    before = (tmp_path / "duly.db").read_bytes()

    async def main() -> None:
        room = FileRoom(tmp_path / "duly.db")
        with pytest.raises(error, match=text):
            await room.database.initialize()
        await room.database.shutdown()

    asyncio.run(main())
    assert (tmp_path / "duly.db").read_bytes() == before


def test_a_start_that_is_given_up_leaves_the_file_to_others(tmp_path: Path) -> None:
    async def main() -> None:
        room = FileRoom(tmp_path / "duly.db")
        start = asyncio.create_task(room.database.initialize())
        for _ in range(3):
            await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await until(lambda: room.database._lock is None)
        await room.database.shutdown()

    asyncio.run(main())
    in_room(tmp_path, lambda room: room.database.flush())


def test_the_migration_may_take_as_long_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;"
    monkeypatch.setattr("duly.ledger.connections.MIGRATIONS", ((1, endless),))

    async def main() -> None:
        room = FileRoom(tmp_path / "duly.db")
        short(room, migration_timeout_seconds=0)
        with pytest.raises(DatabaseFileError, match="migration_timeout_seconds"):
            await room.database.initialize()
        await room.database.shutdown()

    asyncio.run(main())


def test_a_heartbeat_is_written_every_interval(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def main() -> None:
        room = await run_with(tmp_path, {"heartbeat_interval_seconds": 0.01})
        clock.advance(30)
        await until(lambda: room.rows("sessions")[0]["last_heartbeat_at"] > room.rows("sessions")[0]["started_at"])
        await room.stop()

    asyncio.run(main())


@pytest.mark.parametrize("most", [1, 3])
def test_heartbeats_that_fail_in_a_row_make_it_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, most: int
) -> None:
    async def main() -> None:
        intervals = {"heartbeat_interval_seconds": 0.01}
        room = await run_with(tmp_path, intervals, max_consecutive_heartbeat_failures=most)
        await room.database.submit(lambda db: db.execute("PRAGMA busy_timeout = 100"))
        with locked(room.path):
            await until(lambda: room.house.failures)
        ((service, error),) = room.house.failures
        assert service is room.database
        assert isinstance(error, sqlite3.OperationalError)
        await room.database.restart()
        assert await room.database.submit(audit(1)) == 1
        await room.stop()

    with caplog.at_level(logging.WARNING, "duly.DatabaseService"):
        asyncio.run(main())
    told = [record.getMessage() for record in caplog.records if "heartbeat" in record.getMessage()]
    assert len(told) == most


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_makes_it_fail_for_good(tmp_path: Path, *, replaced: bool) -> None:
    async def main() -> None:
        room = await run_with(tmp_path, {"heartbeat_interval_seconds": 0.01})
        moved = room.path.rename(tmp_path / "moved.db")
        if replaced:
            shutil.copy(moved, room.path)
        await until(lambda: room.house.failures)
        ((service, error),) = room.house.failures
        assert service is room.database
        assert isinstance(error, DatabaseFileError)
        assert type(error).__name__ in room.database.restart_spec.fatal_error_names
        assert str(room.path) in str(error)
        await room.stop()

    asyncio.run(main())


def test_a_heartbeat_that_succeeds_resets_the_count(tmp_path: Path) -> None:
    async def main() -> None:
        intervals = {"heartbeat_interval_seconds": 0.005}
        room = await run_with(tmp_path, intervals, max_consecutive_heartbeat_failures=2)
        fails = iter([True, False] * 10)
        beat = room.database._note_beat
        done: list[bool] = []

        def sometimes(db: sqlite3.Connection) -> None:
            fail = next(fails, None)
            done.append(True)
            if fail:
                raise sqlite3.OperationalError("disk I/O error")
            beat(db)

        room.database._note_beat = sometimes  # type: ignore[method-assign]  # a disk that fails now and then
        await until(lambda: len(done) > 20)
        assert room.house.failures == []
        await room.stop()

    asyncio.run(main())


def stored(room: FileRoom) -> list[float]:
    return sorted(row["execution_start_ts"] for row in room.rows("executions"))


@pytest.mark.parametrize(("days", "kept"), [(7, [9 * DAY, 10 * DAY]), (2, [10 * DAY])])
def test_executions_are_kept_as_many_days_as_the_settings_say(tmp_path: Path, days: int, kept: list[float]) -> None:
    async def main() -> None:
        clock = VirtualClock()
        base = clock.now() / SECOND
        async with opened(tmp_path, clock, retention_days=7) as room:
            for day in (1, 9, 10):
                room.database.records.append(entry(base + day * DAY))
            await room.database.flush()
        clock.advance(11.5 * DAY)
        logs = {"log_retention_days": 1}
        async with opened(tmp_path, clock, retention_days=days, logs=logs) as room:
            await until(lambda: len(stored(room)) == len(kept))
            assert stored(room) == [base + each for each in kept]

    asyncio.run(main())


def test_days_that_reach_back_beyond_all_times_delete_nothing(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        room.database.records.append(entry(1.0))
        await room.database.flush()
        await retain(room.database, 2 * SECOND, executions_days=10**6, logs_days=10**6)
        assert stored(room) == [1.0]

    in_room(tmp_path, main)


def test_log_records_are_kept_as_many_days_as_their_settings_say(tmp_path: Path) -> None:
    async def main() -> None:
        clock = VirtualClock()
        now = clock.now()
        async with opened(tmp_path, clock, logs={"log_retention_days": 2}) as room:
            row = (1, 1, now, 20, "duly", None, None, "old", None, None, None, None, None, None)
            repository = room.database.repository
            await room.database.submit(lambda db: repository.insert_logs(db, [row]))
        clock.advance(3 * DAY)
        async with opened(tmp_path, clock, logs={"log_retention_days": 3}) as room:
            await room.database.flush()
            assert len(room.rows("log_records")) == 1
        async with opened(tmp_path, clock, logs={"log_retention_days": 2}) as room:
            await until(lambda: room.rows("log_records") == [])

    asyncio.run(main())


@pytest.mark.parametrize("chore", ["retention", "size"])
def test_upkeep_comes_again_every_interval(tmp_path: Path, chore: str) -> None:
    async def main() -> None:
        names = {"retention": "retention_interval_seconds", "size": "size_failsafe_interval_seconds"}
        room = FileRoom(tmp_path / "duly.db")
        short(room, **{names[chore]: 0.01})
        calls: list[int] = []
        attribute = {"retention": "_retain", "size": "_shrink"}[chore]
        original = getattr(room.database, attribute)

        async def counted() -> None:
            calls.append(1)
            await original()

        setattr(room.database, attribute, counted)
        await room.start()
        await until(lambda: len(calls) > 3)
        await room.stop()

    asyncio.run(main())


async def fill(room: FileRoom, rows: int) -> None:
    for number in range(rows):
        room.database.records.append(entry(float(number), error_message="x" * 1_000))
    await room.database.flush()


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"max_size_mb": 0}, 3_000),
        ({"max_size_mb": 500}, 3_000),
        ({"max_size_mb": 0.01, "size_failsafe_max_iterations": 2, "size_failsafe_delete_batch": 100}, 2_800),
        ({"max_size_mb": 0.01, "size_failsafe_max_iterations": 3, "size_failsafe_delete_batch": 500}, 1_500),
    ],
)
def test_a_file_that_is_too_large_loses_its_oldest_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], left: int
) -> None:
    async def main() -> None:
        clock = VirtualClock()
        async with opened(tmp_path, clock, retention_days=100_000, max_size_mb=0) as room:
            await fill(room, 3_000)
        async with opened(tmp_path, clock, retention_days=100_000, **settings) as room:
            await room.database._shrink() if left == 3_000 else await until(told)
            assert len(stored(room)) == left
            assert stored(room)[0] == 3_000 - left

    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if "max_size_mb" in record.getMessage()]

    with caplog.at_level(logging.WARNING, "duly.DatabaseService"):
        asyncio.run(main())
    assert bool(told()) == (left < 3_000)


@pytest.mark.parametrize("pages", [10, 200])
def test_freed_pages_are_given_back_as_many_as_the_settings_say(tmp_path: Path, pages: int) -> None:
    def size(path: Path) -> int:
        db = sqlite3.connect(path)
        (count,) = db.execute("PRAGMA page_count").fetchone()
        db.close()
        return int(count)

    async def main() -> None:
        clock = VirtualClock()
        async with opened(tmp_path, clock, retention_days=100_000, max_size_mb=0) as room:
            await fill(room, 3_000)
        before = size(tmp_path / "duly.db")
        settings = {"max_size_mb": 0.01, "size_failsafe_max_iterations": 2, "size_failsafe_vacuum_pages": pages}
        async with opened(tmp_path, clock, retention_days=100_000, **settings) as room:
            await until(lambda: len(stored(room)) == 1_000 and size(room.path) < before)
            assert before - size(room.path) == pages

    asyncio.run(main())


def test_a_read_gives_what_it_finds_and_cannot_write(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        await room.database.submit(audit(1))
        assert await room.database.read(lambda db: db.execute("SELECT count(*) FROM audit").fetchone()) == (1,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await room.database.read(audit(2))

    in_room(tmp_path, main)


def test_a_read_over_its_limit_is_interrupted(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    async def main(room: FileRoom) -> None:
        with pytest.raises(TimeoutError, match=r"read_timeout_seconds = 0\.1"):
            await room.database.read(lambda db: db.execute(endless).fetchone())
        assert await room.database.read(lambda db: db.execute("SELECT 1").fetchone()) == (1,)

    in_room(tmp_path, main, read_timeout_seconds=0.1)


def test_a_fork_waits_for_a_read(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        assert await room.database.read(lambda _: forks._inside) > 0

    in_room(tmp_path, main)


def test_reads_do_not_wait_for_writes(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        with locked(room.path):
            assert await room.database.read(lambda db: db.execute("SELECT count(*) FROM audit").fetchone()) == (0,)

    in_room(tmp_path, main)


def test_a_record_that_woke_nobody_is_written_after_the_flush_interval(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        room.database.records._queue.append(entry())
        await until(lambda: len(room.rows("executions")) == 1)

    in_room(tmp_path, main, max_flush_interval_seconds=0.1)


def test_the_record_queue_is_as_long_as_the_settings_say(tmp_path: Path) -> None:
    room = FileRoom(tmp_path / "duly.db", telemetry_write_queue_max=17)
    assert room.database.records.capacity == 17


def test_a_flush_of_a_locked_file_ends_with_the_attempt_and_raises_nothing(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        await room.database.submit(lambda db: db.execute("PRAGMA busy_timeout = 0"))
        with locked(room.path):
            await room.database.flush()
            room.database.records.append(entry(1.0))
            await room.database.flush()
            assert stored(room) == []
        await room.database.flush(retries=True)
        assert stored(room) == [1.0]

    in_room(tmp_path, main)


def test_records_wait_while_the_service_restarts(tmp_path: Path) -> None:
    async def main(room: FileRoom) -> None:
        await room.database.submit(lambda db: db.execute("PRAGMA busy_timeout = 0"))
        with locked(room.path):
            room.database.records.append(entry(1.0))
            await until(lambda: room.database.records.seconds_until_retry() is not None)
            room.database._restarting = True
            await room.database.shutdown()
            room.database.records.append(entry(2.0))
        room.database._restarting = False
        await room.database.initialize()
        await room.database.flush(retries=True)
        assert stored(room) == [1.0, 2.0]
        assert room.database.records.counts() == (0, 0, 0)

    in_room(tmp_path, main)
