"""A value that is not there, where ``None`` could be one."""

from typing import Final, final


@final
class MissingValue:
    """The class of ``MISSING_VALUE``, which is false."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING_VALUE"

    def __reduce__(self) -> str:
        return "MISSING_VALUE"  # copies and pickles of it are the same object


MISSING_VALUE: Final = MissingValue()
"""There is no such value."""
