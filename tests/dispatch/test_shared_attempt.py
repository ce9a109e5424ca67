"""One attempt at something that several wait for."""

import asyncio
from contextvars import ContextVar

import pytest

from duly.dispatch.shared_attempt import SharedAttempt
from duly.testing import run_virtual

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


class Attempts:
    """Each takes a second, and gives its number."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.contexts: list[str] = []
        self._error = error

    async def __call__(self) -> int:
        self.begun += 1
        self.contexts.append(WHOSE.get())
        await asyncio.sleep(1)
        if self._error is not None:
            raise self._error
        return self.begun


def test_all_who_wait_at_once_get_the_same() -> None:
    async def main() -> None:
        shared, attempts = SharedAttempt[int](), Attempts()
        assert await asyncio.gather(*(shared.at(attempts) for _ in range(5))) == [1] * 5
        assert await shared.at(attempts) == 2

    run_virtual(main())


def test_an_error_is_raised_for_all_and_the_next_tries_again() -> None:
    async def main() -> None:
        shared, attempts = SharedAttempt[int](), Attempts(OSError("no"))
        errors = await asyncio.gather(*(shared.at(attempts) for _ in range(5)), return_exceptions=True)
        assert [type(error) for error in errors] == [OSError] * 5
        with pytest.raises(OSError, match="no"):
            await shared.at(attempts)
        assert attempts.begun == 2

    run_virtual(main())


def test_it_goes_on_when_one_who_waits_is_cancelled() -> None:
    async def main() -> None:
        shared, attempts = SharedAttempt[int](), Attempts()
        first, second = (asyncio.create_task(shared.at(attempts)) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        assert await second == 1

    run_virtual(main())


def test_it_is_made_in_nobodys_context() -> None:
    async def main() -> None:
        WHOSE.set("the first's")
        attempts = Attempts()
        await SharedAttempt[int]().at(attempts)
        assert attempts.contexts == ["nobody's"]

    run_virtual(main())
