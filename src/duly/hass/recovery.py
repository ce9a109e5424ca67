"""When to try again: the arithmetic of one round of attempts, without clock and without network.

    failed, lost -> Wait | GiveUp

Moments are seconds of any clock that goes on evenly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from duly.config import WebSocketConfig

_MOST_DOUBLINGS: Final = 64


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float
    last: bool = False
    """Whether the round has failed then: its time is used up."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The round has failed."""

    why: str


Step: TypeAlias = Wait | GiveUp


class Recovery:
    """One round: counts attempts that failed in a row and early drops, and keeps the end of the time there is."""

    def __init__(self, limits: WebSocketConfig, random: Callable[[], float], *, since: float | None) -> None:
        """Begin. ``random`` gives 0 to 1.

        ``since`` is when the time for recovery began; ``None``: there has been no link yet that could be recovered.
        """
        self._limits = limits
        self._random = random
        self._failures = 0
        self._drops = 0
        self._up_at = 0.0
        self.deadline: float | None = None
        """When the round has failed unless there is a link."""
        if since is not None:
            self.deadline = since + limits.max_recovery_seconds

    def failed(self, now: float) -> Step:
        """An attempt has failed."""
        limits = self._limits
        self._failures += 1
        if self._is_over(now):
            return self._too_long()
        if self._failures >= limits.connect_retry_max_attempts:
            return GiveUp(f"{self._failures} attempts in a row have failed")
        first, most = limits.connect_retry_initial_wait_seconds, limits.connect_retry_max_wait_seconds
        return self._wait(now, self._backoff(first, most, self._failures))

    def connected(self, now: float) -> None:
        """The link is up."""
        self._up_at = now
        self._failures = 0

    def is_stable(self, now: float) -> bool:
        """Whether the link, which is up, has been for so long that its loss is no early drop."""
        return now - self._up_at >= self._limits.early_drop_stable_window_seconds

    def lost(self, now: float) -> Step:
        """The link, which was up, is no more."""
        limits = self._limits
        if self.is_stable(now):
            self._drops = 0
            self.deadline = now + limits.max_recovery_seconds
            return Wait(0.0)
        if self.deadline is None:
            self.deadline = now + limits.max_recovery_seconds
        self._drops += 1
        if self._is_over(now):
            return self._too_long()
        if self._drops > limits.early_drop_max_retries:
            return GiveUp(f"{self._drops} connections in a row were lost early")
        first, most = limits.early_drop_backoff_initial_seconds, limits.early_drop_backoff_max_seconds
        return self._wait(now, self._backoff(first, most, self._drops))

    def _backoff(self, first: float, most: float, number: int) -> float:
        doubled = first * 2.0 ** min(number - 1, _MOST_DOUBLINGS)
        return min(doubled, most) + self._random() * first

    def _wait(self, now: float, seconds: float) -> Wait:
        if self.deadline is not None and now + seconds >= self.deadline:
            return Wait(self.deadline - now, last=True)
        return Wait(seconds)

    def _is_over(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline

    def _too_long(self) -> GiveUp:
        return GiveUp(self.used_up)

    @property
    def used_up(self) -> str:
        """Why a round fails whose time is used up."""
        return f"there was no stable connection within {self._limits.max_recovery_seconds:g} s"
