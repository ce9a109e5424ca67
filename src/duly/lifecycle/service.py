"""A part with a task of its own."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from duly.core.errors import DulyError
from duly.core.outcomes import text_of
from duly.lifecycle.resource import Resource
from duly.lifecycle.restart import RestartSpec, RestartType
from duly.lifecycle.status import ResourceRole, ResourceStatus

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

_S = ResourceStatus


class Service(Resource, ABC):
    """Owns the task of ``serve``, which lives in its bucket; marks itself ready. What fails is told to the root."""

    role: ClassVar[ResourceRole] = ResourceRole.SERVICE
    restart_spec: ClassVar[RestartSpec] = RestartSpec()
    """What supervision does when it fails; every concrete service declares its own."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        concrete = not getattr(cls.serve, "__isabstractmethod__", False)
        if concrete and cls.restart_spec is Service.restart_spec:
            message = f"{cls.__qualname__} is a service without a restart_spec of its own"
            warnings.warn(message, stacklevel=3)  # above ABCMeta: the class statement

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self._serve_task: asyncio.Task[None] | None = None
        self.restart_at: int | None = None
        """When supervision restarts it, in nanoseconds since the epoch; ``None``: it does not wait for that."""

    @abstractmethod
    async def serve(self) -> None:
        """Work until cancelled or ``shutdown_event`` is set; call ``mark_ready`` once others may use it."""

    @property
    def serving(self) -> bool:
        """Whether the task of ``serve`` goes on; after a stop: whether it outlasted it."""
        return self._serve_task is not None and not self._serve_task.done()

    async def end_intake(self) -> None:
        """Cancel ``serve`` and wait for its end."""
        task = self._serve_task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})

    def _refuse_start(self) -> None:
        if self.serving:
            raise RuntimeError(f"{self.unique_name} cannot start: its former serve() has not ended")

    def _come_to_rest(self) -> None:
        """Stopped; but ``failed`` if it is to start again and work of its last life goes on, which keeps it from it."""
        if self._restarting and self.serving:
            self.set_status(_S.FAILED, exception=RuntimeError(f"serve() of {self.unique_name} did not end"))
        else:
            super()._come_to_rest()

    async def _begin(self) -> None:
        begun = asyncio.get_running_loop().create_future()
        task = self.task_bucket.spawn(self._serve(begun), name=f"{self.unique_name}.serve")
        self._serve_task = task
        await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done() and not self.shutdown_event.is_set():
            raise RuntimeError(f"serve() of {self.unique_name} was cancelled before it began")

    async def _arrive(self) -> None:
        """Running since ``serve`` began; ready when it says so."""

    async def _serve(self, begun: asyncio.Future[None]) -> None:
        self.set_status(_S.RUNNING)
        begun.set_result(None)
        try:
            await self.serve()
        except asyncio.CancelledError:
            if self.shutdown_event.is_set():
                self._end("serve was cancelled")
            else:
                self._break(_S.FAILED, RuntimeError("serve was cancelled without a request to stop"))
            raise
        except (KeyboardInterrupt, SystemExit) as error:  # kept from the loop, which would end at once
            self._end(f"serve ended with {type(error).__name__}")
            self.duly.request_shutdown(f"{type(error).__name__} in {self.unique_name}")
        except Exception as error:  # noqa: BLE001 - the top of a loop; logged there
            self._fail(error)
        else:
            self._returned()

    def _fail(self, error: Exception) -> None:
        if self.restart_spec.is_fatal(error):  # told where the process ends
            self._break(_S.CRASHED, error)
            return
        if isinstance(error, DulyError):  # its message says all there is to say
            self.logger.error("%s failed: %s", self.unique_name, text_of(error))
        else:
            self.logger.error("%s failed", self.unique_name, exc_info=error)
        self._break(_S.FAILED, error)

    def _returned(self) -> None:
        if self.shutdown_event.is_set():
            self._end("serve has ended")
        elif self.restart_spec.restart_type is RestartType.PERMANENT:
            self._break(_S.FAILED, RuntimeError("serve ended unexpectedly"))
        else:
            self.logger.info("%s has ended by itself and is not restarted", self.unique_name)
            self._end("serve has ended by itself")

    def _end(self, reason: str) -> None:
        """Ended as it may; a stop under way says itself when all has ended."""
        if self.status is _S.RUNNING:
            self.set_status(_S.STOPPED)
            self.mark_not_ready(reason)

    def _break(self, status: ResourceStatus, error: BaseException) -> None:
        """Ended as it may not, which during a stop changes nothing."""
        if self.status is _S.RUNNING:
            self.set_status(status, exception=error)
            self.mark_not_ready(f"serve failed: {type(error).__name__}")
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.duly.on_service_failed(self, error)
