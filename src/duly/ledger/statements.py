"""The SQL of the ledger: every statement named and described in a ``.sql`` file beside this one."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(name: str) -> Mapping[str, str]:
    """The statements of ``{name}.sql`` by name: each stands under a line ``-- name: …``."""
    parts = _NAME.split((files("duly.ledger") / f"{name}.sql").read_text("utf-8"))
    return {each: body.strip().rstrip(";") for each, body in zip(parts[1::2], parts[2::2], strict=True)}
