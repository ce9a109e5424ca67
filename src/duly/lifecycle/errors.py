"""The errors of the life of parts.

DulyError
├── CannotOverrideFinalError           a subclass defines what only its base may
├── InvalidLifecycleTransitionError    a change of status that the table does not know; strict lifecycle only
└── FatalError                         raised by a part: the process must end
"""

from __future__ import annotations

from duly.core.errors import DulyError


class CannotOverrideFinalError(DulyError):
    """A class overrides a final method; raised when the class is made."""

    def __init__(self, class_name: str, method: str, hook: str) -> None:
        super().__init__(f"{class_name} overrides {method}(), which is final: override {hook}() instead")
        self.class_name = class_name
        self.method = method
        self.hook = hook


class InvalidLifecycleTransitionError(DulyError):
    """A status may not follow the present one; the present one stays."""

    def __init__(self, resource: str, from_status: str, to_status: str) -> None:
        super().__init__(f"invalid status change of {resource}: {from_status} to {to_status}")
        self.resource = resource
        self.from_status = from_status
        self.to_status = to_status


class FatalError(DulyError):
    """Ends the process with exit code 1 when it leaves a service's ``serve`` or a part's start."""
