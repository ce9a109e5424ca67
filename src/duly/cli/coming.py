"""Coming times of schedules and jobs, merged, and what changes of clocks have to do with them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from duly.cli.dst_words import lines, note
from duly.cli.schedule import Schedule, sentence_of, sentence_of_job, slots_of
from duly.cli.times import zone_text
from duly.core.clock import Zone
from duly.core.trigger import Chain
from duly.ledger.upcoming import Upcoming
from duly.triggers.clock_changes import DAY, ClockChange, changes_for, named_zone, touched
from duly.triggers.interval import Grid

if TYPE_CHECKING:
    from duly.dispatch.entry import ScheduleEntry


@dataclass(frozen=True, slots=True)
class Source:
    """Whose times are asked for: a schedule as it is written, a job, or an entry. Moments are nanoseconds."""

    name: str
    sentence: str
    zone: Zone
    """By which it goes."""
    chain: Chain | None
    """``None``: nothing comes, or not all is known."""
    slots: Callable[[int], Iterator[int]]
    """Those later than a moment."""
    job: Upcoming | None = None
    """``None``: it is no job."""
    entry: "ScheduleEntry | None" = None
    """``None``: it is not of a file of schedules."""

    def changes(self, after: int, until: int) -> list[ClockChange]:
        """Those of its clocks in (after, until]."""
        return [] if self.chain is None else changes_for(self.chain, self.zone, after, until)


@dataclass(frozen=True, slots=True)
class Coming:
    """One coming time, and what is to be known about it."""

    source: Source
    slot: int
    note: str | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What times of one source do at one change of clocks."""

    change: ClockChange
    source: Source
    chain: Chain


def source_of_schedule(schedule: Schedule, zone: Zone) -> Source:
    """A schedule on the clocks of ``zone``."""
    return Source(
        schedule.text, schedule.sentence, zone, schedule.chain(zone), lambda start: schedule.slots(zone, start)
    )


def source_of_job(job: Upcoming) -> Source:
    """A job of a ledger."""
    zone = named_zone(job.chain, None if job.schedule is None else job.schedule.timezone)
    sentence = sentence_of_job(job.job, job.chain, job.job.trigger_type or "no schedule")
    return Source(job.job.full_name, sentence, zone, job.chain, job.slots, job)


def source_of_entry(entry: "ScheduleEntry") -> Source:
    """An entry of a file of schedules, as if it started when it is asked; what is not enabled has no slots."""
    chain = entry.chain()
    sentence = sentence_of(chain, entry.trigger_id)
    if not entry.enabled:
        return Source(entry.name, sentence, entry.timezone, None, lambda _: iter(()), entry=entry)
    return Source(entry.name, sentence, entry.timezone, chain, partial(slots_of, chain), entry=entry)


def coming(sources: Sequence[Source], start: int, number: int, shown_in: Zone) -> list[Coming]:
    """The next slots after ``start``, fewer than asked for where chains end. Notes name zones other than that shown."""
    found = list(islice(merge(*(_steps(source, start) for source in sources), key=itemgetter(0)), number))
    if not found:
        return []
    end = found[-1][0] + DAY
    changes = {source.name: source.changes(start - DAY, end) for _, _, source in found}
    return [
        Coming(source, slot, _note(source, changes[source.name], (previous, slot), shown_in))
        for slot, previous, source in found
    ]


def reported(sources: Sequence[Source], start: int, until: int) -> list[Reported]:
    """The changes of clocks in (start, until], oldest first; of several sources those that are touched."""
    found = [
        Reported(change, source, source.chain)
        for source in sources
        if source.chain is not None
        for change in source.changes(start, until)
        if len(sources) == 1 or isinstance(source.chain, Grid) or touched(source.chain, change)
    ]
    return sorted(found, key=lambda each: each.change.at)


def report_lines(each: Reported) -> list[tuple[str, str]]:
    """Times that fare alike, and what becomes of them."""
    return lines(each.chain, each.change)


def _steps(source: Source, start: int) -> Iterator[tuple[int, int, Source]]:
    """Each slot, the slot before it or where its search began, and whose it is."""
    schedule = None if source.job is None else source.job.schedule
    previous = start if schedule is None else max(start, schedule.first_ts)
    for slot in source.slots(start):
        yield slot, previous, source
        previous = slot


def _note(source: Source, changes: Sequence[ClockChange], step: tuple[int, int], shown_in: Zone) -> str | None:
    clocks = None if source.chain is None else note(source.chain, changes, *step)
    named = source.job is not None or source.entry is not None
    if clocks is not None and named and source.zone != shown_in:
        clocks += f" ({zone_text(source.zone)})"
    paused = source.job is not None and source.job.job.paused_at is not None
    return "; ".join(filter(None, ("paused" if paused else None, clocks))) or None
