"""Moments, periods and durations as people write and read them."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from whenever import (
    Date,
    Instant,
    ItemizedDateDelta,
    PlainDateTime,
    Time,
    ZonedDateTime,
    available_timezones,
)

from duly.core.clock import SECOND, Zone, at_wall_clock, checked_zone, nanoseconds, zoned
from duly.triggers.builtin import HORIZON

_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hour"), 3600),
    **dict.fromkeys(("d", "day"), 86_400),
    **dict.fromkeys(("w", "week"), 604_800),
}
_SHOWN_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))

_PERIOD = re.compile(r"(?=.)(\d+y)?(\d+mo)?(\d+w)?(\d+d)?", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def read_zone(text: str | None) -> Zone:
    """An IANA name, or ``None`` for the zone of the system.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return checked_zone(text)
    except ValueError:
        near = get_close_matches(text or "", available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "give an IANA name such as 'Europe/Berlin'"
        raise ValueError(f"no time zone {text!r}: {hint}") from None


def read_moment(text: str, zone: Zone) -> int:
    """An ISO 8601 date or time in nanoseconds since the epoch; without an offset it is wall-clock time in ``zone``.

    Raises:
        ValueError: the text is none.
    """
    for read in (_read_instant, _read_wall_clock):
        try:
            return read(text, zone)
        except ValueError:
            continue
    raise ValueError(f"cannot read the time {text!r}: write it as 2025-03-08, '2025-03-08 12:00' or 2025-03-08T12:00Z")


def read_period(text: str, start: ZonedDateTime) -> int:
    """The end of a period such as ``2y``, ``18mo``, ``6w`` or ``90d`` that begins at ``start``, in nanoseconds.

    Raises:
        ValueError: the text is none, or the period is empty or ends after the year 2199.
    """
    written = "write it as 2y, 18mo, 6w or 90d"
    if not _PERIOD.fullmatch(text.strip()):
        raise ValueError(f"cannot read the period {text!r}: {written}")
    try:
        period = ItemizedDateDelta.parse_iso("P" + text.strip().upper().replace("MO", "M"))
        end = nanoseconds(start.add(period, disambiguation="compatible"))
    except ValueError:
        end = HORIZON + 1
    if end > HORIZON:
        raise ValueError(f"the period {text!r} is too long: it must end before the year 2200; {written}")
    if end <= nanoseconds(start):
        raise ValueError(f"the period {text!r} is empty: {written}")
    return end


def read_duration(text: str) -> float | None:
    """Seconds of a duration such as ``15m``, ``1h30m`` or ``2 hours``; ``None`` if the text is none."""
    parts = _parts(text)
    seconds: float = 0
    for number, unit in parts:
        size = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if size is None:
            return None
        seconds += (int(number) if number.isdigit() else float(number)) * size
    return seconds if parts else None


def duration_text(duration: int, *, units: int = 2) -> str:
    """Nanoseconds in the largest ``units`` that are not empty: ``3 d 4 h``, ``45 s``; the rest is cut."""
    rest = duration // SECOND
    parts = []
    for unit, size in _SHOWN_UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:units]) or "0 s"


def iso(moment: int, zone: Zone) -> str:
    """ISO 8601 with the offset of ``zone`` at that moment."""
    return zoned(moment, zone).to_fixed_offset().format_iso()


def moment_text(moment: int, zone: Zone) -> str:
    """Date, time, weekday and offset: ``2025-03-09 03:30 Sun -05:00``."""
    zoned_moment = zoned(moment, zone)
    return f"{zoned_moment.date()} {clock_text(zoned_moment)} {weekday(zoned_moment)} {zoned_moment.format('xxx')}"


def weekday(moment: ZonedDateTime) -> str:
    """Three letters."""
    return moment.date().day_of_week().name[:3].capitalize()


def zone_text(zone: Zone) -> str:
    """Its IANA name, if it has one."""
    return zoned(0, zone).tz_id or "system time zone"


def clock_text(moment: ZonedDateTime | PlainDateTime) -> str:
    """Hours and minutes; seconds only if there are any."""
    return moment.format("HH:mm:ss" if moment.second else "HH:mm")


def _parts(text: str) -> list[tuple[str, str]]:
    """Numbers and units of a text that consists of nothing else, else nothing."""
    text = text.strip().lower()
    return _PART.findall(text) if _PART.sub("", text) == "" else []


def _read_instant(text: str, _zone: Zone) -> int:
    return Instant.parse_iso(text.replace(" ", "T", 1)).timestamp(unit="nanosecond")


def _read_wall_clock(text: str, zone: Zone) -> int:
    try:
        plain = PlainDateTime.parse_iso(text)
    except ValueError:
        plain = Date.parse_iso(text).at(Time.MIDNIGHT)
    return nanoseconds(at_wall_clock(plain, zone))
