"""The errors of executing.

DulyError
└── DependencyError      a value that a callable asks for cannot be had
"""

from duly.core.errors import DulyError


class DependencyError(DulyError):
    """A handler could not be called as it asks to be."""
