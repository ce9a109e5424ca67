"""``EntityTime``: a job that is due at the time which an entity of Home Assistant shows, whatever that becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from whenever import Date, OffsetDateTime, PlainDateTime, Time, TimeDelta, ZonedDateTime

from duly.core import clock as clocks
from duly.core.arguments import is_number, is_text
from duly.core.clock import SECOND, Zone, at_wall_clock, checked_zone, nanoseconds, round_to_second
from duly.core.trigger import Chain
from duly.events import RawState
from duly.hass.freshness import Freshness
from duly.hass.state_proxy import StateProxy
from duly.lifecycle import find_part
from duly.scheduler.following import Told
from duly.triggers import Cron
from duly.triggers.builtin import HORIZON, decimal_seconds
from duly.triggers.once import Single

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

_SLACK = 5 * SECOND
"""By how much the clock of Home Assistant may be ahead: it moves a time on as soon as it has come there."""
_DAY = 86_400
_NO_TIME = frozenset({"", "unknown", "unavailable", "off", "none"})
_NOTHING = object()
_ENTITY_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


class EntityTime:
    """Run when an entity says: at its state, or its ``attribute``, moved by ``offset`` seconds or a ``TimeDelta``.

    A date with time runs once, a date at its midnight, and a time of day every day at that time on the wall clock of
    ``timezone``, by default that of the host: give the one of Home Assistant if it is another. So it follows
    ``input_datetime`` of any kind, sensors of the device class ``timestamp`` such as the next alarm of a telephone, and
    attributes such as ``next_rising`` of ``sun.sun``. Times that have passed are none.

    When the entity changes, the job is armed anew at once; the job itself stays. When it has no time (``unknown``,
    ``unavailable``, ``off``, no such entity, text that is no time) the job stays live, with nothing due. While Home
    Assistant cannot be reached what it said last holds, also after a restart. A slot stays, whatever the entity says
    now, if it is due, or if the time that it hangs on has come (to 5 seconds, as clocks differ): half an hour after
    sunrise is half an hour after the sunrise of today, though the entity shows that of tomorrow by then.

    Only in apps, for their schedulers alone know the states.

    Raises:
        ValueError: no entity id, no such zone, an offset of more than a year.
        TypeError: an ``offset`` or ``attribute`` of another kind.
    """

    __slots__ = ("attribute", "entity_id", "offset", "timezone")

    def __init__(
        self,
        entity_id: str,
        attribute: str | None = None,
        offset: float | TimeDelta = 0,
        *,
        timezone: str | None = None,
    ) -> None:
        if not _ENTITY_ID.fullmatch(entity_id):
            raise ValueError(f"EntityTime 'entity_id' must be like 'input_datetime.wake', got {entity_id!r}")
        if attribute is not None and not is_text(attribute):
            raise TypeError(f"EntityTime 'attribute' must be the name of one, or None, got {attribute!r}")
        self.entity_id = entity_id
        self.attribute = attribute
        self.offset = _offset(offset)
        self.timezone = checked_zone(timezone)

    def follow(self, root: Root, changed: Callable[[], object]) -> EntityFollowing:
        """Look at the entity for one job."""
        return EntityFollowing(self, root, changed)

    def first_run_time(self, current_time: ZonedDateTime) -> None:  # noqa: ARG002 - of its protocol
        """``None``: only Home Assistant knows."""
        return

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> None:  # noqa: ARG002 - as above
        """``None``: only Home Assistant knows."""
        return

    def trigger_label(self) -> str:
        """``entity``."""
        return "entity"

    def trigger_detail(self) -> str:
        """The entity, its attribute, and the offset in seconds."""
        name = self.entity_id if self.attribute is None else f"{self.entity_id} {self.attribute}"
        return f"{name} {self.offset / SECOND:+g}s" if self.offset else name

    def trigger_db_type(self) -> Literal["custom"]:
        """``custom``."""
        return "custom"

    def trigger_id(self) -> str:
        """``entity:{entity_id}``, and what differs from the defaults."""
        offset = decimal_seconds(self.offset) if self.offset else None
        options = (("attribute", self.attribute), ("offset", offset), ("timezone", self.timezone))
        return f"entity:{self.entity_id}" + "".join(f";{k}={value}" for k, value in options if value is not None)

    def __repr__(self) -> str:
        return f"<EntityTime {self.trigger_id()}>"

    def chain_of(self, raw: RawState, zone: Zone) -> Chain | None:
        """The slots that a state tells; ``None``: it has no time.

        Raises:
            ValueError: the text is none.
        """
        found = _found(raw, self.attribute)
        if found is None:
            return None
        zone = zone if self.timezone is None else self.timezone
        if isinstance(found, Time):
            return _daily(found, self.offset, zone)
        slot = round_to_second(_moment(found, zone) + self.offset)
        return Single(slot) if 0 < slot <= HORIZON else None


class EntityFollowing:
    """Looks at the entity of a trigger for one job. Guarded by the event loop."""

    def __init__(self, trigger: EntityTime, root: Root, changed: Callable[[], object]) -> None:
        self._trigger = trigger
        self._refused: object = _NOTHING
        """The text that has last been told to be no time."""
        self._proxy = find_part(root, StateProxy)
        proxy = self._proxy
        self._undo = () if proxy is None else (proxy.on_sync(changed), proxy.on_change(trigger.entity_id, changed))

    def told(self) -> Told | None:
        """What the entity says; ``None``: no states have been loaded yet."""
        proxy = self._proxy
        if proxy is None or proxy.freshness is Freshness.NEVER:
            return None
        raw = proxy.raw(self._trigger.entity_id)
        if raw is None:
            self._refuse(proxy, None, "there is no such entity")
            return Told(None)
        try:
            return Told(self._trigger.chain_of(raw, clocks.current().zone))
        except ValueError as error:
            self._refuse(proxy, raw.get("state"), error)
            return Told(None)

    def _refuse(self, proxy: StateProxy, text: object, why: object) -> None:
        """Tell once why there is no time."""
        if self._refused != text:
            self._refused = text
            proxy.logger.warning("no time, so nothing is due: trigger=%s: %s", self._trigger.trigger_id(), why)

    def keeps(self, slot: int, now: int) -> bool:
        """Whether the slot is due, or the time that it hangs on has come."""
        return slot <= now or slot - self._trigger.offset <= now + _SLACK

    def stop(self) -> None:
        """Look no more."""
        for undo in self._undo:
            undo()


def _offset(offset: object) -> int:
    seconds = offset.total("seconds") if isinstance(offset, TimeDelta) else offset
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"EntityTime 'offset' must be seconds or a whenever.TimeDelta, got {offset!r}")
    if not is_number(seconds) or abs(seconds) > 366 * _DAY:
        raise ValueError(f"EntityTime 'offset' must be at most a year, got {offset!r}")
    return round(seconds) * SECOND


def _found(raw: RawState, attribute: str | None) -> OffsetDateTime | PlainDateTime | Date | Time | int | None:
    """The time of a state; a number is nanoseconds since the epoch."""
    attributes: dict[str, Any] = raw.get("attributes") or {}
    if attribute is None and attributes.get("has_date") and attributes.get("has_time"):
        timestamp = attributes.get("timestamp")  # the only place where Home Assistant tells it with its own zone
        if isinstance(timestamp, int | float) and is_number(timestamp):
            return round(timestamp * SECOND)
    text = raw.get("state") if attribute is None else attributes.get(attribute)
    if text is None or str(text).lower() in _NO_TIME:
        return None
    return _parsed(str(text).strip())


def _parsed(text: str) -> OffsetDateTime | PlainDateTime | Date | Time:
    for read in (OffsetDateTime.parse_iso, PlainDateTime.parse_iso, Date.parse_iso, Time.parse_iso):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is neither a date nor a time, nor both")


def _moment(found: OffsetDateTime | PlainDateTime | Date | int, zone: Zone) -> int:
    if isinstance(found, int):
        return found
    if isinstance(found, OffsetDateTime):
        return found.timestamp(unit="nanosecond")
    local = found.at(Time()) if isinstance(found, Date) else found
    return nanoseconds(at_wall_clock(local, zone))


def _daily(at: Time, offset: int, zone: Zone) -> Chain:
    second = (at.hour * 3600 + at.minute * 60 + at.second + offset // SECOND) % _DAY
    return Cron(f"{second // 60 % 60} {second // 3600} * * * {second % 60}").chain(zone)
