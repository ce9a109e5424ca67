"""Numbers as Home Assistant gives them: states are text, attributes may be either."""

import math

from duly.states import texts


def is_number(value: object) -> bool:
    """Whether it is a finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: object) -> float | None:
    """The number that a value is, or that its text reads as; ``None``: neither."""
    if isinstance(value, str):
        try:
            return texts.number(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and is_number(value) else None
