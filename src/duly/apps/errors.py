"""The errors of apps.

DulyError
├── InvalidInheritanceError     an app class that cannot work, raised when the class is made
└── AppConfigurationError       the configuration of an instance is refused
"""

from __future__ import annotations

from dataclasses import dataclass

from duly.core.errors import DulyError


class InvalidInheritanceError(DulyError):
    """A class derives from ``App`` in a way that cannot work; raised when the class is made."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with the configuration of an instance."""

    field: str
    """Dotted path within the ``config`` table; empty: the table as a whole."""
    value: str
    """As it may be shown: shortened, secrets masked; empty if there is none."""
    message: str
    variable: str = ""
    """What the variable is called that has set it, if one has, in letters of any case; the table has not."""

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text}, not {self.value}" if self.value else text


class AppConfigurationError(DulyError):
    """The configuration of an instance is refused; its text names every field, its value and what is allowed."""

    def __init__(self, app_key: str, index: int, problems: tuple[ConfigProblem, ...]) -> None:
        lines = "; ".join(map(str, problems))
        super().__init__(f"invalid config of app {app_key}, instance {index}: {lines}")
        self.app_key = app_key
        self.index = index
        self.problems = problems
