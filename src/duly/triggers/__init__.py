"""When jobs are due: cron, interval, wall clock and DST as pure arithmetic.

A trigger is an immutable value; ``trigger.chain(zone)`` gives its slots in integer nanoseconds, which the engine walks.
No I/O, no threads, no logging.
"""

from duly.core.trigger import TriggerProtocol
from duly.triggers.business import BusinessCalendar, OnBusinessDays, Workdays
from duly.triggers.cron import Cron, Daily, Dst
from duly.triggers.interval import Every
from duly.triggers.once import After, Once

__all__ = [
    "After",
    "BusinessCalendar",
    "Cron",
    "Daily",
    "Dst",
    "Every",
    "OnBusinessDays",
    "Once",
    "TriggerProtocol",
    "Workdays",
]
