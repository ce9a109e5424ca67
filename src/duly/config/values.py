"""What a setting may be written as, by type, from whichever source it comes.

Numbers may be text, since environment variables are. A boolean is never a number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat


def _no_bool(value: Any) -> Any:  # noqa: ANN401 - as it was written
    if isinstance(value, bool):
        raise ValueError("must be a number, not a boolean")  # noqa: TRY004 - pydantic reports ValueError only
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

AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""A path; a relative one counts from the working directory."""
