"""Storage, retention and upkeep: ``[duly.database]``."""

from __future__ import annotations

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Float, HomePath, Int


class DatabaseConfig(Group):
    """Where records are kept, for how long, and how the file is looked after."""

    path: HomePath | None = None
    """The SQLite file; ``None`` is ``duly.db`` in the data directory."""
    retention_days: Int = Field(default=7, ge=1)
    """How long execution records are kept."""
    max_size_mb: Float = Field(default=500.0, ge=0)
    """Above it the oldest executions go; 0 is no limit."""
    migration_timeout_seconds: Int = Field(default=120, ge=10)
    write_queue_max: Int = Field(default=2000, ge=1)
    telemetry_write_queue_max: Int = Field(default=1000, ge=1)
    heartbeat_interval_seconds: Int = Field(default=300, ge=10)
    retention_interval_seconds: Int = Field(default=3600, ge=60)
    size_failsafe_interval_seconds: Int = Field(default=3600, ge=60)
    size_failsafe_max_iterations: Int = Field(default=10, ge=1)
    """The most batches deleted in one run that enforces the size limit."""
    size_failsafe_delete_batch: Int = Field(default=1000, ge=1)
    """Rows in such a batch."""
    size_failsafe_vacuum_pages: Int = Field(default=100, ge=1)
    """Pages given back to the disk per run."""
    max_consecutive_heartbeat_failures: Int = Field(default=3, ge=1)
    read_timeout_seconds: Float = Field(default=10.0, ge=0.1)
    max_flush_interval_seconds: Float = Field(default=5.0, ge=0.1)
    """The longest that an execution record waits unwritten."""
