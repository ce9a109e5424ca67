"""How a part stands: status, readiness and the request to stop, with every change announced."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from duly.lifecycle.crossing import post, running_loop
from duly.lifecycle.errors import InvalidLifecycleTransitionError
from duly.lifecycle.root import StatusChange
from duly.lifecycle.status import TRANSITIONS, ResourceStatus

if TYPE_CHECKING:
    from duly.lifecycle.resource import Resource


class Standing:
    """Owned by one part; guarded by the event loop. Only ``request_shutdown`` may be called from elsewhere."""

    def __init__(self, part: Resource) -> None:
        self._part = part
        self._loop: asyncio.AbstractEventLoop | None = None
        self.status = ResourceStatus.NOT_STARTED
        self.previous_status = ResourceStatus.NOT_STARTED
        self.exception: BaseException | None = None
        self.ready_event = asyncio.Event()
        self.ready_reason = ""
        self.touched = False
        """Whether readiness was set, either way, since the start began."""
        self.shutdown_event = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether others may use it."""
        return self.ready_event.is_set()

    def renew(self) -> None:
        """Begin a life on the running loop: what the last one was asked is forgotten."""
        self.belong_to_running_loop()
        if self.status is not ResourceStatus.NOT_STARTED:  # a stop may be asked for before the first start
            self.shutdown_event = asyncio.Event()
        self.touched = False

    def belong_to_running_loop(self) -> None:
        """From now on a request to stop, from wherever it comes, wakes that loop."""
        self._loop = asyncio.get_running_loop()

    def change(self, status: ResourceStatus, exception: BaseException | None = None) -> None:
        """Follow the table."""
        if status is self.status:
            return
        if status not in TRANSITIONS[self.status]:
            if self._part.duly.config.strict_lifecycle:
                raise InvalidLifecycleTransitionError(self._part.unique_name, self.status, status)
            self._warn(status)
        self._set(status, exception)

    def force(self, status: ResourceStatus) -> None:
        """Set it past the table."""
        if status is not self.status:
            self._set(status, None)

    def mark(self, *, ready: bool, reason: str) -> None:
        """Set readiness."""
        self.touched = True
        if ready is self.is_ready:
            return
        self.ready_reason = reason
        if ready:
            self.ready_event.set()
        else:
            self.ready_event.clear()
        self._announce(self.status)

    def request_shutdown(self, reason: str) -> None:
        """Ask for the stop; what cannot be done in the calling thread is done by the loop."""
        loop, event = self._loop, self.shutdown_event
        asked = loop is not None and post(loop, self._ask, event, reason)
        if not asked or running_loop() is loop:  # posted too, for it wakes the loop if this is a signal handler
            self._ask(event, reason)

    def _ask(self, event: asyncio.Event, reason: str) -> None:
        if event is self.shutdown_event and not event.is_set():
            event.set()
            self.mark(ready=False, reason=reason)

    def _set(self, status: ResourceStatus, exception: BaseException | None) -> None:
        self.previous_status, self.status, self.exception = self.status, status, exception
        self._announce(self.previous_status)

    def _announce(self, before: ResourceStatus) -> None:
        self._part._tell_root(  # noqa: SLF001 - of its own part
            StatusChange(self._part, self.status, before, self.is_ready, self.ready_reason, self.exception)
        )

    def _warn(self, status: ResourceStatus) -> None:
        frame = sys._getframe(3)  # noqa: SLF001 - above change() and set_status(): who asked
        self._part.logger.warning(
            "invalid status change of %s: %s to %s, asked for by %s (%s:%s)",
            self._part.unique_name,
            self.status,
            status,
            frame.f_code.co_qualname,
            frame.f_code.co_filename,
            frame.f_lineno,
        )
