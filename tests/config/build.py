"""Settings from values as a source gives them: of any type."""

from typing import TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def build(group: type[M], **fields: object) -> M:
    """A group of settings."""
    return group(**fields)
