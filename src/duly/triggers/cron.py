"""``Cron`` and ``Daily``: wall-clock schedules, and ``Dst``, which says what they do when clocks change."""

from copy import copy
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple, Self, get_args

from duly.core.clock import Zone, checked_zone
from duly.triggers.builtin import BuiltInTrigger
from duly.triggers.explain import sentence
from duly.triggers.expression import Texts, field_texts, hashed_texts, hashes, local_times_of
from duly.triggers.local_times import LocalTimes
from duly.triggers.once import hours_and_minutes
from duly.triggers.ticks import CronChain, Gap, shared_chain
from duly.triggers.zones import Overlap, Segments, segments


@dataclass(frozen=True, slots=True)
class Dst:
    """What becomes of a wall-clock time that does not exist on a day (``gap``) or occurs twice (``overlap``).

    ``gap``: ``"shift"`` moves it forward by the length of the gap, ``"after_gap"`` to the first instant after the gap,
    ``"skip"`` leaves it out. ``overlap``: it runs at the ``"first"`` or the ``"second"`` occurrence, or at ``"both"``.
    Ticks that thereby coincide run once.

    The defaults are the rule of RFC 5545, and concern schedules by the hour of the day: one whose hour field matches
    all 24 keeps its cadence instead (no tick for a gap, both passes of an overlap). Each of the other words is meant
    literally, also for such a schedule: with ``overlap="second"`` even ``* * * * *`` pauses for the first pass.

    Raises:
        ValueError: another word.
    """

    gap: Gap = "shift"
    overlap: Overlap = "first"

    def __post_init__(self) -> None:
        for name, value, words in (("gap", self.gap, get_args(Gap)), ("overlap", self.overlap, get_args(Overlap))):
            if value not in words:
                raise ValueError(f"Dst {name!r} must be one of {', '.join(words)}, got {value!r}")

    def __str__(self) -> str:
        return f"{self.gap}/{self.overlap}"


COMPATIBLE = Dst()
"""The default."""


class Compiled(NamedTuple):
    """A cron expression, understood. ``texts`` are its six fields, ``H`` replaced."""

    texts: Texts
    local_times: LocalTimes
    hashed: bool


class Cron(BuiltInTrigger):
    """Run at the wall-clock times of a cron expression: five fields, or six with the seconds last.

    The zone is ``timezone`` (an IANA name, a ``ZoneInfo`` or ``datetime.UTC``), by default that of the argument or the
    host. ``day_or=False`` makes two
    restricted day fields narrow each other instead of adding up. ``hash_id`` is what ``H`` is a hash of, by default
    the job's name. Chains end before the year 2200.

    Raises:
        ValueError: the expression is not understood (the text says what is wrong) or can never match; no such zone.
        TypeError: the expression is no text; a zone without a name.
    """

    __slots__ = ("_compiled", "_hash_id", "day_or", "dst", "expression", "timezone")

    def __init__(
        self,
        expression: str,
        *,
        timezone: str | tzinfo | None = None,
        dst: Dst = COMPATIBLE,
        day_or: bool = True,
        hash_id: str | None = None,
    ) -> None:
        if not isinstance(expression, str):
            raise TypeError(f"cron expression must be a string, got {expression!r}")
        try:
            self._compiled = compiled(expression, expression if hash_id is None else hash_id, day_or)
        except ValueError as error:
            raise ValueError(f"Invalid cron expression: {expression!r}: {error}") from None
        self.expression = expression
        self.timezone = None if timezone is None else _zone_name(timezone)
        self.dst = dst
        self.day_or = day_or
        self._hash_id = hash_id

    def bind(self, name: str) -> Self:
        """This trigger with ``name`` as what ``H`` is a hash of; itself if it has no ``H`` or its own ``hash_id``."""
        if self._hash_id is not None or not self._compiled.hashed:
            return self
        bound = copy(self)
        bound._compiled = compiled(self.expression, name, self.day_or)  # noqa: SLF001 - a copy of this very object
        return bound

    @property
    def keeps_cadence(self) -> bool:
        """Whether the hour field matches all 24, so that by default a change of clocks leaves the cadence alone."""
        return self._compiled.local_times.all_hours

    def chain(self, zone: Zone) -> CronChain:
        """The ticks in ``timezone``, else in ``zone``."""
        overlap = "both" if self.keeps_cadence and self.dst.overlap == "first" else self.dst.overlap
        return self.chain_over(segments(zone if self.timezone is None else self.timezone, overlap))

    def chain_over(self, offsets: Segments) -> CronChain:
        """The ticks under these UTC offsets."""
        gap: Gap = "skip" if self.keeps_cadence and self.dst.gap == "shift" else self.dst.gap
        return shared_chain(self._compiled.local_times, offsets, gap)

    def explain(self) -> str:
        """One English sentence."""
        return sentence(self._compiled.texts, timezone=self.timezone, day_or=self.day_or)

    def trigger_label(self) -> str:
        """``cron``."""
        return "cron"

    def trigger_detail(self) -> str:
        """The expression as given."""
        return self.expression

    def trigger_db_type(self) -> Literal["cron"]:
        """``cron``."""
        return "cron"

    def trigger_id(self) -> str:
        """``cron:{expression}`` and what differs from the defaults; the same before and after ``bind``."""
        options = (
            ("timezone", self.timezone, None),
            ("dst", self.dst, COMPATIBLE),
            ("day_or", self.day_or, True),
            ("hash_id", self._hash_id, None),
        )
        return f"cron:{self.expression}" + "".join(f";{k}={value}" for k, value, default in options if value != default)


class Daily(Cron):
    """Run every day at ``"HH:MM"`` on the wall clock.

    Raises:
        ValueError: ``at`` is no such time; no such zone.
        TypeError: ``at`` is no text.
    """

    __slots__ = ("_at",)

    def __init__(self, at: str, *, timezone: str | tzinfo | None = None, dst: Dst = COMPATIBLE) -> None:
        if not isinstance(at, str):
            raise TypeError(f"Daily 'at' must be 'HH:MM', got {at!r}")
        hour, minute = hours_and_minutes(at, "Daily")
        super().__init__(f"{minute} {hour} * * *", timezone=timezone, dst=dst)
        self._at = at

    def trigger_label(self) -> str:
        """``daily``."""
        return "daily"

    def trigger_detail(self) -> str:
        """The time as given."""
        return self._at


@lru_cache(maxsize=4096)
def compiled(expression: str, hash_id: str, day_or: bool) -> Compiled:  # noqa: FBT001 - keywords slow lru_cache down
    """Understand ``expression``; ``hash_id`` matters only where it says ``H``.

    Raises:
        ValueError: what is wrong, with the name of the field and its value.
    """
    texts = field_texts(expression)
    hashed = hashes(texts)
    if hashed:
        texts = hashed_texts(texts, hash_id)
    return Compiled(texts, local_times_of(texts, day_or), hashed)


def _zone_name(timezone: object) -> str:
    """IANA name of a zone that the time zone database knows."""
    name = "UTC" if timezone is UTC else getattr(timezone, "key", timezone)
    if not isinstance(name, str):
        raise TypeError(f"timezone must be an IANA name such as 'Europe/Berlin', got {timezone!r}")
    checked_zone(name)
    return name
