"""Sends events to those who listen: apps and parts of Duly."""

from duly.bus.any_value import ANY_VALUE
from duly.bus.bus import Bus, BusSyncFacade
from duly.bus.errors import (
    DependencyInjectionError,
    DependencyResolutionError,
    DuplicateListenerError,
    ListenerNameRequiredError,
)
from duly.bus.listener import Listener, ListenerOptions, ListenerStats
from duly.bus.options import ListenOptions
from duly.bus.service import BusService
from duly.bus.subscription import Subscription
from duly.events import MISSING_VALUE, Topic
from duly.executor.contexts import BusErrorContext

__all__ = [
    "ANY_VALUE",
    "MISSING_VALUE",
    "Bus",
    "BusErrorContext",
    "BusService",
    "BusSyncFacade",
    "DependencyInjectionError",
    "DependencyResolutionError",
    "DuplicateListenerError",
    "ListenOptions",
    "Listener",
    "ListenerNameRequiredError",
    "ListenerOptions",
    "ListenerStats",
    "Subscription",
    "Topic",
]
