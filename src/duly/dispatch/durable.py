"""What a scheduler has on a server with JetStream: a stream that takes each message once, and replicas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from duly.dispatch.deliveries import DOUBT_SECONDS, JetStreamDelivery
from duly.dispatch.jetstream_fleet import JetStreamFleet
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.streams import duplicate_window_of, ensure_stream

if TYPE_CHECKING:
    from duly.core.clock import Clock
    from duly.dispatch.bus import MessageBus
    from duly.dispatch.schedule_file import ScheduleFile


async def durable(
    bus: MessageBus, file: ScheduleFile, replica: str, clock: Clock
) -> tuple[JetStreamFleet, JetStreamDelivery]:
    """Have the stream made, if there is none; ``replica`` is how this process is called in the log of the others.

    Raises:
        DulyError: the server has no JetStream, or a stream that does not do.
    """
    nats = cast("NatsBus", bus)
    make = partial(ensure_stream, nats, file.subjects, file.stream)
    stream = await make()
    fleet = JetStreamFleet(
        nats,
        file.subjects.bucket(file.name),
        replica,
        handover=file.subjects.handover(file.name),
        replicas=file.stream.replicas,
        storage=file.stream.storage,
        clock=clock,
    )
    window = await duplicate_window_of(nats, stream)
    return fleet, JetStreamDelivery(nats, stream, doubt_seconds=min(DOUBT_SECONDS, window / 2), make=make)
