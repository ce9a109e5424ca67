"""The errors of the settings.

DulyError
├── ConfigurationError (ValueError)          settings that cannot be used: every problem that was found
└── DulyNotInitializedError (RuntimeError)   asked for the running Duly, or its settings, where none runs
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from duly.core.errors import DulyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duly.config.problems import Problem
    from duly.config.root import DulyConfig


class ConfigurationError(DulyError, ValueError):
    """Settings that cannot be used; its text is a report of all ``problems``, for people."""

    def __init__(self, problems: Iterable[Problem], rest: DulyConfig | None = None) -> None:
        self.problems = list(problems)
        self.rest = rest
        """The settings without what is wrong, to look for more; ``None``: too little is known."""
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        return "\n\n".join(
            f"configuration error ({number} of {count})\n{problem}" for number, problem in enumerate(self.problems, 1)
        )


class DulyNotInitializedError(DulyError, RuntimeError):
    """No Duly runs in the current context."""
