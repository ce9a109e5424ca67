"""What can be wrong with settings, as it is told: where, which key, which value, what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from below the root table down to one value; a number is a place in a list."""

LONGEST_VALUE = 80
"""Characters of a value that are shown."""

_SECRETS = ("token", "password", "secret", "api_key")

_NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, ready to be shown: secrets are masked, long values are cut."""

    file: str
    """Where it was written: a file, ``environment variable …``, ``command line …``, an argument."""
    key_path: str | None
    """``None`` if the source as a whole is at fault."""
    value: str | None
    fix: str
    """What is allowed, and the next step."""
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        key, value = self.key_path or _NOTHING, _NOTHING if self.value is None else self.value
        return f"  file   {place}\n  key    {key}\n  value  {value}\n  fix    {self.fix}"


def dotted(path: KeyPath) -> str:
    """A key path as people write it."""
    return ".".join(map(str, path))


def truncated(secret: str | None) -> str:
    """As much of a secret as tells it from another one."""
    if not secret:
        return "<not set>"
    if len(secret) < 8:  # noqa: PLR2004 - the table of three lengths
        return "***"
    return f"{secret[:3]}***" if len(secret) <= 12 else f"{secret[:6]}...{secret[-6:]}"  # noqa: PLR2004 - as above


def shown(path: KeyPath, value: object) -> str:
    """A value as it was written, on one line, without secrets and not too long."""
    text = as_toml(_masked(value, secret=any(map(_is_secret, path))))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _is_secret(key: str | int) -> bool:
    return isinstance(key, str) and any(word in key.lower() for word in _SECRETS)


def _masked(value: Any, *, secret: bool) -> Any:  # noqa: ANN401 - as it was written
    if isinstance(value, Mapping):
        return {key: _masked(inner, secret=secret or _is_secret(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, secret=secret) for inner in value]
    return truncated(str(value)) if secret else value


def as_toml(value: Any) -> str:  # noqa: ANN401 - as it was written
    """A value as in a TOML file, but for what TOML has not."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
