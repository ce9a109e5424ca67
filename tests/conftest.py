"""Settings for the whole suite."""

import os

from hypothesis import HealthCheck, settings

# Shared machines stall: a deadline or a slow draw says nothing about the code.
settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile(os.environ.get("DULY_HYPOTHESIS_PROFILE", "ci"))
