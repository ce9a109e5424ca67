"""Small chains, simple enough to be right at sight."""

from collections.abc import Iterator
from itertools import takewhile

from duly.core.clock import SECOND
from duly.core.trigger import Chain, Count


class Steps:
    """A grid that hangs on the moment it is first asked from, or on ``start``. Notes how often it is asked."""

    def __init__(self, seconds: int, start: int | None = None) -> None:
        self.step = seconds * SECOND
        self.start = start
        self.calls = 0

    def first(self, now: int) -> int:
        return now + self.step if self.start is None else self.start

    def next(self, previous: int, now: int) -> int:
        self.calls += 1
        return previous + self.step * (max(0, now - previous) // self.step + 1)

    def count(self, previous: int, until: int) -> tuple[int, int]:
        self.calls += 1
        number = max(0, until - previous) // self.step
        return number, previous + number * self.step


class Calendar:
    """A finite list of moments."""

    def __init__(self, moments: list[int]) -> None:
        self.moments = sorted(set(moments))

    def first(self, now: int) -> int | None:
        return next((moment for moment in self.moments if moment > now), None)

    def next(self, previous: int, now: int) -> int | None:
        return self.first(max(previous, now))

    def count(self, previous: int, until: int) -> tuple[int, int]:
        behind = [moment for moment in self.moments if previous < moment <= until]
        return len(behind), (behind or [previous])[-1]


class Single:
    """One moment, due even if it has passed."""

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def first(self, now: int) -> int:
        return self.moment

    def next(self, previous: int, now: int) -> int | None:
        return None

    def count(self, previous: int, until: int) -> tuple[int, int]:
        return 0, previous


class Uncounted:
    """A chain as a user's trigger makes it: it cannot count. ``fails_behind``: raises instead of going beyond."""

    count: Count | None = None

    def __init__(self, chain: Chain, fails_behind: int | None = None) -> None:
        self._chain = chain
        self._fails_behind = fails_behind

    def first(self, now: int) -> int | None:
        return self._chain.first(now)

    def next(self, previous: int, now: int) -> int | None:
        following = self._chain.next(previous, now)
        if self._fails_behind is not None and (following is None or following > self._fails_behind):
            raise LookupError("no more from this trigger")
        return following


class Enumeration:
    """The elements of a chain, one by one from the first: what the conservation law is about.

    A chain that raises ends there.
    """

    def __init__(self, chain: Chain, first: int) -> None:
        self._chain = chain
        self._known = [first]
        self._index = {first: 0}
        self._ended = False

    def element(self, index: int) -> int | None:
        while index >= len(self._known) and not self._ended:
            self._extend()
        return self._known[index] if index < len(self._known) else None

    def index_of(self, element: int) -> int:
        """Where it stands; ``KeyError`` if it is none of those enumerated so far."""
        return self._index[element]

    def from_index(self, index: int) -> Iterator[int]:
        while (element := self.element(index)) is not None:
            yield element
            index += 1

    def up_to(self, index: int, until: int) -> list[int]:
        """The elements from ``index`` on that are not later than ``until``."""
        return list(takewhile(lambda element: element <= until, self.from_index(index)))

    def _extend(self) -> None:
        last = self._known[-1]
        try:
            following = self._chain.next(last, last)
        except LookupError:
            following = None
        if following is None:
            self._ended = True
        else:
            self._index[following] = len(self._known)
            self._known.append(following)
