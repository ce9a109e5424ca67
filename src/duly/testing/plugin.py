"""Fixtures for pytest, found by pytest itself once Duly is installed.

Every pytest run in the environment loads this, so it imports no more than ``import duly`` does: the rest is imported by
the fixtures that need it.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from duly.core import clock
from duly.testing.clock import VirtualClock

if TYPE_CHECKING:
    from duly.config import DulyConfig
    from duly.testing.harness import AppHarness
    from duly.testing.recording_api import RecordingApi
    from duly.testing.world import World


@pytest.fixture
def duly_clock() -> Iterator[VirtualClock]:
    """A clock that stands at 2025-01-01 00:00 UTC until it is told to move; the current one during the test."""
    virtual = VirtualClock()
    token = clock.use(virtual)
    yield virtual
    clock.restore(token)


@pytest.fixture
def world(duly_clock: VirtualClock) -> Iterator[World]:
    """A world on ``duly_clock``, which is closed when the test ends, and whose ledger then has to add up."""
    from duly.testing.world import World

    world = World(duly_clock)
    yield world
    world.close()
    world.assert_ledger_adds_up()


@pytest.fixture
def duly_app() -> Iterator[Callable[..., AppHarness[Any]]]:
    """Takes what ``AppHarness`` takes, and gives one that is entered; left, and its ledger checked, at the end."""
    from duly.testing.harness import AppHarness

    with ExitStack() as harnesses:

        def start(*args: Any, **options: Any) -> AppHarness[Any]:  # noqa: ANN401 - those of AppHarness
            return harnesses.enter_context(AppHarness(*args, **options))

        yield start


@pytest.fixture
def duly_api(duly_clock: VirtualClock) -> RecordingApi:  # noqa: ARG001 - the times of calls are of that clock
    """An ``Api`` that keeps what it is asked for, without any Home Assistant, on ``duly_clock``."""
    from duly.testing.recording_api import RecordingApi

    return RecordingApi()


@pytest.fixture
def duly_config(tmp_path: Path) -> Callable[..., DulyConfig]:
    """Takes settings, and gives a ``DulyConfig`` of nothing else, with its directories in ``tmp_path``."""
    from duly.testing.hermetic import hermetic_config

    def make(**settings: Any) -> DulyConfig:  # noqa: ANN401 - any setting
        return hermetic_config(tmp_path, settings)

    return make


@pytest.fixture
def duly_db(tmp_path: Path) -> Path:
    """The path of a ledger that is empty."""
    from duly.ledger.connections import open_writer

    path = tmp_path / "duly.db"
    db, _ = open_writer(path, clock.current())
    db.close()
    return path
