"""What a worker is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from duly.dispatch.streams import StreamSettings
from duly.dispatch.subjects import Subjects, is_token


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told besides its functions."""

    queue: str
    concurrency: int = 10
    """Tasks at the same time."""
    grace_seconds: float = 30.0
    """What running tasks have to end when the worker is to stop."""
    ack_wait_seconds: float = 30.0
    """After so long without a sign of life from its worker, a task goes to another."""
    ignore_unknown: bool = False
    """Whether tasks for which it has no function are none of this queue's."""
    subjects: Subjects = field(default_factory=Subjects)
    stream: StreamSettings = field(default_factory=StreamSettings)

    def __post_init__(self) -> None:
        if not is_token(self.queue):
            raise ValueError(f"queue must be a name without blanks, dots, '*' and '>', got {self.queue!r}")
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, got {self.concurrency!r}")
        if self.ack_wait_seconds < 1:
            raise ValueError(f"ack_wait must be at least 1 second, got {self.ack_wait_seconds!r}")
        if self.grace_seconds < 0:
            raise ValueError(f"grace must be non-negative seconds, got {self.grace_seconds!r}")
