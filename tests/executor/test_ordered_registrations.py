"""Registrations of one key come one after the other, whatever happens to them."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from duly.executor.live_items import LiveItems
from duly.executor.ordered_registrations import OrderedRegistrations
from tests.lifecycle.house import House, run, turns


class Entry:
    """Something that is registered."""

    def __init__(self, key: str, name: str = "") -> None:
        self.key = key
        self.name = name or key


class Book(OrderedRegistrations[Entry]):
    """Registers entries, when it is let, and writes down what it does."""

    def __init__(self, house: House) -> None:
        self.live = LiveItems[Entry](lambda entry: entry.key)
        super().__init__(house.task_bucket, self.live)
        self.lines: list[str] = []
        self.goes_on = asyncio.Event()
        self.error: Exception | None = None

    def _label(self, item: Entry) -> str:
        return f"entry {item.name}"

    async def _store(self, item: Entry) -> None:
        self.lines.append(f"begin {item.name}")
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        self.lines.append(f"stored {item.name}")

    def _take_off(self, item: Entry) -> None:
        self.lines.append(f"took off {item.name}")

    def _give_up(self, item: Entry) -> None:
        self.lines.append(f"gave up {item.name}")

    def _stored_in_vain(self, item: Entry) -> None:
        self.lines.append(f"in vain {item.name}")


def with_book(main: Callable[[Book], Coroutine[None, None, None]]) -> None:
    """Run ``main`` with a book."""

    async def body() -> None:
        house = House(max_workers=1)
        house.task_bucket.open()
        await main(Book(house))

    run(body())


def test_an_item_is_live_from_the_begin_of_its_registration() -> None:
    async def main(book: Book) -> None:
        entry = Entry("a")
        task = asyncio.ensure_future(book.register(entry))
        await turns()
        assert entry in book
        assert entry in book.live
        assert book.live.at("a") is entry
        assert len(book.under_way()) == 1
        book.goes_on.set()
        await task
        assert entry not in book
        assert (book.live.listed(), book.under_way()) == ([entry], [])

    with_book(main)


def test_those_of_one_key_wait_for_each_other_and_others_do_not() -> None:
    async def main(book: Book) -> None:
        first, second, other = Entry("a", "first"), Entry("a", "second"), Entry("b", "other")
        tasks = [asyncio.ensure_future(book.register(first))]
        await turns()
        book.cancel(first)
        tasks += [asyncio.ensure_future(book.register(each)) for each in (second, other)]
        await turns()
        assert book.lines == ["begin first", "gave up first", "begin other"]
        book.goes_on.set()
        await asyncio.gather(*tasks)
        done = [line for line in book.lines if "other" not in line]
        assert done[2:] == ["stored first", "in vain first", "begin second", "stored second"]
        assert set(book.live.listed()) == {second, other}

    with_book(main)


def test_one_that_is_registered_is_taken_off() -> None:
    async def main(book: Book) -> None:
        book.goes_on.set()
        entry = Entry("a")
        await book.register(entry)
        book.cancel(entry)
        assert book.lines == ["begin a", "stored a", "took off a"]
        assert book.live.listed() == []

    with_book(main)


def test_one_that_cannot_be_stored_leaves_no_trace() -> None:
    async def main(book: Book) -> None:
        book.goes_on.set()
        book.error = LookupError("no room")
        with pytest.raises(LookupError, match="no room"):
            await book.register(Entry("a"))
        assert (book.live.listed(), book.live.at("a"), book.under_way()) == ([], None, [])
        book.error = None
        await book.register(Entry("a"))

    with_book(main)


def test_a_caller_that_gives_up_cancels_it() -> None:
    async def main(book: Book) -> None:
        task = asyncio.ensure_future(book.register(Entry("a")))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        book.goes_on.set()
        await turns()
        assert book.lines == ["begin a", "gave up a", "stored a", "in vain a"]
        assert book.live.listed() == []

    with_book(main)


def test_who_waits_for_its_end_waits_until_it_is_stored() -> None:
    async def main(book: Book) -> None:
        entry = Entry("a")
        task = asyncio.ensure_future(book.register(entry))
        await turns()
        end = asyncio.ensure_future(book.end_of(entry))
        await turns()
        assert not end.done()
        book.goes_on.set()
        await asyncio.gather(task, end)
        await book.end_of(entry)

    with_book(main)


def test_a_stop_of_all_is_said_to_who_waits() -> None:
    async def main(book: Book) -> None:
        task = asyncio.ensure_future(book.register(Entry("a")))
        await turns()
        for each in book.under_way():
            each.cancel()
        with pytest.raises(RuntimeError, match="Duly stopped before entry a was registered"):
            await task
        assert book.live.listed() == []

    with_book(main)


def test_only_the_very_item_is_removed_from_the_live_ones() -> None:
    live = LiveItems[Entry](lambda entry: entry.key)
    old, new = Entry("a"), Entry("a")
    live.add(old)
    assert live.added == 1
    live.add(new)
    assert (live.added_since(1, new), live.added_since(1, old), live.added_since(0, old)) == (True, False, True)
    assert live.remove(old)
    assert not live.remove(old)
    assert live.at("a") is new
    assert live.listed() == [new]
    assert live.remove(new)
    assert live.at("a") is None
