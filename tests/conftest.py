"""Settings for the whole suite."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall: a deadline or a slow draw says nothing about the code.
settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile(os.environ.get("DULY_HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _no_modules_of_apps_are_left() -> Iterator[None]:
    """A loader that a test drops keeps the names of its directories until it is collected: the next test wants them."""
    yield
    if "duly.apps.modules" in sys.modules:
        from duly.apps.modules import Finder  # noqa: PLC0415 - only if a test has loaded it

        for finder in list(sys.meta_path):
            if isinstance(finder, Finder):
                finder.modules.withdraw()
