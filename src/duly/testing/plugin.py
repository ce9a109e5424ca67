"""Fixtures for pytest, found by pytest itself once Duly is installed.

Every pytest run in the environment loads this, so it imports no more than ``import duly`` does.
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
    """A world on ``virtual_clock``, which is closed when the test ends, and whose ledger then has to add up."""
    world = World(virtual_clock)
    yield world
    world.close()
    world.assert_ledger_adds_up()
