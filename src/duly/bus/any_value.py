"""The condition that a value is there, whatever it is."""

from typing import Final, final


@final
class AnyValue:
    """The class of ``ANY_VALUE``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ANY_VALUE"

    def __reduce__(self) -> str:
        return "ANY_VALUE"  # copies and pickles of it are the same object


ANY_VALUE: Final = AnyValue()
"""Any value, if there is one."""
