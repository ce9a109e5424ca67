"""The connection to Home Assistant: ``[duly.websocket]``."""

from __future__ import annotations

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Float, Int


class WebSocketConfig(Group):
    """Time limits, retries and recovery of the connection."""

    authentication_timeout_seconds: Int = Field(default=10, ge=1)
    response_timeout_seconds: Int = Field(default=15, ge=1)
    connection_timeout_seconds: Int = Field(default=5, ge=1)
    total_timeout_seconds: Int = Field(default=30, ge=1)
    """Upper bound on a whole operation; 40 by default as part of ``DulyConfig``."""
    heartbeat_interval_seconds: Int = Field(default=30, ge=1)
    connect_retry_max_attempts: Int = Field(default=5, ge=1)
    connect_retry_initial_wait_seconds: Float = Field(default=1.0, ge=0)
    connect_retry_max_wait_seconds: Float = Field(default=32.0, ge=0)
    early_drop_stable_window_seconds: Float = Field(default=30.0, ge=0)
    """A connection that has lasted so long counts as stable."""
    early_drop_max_retries: Int = Field(default=5, ge=0)
    early_drop_backoff_initial_seconds: Float = Field(default=2.0, ge=0)
    early_drop_backoff_max_seconds: Float = Field(default=60.0, ge=0)
    max_recovery_seconds: Float = Field(default=300.0, gt=0)
    """Budget for all attempts at recovery together."""

    @classmethod
    def bounds(cls) -> tuple[tuple[str, str], ...]:
        """The two pairs of waits."""
        return (
            ("connect_retry_initial_wait_seconds", "connect_retry_max_wait_seconds"),
            ("early_drop_backoff_initial_seconds", "early_drop_backoff_max_seconds"),
        )
