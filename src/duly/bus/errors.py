"""The errors of listening.

DulyError
├── ListenerNameRequiredError         a handler has no name that is the same in every process, and none was given
├── DuplicateListenerError            the name of a listener is taken for its topic
└── DependencyError
    ├── DependencyInjectionError      a handler has a parameter that cannot be filled; raised at registration
    └── DependencyResolutionError     a value that a handler asks for is absent or cannot be converted
"""

from duly.core.errors import DulyError
from duly.executor.errors import DependencyError


class ListenerNameRequiredError(DulyError):
    """A handler has no name that is the same in every process, so one has to be given."""


class DuplicateListenerError(DulyError):
    """A listener of this name and topic is there already."""


class DependencyInjectionError(DependencyError):
    """A handler has a parameter that cannot be filled; raised at registration."""


class DependencyResolutionError(DependencyError):
    """A value that a handler asks for is absent, or cannot be converted."""
