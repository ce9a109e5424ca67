"""A part with a life: started and stopped in fixed steps, its children and tasks with it.

The start runs in the task of whoever asks for it, so that a limit on it cancels it. What releases, the stop and the
undoing of a failed start, runs in one task of the part's own, shared by all who ask: a caller that is cancelled, or
is itself one of the tasks to be stopped, leaves it working. All of it belongs to the event loop; only
``request_shutdown`` may be called from elsewhere.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast, final

from duly.lifecycle.bucket import TaskBucket
from duly.lifecycle.errors import FatalError
from duly.lifecycle.final import GuardsFinals
from duly.lifecycle.logs import PartLogger, SourceTier
from duly.lifecycle.standing import Standing
from duly.lifecycle.status import TRANSITIONS, ResourceRole, ResourceStatus
from duly.lifecycle.tasks import is_cancelled, own_task, to_the_end, unless_set

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from duly.lifecycle.root import Root, StatusChange

R = TypeVar("R", bound="Resource")
_S = ResourceStatus

_FORCED_SECONDS = 0.1
"""What cancelled tasks have for their end when a part is forced to end."""


class Resource(GuardsFinals):
    """Owns its children, tasks and status; guarded by the event loop."""

    final_methods: ClassVar[dict[str, str]] = {"initialize": "on_initialize", "shutdown": "on_shutdown"}
    depends_on: ClassVar[list[type[Resource]]] = []
    """Types of parts of the root, subclasses included, that must be ready before this one starts."""
    required: ClassVar[bool] = True
    """``False``: nobody waits for it to be ready, and its failure stops no start."""
    role: ClassVar[ResourceRole] = ResourceRole.RESOURCE
    log_setting: ClassVar[str] = "log_level"
    """The field of ``config.logging`` that gives the level of its logger."""

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        self.duly: Final = duly
        self.parent: Final = parent
        self.children: list[Resource] = []
        """In order of adding."""
        self.index = 0
        self.app_key = f"__duly__.{type(self).__name__}"
        self.unique_name = self._own_name()
        self.logger = PartLogger(self.unique_name, self.source_tier, self.config_log_level)
        self.task_bucket = TaskBucket(duly, self.unique_name, self.source_tier)
        self._standing = Standing(self)
        self._up = False
        """Whether there may be something to release."""
        self._hooked = False
        """Whether ``on_initialize`` has come to its end, so that the hooks of the stop run."""
        self._restarting = False
        """Whether a start follows the stop that is under way."""
        self._start_task: asyncio.Task[None] | None = None
        self._start_begun = False
        self._starting: asyncio.Task[Any] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._releasing: asyncio.Task[None] | None = None

    # --- who it is ---------------------------------------------------------------------------------------------------

    def _own_name(self) -> str:
        if self.role is ResourceRole.ROOT:
            return "Duly"
        name = type(self).__name__
        return name if self.parent is None else f"{self.parent.unique_name}.{name}"

    @property
    def owner_id(self) -> str:
        """The parent's unique name, or its own without parent."""
        return self.unique_name if self.parent is None else self.parent.unique_name

    @property
    def source_tier(self) -> SourceTier:
        """``app`` for an app and what belongs to it, else ``framework``."""
        if self.role is ResourceRole.APP:
            return "app"
        return "framework" if self.parent is None else self.parent.source_tier

    @property
    def config_log_level(self) -> str:
        """The level that the settings give its logger."""
        return cast("str", getattr(self.duly.config.logging, self.log_setting))

    def add_child(self, cls: type[R], **kwargs: Any) -> R:  # noqa: ANN401 - what the class takes
        """Make a part of this one's and append it.

        Raises:
            ValueError: ``parent`` among the keywords: it is this part.
        """
        if "parent" in kwargs:
            raise ValueError(f"add_child() of {self.unique_name} sets parent itself: leave it out")
        child = cls(self.duly, parent=self, **kwargs)
        self.children.append(child)
        return child

    # --- status and readiness ----------------------------------------------------------------------------------------

    @property
    def status(self) -> ResourceStatus:
        """Where it is in its life."""
        return self._standing.status

    @property
    def previous_status(self) -> ResourceStatus:
        """Its status before the present one."""
        return self._standing.previous_status

    @property
    def exception(self) -> BaseException | None:
        """What the present status is due to, if an error."""
        return self._standing.exception

    def set_status(self, status: ResourceStatus, *, exception: BaseException | None = None) -> None:
        """Change the status by the table, and announce it; the present one again does nothing.

        Raises:
            InvalidLifecycleTransitionError: the table does not know the change and ``strict_lifecycle`` is on; else
                that is a WARNING and the change takes place.
        """
        self._standing.change(status, exception)

    def _tell_root(self, change: StatusChange) -> None:
        """Announce a change of its own."""
        self.duly.announce(change)

    def is_ready(self) -> bool:
        """Whether others may use it."""
        return self._standing.is_ready

    @property
    def ready_reason(self) -> str:
        """The reason given with the last change of readiness."""
        return self._standing.ready_reason

    def mark_ready(self, reason: str) -> None:
        """Say that others may use it; only a change is announced."""
        self._standing.mark(ready=True, reason=reason)

    def mark_not_ready(self, reason: str) -> None:
        """Say that others may not use it; only a change is announced."""
        self._standing.mark(ready=False, reason=reason)

    async def wait_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - named by the contract
        """Until it is ready, across restarts.

        Raises:
            TimeoutError: it is not within ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._standing.ready_event.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.unique_name} was not ready within {timeout:g} s") from None

    @property
    def shutdown_event(self) -> asyncio.Event:
        """Set from the request to stop until the next start, which has a new one."""
        return self._standing.shutdown_event

    @property
    def startup_limit(self) -> float:
        """Seconds that a start of the root waits until it is ready."""
        return self.duly.config.lifecycle.startup_timeout_seconds

    def request_shutdown(self, reason: str) -> None:
        """Ask it to stop, from any thread or signal handler: sets ``shutdown_event`` for good, clears ready."""
        self._standing.request_shutdown(reason)

    # --- hooks -------------------------------------------------------------------------------------------------------

    async def before_initialize(self) -> None:
        """On the way up, once the children work."""

    async def on_initialize(self) -> None:
        """On the way up: take hold of what it needs."""

    async def after_initialize(self) -> None:
        """On the way up, with ``serve`` running."""

    async def before_shutdown(self) -> None:
        """On the way down, with everything still working."""

    async def on_shutdown(self) -> None:
        """On the way down, after intake has ended; tasks and children still work."""

    async def after_shutdown(self) -> None:
        """On the way down, the last hook."""

    async def end_intake(self) -> None:
        """Let nothing new begin; called between ``before_shutdown`` and ``on_shutdown``."""

    # --- start -------------------------------------------------------------------------------------------------------

    def start(self) -> asyncio.Task[None]:
        """Run ``initialize`` in a task, which logs what goes wrong and does not raise."""
        if self._start_task is None or self._start_task.done():
            self._start_begun = False
            self._start_task = own_task(self._start(), f"{self.unique_name}.start")
        return self._start_task

    async def _start(self) -> None:
        self._start_begun = True
        try:
            await self.initialize()
        except Exception as error:  # the top of a task
            self.logger.exception("%s did not start", self.unique_name, exc_info=error)

    @final
    async def initialize(self) -> None:
        """Start it: parts it depends on, children, hooks. Does nothing while it is starting or running.

        An error, or being cancelled, undoes all of it and is raised; the stopping hooks run only if ``on_initialize``
        had come to its end. If it is asked to stop meanwhile, it returns stopped.
        """
        while self._stopping is not None or self._up or _S.STARTING not in TRANSITIONS[self.status]:
            if self.status in {_S.STARTING, _S.RUNNING} and not self.shutdown_event.is_set():
                return
            await self.shutdown()
        self._refuse_start()
        self._standing.renew()
        self.task_bucket.open()
        self._up, self._hooked = True, False
        self.set_status(_S.STARTING)
        stop = self.shutdown_event
        self._starting = own_task(self._climb(stop), f"{self.unique_name}.initialize")
        try:
            await self._starting
        except BaseException as error:
            asked = stop.is_set() and isinstance(error, asyncio.CancelledError)
            await self._fall(error, asked=asked)
            if not asked or is_cancelled():
                raise
        else:
            if stop.is_set() and self.status in {_S.STARTING, _S.RUNNING, _S.STOPPED}:
                await self.shutdown()

    def _refuse_start(self) -> None:
        """Raise ``RuntimeError`` if something of its last life goes on."""

    async def _climb(self, stop: asyncio.Event) -> None:
        """Step by step, until one fails or ``stop`` is set."""
        self.task_bucket.enter()
        steps = (
            self._await_dependencies,
            self._start_children,
            self.before_initialize,
            self._initialize_itself,
            self._begin,
            self.after_initialize,
            self._arrive,
        )
        for step in steps:
            if stop.is_set() or self.status in {_S.FAILED, _S.CRASHED}:
                return
            await step()

    async def _await_dependencies(self) -> None:
        """Wait for the parts it depends on, or for the request to stop."""
        wanted = [
            part
            for part in self.duly.children
            if part.required and part is not self and isinstance(part, tuple(self.depends_on))
        ]
        for part in wanted:
            name = f"{self.unique_name} waits for {part.unique_name}"
            await unless_set(self.shutdown_event, part.wait_ready(), name)

    async def _start_children(self) -> None:
        for child in self.children:
            try:
                await child.initialize()
            except Exception as error:
                if child.required:
                    raise
                self.logger.exception("%s goes on without %s", self.unique_name, child.unique_name, exc_info=error)

    async def _initialize_itself(self) -> None:
        await self.on_initialize()
        self._hooked = True

    async def _begin(self) -> None:
        """Begin with the work of its own."""

    async def _arrive(self) -> None:
        self.set_status(_S.RUNNING)
        if not self._standing.touched:
            self.mark_ready("initialized")

    async def _fall(self, error: BaseException, *, asked: bool) -> None:
        """Undo a start that has failed, or was given up because the stop was asked for."""
        if asked:
            await self.shutdown()
            return
        if self.status in {_S.STARTING, _S.RUNNING}:
            self.set_status(_S.CRASHED if isinstance(error, FatalError) else _S.FAILED, exception=error)
        self.request_shutdown("its start failed")
        await self._release_once()
        given_up = isinstance(error, asyncio.CancelledError) and is_cancelled()  # by its caller, who knows
        if self.status in {_S.FAILED, _S.CRASHED} and not given_up:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        """Tell who supervises it."""

    # --- stop --------------------------------------------------------------------------------------------------------

    @final
    async def shutdown(self) -> None:
        """Stop it; returns when all it owns has ended or was forced. May be called at any time, by several at once."""
        if self._stopping is None:
            if self.status is _S.STOPPED and not self._up and self.task_bucket.sealed:
                return
            if self._start_task is not None and not self._start_begun:
                self._start_task.cancel()
            self._stopping = own_task(self._stop(), f"{self.unique_name}.shutdown")
        stopping = self._stopping
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            if not stopping.cancelled() or is_cancelled():  # otherwise the end was forced
                raise

    async def restart(self, *, ready_within: float | None = None) -> None:
        """Stop it and start it again; given seconds, wait until it is ready, counted from the start.

        Raises:
            TimeoutError: it was not ready by then; its start is undone.
        """
        self._restarting = True
        try:
            await self.shutdown()
        finally:
            self._restarting = False
        limit = asyncio.timeout(ready_within)
        try:
            async with limit:
                await self.initialize()
                if ready_within is not None:
                    await self.wait_ready()
        except TimeoutError:
            if not limit.expired():
                raise
            error = TimeoutError(f"{self.unique_name} was not ready within {ready_within:g} s of its restart")
            await self._fall(error, asked=False)
            raise error from None

    async def release(self, *, restart_follows: bool) -> None:
        """Let go of all it holds once it has failed; the status stays."""
        self._restarting = restart_follows
        self.request_shutdown("it has failed")
        try:
            await self._release_once()
        finally:
            self._restarting = False

    async def _stop(self) -> None:
        try:
            if self.status is not _S.STOPPED:  # as it is when ``serve`` has ended by itself
                self.set_status(_S.STOPPING)
            self.request_shutdown("shutdown")
            await self._give_up_start()
            await self._release_once()
            self._come_to_rest()
        finally:
            self._stopping = None

    def _come_to_rest(self) -> None:
        self.set_status(_S.STOPPED)

    async def _give_up_start(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            if not (await asyncio.wait({self._starting}, timeout=self.phase_limit))[0]:
                self.logger.warning("%s did not give up its start within %g s", self.unique_name, self.phase_limit)

    async def _release_once(self) -> None:
        """Release what is up, in a task that all callers share."""
        if self._releasing is None:
            self._releasing = own_task(self._release(), f"{self.unique_name}.release")
        try:
            await to_the_end(self._releasing)
        finally:
            self._releasing = None

    @property
    def phase_limit(self) -> float:
        """Seconds that each step of its stop may take."""
        return self.duly.config.lifecycle.resource_shutdown_timeout_seconds

    async def _release(self) -> None:
        if self._up:
            await self._run_hooks_down()
            await self.task_bucket.cancel_all(self.phase_limit)
        self.task_bucket.seal()
        await self._stop_children()
        self._up = self._hooked = False

    async def _run_hooks_down(self) -> None:
        if self._hooked:
            await self._phase("before_shutdown", self._call_hooks(self.before_shutdown))
        await self._phase("end_intake", self.end_intake())
        if self._hooked:
            await self._phase("on_shutdown", self._call_hooks(self.on_shutdown, self.after_shutdown))

    async def _call_hooks(self, *hooks: Callable[[], Coroutine[Any, Any, None]]) -> None:
        for hook in hooks:
            try:
                await hook()
            except (Exception, SystemExit) as error:  # the next hook must have its turn; an exit would end the loop
                self.logger.exception("%s failed in %s", self.unique_name, hook.__name__, exc_info=error)

    async def _phase(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """One step of the stop, within its limit; what goes wrong is logged, and the next step follows."""
        task = self.task_bucket.spawn(work, name=f"{self.unique_name}.{name}")
        if not (await asyncio.wait({task}, timeout=self.phase_limit))[0]:
            task.cancel()
            self.logger.warning("%s did not end %s within %g s", self.unique_name, name, self.phase_limit)
        elif not task.cancelled() and (error := task.exception()) is not None:
            self.logger.error("%s failed in %s", self.unique_name, name, exc_info=error)

    async def _stop_children(self) -> None:
        """Stop the children one after the other, last added first; force those that need longer than a phase."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.phase_limit
        for child in reversed(self.children):
            stop = own_task(child.shutdown(), f"{self.unique_name} stops {child.unique_name}")
            done, _ = await asyncio.wait({stop}, timeout=max(end - loop.time(), 0))
            if not done:
                self.logger.warning("%s did not end its children within %g s", self.unique_name, self.phase_limit)
                await child.force_end()
                await asyncio.wait({stop})
            elif not stop.cancelled() and (error := stop.exception()) is not None:
                self.logger.error("%s did not stop %s", self.unique_name, child.unique_name, exc_info=error)

    async def force_end(self) -> None:
        """End it without its hooks: cancel everything it and its children own, and call it stopped.

        Children that had not ended, and what goes on all the same, are named in an ERROR.
        """
        unended = [child.unique_name for child in self.children if child.status is not _S.STOPPED]
        tasks = self._abandon() - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=_FORCED_SECONDS)
        names = ", ".join(sorted(task.get_name() for task in tasks if not task.done())) or "nothing"
        parts = " with ".join(filter(None, (self.unique_name, ", ".join(unended))))
        self.logger.error("%s was forced to end; what goes on: %s", parts, names)
        self._forget()

    def _abandon(self) -> set[asyncio.Task[Any]]:
        """Cancel all tasks of it and its children, and give them."""
        lives = (self._start_task, self._starting, self._stopping, self._releasing)
        tasks = {task for task in (*lives, *self.task_bucket.pending_tasks()) if task is not None and not task.done()}
        self.request_shutdown("forced to end")
        for task in tasks - {asyncio.current_task()}:
            task.cancel()
        self.task_bucket.seal()
        self._up = self._hooked = False  # so that nobody else begins to release it
        return tasks.union(*(child._abandon() for child in self.children))  # noqa: SLF001 - of its own class

    def _forget(self) -> None:
        for child in self.children:
            child._forget()  # noqa: SLF001 - of its own class
        self._start_task = self._starting = self._stopping = self._releasing = None
        self._standing.force(_S.STOPPED)
