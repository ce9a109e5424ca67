"""A folder of app files, and a loader of them that leaves nothing behind."""

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from duly.apps.loader import AppLoader
from duly.apps.modules import AppModules, Finder
from duly.config import AppManifest


class Folder:
    """Writes app files below a directory and says where apps are."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(self, filename: str, text: str) -> Path:
        """A file with that text."""
        path = self.directory / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def app(self, filename: str, class_name: str = "Porch", before: str = "", inside: str = "pass") -> Path:
        """A file with one app class, after some lines."""
        text = f"from duly.apps import App\n{textwrap.dedent(before)}\nclass {class_name}(App):\n"
        return self.write(filename, text + textwrap.indent(textwrap.dedent(inside), "    ") + "\n")

    def manifest(self, filename: str = "porch.py", class_name: str = "Porch", **fields: Any) -> AppManifest:  # noqa: ANN401 - those of a manifest
        """Where an app is."""
        directory = Path(fields.pop("app_dir", self.directory))
        given = {"app_key": class_name.lower(), "app_dir": directory, "full_path": directory / filename, **fields}
        return AppManifest.model_validate({**given, "filename": filename, "class_name": class_name})


def finders_of(modules: AppModules) -> list[Finder]:
    """Those that it has in the interpreter, whatever other finders come and go beside."""
    return [found for found in sys.meta_path if isinstance(found, Finder) and found.modules is modules]


@contextmanager
def loading() -> Iterator[AppLoader]:
    """A loader, closed at the end; what it imported must be gone then."""
    before = set(sys.modules)
    loader = AppLoader()
    try:
        yield loader
    finally:
        loader.close()
    assert not finders_of(loader._modules)
    left = [name for name in set(sys.modules) - before if name.startswith(("apps", "helpers", "rooms"))]
    assert not left, left


def module_of(cls: type) -> ModuleType:
    """The module in force that a class was defined in."""
    return sys.modules[cls.__module__]
