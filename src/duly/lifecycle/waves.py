"""The order in which the parts of the root start and stop: waves, each of parts that depend on earlier waves only."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from duly.core.errors import DulyError
from duly.lifecycle.resource import Resource
from duly.lifecycle.service import Service
from duly.lifecycle.status import ResourceStatus
from duly.lifecycle.tasks import own_task, unless_set

PartType: TypeAlias = type[Resource]

_S = ResourceStatus
_GONE = {
    False: frozenset({_S.FAILED, _S.CRASHED, _S.STOPPED}),
    True: frozenset({_S.STOPPED, _S.EXHAUSTED_DEAD}),
}
"""Statuses in which a part does not become ready any more, by whether it is a service, which is supervised."""
_SHARE = 3
"""A third of its even part of the time is kept for each wave that is yet to stop."""
_LEAST_SECONDS = 0.1
"""What a wave gets at least."""


def waves_of(
    parts: Sequence[Resource],
    *,
    off: Collection[PartType] = (),
    after: Mapping[PartType, Sequence[PartType]] | None = None,
) -> list[list[Resource]]:
    """Group parts by their longest path of dependencies.

    ``off`` are types that are left out on purpose; ``after`` gives types that a type comes after, without depending.

    Raises:
        ValueError: a type is wired twice, depends on one that is not wired, or on itself through others.
    """
    by_type = {type(part): part for part in parts}
    if len(by_type) < len(parts):
        twice = next(part for part in parts if by_type[type(part)] is not part)
        raise ValueError(f"{type(twice).__name__} is wired twice: wire each type once")
    before = {cls: _before(cls, by_type, off, after or {}) for cls in by_type}
    levels: dict[PartType, int] = {}
    for cls in by_type:
        _level(cls, before, levels, ())
    waves: list[list[Resource]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for cls, part in by_type.items():
        waves[levels[cls]].append(part)
    return waves


def _before(
    cls: PartType,
    by_type: Mapping[PartType, Resource],
    off: Collection[PartType],
    after: Mapping[PartType, Sequence[PartType]],
) -> list[PartType]:
    """The wired types that come before it."""
    found: list[PartType] = []
    for wanted in cls.depends_on:
        there = [other for other in by_type if issubclass(other, wanted)]
        if not there and wanted.required and not any(issubclass(other, wanted) for other in off):
            raise ValueError(f"{cls.__name__} depends on {wanted.__name__}, which is not wired: wire it too")
        found += there
    found += [other for wanted in after.get(cls, ()) for other in by_type if issubclass(other, wanted)]
    return found


def _level(
    cls: PartType, before: Mapping[PartType, list[PartType]], levels: dict[PartType, int], path: tuple[PartType, ...]
) -> int:
    if cls in path:
        circle = (*path[path.index(cls) :], cls)
        raise ValueError(f"dependency cycle: {' → '.join(each.__name__ for each in circle)}")
    if cls not in levels:
        levels[cls] = max((_level(each, before, levels, (*path, cls)) + 1 for each in before[cls]), default=0)
    return levels[cls]


class Waves:
    """Starts and stops the parts of the root. Guarded by the event loop."""

    def __init__(self, root: Resource, waves: Sequence[Sequence[Resource]]) -> None:
        self._root = root
        self._waves = waves
        self._starts: dict[Resource, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def notice(self) -> None:
        """Some part has changed its status or its readiness."""
        self._changed.set()

    async def start(self) -> None:
        """Start wave after wave, each when the required parts of the one before are ready; returns if asked to stop.

        Raises:
            TimeoutError: a required part is not ready within the limit of its wave.
            Exception: why a required part cannot become ready.
        """
        for wave in self._waves:
            if self._root.shutdown_event.is_set():
                return
            for part in wave:
                self._starts[part] = own_task(self._start(part), f"{part.unique_name} starts")
                self._starts[part].add_done_callback(lambda _: self.notice())
            await self._until_ready([part for part in wave if part.required])

    async def _start(self, part: Resource) -> None:
        try:
            await part.initialize()
        except DulyError as error:  # its message says all there is to say
            part.logger.error("%s did not start: %s", part.unique_name, error)  # noqa: TRY400 - as above
        except Exception as error:  # the top of a task
            part.logger.exception("%s did not start", part.unique_name, exc_info=error)

    async def _until_ready(self, parts: Sequence[Resource]) -> None:
        """Until they are all ready, or the stop is asked for."""
        limit = max((part.startup_limit for part in parts), default=0.0)
        stop = self._root.shutdown_event
        try:
            async with asyncio.timeout(limit):
                while (missing := [part for part in parts if not part.is_ready()]) and not stop.is_set():
                    self._raise_if_gone(missing)
                    self._changed.clear()
                    await unless_set(stop, self._changed.wait(), "the start waits for a part")
        except TimeoutError:
            names = ", ".join(_with_reason(part) for part in parts if not part.is_ready())
            raise TimeoutError(f"not ready within {limit:g} s: {names}") from None

    def _raise_if_gone(self, parts: Sequence[Resource]) -> None:
        for part in parts:
            if self._starts[part].done() and part.status in _GONE[isinstance(part, Service)]:
                raise part.exception or RuntimeError(f"{part.unique_name} has ended before it was ready")

    async def stop(self, deadline: float) -> bool:
        """Stop wave after wave, the last first; whether all ended in time.

        ``deadline`` is in the time of the loop. A wave that is stuck leaves those before it a share of the time, and
        is forced to end.
        """
        loop = asyncio.get_running_loop()
        share = max(deadline - loop.time(), 0.0) / (_SHARE * max(len(self._waves), 1))
        in_time = True
        for index in reversed(range(len(self._waves))):
            left = deadline - loop.time() - share * index
            in_time &= await self._stop_wave(self._waves[index], max(left, share, _LEAST_SECONDS))
        return in_time

    async def _stop_wave(self, wave: Sequence[Resource], limit: float) -> bool:
        stops = {own_task(part.shutdown(), f"{part.unique_name} is stopped"): part for part in wave}
        done, stuck = await asyncio.wait(stops, timeout=limit)
        for task in stuck:
            part = stops[task]
            self._root.logger.warning("%s did not stop within %.3g s", part.unique_name, limit)
            await part.force_end()
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._root.logger.error("%s did not stop as it should", stops[task].unique_name, exc_info=error)
        return not stuck


def _with_reason(part: Resource) -> str:
    return part.unique_name if part.exception is None else f"{part.unique_name} ({part.exception!r})"
