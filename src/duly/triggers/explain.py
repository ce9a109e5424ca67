"""What a cron expression says, as one English sentence."""

from collections.abc import Sequence

from duly.triggers.expression import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND_FIELD,
    Field,
    Texts,
)

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth")
_MOST_CLOCK_TIMES = 6
"""Clock times that are listed one by one; more are described."""
_SHORTEST_SPAN = 3
"""Numbers that make a span or a step; fewer are listed."""


def sentence(texts: Texts, *, timezone: str | None, day_or: bool) -> str:
    """Describe six canonical fields without ``H``, which have been found valid."""
    minute, hour, month_day, month, week_day, second = texts
    time = _time(_values(MINUTE, minute), _values(HOUR, hour), _values(SECOND_FIELD, second))
    day = _day(month_day, week_day, _months(month), day_or=day_or)
    if month_day in "*?" and week_day in "*?" and time.startswith("at ") and ":" in time:
        day = f"every day {day}".rstrip()
    return " ".join(part for part in (time, day) if part) + (f", {timezone}" if timezone else "")


def _time(minutes: list[int], hours: list[int], seconds: list[int]) -> str:
    if seconds != [0]:
        return _time_with_seconds(minutes, hours, seconds)
    step = _step(hours, 24)
    if minutes == [0] and step:
        return "every hour" if step == 1 else f"every {step} hours"
    if len(minutes) * len(hours) <= _MOST_CLOCK_TIMES:
        return f"at {_listed([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"
    if minutes == [0] and _is_run(hours):
        return f"every hour from {hours[0]:02}:00 to {hours[-1]:02}:00"
    return " ".join(filter(None, (_repeated("minute", minutes), _hours(hours, minutes))))


def _time_with_seconds(minutes: list[int], hours: list[int], seconds: list[int]) -> str:
    if len(minutes) * len(hours) * len(seconds) <= _MOST_CLOCK_TIMES:
        times = [f"{h:02}:{m:02}:{s:02}" for h in hours for m in minutes for s in seconds]
        return f"at {_listed(times)}"
    text = _repeated("second", seconds)
    if _step(minutes, 60) == 1:
        if text.startswith("at "):
            text += " of every minute"
        return " ".join(filter(None, (text, _hours(hours, minutes))))
    step = _step(minutes, 60)
    text += f" of every {_ordinal(step)} minute" if step else f" of {_counted('minute', minutes)}"
    return f"{text} {_hours(hours, minutes) or 'of every hour'}"


def _repeated(unit: str, values: list[int]) -> str:
    """``every 5 minutes``, or ``at minutes 5 and 35``."""
    step = _step(values, 60)
    if step:
        return f"every {unit}" if step == 1 else f"every {step} {unit}s"
    return f"at {_counted(unit, values)}"


def _hours(hours: list[int], minutes: list[int]) -> str:
    """What follows the minutes; nothing if they repeat evenly through all hours."""
    step = _step(hours, 24)
    if step == 1:
        return "" if _step(minutes, 60) else "of every hour"
    if step:
        return f"of every {_ordinal(step)} hour"
    if _step(minutes, 60) and _is_run(hours):
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:{minutes[-1]:02}"
    return f"of {_counted('hour', hours)}"


def _day(month_day: str, week_day: str, months: str, *, day_or: bool) -> str:
    month = months or "the month"
    by_date = "" if month_day in "*?" else f"on {_listed(_month_day_phrases(month_day))} of {month}"
    by_week = "" if week_day in "*?" else _week_day_phrase(week_day, month)
    if not by_date or not by_week:
        within = f"in {months}" if months and " of " not in by_date + by_week else ""
        return " ".join(filter(None, (by_date, by_week, within)))
    if day_or and not month_day.startswith("*") and not week_day.startswith("*"):
        within = f" in {months}" if months and " of " not in by_week else ""
        return f"{by_date} or on {by_week.removeprefix('on ')}{within}"
    return f"{by_date}, only if that is {by_week.removeprefix('on ')}"


def _month_day_phrases(text: str) -> list[str]:
    """Such as ``days 1 and 15``, ``the last day``."""
    items = text.split(",")
    special = {"L": "the last day", "LW": "the last weekday"}
    plain = [item for item in items if item not in special and not item.startswith("L-") and not item.endswith("W")]
    days = _values(DAY_OF_MONTH, ",".join(plain)) if plain else []
    step = _step(days, 31, start=1)
    phrases = [f"every {_ordinal(step)} day" if step else _counted("day", days)] if days else []
    for item in items:
        if item in special:
            phrases.append(special[item])
        elif item.startswith("L-"):
            phrases.append(f"the day {_plural(int(item[2:]), 'day')} before the last")
        elif item.endswith("W"):
            phrases.append(f"the weekday nearest to day {int(item[:-1])}")
    return phrases


def _week_day_phrase(text: str, month: str) -> str:
    """Such as ``on Monday to Friday``, ``on the third Friday of the month``."""
    plain, special = [], []
    for item in text.split(","):
        day, sharp, number = item.partition("#")
        if sharp:
            special.append(f"the {_ORDINALS[int(number)]} {_weekday(day)}")
        elif item.endswith("L"):
            special.append(f"the last {_weekday(item[:-1])}")
        else:
            plain.append(item)
    days = sorted({(value - 1) % 7 for value in _values(DAY_OF_WEEK, ",".join(plain))}) if plain else []
    named = [_WEEKDAYS[(day + 1) % 7] for day in days]
    phrases = [_span(named)] if _is_span(days) else named
    return f"on {_listed([*phrases, *special])}" + (f" of {month}" if special else "")


def _weekday(text: str) -> str:
    return _WEEKDAYS[DAY_OF_WEEK.number(text) % 7]


def _months(text: str) -> str:
    """Names of the months; nothing if all are meant."""
    values = _values(MONTH, text)
    if len(values) == len(_MONTHS):
        return ""
    names = [_MONTHS[value - 1] for value in values]
    return _span(names) if _is_span(values) else _listed(names)


def _values(field: Field, text: str) -> list[int]:
    mask = 0
    for item in text.split(","):
        mask |= field.mask(item)
    return [value for value in range(mask.bit_length()) if mask >> value & 1]


def _step(values: list[int], size: int, start: int = 0) -> int:
    """The step at which ``values`` fill all ``size`` numbers from ``start`` evenly, else 0."""
    if len(values) < _SHORTEST_SPAN or values[0] != start:
        return 0
    step = values[1] - values[0]
    even = values == list(range(start, start + size, step))
    return step if even and (start or size % step == 0) else 0


def _is_run(values: list[int]) -> bool:
    return values[-1] - values[0] == len(values) - 1


def _is_span(values: list[int]) -> bool:
    return len(values) >= _SHORTEST_SPAN and _is_run(values)


def _counted(unit: str, values: list[int]) -> str:
    """``minute 5``, ``days 1 to 7``, ``hours 9, 12 and 15``."""
    if len(values) == 1:
        return f"{unit} {values[0]}"
    numbers = [str(value) for value in values]
    return f"{unit}s {_span(numbers) if _is_span(values) else _listed(numbers)}"


def _span(names: Sequence[str]) -> str:
    return f"{names[0]} to {names[-1]}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number in (11, 12, 13) else endings.get(int(str(number)[-1]), 'th')}"


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
