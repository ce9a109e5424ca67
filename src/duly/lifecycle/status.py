"""The statuses of a part, and the one table of their changes.

Start and stop as they should go, and the ways out of them::

    not_started -> starting -> running -> stopping -> stopped -> starting
                      |           |
                      +-----------+--> failed | crashed | stopped

Supervision adds the last two: ``exhausted_cooling`` waits and starts again, ``exhausted_dead`` stays.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ResourceStatus(StrEnum):
    """Where a part is in its life."""

    NOT_STARTED = "not_started"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    EXHAUSTED_COOLING = "exhausted_cooling"
    EXHAUSTED_DEAD = "exhausted_dead"


class ResourceRole(StrEnum):
    """What kind of part it is."""

    ROOT = "root"
    SERVICE = "service"
    RESOURCE = "resource"
    APP = "app"


_S = ResourceStatus

TRANSITIONS: Mapping[ResourceStatus, frozenset[ResourceStatus]] = MappingProxyType(
    {
        _S.NOT_STARTED: frozenset({_S.STARTING, _S.STOPPING}),
        _S.STARTING: frozenset({_S.RUNNING, _S.FAILED, _S.CRASHED, _S.STOPPING, _S.STOPPED}),
        _S.RUNNING: frozenset({_S.STOPPING, _S.STOPPED, _S.FAILED, _S.CRASHED}),
        _S.STOPPING: frozenset({_S.STOPPED, _S.FAILED}),
        _S.STOPPED: frozenset({_S.STARTING}),
        _S.FAILED: frozenset(
            {_S.STARTING, _S.STOPPING, _S.STOPPED, _S.CRASHED, _S.EXHAUSTED_COOLING, _S.EXHAUSTED_DEAD}
        ),
        _S.CRASHED: frozenset({_S.STARTING, _S.STOPPING, _S.STOPPED}),
        _S.EXHAUSTED_COOLING: frozenset({_S.STARTING, _S.STOPPING, _S.EXHAUSTED_DEAD}),
        _S.EXHAUSTED_DEAD: frozenset({_S.STOPPING}),
    }
)
"""The statuses that may follow each; the only path around it is the forced end of a part."""
