"""How long to wait before something is tried again."""

from __future__ import annotations

_FIRST_SECONDS = 0.05
_MOST_SECONDS = 2.0
_DOUBLINGS = 6
"""After so many it is the most."""


def backoff(failures: int) -> float:
    """Seconds to wait after the first failure (0) and each further one: twice as many each time, 2 at most."""
    return min(_FIRST_SECONDS * (1 << min(failures, _DOUBLINGS)), _MOST_SECONDS)
