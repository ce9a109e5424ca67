"""Apps: what users write, and what loads, starts and stops it."""

from duly.apps.app import App
from duly.apps.app_config import AppConfig
from duly.apps.app_sync import AppSync
from duly.apps.errors import AppConfigurationError, InvalidInheritanceError
from duly.apps.handler import AppHandler
from duly.apps.load_errors import AppLoadError, AppPrecheckFailedError
from duly.apps.only_app import only_app
from duly.apps.registry import AppSnapshot, AppsSnapshot, AppStatus, InstanceSnapshot

__all__ = [
    "App",
    "AppConfig",
    "AppConfigurationError",
    "AppHandler",
    "AppLoadError",
    "AppPrecheckFailedError",
    "AppSnapshot",
    "AppStatus",
    "AppSync",
    "AppsSnapshot",
    "InstanceSnapshot",
    "InvalidInheritanceError",
    "only_app",
]
