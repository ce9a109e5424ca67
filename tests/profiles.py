"""How many examples a property test takes under the active Hypothesis profile."""

from hypothesis import settings

_EXAMPLES = {"quick": 100, "ci": 2_000, "thorough": 20_000}


def examples() -> int:
    """For the properties that Duly stands on; ``DULY_HYPOTHESIS_PROFILE`` chooses."""
    return _EXAMPLES[settings.get_current_profile_name()]
