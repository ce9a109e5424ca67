"""Clock changes, and what they do to a schedule, in words."""

from collections.abc import Sequence

from whenever import PlainDateTime

from duly.cli.clock_changes import DAY, ClockChange, Effect, Touched, is_slot, touched
from duly.cli.schedule import Schedule
from duly.cli.times import clock_text, duration_text, iso
from duly.core.clock import SECOND, Zone, zoned


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


def effect_text(group: Touched, change: ClockChange) -> str:
    """What becomes of the times of a group."""
    one = group.count == 1
    run = "runs" if one else "run"
    if change.shift < 0:
        twice = f"{'occurs' if one else 'occur'} twice: {run}"
        if group.effect is Effect.BOTH:
            return f"{twice} in both passes, the cadence goes on"
        return f"{twice} once, in the {group.effect.value} pass"
    missing = f"{'does' if one else 'do'} not exist:"
    if group.effect is Effect.LEFT_OUT:
        return f"{missing} no run, the cadence goes on"
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


def lines(schedule: Schedule, zone: Zone, change: ClockChange) -> list[tuple[str, str]]:
    """Times that fare alike at ``change``, and what becomes of them; an interval has no times to name."""
    if schedule.interval is not None:
        return [("", interval_text(schedule.interval, change))]
    groups = touched(schedule, zone, change)
    return [(times_text(group, change), effect_text(group, change)) for group in groups] or [("", _untouched(change))]


def change_json(schedule: Schedule, zone: Zone, change: ClockChange) -> dict[str, object]:
    """One entry of the DST report. Wall-clock times carry no offset, for they may not exist."""
    groups = touched(schedule, zone, change) if schedule.interval is None else []
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
            for group in groups
        ],
        "summary": "; ".join(f"{times} {effect}".strip() for times, effect in lines(schedule, zone, change)),
    }


def note(schedule: Schedule, zone: Zone, changes: Sequence[ClockChange], previous: int, slot: int) -> str | None:
    """What a change of clocks has to do with ``slot``; ``previous`` is the slot before, or where the search began."""
    for change in changes:
        if change.at <= slot < change.at + change.shift and _is_moved(schedule, change, slot):
            missing = _time_text(slot + change.before, change)
            return f"moved forward by the gap of {duration_text(change.shift)}: {missing} does not exist"
        if change.at + change.shift <= slot < change.at - change.shift:
            return _pass_text(schedule, zone, change, slot)
    crossed = [change for change in changes if previous < change.at <= slot]
    return f"first after clocks went {shift_text(crossed[-1])}" if crossed else None


def _time_text(wall: int, change: ClockChange) -> str:
    """A wall-clock time near ``change``; with its date only if whole days are concerned."""
    moment = wall_clock(wall)
    return f"{moment.date()} {clock_text(moment)}" if abs(change.shift) >= DAY else clock_text(moment)


def _untouched(change: ClockChange) -> str:
    start, end = (_time_text(moment, change) for moment in change.affected)
    return f"no tick from {start} to {end}: nothing changes"


def _is_moved(schedule: Schedule, change: ClockChange, slot: int) -> bool:
    """Whether ``slot``, soon after clocks went forward, stands for a wall-clock time that does not exist."""
    if schedule.interval is not None:
        return False
    naive = schedule.chain("UTC")
    return is_slot(naive, slot + change.before) and not is_slot(naive, slot + change.after)


def _pass_text(schedule: Schedule, zone: Zone, change: ClockChange, slot: int) -> str:
    first = slot < change.at
    text = f"{'first' if first else 'second'} of two passes"
    other = slot - change.shift if first else slot + change.shift
    if schedule.interval is None and not is_slot(schedule.chain(zone), other):
        return f"{text}, runs once"
    return text
