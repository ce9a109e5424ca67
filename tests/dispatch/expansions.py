"""Functions that ``expand_from`` names, and what they leave for tests to see."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import date
from typing import Any, NoReturn

from duly.core import clock

ITEMS: list[Any] = [{"room": "bath"}, {"room": "hall", "deep": {"a": [1, (2, None)]}}]
NOT_CALLABLE = 5

let_go = threading.Event()
threads: list[str] = []


def rooms() -> list[Any]:
    threads.append(threading.current_thread().name)
    return ITEMS


async def rooms_of_a_loop() -> list[Any]:
    await asyncio.sleep(1)
    threads.append(threading.current_thread().name)
    return ITEMS


def rooms_later() -> asyncio.Future[list[Any]] | Any:  # noqa: ANN401 - a coroutine
    return rooms_of_a_loop()


class Rooms:
    """An object that is called."""

    async def __call__(self) -> list[Any]:
        return [{"clock": clock.current().now()}]


rooms_of_an_object = Rooms()


def nothing() -> list[Any]:
    return []


def many() -> list[Any]:
    return [{"n": index} for index in range(1001)]


def no_list() -> dict[str, Any]:
    return {"a": 1}


def no_dict() -> list[Any]:
    return [{"a": 1}, "b"]


def no_json() -> list[Any]:
    return [{"a": 1}, {"day": date(2025, 3, 8)}]


def no_text() -> list[Any]:
    return [{"a": {1: 2}}]


def itself() -> list[Any]:
    held: dict[str, Any] = {}
    held["a"] = held
    return [held]


def generator() -> Any:  # noqa: ANN401 - a generator
    yield {"a": 1}


def needs_arguments(room: str) -> list[Any]:
    return [{"room": room}]


def fails() -> NoReturn:
    raise LookupError("no rooms")


async def fails_on_the_loop() -> NoReturn:
    raise LookupError("no rooms")


def exits() -> NoReturn:
    sys.exit(3)


async def exits_on_the_loop() -> NoReturn:
    sys.exit(3)


def cancels() -> NoReturn:
    raise asyncio.CancelledError


async def cancels_on_the_loop() -> NoReturn:
    raise asyncio.CancelledError


def times_out() -> NoReturn:
    raise TimeoutError("the house did not answer")


class Mute(Exception):  # noqa: N818 - a test's
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError


def fails_without_words() -> NoReturn:
    raise Mute


async def sleeps() -> list[Any]:
    await asyncio.sleep(1000)
    return []


async def does_not_end() -> list[Any]:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await asyncio.sleep(1)
    return [{"a": 1}]


def blocks() -> list[Any]:
    let_go.wait()
    return [{"a": 1}]
