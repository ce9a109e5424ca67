"""Loggers of parts: named after them, every record with the tier of its source."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SourceTier: TypeAlias = Literal["app", "framework"]


class PartLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry ``source_tier``, next to the ``extra`` of the call."""

    def __init__(self, unique_name: str, source_tier: SourceTier, level: str) -> None:
        name = f"duly.{unique_name.removeprefix('Duly.')}"
        known = name in logging.root.manager.loggerDict
        super().__init__(logging.getLogger(name), {"source_tier": source_tier})
        if known:
            self.setLevel(level)
        else:  # setLevel would have all loggers forget what they know, and nobody has asked this one yet
            self.logger.level = logging.getLevelNamesMapping()[level]

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:  # noqa: ANN401 - as its base
        """Add the tier to what the call gives."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs
