"""Loggers of parts: named after them, every record with the tier of its source."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SourceTier: TypeAlias = Literal["app", "framework"]


class PartLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry ``source_tier``, next to the ``extra`` of the call."""

    def __init__(self, unique_name: str, source_tier: SourceTier) -> None:
        name = unique_name.removeprefix("Duly.")
        super().__init__(logging.getLogger(f"duly.{name}"), {"source_tier": source_tier})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:  # noqa: ANN401 - as its base
        """Add the tier to what the call gives."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs
