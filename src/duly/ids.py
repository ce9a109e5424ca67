"""Ids of executions and events: UUIDs of version 7, as 16 bytes inside and as text outside."""

import os
from itertools import count
from uuid import UUID

_MILLISECOND = 1_000_000
_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM = (1 << 62) - 1


class _Tail:
    """The last 62 bits: from a random number on they count up, so that no two ids of a process are the same."""

    def __init__(self) -> None:
        self.next = count(int.from_bytes(os.urandom(8), "big")).__next__  # one call into C: safe in all threads


_tail = _Tail()
os.register_at_fork(after_in_child=_tail.__init__)  # type: ignore[misc] # a child begins with a number of its own


def new_id(now: int) -> bytes:
    """A new id, unique, that sorts by ``now``, nanoseconds since the epoch.

    RFC 9562, 5.7 and 6.2: 48 bits of milliseconds, in ``rand_a`` the fraction of the millisecond, in ``rand_b`` a
    counter that begins anywhere.
    """
    milliseconds, rest = divmod(now, _MILLISECOND)
    head = milliseconds << 80 | _VERSION | (rest << 12) // _MILLISECOND << 64
    return (head | _VARIANT | _tail.next() & _RANDOM).to_bytes(16, "big")


def id_text(key: bytes) -> str:
    """The usual text of an id."""
    digits = key.hex()  # a quarter of the cost of a ``UUID``: each execution has one
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_bytes(text: str) -> bytes:
    """The 16 bytes of an id.

    Raises:
        ValueError: it is no UUID.
    """
    try:
        return UUID(text).bytes
    except ValueError:
        raise ValueError(f"an id is a UUID, got {text!r}") from None
