"""Methods that only the class that declares them may define."""

from __future__ import annotations

from typing import ClassVar

from duly.lifecycle.errors import CannotOverrideFinalError


class GuardsFinals:
    """Base of classes that name their final methods in ``final_methods``, each with the hook to use instead.

    A class may declare more of them for its own subclasses.
    """

    final_methods: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            for method, hook in vars(base).get("final_methods", {}).items():
                if getattr(cls, method) is not getattr(base, method):
                    raise CannotOverrideFinalError(cls.__qualname__, method, hook)
