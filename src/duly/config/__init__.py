"""Settings: one root, and a group per subject."""

from duly.config.apps import AppsConfig
from duly.config.database import DatabaseConfig
from duly.config.errors import ConfigurationError, DulyNotInitializedError
from duly.config.file_watcher import FileWatcherConfig
from duly.config.lifecycle import LifecycleConfig
from duly.config.logs import LoggingConfig
from duly.config.manifest import AppManifest
from duly.config.problems import Problem
from duly.config.reloading import Reload
from duly.config.root import DulyConfig
from duly.config.scheduler import SchedulerConfig
from duly.config.web_api import WebApiConfig
from duly.config.websocket import WebSocketConfig

__all__ = [
    "AppManifest",
    "AppsConfig",
    "ConfigurationError",
    "DatabaseConfig",
    "DulyConfig",
    "DulyNotInitializedError",
    "FileWatcherConfig",
    "LifecycleConfig",
    "LoggingConfig",
    "Problem",
    "Reload",
    "SchedulerConfig",
    "WebApiConfig",
    "WebSocketConfig",
]
