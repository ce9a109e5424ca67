"""Schedulers that are checked when their test ends: threads gone, every ledger adds up, no error of the driver."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from duly import Scheduler
from duly.ledger.doctor import examine
from tests.embedded.filed import discrepancies
from tests.embedded.lives import Lives
from tests.embedded.waiting import PATIENCE, accounts, eventually, threads_of_schedulers


class Make(Protocol):
    """Makes a scheduler that is not started."""

    def __call__(self, max_workers: int = 4, **options: Any) -> Scheduler: ...  # noqa: ANN401 - its options


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Scheduler] = []

    def make_one(max_workers: int = 4, **options: Any) -> Scheduler:  # noqa: ANN401 - as above
        made.append(Scheduler(max_workers, **options))
        return made[-1]

    yield make_one
    for scheduler in made:
        scheduler.stop(timeout=PATIENCE)
        assert scheduler.health().errors == ()
        assert [account for account in accounts(scheduler) if not account.adds_up] == []
    made.clear()
    eventually(lambda: not threads_of_schedulers())


@pytest.fixture
def scheduler(make: Make) -> Scheduler:
    scheduler = make()
    scheduler.start()
    return scheduler


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    lives = Lives(tmp_path / "jobs.db")
    yield lives
    lives.world.close()
    lives.world.assert_ledger_adds_up()
    assert discrepancies(lives.path) == []


@pytest.fixture
def pruned_lives(tmp_path: Path) -> Iterator[Lives]:
    """Of its file the doctor knows what was deleted."""
    lives = Lives(tmp_path / "jobs.db")
    yield lives
    lives.world.close()
    assert examine(lives.path, clock=lives.world.clock).ok
