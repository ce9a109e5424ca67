"""What files contain: which of them matter, and which have changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

NEVER_LOOKED_INTO = "__pycache__"


def digest(content: bytes) -> str:
    """Tells a content from any other."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest_of(path: Path) -> str | None:
    """The digest of a file's content; ``None``: there is no such file, or it cannot be read."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return None


def is_scratch(path: Path) -> bool:
    """Whether an editor has put the file there for itself."""
    name = path.name
    return name.startswith((".", "#", "flycheck_")) or name.endswith(("~", "_flymake.py"))


def python_files(
    directory: Path, exclude_dirs: Collection[str], closed: Callable[[OSError], object] | None = None
) -> Iterator[Path]:
    """The Python files below a directory in the order of their names; none in it or below with an excluded name.

    ``closed`` is told of directories that cannot be looked into.
    """
    excluded = {NEVER_LOOKED_INTO, *exclude_dirs}
    for parent, directories, files in os.walk(directory, onerror=closed):
        directories[:] = sorted(set(directories) - excluded)
        for name in sorted(files):
            path = Path(parent, name)
            if name.endswith(".py") and name not in excluded and not is_scratch(path) and path.is_file():
                yield path


class Contents:
    """Owns what was seen last of each file; used by one thread at a time."""

    def __init__(self, seen: Mapping[Path, str | None]) -> None:
        self._seen: dict[Path, str | None] = dict(seen)

    def take(self, seen: Mapping[Path, str | None]) -> None:
        """Count these contents as seen."""
        self._seen.update(seen)

    def changed(self, files: Iterable[Path]) -> set[Path]:
        """Those that have another content than when last seen, are new, or are gone; they count as seen from now on."""
        now = {path: digest_of(path) for path in {*files, *self._seen}}
        changed = {path for path, content in now.items() if content != self._seen.get(path)}
        self._seen = {path: content for path, content in now.items() if content is not None}
        return changed
