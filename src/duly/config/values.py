"""What a setting may be written as, by type, from whichever source it comes.

Numbers may be text, since environment variables are. A boolean is never a number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat
from pydantic_core import PydanticKnownError


def _no_bool(value: Any) -> Any:  # noqa: ANN401 - as it was written
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


def _none_in_words(value: Any) -> Any:  # noqa: ANN401 - as it was written
    return None if isinstance(value, str) and value.strip().lower() in {"none", "null"} else value


Int = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number; ``30.0`` and ``"30"`` are, ``30.5`` is not."""

Float = Annotated[FiniteFloat, BeforeValidator(_no_bool)]

Number = Annotated[int | FiniteFloat, BeforeValidator(_no_bool)]
"""A finite number, which stays whole if it was written so."""

PositiveOrNone = Annotated[
    Annotated[FiniteFloat, Field(gt=0)] | None, BeforeValidator(_no_bool), BeforeValidator(_none_in_words)
]
"""A limit in seconds, or ``None`` for no limit, for which the words ``none`` and ``null`` stand."""


def expanded(path: Path) -> Path:
    """The path with ``~`` or ``~user`` at its beginning replaced by that home directory.

    Raises:
        ValueError: there is no such directory.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is no home directory that is known: write the path in full") from None


HomePath = Annotated[Path, AfterValidator(expanded)]
"""A path that may begin with a home directory."""

AbsolutePath = Annotated[HomePath, AfterValidator(Path.absolute)]
"""Likewise; a relative one counts from the working directory."""
