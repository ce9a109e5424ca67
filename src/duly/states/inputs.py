"""The states of what people set by hand: input fields, counters, timers."""

from __future__ import annotations

from typing import TypeAlias

from whenever import Date, Time, ZonedDateTime

from duly.states.attributes import Attributes, elapsed, flag, instant, integer, number, text, texts
from duly.states.state import State
from duly.states.texts import local_time

DatetimeValue: TypeAlias = ZonedDateTime | Date | Time


class InputBooleanState(State[bool, Attributes]):
    """A toggle; true is on."""

    __slots__ = ()
    domain = "input_boolean"


class InputButtonState(State[ZonedDateTime, Attributes]):
    """A button; the value is when it was last pressed, in UTC."""

    __slots__ = ()
    domain = "input_button"


class InputNumberAttributes(Attributes):
    """What a number has."""

    __slots__ = ()
    min = number()
    max = number()
    step = number()
    unit_of_measurement = text()


class InputNumberState(State[float, InputNumberAttributes]):
    """A number."""

    __slots__ = ()
    domain = "input_number"


class InputSelectAttributes(Attributes):
    """What a choice has."""

    __slots__ = ()
    options = texts()


class InputSelectState(State[str, InputSelectAttributes]):
    """A choice; the value is the one chosen."""

    __slots__ = ()
    domain = "input_select"


class InputTextAttributes(Attributes):
    """What a text has."""

    __slots__ = ()
    min = integer()
    """Characters."""
    max = integer()
    pattern = text()
    mode = text()
    """``text`` or ``password``."""


class InputTextState(State[str, InputTextAttributes]):
    """A text."""

    __slots__ = ()
    domain = "input_text"


class InputDatetimeAttributes(Attributes):
    """What a date or time has."""

    __slots__ = ()
    has_date = flag()
    has_time = flag()


class InputDatetimeState(State[DatetimeValue, InputDatetimeAttributes]):
    """A date, a time of day, or both, which is then meant in the zone of the current clock."""

    __slots__ = ()
    domain = "input_datetime"

    def read(self, text: str) -> DatetimeValue:
        """What it has."""
        match self.attributes.has_date, self.attributes.has_time:
            case True, True:
                return local_time(text)
            case True, _:
                return Date.parse_iso(text)
            case _, True:
                return Time.parse_iso(text)
        raise ValueError("it has neither date nor time")


class CounterAttributes(Attributes):
    """What a counter has."""

    __slots__ = ()
    minimum = integer()
    maximum = integer()
    initial = integer()
    step = integer()


class CounterState(State[int, CounterAttributes]):
    """A counter."""

    __slots__ = ()
    domain = "counter"


class TimerAttributes(Attributes):
    """What a timer has."""

    __slots__ = ()
    duration = elapsed()
    remaining = elapsed()
    """When it was last started or paused."""
    finishes_at = instant()


class TimerState(State[str, TimerAttributes]):
    """A timer: ``idle``, ``active`` or ``paused``."""

    __slots__ = ()
    domain = "timer"
