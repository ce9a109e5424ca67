"""Triggers as users hand them in: checked, told the name of their job, asked for their first run."""

from __future__ import annotations

from typing import get_args

from whenever import ZonedDateTime

from duly.core.clock import zoned
from duly.core.trigger import StoredType, TriggerProtocol
from duly.scheduler.following import LAST_SECOND, follows
from duly.triggers.builtin import BuiltInTrigger
from duly.triggers.interval import whole_seconds


def checked_trigger(trigger: TriggerProtocol) -> TriggerProtocol:
    """The trigger, if it is one whose times lie on whole seconds.

    Raises:
        TypeError: it is none, or its id or label is no text.
        ValueError: its interval is no whole number of seconds, or its stored type is unknown.
    """
    ours = isinstance(trigger, BuiltInTrigger)  # asked first, as protocols are slow to be asked for
    if not ours and (isinstance(trigger, type) or not isinstance(trigger, TriggerProtocol)):
        raise TypeError(
            f"trigger must be a trigger, got {trigger!r} of type {type(trigger).__name__}: pass After, Once, Every, "
            "Daily or Cron, or an object with the six methods of TriggerProtocol"
        )
    if not ours:
        _check_answers(trigger)
    interval = getattr(trigger, "interval_seconds", None)
    if isinstance(interval, int | float):
        whole_seconds(interval)
    return trigger


def _check_answers(trigger: TriggerProtocol) -> None:
    """Refuse a user's trigger of which no row can be made."""
    kind = trigger.trigger_db_type()
    if kind not in get_args(StoredType):
        known = ", ".join(map(repr, get_args(StoredType)))
        raise ValueError(f"trigger_db_type() of {trigger!r} must be one of {known}, got {kind!r}")
    for name, answer in (("trigger_id", trigger.trigger_id()), ("trigger_label", trigger.trigger_label())):
        if not isinstance(answer, str):
            raise TypeError(f"{name}() of {trigger!r} must give a text, got {answer!r}")


def bound(trigger: TriggerProtocol, name: str) -> TriggerProtocol:
    """The trigger as it is for the job of this name: only ``Cron`` with an ``H`` differs."""
    bind = getattr(trigger, "bind", None)
    if bind is None:
        return trigger
    told: TriggerProtocol = bind(name)
    return told


def first_run(trigger: TriggerProtocol, now: ZonedDateTime) -> ZonedDateTime:
    """The first run of a job that is scheduled at ``now``; of one that follows, the end of time until it is told.

    What the trigger raises propagates.

    Raises:
        ValueError: nothing is ever due.
        TypeError: the trigger gives no ``ZonedDateTime``.
    """
    if follows(trigger):
        return zoned(LAST_SECOND, now.tz_id)
    first = trigger.first_run_time(now)
    if first is None:
        raise ValueError(f"nothing is ever due by the trigger {trigger!r}: give one that has a run to come")
    if not isinstance(first, ZonedDateTime):
        raise TypeError(f"first_run_time() of {trigger!r} must give a ZonedDateTime or None, got {first!r}")
    return first
