"""Settings from values as a source gives them: of any type."""

from typing import TypeVar

from pydantic import BaseModel

from duly.config import DulyConfig

M = TypeVar("M", bound=BaseModel)


def build(group: type[M], **fields: object) -> M:
    """A group of settings; the root without any source but these values."""
    return group.hermetic(**fields) if issubclass(group, DulyConfig) else group(**fields)
