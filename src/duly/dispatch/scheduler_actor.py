"""The scheduler of a fleet: an actor that publishes what a file of schedules says, when it says so."""

from __future__ import annotations

import asyncio
import os
import reprlib
import socket
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from duly.core.clock import current
from duly.dispatch.actor import BaseActor
from duly.dispatch.addresses import DEFAULT_URL
from duly.dispatch.book import Book
from duly.dispatch.changes import settled_at_start
from duly.dispatch.deliveries import CoreDelivery
from duly.dispatch.dispatcher import GRACE_SECONDS, Dispatcher
from duly.dispatch.files import data_directory
from duly.dispatch.inbox import Inbox
from duly.dispatch.lease import RELEASE_SECONDS
from duly.dispatch.lone_fleet import LoneFleet, SoleClaim
from duly.dispatch.schedule_file import ScheduleFileError, read_schedules
from duly.dispatch.sending import Sender

if TYPE_CHECKING:
    from duly.dispatch.bus import MessageBus
    from duly.dispatch.delivery import Delivery
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.fleet import Fleet
    from duly.dispatch.schedule_file import ScheduleFile

log = structlog.get_logger("duly.dispatch")

_SECONDS_TO_RECORD = 0.5
"""What the ledger has at the stop to take the last rows."""


class SchedulerActor(BaseActor):
    """One replica of a scheduler. Owns its ledger file and its dispatcher while it runs."""

    def __init__(
        self,
        actor_id: str,
        config_path: str | Path,
        nats_url: str = DEFAULT_URL,
        *,
        bus: MessageBus | None = None,
        ledger: Path | None = None,
        file: ScheduleFile | None = None,
    ) -> None:
        """Read the file of schedules; ``file`` is what it says, if it has been read already.

        ``ledger`` is the file in which slots are accounted for; ``None``: ``dispatch-{name}.db`` in the data directory.

        Raises:
            ScheduleFileError: the file cannot be used; says all that is wrong with it.
        """
        super().__init__(actor_id, nats_url, bus=bus)
        self.config_path = Path(config_path)
        self._file = read_schedules(self.config_path) if file is None else file
        self.ledger_path = ledger or data_directory() / f"dispatch-{self._file.name.replace('/', '%2F')}.db"
        self._clock = current()
        self._book = Book(self.ledger_path, self._clock)
        self._dispatcher: Dispatcher | None = None
        self._claim: SoleClaim | None = None

    @property
    def file(self) -> ScheduleFile:
        """The file of schedules in force."""
        return self._file if self._dispatcher is None else self._dispatcher.file

    @property
    def entries(self) -> tuple[ScheduleEntry, ...]:
        """Its entries."""
        return self.file.entries

    @property
    def inbox_subject(self) -> str:
        """Where this scheduler is asked."""
        return self._file.subjects.inbox(self._file.name)

    # --- life --------------------------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Open the ledger, and find out about the other replicas.

        Raises:
            DatabaseFileError: the ledger is in use by another process, or cannot be used.
            AlreadyRunningError: another scheduler of this name runs, and cannot share the work.
            DulyError: the server has no JetStream, or a stream that does not do.
        """
        fleet, delivery = await self._wiring()
        await self._book.open()
        sender = Sender(self.actor_id, self._file.subjects, delivery)
        self._dispatcher = Dispatcher(self._file, fleet, sender, self._book, self._clock)
        log.info(
            "scheduler.running",
            actor=self.actor_id,
            config=str(self.config_path),
            entries=len(self._file.enabled),
            ledger=str(self.ledger_path),
        )

    async def _wiring(self) -> tuple[Fleet, Delivery]:
        """How messages get out, and who else leads."""
        file, bus = self._file, self.bus
        if file.delivery == "core" or not hasattr(type(bus), "jetstream"):
            self._claim = SoleClaim(bus, file.subjects.claim(file.name))
            await self._claim.stake()
            return LoneFleet(), CoreDelivery(bus)
        from duly.dispatch.durable import durable  # noqa: PLC0415 - loads the client of NATS

        replica = f"{socket.gethostname()}:{os.getpid()}"
        return await durable(bus, file, replica, self._clock)

    async def on_stop(self) -> None:
        """Close the ledger, and let another have the name."""
        await self._book.close()
        if self._claim is not None:
            await self._claim.drop()
        log.info("scheduler.stopped", actor=self.actor_id)

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """The timer, and the listener for requests to reload."""
        return {"timer": self._require().run(), "control": self._control()}

    async def drain(self) -> None:
        """Let slots in flight end, within their grace."""
        dispatcher = self._require()
        dispatcher.stop()
        await dispatcher.ended(GRACE_SECONDS + RELEASE_SECONDS + _SECONDS_TO_RECORD)

    # --- messages ----------------------------------------------------------------------------------------------------

    async def handle_message(self, data: object) -> Mapping[str, Any] | None:
        """Answer a request, see ``Inbox``; ``None``: another replica leads, and answers."""
        if not isinstance(data, Mapping):
            error = f"a message is a mapping, got {type(data).__name__}: {reprlib.repr(data)}"
            log.debug("scheduler.bad_request", error=error)
            return super().refusal(error)
        return await Inbox(self._require()).answer(data)

    def refusal(self, error: str) -> Mapping[str, Any] | None:
        """As the base; ``None``: another replica leads, and answers."""
        dispatcher = self._dispatcher
        return None if dispatcher is None or dispatcher.term is None else super().refusal(error)

    async def _control(self) -> None:
        async for message in await self.subscribe(self._file.subjects.reload):
            if message.get("action") == "reload":
                await self.on_reload()
            else:
                log.debug("scheduler.control_ignored", message=dict(message))

    async def on_reload(self) -> None:
        """Read the file of schedules again; whatever is wrong, the schedules in force stay."""
        dispatcher = self._require()
        try:
            file = await asyncio.to_thread(read_schedules, self.config_path)
            fixed = settled_at_start(dispatcher.file, file)
            if fixed:
                what = ", ".join(fixed)
                raise ScheduleFileError([f"{what}: what is settled at the start needs a restart"])  # noqa: TRY301 - told below
            changes = await dispatcher.adopt(file)
        except ScheduleFileError as error:
            log.error("scheduler.reload_failed", problems=error.problems)  # noqa: TRY400 - they say all there is to say
        except Exception as error:  # the schedules in force stay
            log.exception("scheduler.reload_failed", error=str(error))
        else:
            log.info(
                "scheduler.config_reloaded",
                added=changes.added,
                removed=changes.removed,
                changed=changes.changed,
            )

    def _require(self) -> Dispatcher:
        if self._dispatcher is None:
            raise RuntimeError(f"{self.actor_id} does not run")
        return self._dispatcher
