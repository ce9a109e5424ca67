"""A schedule as it is written on the command line: cron, an interval, or a time of day."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duly.cli.times import duration_text, read_duration
from duly.core.clock import SECOND, Zone
from duly.core.trigger import Chain
from duly.ledger.jobs import StoredJob
from duly.triggers import Cron, Daily, Every
from duly.triggers.builtin import decimal_seconds
from duly.triggers.explain import sentence
from duly.triggers.interval import Grid
from duly.triggers.ticks import CronChain

ACCEPTED = (
    "a cron expression in quotes ('0 7 * * 1-5', '@daily'), an interval (15m, 'every 1h30m') "
    "or a time of day (07:00, 'daily 07:00')"
)

_TIME_OF_DAY = re.compile(r"\d+:\d+")
_FEWEST_CRON_WORDS = 4
"""From so many words on, a text is taken for a cron expression, so that the error says what is wrong with it."""


class NoScheduleError(ValueError):
    """A text does not even look like a schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was asked for."""

    text: str
    trigger: Cron | Daily | Every
    sentence: str

    def chain(self, zone: Zone) -> Chain:
        """Its slots in ``zone``."""
        return self.trigger.chain(zone)

    def slots(self, zone: Zone, start: int) -> Iterator[int]:
        """All that come after ``start``."""
        return slots_of(self.chain(zone), start)

    def around(self, zone: Zone, moment: int) -> tuple[int | None, int | None]:
        """The last slot before ``moment`` and the next after it; an interval has no last one: it begins now."""
        chain = self.trigger.chain(zone)
        return (chain.previous(moment) if self.interval is None else None), chain.first(moment)

    @property
    def interval(self) -> int | None:
        """Nanoseconds between its slots if it counts elapsed time; ``None`` if it goes by the wall clock."""
        return self.trigger.chain(None).step if isinstance(self.trigger, Every) else None


def read_schedule(words: Sequence[str]) -> Schedule:
    """The schedule that the words of a command line write.

    Raises:
        NoScheduleError: they write none.
        ValueError: they write one that is wrong.
    """
    text = " ".join(words).strip()
    if not text:
        raise ValueError(f"give a schedule: {ACCEPTED}")
    keyword, _, rest = text.partition(" ")
    keyword, rest = keyword.lower(), rest.strip()
    if keyword == "daily" or _TIME_OF_DAY.fullmatch(text):
        daily = Daily(rest if keyword == "daily" else text)
        return Schedule(text, daily, daily.explain())
    seconds = read_duration(rest if keyword == "every" else text)
    if seconds is not None:
        return _every(text, seconds)
    if text.startswith("@") or "*" in text or len(text.split()) >= _FEWEST_CRON_WORDS:
        cron = Cron(text)
        return Schedule(text, cron, cron.explain())
    raise NoScheduleError(f"{text!r} is not a schedule: give {ACCEPTED}")


def slots_of(chain: Chain, start: int) -> Iterator[int]:
    """All of a chain that come after ``start``."""
    slot = chain.first(start)
    while slot is not None:
        yield slot
        slot = chain.next(slot, slot)


def sentence_of(chain: Chain | None, otherwise: str) -> str:
    """A chain in words; ``otherwise`` if there are none for it."""
    if isinstance(chain, CronChain):
        return sentence(chain.local_times.texts, timezone=None, day_or=chain.local_times.day_or)
    if isinstance(chain, Grid):
        step = f"{decimal_seconds(chain.step)} s" if chain.step % SECOND else duration_text(chain.step, units=4)
        return f"every {step} of elapsed time"
    return otherwise


def sentence_of_job(job: StoredJob, chain: Chain | None, otherwise: str) -> str:
    """The schedule of a job in words: those of its chain, else what its trigger says of itself, else ``otherwise``."""
    return sentence_of(chain, " ".join(filter(None, (job.trigger_label, job.trigger_detail))) or otherwise)


def _every(text: str, seconds: float) -> Schedule:
    every = Every(seconds=seconds)
    return Schedule(text, every, sentence_of(every.chain(None), text))
