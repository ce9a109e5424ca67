"""The HTTP API and the dashboard: ``[duly.web_api]``."""

from __future__ import annotations

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Int


class WebApiConfig(Group):
    """What is served, where, and how much of the recent past it shows."""

    run: bool = True
    run_ui: bool = True
    """Serve the dashboard; without ``run`` there is none."""
    ui_hot_reload: bool = False
    host: str = "127.0.0.1"
    """Address to bind to: this machine only, unless set otherwise on purpose."""
    port: Int = Field(default=8126, ge=0, le=65535)
    """0 is any free port."""
    cors_origins: tuple[str, ...] = ("http://localhost:3000", "http://localhost:5173")
    event_buffer_size: Int = Field(default=500, ge=1)
    log_buffer_size: Int = Field(default=2000, ge=1)
    job_history_size: Int = Field(default=1000, ge=1)
