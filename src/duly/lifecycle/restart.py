"""What supervision does about a service that fails, as a value on its class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from duly.lifecycle.errors import FatalError


class RestartType(StrEnum):
    """What happens when the restarts of the window are used up."""

    PERMANENT = "permanent"
    """The process cannot do without it and ends."""
    TRANSIENT = "transient"
    """It cools down and is tried again."""
    TEMPORARY = "temporary"
    """It stays down."""


@dataclass(frozen=True, slots=True)
class RestartSpec:
    """Restart rules of one service; durations in seconds."""

    restart_type: RestartType = RestartType.TRANSIENT
    budget_intensity: int = 5
    """Restarts allowed within the window."""
    budget_period_seconds: float = 300.0
    """Length of the sliding window, on the monotonic clock."""
    backoff_base_seconds: float = 2.0
    backoff_multiplier: float = 2.0
    backoff_max_seconds: float = 60.0
    startup_timeout_seconds: float = 30.0
    """A restarted service must be ready by then."""
    cooldown_seconds: float = 300.0
    """TRANSIENT only: the pause once the budget is used up."""
    max_cooldown_cycles: int = 0
    """TRANSIENT only: pauses until it is given up; 0 is without end."""
    non_retryable_error_names: tuple[str, ...] = ()
    """Class names of errors, their own or of a base, after which no restart is tried."""
    fatal_error_names: tuple[str, ...] = ()
    """Class names of errors, their own or of a base, that end the process."""

    def backoff_seconds(self, number: int) -> float:
        """Wait before restart ``number`` of the window, the first being 1."""
        try:
            wait = self.backoff_base_seconds * self.backoff_multiplier ** (number - 1)
        except OverflowError:
            return self.backoff_max_seconds
        return min(wait, self.backoff_max_seconds)

    def is_fatal(self, error: BaseException) -> bool:
        """Whether it ends the process."""
        return isinstance(error, FatalError) or _is_named(error, self.fatal_error_names)

    def is_hopeless(self, error: BaseException) -> bool:
        """Whether no restart helps against it."""
        return _is_named(error, self.non_retryable_error_names)


def _is_named(error: BaseException, names: tuple[str, ...]) -> bool:
    """Whether its class, or a base of it, has one of these names."""
    return any(cls.__name__ in names for cls in type(error).__mro__)
