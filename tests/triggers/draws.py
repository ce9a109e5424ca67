"""Hypothesis strategies and helpers that the tests of triggers share."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

from hypothesis import strategies as st
from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, nanoseconds, zoned
from duly.core.trigger import Chain
from duly.triggers.builtin import BuiltInChain
from tests.triggers.oracle import transitions as find_transitions

ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
)
YEARS = range(2000, 2038)
DAY = 86_400

transitions = cache(find_transitions)


@dataclass(frozen=True, slots=True)
class FrozenClock:
    """A clock that stands still."""

    moment: int
    zone: Zone = "America/Chicago"

    def now(self) -> int:
        return self.moment

    def monotonic(self) -> int:
        return self.moment


def at(text: str) -> int:
    """Nanoseconds of an ISO time with offset and zone."""
    return nanoseconds(ZonedDateTime.parse_iso(text))


def walk(chain: Chain, start: int, number: int) -> list[int]:
    """The next ``number`` elements after ``start``."""
    found = [start]
    while len(found) <= number and (following := chain.next(found[-1], found[-1])) is not None:
        found.append(following)
    assert all(a < b for a, b in pairwise(found))
    return found[1:]


def walk_until(chain: Chain, start: int, until: int) -> list[int]:
    """All elements in (start, until]."""
    found = [start]
    while (following := chain.next(found[-1], found[-1])) is not None and following <= until:
        found.append(following)
    return found[1:]


def walk_back(chain: BuiltInChain, before: int, after: int) -> list[int]:
    """All elements in (after, before), the last first."""
    found = [before]
    while (earlier := chain.previous(found[-1])) is not None and earlier > after:
        found.append(earlier)
    return found[1:]


def shown(moments: list[int], zone: str) -> list[str]:
    """As ``03-09T03:30-05``."""
    return [zoned(moment, zone).format_iso(unit="minute")[5:19] for moment in moments]


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """A field of numbers: all, a value, a range, a step, or a list of these."""
    pair = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    item = st.one_of(
        st.integers(low, high).map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.tuples(pair, st.integers(1, high)).map(lambda drawn: f"{drawn[0][0]}-{drawn[0][1]}/{drawn[1]}"),
    )
    return st.one_of(st.just("*"), item, st.lists(item, min_size=1, max_size=3).map(",".join))


def month_days() -> st.SearchStrategy[str]:
    """The day-of-month field, with ``L``, ``L-n``, ``LW`` and ``nW``."""
    special = st.one_of(
        st.sampled_from(["L", "LW"]),
        st.integers(0, 30).map(lambda n: f"L-{n}"),
        st.integers(1, 31).map(lambda n: f"{n}W"),
    )
    mixed = st.lists(st.one_of(special, st.integers(1, 31).map(str)), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.sampled_from("*?"), numbers(1, 31), mixed)


def week_days() -> st.SearchStrategy[str]:
    """The day-of-week field, with names, ``d#n`` and ``dL``."""
    name = st.sampled_from(["sun", "Mon", "TUE", "wed", "thu", "fri", "sat", *"01234567"])
    special = st.one_of(
        name.map(lambda day: f"{day}L"), st.tuples(name, st.integers(1, 5)).map(lambda drawn: f"{drawn[0]}#{drawn[1]}")
    )
    mixed = st.lists(st.one_of(special, name), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.sampled_from("*?"), numbers(0, 7), mixed)


def often(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


def expressions(*, seconds: bool = True) -> st.SearchStrategy[str]:
    """Any expression; hours around DST changes, and fields that leave something to see, more often."""
    last = st.one_of(st.just(""), st.just(""), numbers(0, 59).map(lambda text: f" {text}")) if seconds else st.just("")
    fields = st.tuples(
        numbers(0, 59),
        st.one_of(numbers(0, 23), often("*", "0-3", "2", "1", "0", "*/2", "1-3", "23,0", "*/1")),
        st.one_of(month_days(), st.just("*")),
        st.one_of(numbers(1, 12), often("*", "*", "jan-apr", "MAR,Oct,nov", "*/2")),
        st.one_of(week_days(), st.just("*")),
    )
    return st.tuples(fields.map(" ".join), last).map("".join)


@st.composite
def windows(draw: st.DrawFn, zone: str, *, days: int = 2) -> tuple[int, int]:
    """(after, until) in seconds, within one of the years, mostly around a DST change."""
    year = draw(st.sampled_from(YEARS))
    changes = transitions(zone, year)
    if changes and draw(st.integers(0, 3)) > 0:
        start = draw(st.sampled_from(changes)) - draw(st.integers(0, days * DAY))
    else:
        start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) + draw(st.integers(0, 364 * DAY))
    return start, start + draw(st.integers(1, days * DAY))


def in_nanoseconds(ticks: list[int]) -> list[int]:
    return [tick * SECOND for tick in ticks]
