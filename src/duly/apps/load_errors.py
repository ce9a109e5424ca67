"""Why the class of an app cannot be had.

DulyError
├── AppLoadError                    the class of an app cannot be had
│   ├── AppFileError                its file is not there, or not where it may be
│   ├── AppImportError              its file cannot be imported
│   └── AppClassError               its file has no such app class
└── ConfigurationError (of config)
    └── AppPrecheckFailedError      apps that cannot be started, found before anything starts
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from duly.config.errors import ConfigurationError
from duly.core.errors import DulyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from duly.config.problems import Problem


class AppLoadError(DulyError):
    """The class of an app cannot be had; the text tells where in the user's own code."""

    setting: ClassVar[Literal["filename", "class_name"] | None] = None
    """The key of the app's table that may be wrong; ``None``: it is the code."""

    def __init__(self, what: str, file: Path, line: int | None = None, *, advice: str = "") -> None:
        place = str(file) if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {what}; {advice}" if advice else f"{place}: {what}")
        self.what = what
        self.file = file
        self.line = line
        self.advice = advice


class AppFileError(AppLoadError):
    """There is no such file, or it is none, or it lies outside of its directory."""

    setting = "filename"


def require_file(path: Path) -> None:
    """Make sure that there is a file.

    Raises:
        AppFileError: there is none, or that is not ours to see.
    """
    try:
        if path.is_file():
            return
        what = "is no file" if path.exists() else "there is no such file"
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
    raise AppFileError(what, path, advice="create the file, correct the name, or set enabled = false")


class AppImportError(AppLoadError):
    """The import of the file has failed, with the error that is the cause of this one."""

    def __init__(self, error: BaseException, path: Path, directories: Collection[Path]) -> None:
        file, line = place_of(error, directories) or (path, None)
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        of_hassette = isinstance(error, ModuleNotFoundError) and error.name == "hassette"
        advice = "; import from Duly instead: `from duly import App`" if of_hassette else ""
        super().__init__(f"{type(error).__name__}: {text}{advice}".removesuffix(": "), file, line)
        self.__cause__ = error
        self.traceback = f"{own_traceback(error, directories)}{advice}"
        """Short: of the user's own code only."""


class AppClassError(AppLoadError):
    """The file has no class of that name, or it is no app."""

    setting = "class_name"


class AppPrecheckFailedError(ConfigurationError):
    """Apps that cannot be started: ``failures`` by app key; all that is wrong, also besides, is in ``problems``."""

    def __init__(self, failures: Iterable[tuple[str, Exception]], problems: Iterable[Problem]) -> None:
        super().__init__(problems)
        self.failures = tuple(failures)


def place_of(error: BaseException, directories: Collection[Path]) -> tuple[Path, int | None] | None:
    """File and line in the user's own code: of bad syntax, else the innermost of the traceback; ``None``: none is."""
    if isinstance(error, SyntaxError) and error.filename and _is_below(error.filename, directories):
        return Path(error.filename), error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_below(frame.filename, directories)]
    return (Path(frames[-1].filename), frames[-1].lineno) if frames else None


def own_traceback(error: BaseException, directories: Collection[Path]) -> str:
    """The traceback without what is not the user's own."""
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if _is_below(frame.filename, directories)]
    )
    told.__cause__ = told.__context__ = None
    return "".join(told.format()).rstrip()


def _is_below(filename: str, directories: Collection[Path]) -> bool:
    return any(Path(filename).is_relative_to(directory) for directory in directories)
