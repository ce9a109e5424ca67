"""Settings: one root, and a group per subject."""

from duly.config.apps import AppsConfig
from duly.config.database import DatabaseConfig
from duly.config.file_watcher import FileWatcherConfig
from duly.config.lifecycle import LifecycleConfig
from duly.config.logs import LoggingConfig
from duly.config.root import DulyConfig
from duly.config.scheduler import SchedulerConfig
from duly.config.web_api import WebApiConfig
from duly.config.websocket import WebSocketConfig

__all__ = [
    "AppsConfig",
    "DatabaseConfig",
    "DulyConfig",
    "FileWatcherConfig",
    "LifecycleConfig",
    "LoggingConfig",
    "SchedulerConfig",
    "WebApiConfig",
    "WebSocketConfig",
]
