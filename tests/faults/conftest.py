"""Schedulers that are checked when their test ends."""

from tests.embedded.conftest import make

__all__ = ["make"]
