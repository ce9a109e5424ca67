"""The SQL of the ledger: every statement named and described in a ``.sql`` file beside this one."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(*names: str) -> Mapping[str, str]:
    """The statements of each ``{name}.sql`` by name: they stand under lines ``-- name: …``."""
    text = "".join((files("duly.ledger") / f"{name}.sql").read_text("utf-8") for name in names)
    parts = _NAME.split(text)
    found = {each: body.strip().rstrip(";") for each, body in zip(parts[1::2], parts[2::2], strict=True)}
    assert len(found) == len(parts) // 2, f"statements of {names} have the same name"  # noqa: S101 - a fault of ours
    return found
