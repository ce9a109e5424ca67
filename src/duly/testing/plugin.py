"""Fixtures for pytest, found by pytest itself once Duly is installed.

Every pytest run in the environment loads this, so it imports no more than the core.
"""

from collections.abc import Iterator

import pytest

from duly.core import clock
from duly.testing.clock import VirtualClock
from duly.testing.world import World


@pytest.fixture
def virtual_clock() -> Iterator[VirtualClock]:
    """A clock that stands at 2025-01-01 00:00 UTC until it is told to move; the current one during the test."""
    virtual = VirtualClock()
    token = clock.use(virtual)
    yield virtual
    clock.restore(token)


@pytest.fixture
def world(virtual_clock: VirtualClock) -> Iterator[World]:
    """A world on ``virtual_clock``, whose ledger has to add up when the test ends."""
    world = World(virtual_clock)
    yield world
    world.assert_ledger_adds_up()
