"""Instances of a real Home Assistant."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hass_core.home_assistant import HomeAssistant


@pytest.fixture(scope="session")
def home_assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistant]:
    """One that the tests of a worker process share: they leave it running, and put back what others rely on."""
    with HomeAssistant(tmp_path_factory.mktemp("home_assistant")) as home:
        yield home


@pytest.fixture
def own_home_assistant(tmp_path: Path) -> Iterator[HomeAssistant]:
    """One of the test's own, to stop, kill and hold up."""
    directory = tmp_path / "home_assistant"
    directory.mkdir()
    with HomeAssistant(directory) as home:
        yield home
