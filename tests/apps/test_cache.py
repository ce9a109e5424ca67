"""The cache of an app."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from whenever import Instant, TimeDelta

from duly.apps.cache import AppCache, Ttl
from duly.apps.cache_store import CacheStore
from duly.lifecycle.root import part
from duly.testing.virtual_loop import run_virtual
from tests.apps.caches import Home, cache_in, rows
from tests.lifecycle.house import PATIENCE, forever, run, turns

Doing = Callable[[AppCache], Coroutine[Any, Any, None]]


def with_cache(folder: Path, do: Doing, limit: int = 1_000_000) -> None:
    """Do something with a cache, from its start to its stop."""

    async def main() -> None:
        async with cache_in(folder, limit) as cache:
            await do(cache)

    run(main())


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_value_is_given_back(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", {"delay": [1, 2.5, None]})
        assert await cache.get("a") == {"delay": [1, 2.5, None]}

    with_cache(tmp_path, main)


def test_a_value_outlives_the_process(tmp_path: Path) -> None:
    async def write(cache: AppCache) -> None:
        await cache.set("seen", Instant.from_utc(2024, 2, 29))
        await cache.set("picture", b"\x00")

    async def read(cache: AppCache) -> None:
        assert await cache.get("seen") == Instant.from_utc(2024, 2, 29)
        assert await cache.get("picture") == b"\x00"

    with_cache(tmp_path, write)
    with_cache(tmp_path, read)


def test_without_a_value_there_is_the_default(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        assert await cache.get("a") is None
        assert await cache.get("a", 5) == 5

    with_cache(tmp_path, main)


def test_a_stored_none_is_no_default(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", None)
        assert await cache.get("a", 5) is None

    with_cache(tmp_path, main)


def test_a_second_value_takes_the_place_of_the_first(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)
        await cache.set("a", 2)
        assert await cache.get("a") == 2
        assert await cache.keys() == ["a"]

    with_cache(tmp_path, main)


def test_what_is_stored_is_a_copy(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        value = [1]
        await cache.set("a", value)
        value.append(2)
        (await cache.get("a")).append(3)
        assert await cache.get("a") == [1]

    with_cache(tmp_path, main)


def test_delete_says_whether_there_was_a_value(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)
        assert await cache.delete("a") is True
        assert await cache.delete("a") is False
        assert await cache.get("a") is None

    with_cache(tmp_path, main)


def test_has_says_whether_there_is_a_value(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", None)
        assert await cache.has("a") is True
        assert await cache.has("b") is False

    with_cache(tmp_path, main)


def test_keys_are_in_order(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        for key in ("b", "c", "ä", "a"):
            await cache.set(key, 1)
        assert await cache.keys() == ["a", "b", "c", "ä"]

    with_cache(tmp_path, main)


def test_clear_forgets_all(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)
        await cache.set("b", 1)
        await cache.clear()
        assert await cache.keys() == []

    with_cache(tmp_path, main)


@pytest.mark.parametrize("key", ["", None, 5, b"a", "\ud800"])
@pytest.mark.parametrize("method", ["get", "set", "has", "delete", "get_or_set"])
def test_a_key_is_text_and_not_empty(method: str, key: object, tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        further: dict[str, list[object]] = {"set": [1], "get_or_set": [lambda: 1]}
        with pytest.raises(ValueError, match=r"key of a cache must be text|surrogates not allowed"):
            await getattr(cache, method)(key, *further.get(method, []))

    with_cache(tmp_path, main)


def test_a_value_of_another_type_is_refused_and_nothing_stored(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)
        with pytest.raises(TypeError, match="not tuple"):
            await cache.set("a", (1, 2))
        assert await cache.get("a") == 1

    with_cache(tmp_path, main)


def test_what_cannot_be_read_is_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def write(cache: AppCache) -> None:
        await cache.set("a", Instant.from_utc(2024, 2, 29))

    async def read(cache: AppCache) -> None:
        assert await cache.get("a", "none") == "none"
        assert await cache.keys() == []

    with_cache(tmp_path, write)
    with closing(sqlite3.connect(tmp_path / "cache.db")) as db, db:
        db.execute("UPDATE cache_entries SET value = replace(value, 'Instant', 'Moment')")
    with_cache(tmp_path, read)
    assert "porch/Porch.0: the value of 'a' cannot be read and is forgotten" in caplog.text


# --- owners -----------------------------------------------------------------------------------------------------------


def test_each_instance_has_values_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        home = Home(tmp_path)
        one, other = home.cache_of("porch/a"), home.cache_of("porch/b")
        await home.initialize()
        await one.set("key", 1)
        await other.set("key", 2)
        await one.clear()
        assert await other.get("key") == 2
        assert await other.keys() == ["key"]
        await home.shutdown()

    run(main())


def test_entries_are_under_the_name_of_the_instance(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)

    with_cache(tmp_path, main)
    assert rows(tmp_path) == [("porch/Porch.0", "a")]


# --- time to live -----------------------------------------------------------------------------------------------------


def lives(folder: Path, ttl: Ttl, seconds: float) -> bool:
    """Whether a value is there after so many seconds, by every way of asking."""
    answers: list[bool] = []

    async def main() -> None:
        async with cache_in(folder) as cache:
            await cache.set("a", 1, ttl)
            await asyncio.sleep(seconds)
            there = (await cache.has("a"), await cache.keys() == ["a"], await cache.get("a", 0) == 1)
            answers.extend((*there, await cache.delete("a")))

    run_virtual(main())
    assert len(set(answers)) == 1
    return answers[0]


@pytest.mark.parametrize("ttl", [10, 10.0, TimeDelta(seconds=10)])
def test_a_value_is_there_until_its_time_is_over(ttl: Ttl, tmp_path: Path) -> None:
    assert lives(tmp_path, ttl, 9.999)
    assert not lives(tmp_path, ttl, 10)


@pytest.mark.parametrize("ttl", [None, 9e9])
def test_a_value_can_stay(ttl: Ttl, tmp_path: Path) -> None:
    assert lives(tmp_path, ttl, 90 * 86_400)


@pytest.mark.parametrize("ttl", [0, -1, TimeDelta(), TimeDelta(seconds=-1), float("nan"), float("inf"), True, "5"])
@pytest.mark.parametrize("method", ["set", "get_or_set"])
def test_the_time_is_above_zero(method: str, ttl: float, tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        made: list[str] = []
        with pytest.raises(ValueError, match="ttl must be seconds"):
            await getattr(cache, method)("a", lambda: made.append("a"), ttl)
        assert await cache.keys() == made == []

    async def plain(cache: AppCache) -> None:
        with pytest.raises(ValueError, match="ttl must be seconds"):
            await cache.set("a", 1, ttl)
        assert await cache.keys() == []

    with_cache(tmp_path, plain if method == "set" else main)


def test_a_value_that_is_stored_again_lives_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            await cache.set("a", 1, ttl=10)
            await cache.set("a", 2)
            await asyncio.sleep(20)
            assert await cache.get("a") == 2

    run_virtual(main())


def test_what_has_expired_is_removed_within_the_hour(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            await cache.set("short", 1, ttl=10)
            await cache.set("long", 1, ttl=5000)
            await asyncio.sleep(3599)
            assert [key for _, key in rows(tmp_path)] == ["long", "short"]
            await asyncio.sleep(2)
            assert [key for _, key in rows(tmp_path)] == ["long"]
            await asyncio.sleep(3600)
            assert rows(tmp_path) == []

    run_virtual(main())


def test_an_hour_without_work_costs_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            await cache.set("a", 1)
            await asyncio.sleep(3601)
            assert part(cache.duly, CacheStore)._removal is None

    run_virtual(main())


# --- limits -----------------------------------------------------------------------------------------------------------


def test_what_was_used_longest_ago_goes(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        for key in ("a", "b", "c"):
            await cache.set(key, b"x" * 30)
        assert await cache.get("a")
        await cache.set("d", b"x" * 30)
        assert await cache.keys() == ["a", "c", "d"]

    with_cache(tmp_path, main, limit=100)


def test_uses_are_told_apart_at_one_moment(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path, 100) as cache:
            for key in ("c", "a", "b"):
                await cache.set(key, b"x" * 30)
            assert await cache.get("c")
            await cache.set("d", b"x" * 30)
            assert await cache.keys() == ["b", "c", "d"]

    run_virtual(main())


def test_uses_are_remembered_over_a_restart(tmp_path: Path) -> None:
    async def write(cache: AppCache) -> None:
        for key in ("a", "b", "c"):
            await cache.set(key, b"x" * 30)
        assert await cache.get("a")

    async def go_on(cache: AppCache) -> None:
        await cache.set("d", b"x" * 30)
        assert await cache.keys() == ["a", "c", "d"]

    with_cache(tmp_path, write, limit=100)
    with_cache(tmp_path, go_on, limit=100)


def test_asking_whether_there_is_a_value_is_no_use(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        for key in ("a", "b", "c"):
            await cache.set(key, b"x" * 30)
        assert await cache.has("a")
        await cache.set("d", b"x" * 30)
        assert not await cache.has("a")

    with_cache(tmp_path, main, limit=100)


def test_what_has_expired_goes_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path, 100) as cache:
            await cache.set("a", b"x" * 30)
            await cache.set("b", b"x" * 30, ttl=1)
            await cache.set("c", b"x" * 30)
            await asyncio.sleep(2)
            await cache.set("d", b"x" * 30)
            assert await cache.keys() == ["a", "c", "d"]

    run_virtual(main())


def test_what_was_removed_makes_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path, 100) as cache:
            await cache.set("a", b"x" * 60, ttl=10)
            await asyncio.sleep(3601)
            await cache.set("b", b"x" * 60)
            await cache.set("c", b"x" * 40)
            assert await cache.keys() == ["b", "c"]

    run_virtual(main())


def test_as_many_go_as_need_to(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        for key in ("a", "b", "c"):
            await cache.set(key, b"x" * 30)
        await cache.set("d", b"x" * 70)
        assert await cache.keys() == ["c", "d"]

    with_cache(tmp_path, main, limit=100)


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", b"x" * 50)
        await cache.set("b", b"x" * 50)
        assert await cache.keys() == ["a", "b"]
        await cache.set("c", b"x" * 100)
        assert await cache.keys() == ["c"]

    with_cache(tmp_path, main, limit=100)


def test_a_value_in_place_of_another_counts_once(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("other", b"x" * 40)
        for _ in range(5):
            await cache.set("a", b"x" * 60)
        await cache.delete("a")
        await cache.set("b", b"x" * 60)
        assert await cache.keys() == ["b", "other"]

    with_cache(tmp_path, main, limit=100)


def test_the_limit_is_that_of_each_owner(tmp_path: Path) -> None:
    async def main() -> None:
        home = Home(tmp_path, 100)
        one, other = home.cache_of("porch/a"), home.cache_of("porch/b")
        await home.initialize()
        await one.set("a", b"x" * 90)
        await other.set("b", b"x" * 90)
        assert await one.has("a")
        await home.shutdown()

    run(main())


def test_a_value_larger_than_a_whole_cache_is_refused(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", 1)
        with pytest.raises(ValueError, match="'a' has 101 bytes, more than the 100 of a whole cache"):
            await cache.set("a", b"x" * 101)
        assert await cache.get("a") == 1

    with_cache(tmp_path, main, limit=100)


# --- get_or_set -------------------------------------------------------------------------------------------------------


async def make_async() -> str:
    return "made"


class Maker:
    def __call__(self) -> str:
        return "made"


@pytest.mark.parametrize("factory", [make_async, lambda: "made", lambda: make_async(), Maker()])  # noqa: PLW0108 - a sync function that gives an awaitable
def test_a_missing_value_is_made_and_stored(factory: Callable[[], object], tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        assert await cache.get_or_set("a", factory) == "made"
        assert await cache.get("a") == "made"

    with_cache(tmp_path, main)


@pytest.mark.parametrize("value", [None, 0, "", []])
def test_a_stored_value_is_not_made_again(value: object, tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        await cache.set("a", value)
        assert await cache.get_or_set("a", lambda: pytest.fail("made again")) == value

    with_cache(tmp_path, main)


def test_a_made_value_lives_as_long_as_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with cache_in(tmp_path) as cache:
            await cache.get_or_set("a", make_async, ttl=10)
            await asyncio.sleep(10)
            assert await cache.get("a") is None

    run_virtual(main())


def test_one_factory_works_at_a_time(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        times: list[int] = []
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def make() -> int:
            times.append(1)
            begun.set()
            await go_on.wait()
            return len(times)

        asked = [asyncio.create_task(cache.get_or_set("a", make)) for _ in range(5)]
        await begun.wait()
        assert await cache.get_or_set("b", make_async) == "made"
        go_on.set()
        assert await asyncio.gather(*asked) == [1] * 5

    with_cache(tmp_path, main)


def test_when_a_factory_fails_the_next_one_has_its_turn(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        async def fail() -> str:
            raise LookupError("not there")

        first = asyncio.create_task(cache.get_or_set("a", fail))
        second = asyncio.create_task(cache.get_or_set("a", make_async))
        with pytest.raises(LookupError):
            await first
        assert await second == "made"

    with_cache(tmp_path, main)


def test_when_who_makes_it_is_cancelled_the_next_one_has_its_turn(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        first = asyncio.create_task(cache.get_or_set("a", forever))
        await turns()
        second = asyncio.create_task(cache.get_or_set("a", make_async))
        await turns()
        first.cancel()
        assert await second == "made"

    with_cache(tmp_path, main)


def test_a_made_value_of_another_type_is_refused(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        with pytest.raises(TypeError, match="not set"):
            await cache.get_or_set("a", lambda: {1})
        assert await cache.keys() == []

    with_cache(tmp_path, main)


def test_a_sync_factory_works_in_a_worker_thread(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        assert await cache.get_or_set("a", threading.get_ident) != threading.get_ident()

    with_cache(tmp_path, main)


def test_nothing_is_kept_of_turns_that_are_over(tmp_path: Path) -> None:
    async def main(cache: AppCache) -> None:
        for number in range(5):
            await cache.get_or_set(str(number), make_async)
        assert len(cache._turns) == 0

    with_cache(tmp_path, main)


# --- the blocking twin ------------------------------------------------------------------------------------------------


def in_worker(folder: Path, do: Callable[[AppCache], None], *, max_workers: int = 1) -> None:
    """Do something with a cache in a worker thread, of which there is but one."""

    async def main() -> None:
        home = Home(folder, max_workers=max_workers)
        cache = home.cache_of()
        await home.initialize()
        await home.worker_pool.run(do, cache)
        await home.shutdown()

    run(main())


def test_the_twin_does_the_same_for_threads(tmp_path: Path) -> None:
    def work(cache: AppCache) -> None:
        cache.sync.set("a", [1], ttl=1000)
        assert cache.sync.get("a") == [1]
        assert cache.sync.get("b", 5) == 5
        assert cache.sync.has("a")
        assert cache.sync.keys() == ["a"]
        assert cache.sync.delete("a")
        cache.sync.set("c", 1)
        cache.sync.clear()
        assert cache.sync.keys() == []
        with pytest.raises(TypeError, match="not set"):
            cache.sync.set("a", {1})

    in_worker(tmp_path, work)


@pytest.mark.parametrize("factory", [make_async, lambda: "made", Maker()])
def test_the_twin_makes_a_missing_value(factory: Callable[[], object], tmp_path: Path) -> None:
    def work(cache: AppCache) -> None:
        assert cache.sync.get_or_set("a", factory) == "made"
        assert cache.sync.get_or_set("a", lambda: pytest.fail("made again")) == "made"

    in_worker(tmp_path, work)


def test_the_twin_calls_a_sync_factory_in_the_calling_thread(tmp_path: Path) -> None:
    def work(cache: AppCache) -> None:
        assert cache.sync.get_or_set("a", threading.get_ident) == threading.get_ident()

    in_worker(tmp_path, work)


def test_threads_and_tasks_take_turns(tmp_path: Path) -> None:
    async def main() -> None:
        home = Home(tmp_path)
        cache = home.cache_of()
        await home.initialize()
        begun, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def make() -> str:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(PATIENCE)
            return "by a thread"

        first = asyncio.create_task(home.worker_pool.run(cache.sync.get_or_set, "a", make))
        await begun.wait()
        second = asyncio.create_task(cache.get_or_set("a", make_async))
        await turns()
        assert not second.done()
        go_on.set()
        assert await first == await second == "by a thread"
        await home.shutdown()

    run(main())


def test_the_twin_gives_up_its_turn_when_its_factory_fails(tmp_path: Path) -> None:
    def work(cache: AppCache) -> None:
        def fail() -> str:
            raise LookupError("not there")

        with pytest.raises(LookupError):
            cache.sync.get_or_set("a", fail)
        assert cache.sync.get_or_set("a", Maker()) == "made"

    in_worker(tmp_path, work)
