"""From a slot that has come due to messages that the server has acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from duly.dispatch.delivery import UndeliverableError
from duly.dispatch.expansion import expand
from duly.dispatch.outgoing import Occasion, Outgoing, outgoing

if TYPE_CHECKING:
    from duly.dispatch.delivery import Delivery
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.subjects import Subjects

log = structlog.get_logger("duly.dispatch")

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Sender:
    """Prepares and publishes the messages of slots. Immutable; its methods are called on the event loop."""

    actor_id: str
    subjects: Subjects
    delivery: Delivery

    async def prepare(self, entry: ScheduleEntry, slot: int | None) -> list[Outgoing]:
        """The messages for a slot, in nanoseconds; ``None``: somebody has asked for them.

        Raises:
            ExpansionError: the expansion of the entry has failed.
        """
        if slot is None:
            occasion = Occasion.by_hand(self.actor_id, entry.name)
        else:
            occasion = Occasion.of_slot(self.actor_id, entry.name, slot)
        log.info("scheduler.firing", entry=entry.name, slot=occasion.slot)
        items = None if entry.expand_from is None else await expand(entry)
        if items is not None and not items:
            log.info("scheduler.expansion_empty", entry=entry.name, slot=occasion.slot)
        return outgoing(entry, occasion, self.subjects, items)

    async def publish(self, entry: ScheduleEntry, messages: Sequence[Outgoing], since: int) -> None:
        """Publish messages, and return when all are acknowledged; they may have been published ``since`` then.

        Raises:
            UndeliverableError: no server will take some of them; the others are out.
        """
        if len(messages) == 1:  # at the cost of no further task
            only = messages[0]
            published = [await self._deliver(only, since)]
        else:
            published = await self._publish_all(messages, since)
        self._tell(entry, messages, already=published.count(False))

    async def _deliver(self, message: Outgoing, since: int) -> bool:
        return await self.delivery.deliver(message.subject, message.body, message.message_id, since=since)

    async def _publish_all(self, messages: Sequence[Outgoing], since: int) -> list[bool]:
        deliveries = (self._deliver(each, since) for each in messages)
        results = await asyncio.gather(*deliveries, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        refused = [error for error in errors if isinstance(error, UndeliverableError)]
        if len(errors) > len(refused):
            raise next(error for error in errors if not isinstance(error, UndeliverableError))
        if refused:
            why = "; ".join(str(error) for error in refused[:_SHOWN])
            raise UndeliverableError(f"{len(refused)} of {len(messages)} messages: {why}")
        return [result for result in results if isinstance(result, bool)]

    def _tell(self, entry: ScheduleEntry, messages: Sequence[Outgoing], *, already: int) -> None:
        if entry.expand_from is not None:
            if messages:
                log.info("scheduler.expansion_dispatched", entry=entry.name, count=len(messages), already=already)
            return
        [message] = messages
        if entry.dispatch_type == "task":
            log.info("scheduler.task_dispatched", entry=entry.name, task_id=message.uid, already=already)
        else:
            log.info("scheduler.goal_dispatched", entry=entry.name, goal_id=message.uid, already=already)
