"""Execution ids: UUIDs of version 7, as 16 bytes inside and as text outside."""

from os import urandom
from uuid import UUID

_MILLISECOND = 1_000_000
_VERSION = 7 << 76
_VARIANT = 2 << 62
_BEFORE_RANDOM = 1 << 62


def new_execution_id(now: int) -> bytes:
    """A new id, unique, that sorts by ``now``, nanoseconds since the epoch.

    RFC 9562, 5.7: 48 bits of milliseconds, and in ``rand_a`` the fraction of the millisecond, so that ids of one
    process sort in the order in which they were made.
    """
    milliseconds, rest = divmod(now, _MILLISECOND)
    fraction = (rest << 12) // _MILLISECOND
    random = int.from_bytes(urandom(8), "big") % _BEFORE_RANDOM
    return (milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | random).to_bytes(16, "big")


def id_text(execution_id: bytes) -> str:
    """The usual text of an id."""
    return str(UUID(bytes=execution_id))


def id_bytes(text: str) -> bytes:
    """The 16 bytes of an id.

    Raises:
        ValueError: it is no UUID.
    """
    try:
        return UUID(text).bytes
    except ValueError:
        raise ValueError(f"an execution id is a UUID, got {text!r}") from None
