"""Clock changes, and what they do to a schedule, in words."""

from collections.abc import Sequence

from whenever import PlainDateTime

from duly.cli.times import clock_text, duration_text, iso
from duly.core.clock import SECOND, Zone, zoned
from duly.core.trigger import Chain
from duly.triggers.clock_changes import DAY, ClockChange, Effect, Touched, oddity, touched
from duly.triggers.interval import Grid
from duly.triggers.ticks import CronChain


def wall_clock(moment: int) -> PlainDateTime:
    """Nanoseconds on the wall clock as a date and time without a zone."""
    return zoned(moment, "UTC").to_plain()


def change_text(change: ClockChange) -> str:
    """What the clock shows at the change, and what it is set to: ``2025-03-09 02:00 → 03:00``."""
    old, new = wall_clock(change.at + change.before), wall_clock(change.at + change.after)
    day = "" if old.date() == new.date() else f"{new.date()} "
    return f"{old.date()} {clock_text(old)} → {day}{clock_text(new)}"


def shift_text(change: ClockChange) -> str:
    """``forward 1 h`` or ``back 1 h``."""
    return f"{'forward' if change.shift > 0 else 'back'} {duration_text(abs(change.shift))}"


def times_text(group: Touched, change: ClockChange) -> str:
    """The wall-clock times of a group: one of them, or first, last and number."""
    first, last = _time_text(group.first, change), _time_text(group.last, change)
    return first if group.count == 1 else f"{first} … {last} ({group.count} ticks)"


def effect_text(group: Touched, change: ClockChange, *, cadence: bool) -> str:
    """What becomes of the times of a group; ``cadence``: of a schedule that runs at all hours."""
    goes_on = ", the cadence goes on" if cadence else ""
    one = group.count == 1
    run = "runs" if one else "run"
    if change.shift < 0:
        twice = f"{'occurs' if one else 'occur'} twice: {run}"
        if group.effect is Effect.BOTH:
            return f"{twice} in both passes{goes_on}"
        return f"{twice} once, in the {group.effect.value} pass"
    missing = f"{'does' if one else 'do'} not exist:"
    if group.effect is Effect.LEFT_OUT:
        return f"{missing} no run{goes_on}"
    if group.effect is Effect.AFTER_GAP:
        return f"{missing} {run} once, at the end of the gap"
    later = _time_text(group.first + change.shift, change) if one else f"{duration_text(change.shift)} later"
    if group.effect is Effect.MERGED:
        return f"{missing} {run} once, with {later if one else f'those {later}'}"
    return f"{missing} {run} {f'at {later}' if one else later}"


def interval_text(interval: int, change: ClockChange) -> str:
    """What a change does to slots at equal distances of elapsed time."""
    shift = abs(change.shift)
    if shift % interval == 0:
        return f"same times on the wall clock: {duration_text(shift)} is a multiple of the interval"
    return f"from here on {duration_text(shift)} {'later' if change.shift > 0 else 'earlier'} on the wall clock"


def lines(chain: Chain, change: ClockChange) -> list[tuple[str, str]]:
    """Times that fare alike at ``change``, and what becomes of them; an interval has no times to name."""
    if isinstance(chain, Grid):
        return [("", interval_text(chain.step, change))]
    cadence = isinstance(chain, CronChain) and chain.local_times.all_hours
    groups = [(times_text(each, change), effect_text(each, change, cadence=cadence)) for each in touched(chain, change)]
    return groups or [("", _untouched(change))]


def change_json(chain: Chain, zone: Zone, change: ClockChange) -> dict[str, object]:
    """One entry of the DST report. Wall-clock times carry no offset, for they may not exist."""
    return {
        "time": iso(change.at, zone),
        "shift_seconds": change.shift // SECOND,
        "ticks": [
            {
                "first": wall_clock(group.first).format_iso(),
                "last": wall_clock(group.last).format_iso(),
                "count": group.count,
                "effect": group.effect.value,
            }
            for group in touched(chain, change)
        ],
        "summary": "; ".join(f"{times} {effect}".strip() for times, effect in lines(chain, change)),
    }


def note(chain: Chain, changes: Sequence[ClockChange], previous: int, slot: int) -> str | None:
    """What a change of clocks has to do with ``slot``; ``previous`` is the slot before, or where the search began."""
    odd = oddity(chain, changes, slot)
    if odd is None:
        crossed = [change for change in changes if previous < change.at <= slot]
        return f"first after clocks went {shift_text(crossed[-1])}" if crossed else None
    if odd.change.shift < 0:
        text = f"{'second' if odd.second else 'first'} of two passes"
        return text if odd.effect is Effect.BOTH else f"{text}, runs once"
    gap = duration_text(odd.change.shift)
    to = f"to the end of the gap of {gap}" if odd.effect is Effect.AFTER_GAP else f"forward by the gap of {gap}"
    return f"moved {to}: {_time_text(odd.wall, odd.change)} does not exist"


def _time_text(wall: int, change: ClockChange) -> str:
    """A wall-clock time near ``change``; with its date only if whole days are concerned."""
    moment = wall_clock(wall)
    return f"{moment.date()} {clock_text(moment)}" if abs(change.shift) >= DAY else clock_text(moment)


def _untouched(change: ClockChange) -> str:
    start, end = (_time_text(moment, change) for moment in change.affected)
    return f"no tick from {start} to {end}: nothing changes"
