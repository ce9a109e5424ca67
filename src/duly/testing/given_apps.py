"""Apps that a test has as classes, in place of those in files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from duly.apps import App
from duly.apps.loader import AppLoader
from duly.config import AppManifest


class GivenApps(AppLoader):
    """A loader that gives the class it was given for a key. Guarded by its harness, which calls nothing meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.classes: dict[str, type[App[Any]]] = {}
        """By app key."""

    def load(self, manifest: AppManifest) -> type[App[Any]]:
        """The class of an app."""
        return self.classes[manifest.app_key]


def key_of(app_class: type[App[Any]]) -> str:
    """The app key of a class: ``HallLight`` has ``hall_light``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", app_class.__name__).lower()


def table_of(app_class: type[App[Any]], config: Mapping[str, Any], instances: int) -> dict[str, Any]:
    """The table of an app in the configuration: so many instances of a class, all with ``config``.

    Raises:
        TypeError: the class is no app.
        ValueError: no instances.
    """
    if App not in getattr(app_class, "__mro__", ()):
        raise TypeError(f"app_class must be a class derived from App or AppSync, got {app_class!r}")
    if instances < 1:
        raise ValueError(f"instances must be 1 or more, got {instances}")
    try:
        file = Path(inspect.getfile(app_class))
    except (OSError, TypeError):  # typed in by hand
        file = Path(f"{key_of(app_class)}.py")
    return {
        "filename": file.name,
        "app_dir": str(file.parent.resolve()),
        "class_name": app_class.__name__,
        "config": [dict(config) for _ in range(instances)],
    }
