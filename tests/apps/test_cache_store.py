"""The file of all caches: what becomes of it never stops an app."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from duly.apps.cache import AppCache
from duly.apps.cache_file import CacheFile, Entry
from tests.apps.caches import Home, cache_in, rows
from tests.lifecycle.house import run


def use(folder: Path) -> None:
    """Store a value in the file, and find it there."""

    async def main() -> None:
        async with cache_in(folder) as cache:
            await cache.set("a", 1)
            assert await cache.get("a") == 1

    run(main())


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_the_file_is_in_the_data_directory_apart_from_the_ledger(tmp_path: Path) -> None:
    use(tmp_path / "data")
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["cache.db"]


def test_an_unused_cache_leaves_no_trace(tmp_path: Path) -> None:
    threads = threading.active_count()

    async def main() -> None:
        async with cache_in(tmp_path):
            assert threading.active_count() == threads

    run(main())
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_that_of_the_contract(tmp_path: Path) -> None:
    use(tmp_path)
    with closing(sqlite3.connect(tmp_path / "cache.db")) as db:
        columns = db.execute("SELECT name, pk FROM pragma_table_info('cache_entries')").fetchall()
    assert columns == [("owner", 1), ("key", 2), ("value", 0), ("expires_at", 0), ("size", 0), ("used_at", 0)]


def damage(folder: Path, kind: str) -> None:
    file = folder / "cache.db"
    if kind == "another database":
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("CREATE TABLE things (x)")
    elif kind == "another version":
        use(folder)
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("PRAGMA user_version = 99")
    elif kind == "no database":
        file.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    else:
        use(folder)
        content = bytearray(file.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        file.write_bytes(content)


KINDS = ["no database", "torn pages", "another database", "another version"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_moved_away(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage(tmp_path, kind)
    content = (tmp_path / "cache.db").read_bytes()
    use(tmp_path)
    assert (tmp_path / "cache.db.bad").read_bytes() == content
    assert rows(tmp_path) == [("porch/Porch.0", "a")]
    (warning,) = warnings_in(caplog)
    assert warning.startswith(f"{tmp_path}/cache.db is damaged: ")
    assert warning.endswith(": moved to cache.db.bad, caches begin empty")


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_that_was_damaged_last_is_the_one_kept(kind: str, tmp_path: Path) -> None:
    (tmp_path / "cache.db.bad").write_text("from another time")
    (tmp_path / "cache.db.bad-wal").write_text("from another time")
    damage(tmp_path, kind)
    content = (tmp_path / "cache.db").read_bytes()
    use(tmp_path)
    assert (tmp_path / "cache.db.bad").read_bytes() == content
    assert not (tmp_path / "cache.db.bad-wal").exists()


def test_damage_while_it_runs_costs_what_was_stored_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            for number in range(100):
                await cache.set(f"key {number}", b"x" * 5_000)
            with closing(sqlite3.connect(tmp_path / "cache.db")) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            file = tmp_path / "cache.db"
            with file.open("r+b") as open_file:
                open_file.write(b"\xff" * file.stat().st_size)
            with closing(sqlite3.connect(":memory:")):
                await cache.clear()
            await cache.set("a", 1)
            assert await cache.keys() == ["a"]

    run(main())
    assert (tmp_path / "cache.db.bad").exists()
    assert len(warnings_in(caplog)) == 1


def test_without_a_place_for_the_file_caches_live_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    use(tmp_path / "file")
    (warning,) = warnings_in(caplog)
    assert "cannot be used" in warning
    assert "caches are kept in memory only" in warning


def test_with_a_directory_in_place_of_the_file_caches_live_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache.db").mkdir()
    use(tmp_path)
    assert len(warnings_in(caplog)) == 1


def test_what_cannot_be_stored_is_as_if_it_were_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            await cache.set("a", 1)
            await refuse_writes(cache)
            await cache.set("a", 2)
            await cache.set("b", 2)
            assert await cache.get("a") == 1
            assert await cache.get_or_set("c", lambda: 3) == 3
            assert await cache.delete("a") is False
            assert await cache.keys() == ["a"]

    run(main())
    (warning,) = warnings_in(caplog)
    assert warning.startswith(f"{tmp_path}/cache.db: attempt to write a readonly database")


async def refuse_writes(cache: AppCache) -> None:
    def refuse(file: CacheFile) -> None:
        file._db.execute("PRAGMA query_only = ON")

    await cache._do(refuse, otherwise=None)


def test_what_fails_halfway_is_not_stored(tmp_path: Path) -> None:
    file = CacheFile(tmp_path / "cache.db")
    file.put(Entry("owner", "a", b"x" * 60, None), 100, 1)
    file._db.execute("CREATE TRIGGER t BEFORE DELETE ON cache_entries BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(sqlite3.IntegrityError):
        file.put(Entry("owner", "b", b"x" * 60, None), 100, 2)
    assert file.keys("owner", 3) == ["a"]
    file._db.execute("DROP TRIGGER t")
    file.put(Entry("owner", "c", b"x" * 40, None), 100, 2)
    assert file.keys("owner", 3) == ["a", "c"]
    file.close()


def test_a_clock_that_is_set_back_does_not_change_the_order_of_use(tmp_path: Path) -> None:
    file = CacheFile(tmp_path / "cache.db")
    for now, key in ((1_000, "a"), (5, "b")):
        file.put(Entry("owner", key, b"x" * 40, None), 100, now)
    file.close()
    file = CacheFile(tmp_path / "cache.db")
    file.put(Entry("owner", "c", b"x" * 40, None), 100, 1)
    file.put(Entry("owner", "d", b"x" * 40, None), 100, 1)
    assert file.keys("owner", 1) == ["c", "d"]
    file.close()


@pytest.mark.parametrize("stopped", [False, True])
def test_it_works_from_start_to_stop_only(stopped: bool, tmp_path: Path) -> None:
    async def main() -> None:
        home = Home(tmp_path)
        cache = home.cache_of()
        if stopped:
            await home.initialize()
            await home.shutdown()
        with pytest.raises(RuntimeError, match="the store of the caches does not run: start it first"):
            await cache.get("a")
        await home.shutdown()

    run(main())


def test_it_may_start_again(tmp_path: Path) -> None:
    async def main() -> None:
        home = Home(tmp_path)
        cache = home.cache_of()
        await home.initialize()
        await cache.set("a", 1)
        await home.store.restart()
        assert await cache.get("a") == 1
        await home.shutdown()

    run(main())


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    threads = threading.active_count()
    for _ in range(3):
        use(tmp_path)
    assert threading.active_count() == threads


def test_the_loop_is_free_while_the_file_is_used(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            entered, go_on = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()

            def work(file: CacheFile) -> bool:
                loop.call_soon_threadsafe(entered.set)
                return go_on.wait(10)

            asked = asyncio.create_task(cache._do(work, otherwise=False))
            await entered.wait()
            go_on.set()
            assert await asked

    run(main())
