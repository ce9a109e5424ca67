"""The states of devices, and of the people who have them."""

from __future__ import annotations

from typing import TypeAlias

from whenever import Date, ZonedDateTime

from duly.events.hass import moment
from duly.states.attributes import Attributes, integer, integers, number, numbers, text, texts
from duly.states.state import State
from duly.states.texts import number as number_in

SensorValue: TypeAlias = float | str | ZonedDateTime | Date


class SwitchState(State[bool, Attributes]):
    """A switch; true is on."""

    __slots__ = ()
    domain = "switch"


class BinarySensorState(State[bool, Attributes]):
    """A sensor that knows two states; true is on."""

    __slots__ = ()
    domain = "binary_sensor"


class LightAttributes(Attributes):
    """What a light has."""

    __slots__ = ()
    brightness = integer()
    """0 to 255."""
    color_mode = text()
    color_temp_kelvin = integer()
    rgb_color = integers()
    hs_color = numbers()
    effect = text()


class LightState(State[bool, LightAttributes]):
    """A light; true is on."""

    __slots__ = ()
    domain = "light"


class SensorAttributes(Attributes):
    """What a sensor has."""

    __slots__ = ()
    unit_of_measurement = text()
    state_class = text()


class SensorState(State[SensorValue, SensorAttributes]):
    """A sensor: a number if it measures something, a moment or a date if it is told to be one, else text."""

    __slots__ = ()
    domain = "sensor"

    def read(self, text: str) -> SensorValue:
        """The value that unit and classes make it."""
        match self.attributes.device_class:
            case "timestamp":
                return moment(text)
            case "date":
                return Date.parse_iso(text)
        if self.attributes.unit_of_measurement is None and self.attributes.state_class is None:
            return text
        try:
            return number_in(text)
        except ValueError:
            return text


class ClimateAttributes(Attributes):
    """What a thermostat has."""

    __slots__ = ()
    current_temperature = number()
    temperature = number()
    """The one wanted."""
    target_temp_low = number()
    target_temp_high = number()
    hvac_action = text()
    hvac_modes = texts()
    preset_mode = text()
    fan_mode = text()


class ClimateState(State[str, ClimateAttributes]):
    """A thermostat; the value is its mode."""

    __slots__ = ()
    domain = "climate"


class CoverAttributes(Attributes):
    """What a cover has."""

    __slots__ = ()
    current_position = integer()
    """0 is closed, 100 open."""
    current_tilt_position = integer()


class CoverState(State[str, CoverAttributes]):
    """A cover."""

    __slots__ = ()
    domain = "cover"

    @property
    def is_open(self) -> bool:
        """Whether it is open; not while it opens."""
        return self.state == "open"

    @property
    def is_closed(self) -> bool:
        """Whether it is closed; not while it closes."""
        return self.state == "closed"


class PersonAttributes(Attributes):
    """What is known of where a person is."""

    __slots__ = ()
    latitude = number()
    longitude = number()
    gps_accuracy = number()
    """Metres."""
    source = text()
    """The entity that knows it."""


class PersonState(State[str, PersonAttributes]):
    """A person; the value is the zone they are in."""

    __slots__ = ()
    domain = "person"

    @property
    def is_home(self) -> bool:
        """Whether they are at home."""
        return self.state == "home"
