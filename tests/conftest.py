"""Settings for the whole suite."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall: a deadline or a slow draw says nothing about the code.
settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile(os.environ.get("DULY_HYPOTHESIS_PROFILE", "ci"))


HASS_CORE = Path(__file__).parent / "hass_core"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Tests against a real Home Assistant run only if they are named, as by ``make test-hass``: it needs installing."""
    named = any(HASS_CORE.name in argument for argument in config.args)
    return True if collection_path == HASS_CORE and not named else None


@pytest.fixture(autouse=True)
def _no_modules_of_apps_are_left() -> Iterator[None]:
    """A loader that a test drops keeps the names of its directories until it is collected: the next test wants them."""
    yield
    if "duly.apps.modules" in sys.modules:
        from duly.apps.modules import Finder  # noqa: PLC0415 - only if a test has loaded it

        for finder in list(sys.meta_path):
            if isinstance(finder, Finder):
                finder.modules.withdraw()
