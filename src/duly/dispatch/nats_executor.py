"""Sends the runs of jobs to workers.

The host of a job, embedded or apps, sees it as a ``RunExecutor``: it awaits each attempt here as it would a function
of its own. So overlap, misfire, retries and the ledger stay with the host; what happens here is one task, published
once, and the wait for its result. Each attempt is a task with an id of its own: a slot whose run ended without a
result, by a crash or a time-out, is never sent again under an id that the stream or a worker may know.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from duly.core.arguments import is_text
from duly.core.errors import DulyError
from duly.dispatch.home import at_home
from duly.dispatch.mailbox import Mailbox
from duly.dispatch.messages import ModelTier, Priority, TaskMessage, slot_text
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.streams import StreamSettings
from duly.dispatch.subjects import Subjects

if TYPE_CHECKING:
    from duly.core.run_executor import Call


class RemoteTaskError(DulyError):
    """A worker has given the task up; the text is its error's."""


class NatsExecutor:
    """Has jobs done by the workers of a type: ``schedule(…, executor=NatsExecutor(bus, "worker_type"))``.

    May serve any number of jobs, also of several schedulers in several threads. A bus that is not connected is
    connected by the first run, on the event loop on which that runs, and closed when that loop ends.
    """

    def __init__(
        self,
        bus: NatsBus,
        worker_type: str,
        *,
        subjects: Subjects = Subjects(),  # noqa: B008 - immutable
        stream: StreamSettings = StreamSettings(),  # noqa: B008 - immutable
        model_tier: ModelTier = "local",
        priority: Priority = "normal",
    ) -> None:
        """Send to the workers of that type in the fleet that goes by ``subjects``; ``stream`` as they have it.

        Raises:
            TypeError: ``bus`` is no ``NatsBus``.
            ValueError: ``worker_type`` is empty, or ``model_tier`` or ``priority`` unknown.
        """
        if not isinstance(bus, NatsBus):
            raise TypeError(f"bus must be a NatsBus, got {bus!r}: results are kept for the job by a NATS server")
        if not is_text(worker_type):
            raise ValueError(f"worker_type must be a text that is not empty, got {worker_type!r}")
        for name, value, known in (("model_tier", model_tier, ModelTier), ("priority", priority, Priority)):
            if value not in get_args(known):
                raise ValueError(f"{name} must be one of {', '.join(map(repr, get_args(known)))}, got {value!r}")
        self.worker_type = worker_type
        self._bus = bus
        self._subjects = subjects
        self._stream = stream
        self._model_tier = model_tier
        self._priority = priority
        self._mailbox: Mailbox | None = None

    def __repr__(self) -> str:
        return f"NatsExecutor({', '.join(self._bus.urls)}, {self.worker_type!r})"

    async def execute(self, call: Call) -> object:
        """Have a worker do it; its output. Waits for as long as the server is away.

        Raises:
            RemoteTaskError: the worker has given it up.
            UndeliverableError: no server takes the task.
            BusError: no server answers the first time, or the bus is closed meanwhile.
            StreamError: the streams cannot be used.
        """
        return await at_home(self._bus, partial(self._send, call))

    async def _send(self, call: Call) -> object:
        mailbox = self._mailbox
        if mailbox is None or mailbox.ended or mailbox.loop is not asyncio.get_running_loop():
            mailbox = self._mailbox = Mailbox(self._bus, self._subjects, self._stream)
        delivery = await mailbox.open()
        task = self._task_for(call, mailbox)
        with mailbox.expecting(task.task_id) as result:
            delivering = asyncio.ensure_future(delivery.deliver(self._subjects.tasks, task.wire(), task.task_id))
            try:
                # While the server is away it may take for ever, and the bus be closed meanwhile.
                await asyncio.wait((delivering, result), return_when=asyncio.FIRST_COMPLETED)
                if not result.done():
                    await delivering
                answer = await result
            finally:
                delivering.cancel()
        if answer.status == "failed":
            raise RemoteTaskError(answer.error or f"the task has failed: {task.task_id}")
        return answer.output

    def _task_for(self, call: Call, mailbox: Mailbox) -> TaskMessage:
        metadata: dict[str, Any] = {"scheduled_by": call.job, "attempt": call.attempt}
        if call.slot is not None:
            slot = slot_text(call.slot)
            metadata |= {"slot": slot, "slot_key": f"{mailbox.id}/{call.job}/{slot}"}
        return TaskMessage(
            parent_task_id=mailbox.id,
            worker_type=self.worker_type,
            payload=payload_of(call),
            model_tier=self._model_tier,
            priority=self._priority,
            metadata=metadata,
        )


def payload_of(call: Call) -> dict[str, Any]:
    """What the worker's function gets: ``f(payload)`` there is what ``f(payload)`` would be here.

    So an only positional argument that is a dict is the payload. Otherwise the keyword arguments are, and with any
    positional ones both of them, as ``{"args": […], "kwargs": {…}}``.
    """
    if len(call.args) == 1 and isinstance(call.args[0], dict) and not call.kwargs:
        return dict(call.args[0])
    return {"args": list(call.args), "kwargs": dict(call.kwargs)} if call.args else dict(call.kwargs)
