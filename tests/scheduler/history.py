"""A process with apps whose jobs live through anything, on one ledger file and virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from duly.core.scheduled_job import ScheduledJob
from duly.core.trigger import TriggerProtocol
from duly.testing import VirtualClock
from duly.triggers import After, Cron, Every, Once
from tests.scheduler.custom import Plain
from tests.scheduler.yard import BEGIN, Yard, writer_held

TRIGGERS: Sequence[TriggerProtocol] = (
    Every(seconds=3),
    Every(seconds=7),
    Every(seconds=4, start=BEGIN.add(seconds=10)),
    Cron("* * * * * */5"),
    After(seconds=20),
    Plain(6),
)

JOBS = st.fixed_dictionaries(
    {
        "trigger": st.sampled_from([*TRIGGERS, None]),
        "mode": st.sampled_from(["single", "queued", "restart", "parallel"]),
        "misfire": st.sampled_from(["run_once", "run_all", "skip"]),
        "retries": st.sampled_from([0, 0, 2]),
        "jitter": st.sampled_from([None, None, 6]),
        "takes": st.sampled_from([0, 0, 1, 10, 40]),
        "fails": st.booleans(),
        "in_thread": st.sampled_from([False, False, True]),
    }
)

NAME = st.sampled_from("abc")
OWNER = st.sampled_from(["Porch", "Attic"])
_SECONDS = st.integers(0, 60)

_ACTS = st.one_of(
    st.tuples(st.just("step"), st.integers(-30, 30)),
    st.tuples(st.just("add"), OWNER, NAME, JOBS),
    st.tuples(st.sampled_from(["cancel", "pause", "run_now"]), OWNER, NAME),
    st.tuples(st.just("resume"), OWNER, NAME, st.sampled_from(["skip", "run_once", "run_all"])),
    st.tuples(st.just("reload"), OWNER, _SECONDS, st.sets(NAME)),
    st.tuples(st.sampled_from(["restart", "restart_service", "kill"]), _SECONDS),
)

STEPS = st.one_of(
    st.tuples(st.sampled_from(["advance", "advance", "advance", "stall", "suspend"]), _SECONDS),
    _ACTS,
    st.tuples(st.just("amid"), st.integers(0, 20), st.integers(0, 6), _ACTS),
    st.tuples(st.just("kill_amid"), st.integers(0, 20), st.integers(0, 6), st.integers(0, 12)),
)


class Process:
    """Its lives, one after the other; ``wanted`` is what its apps schedule, by owner and name."""

    def __init__(self, path: Path, clock: VirtualClock, wanted: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.clock = clock
        self.wanted = dict(wanted)
        self.jobs: dict[tuple[str, str], ScheduledJob] = {}
        self.begun_when_gone: list[str] = []
        self._path = path
        self.yard = Yard(path, clock)

    async def start(self) -> None:
        """Begin a life: apps schedule what they want, and what they do not is reconciled."""
        self.yard = Yard(self._path, self.clock)
        await self.yard.start()
        for key in self.wanted:
            await self._schedule(key)
        for owner in ("Porch", "Attic"):
            await self._reconcile(owner)

    async def do(self, name: str, *rest: Any) -> None:  # noqa: ANN401 - drawn
        """One step."""
        await getattr(self, f"_{name}")(*rest)
        await asyncio.sleep(0)

    async def end(self) -> None:
        """Stop for good, with nothing left that would go on."""
        await self.yard.stop()
        self.wanted.clear()
        await self.start()
        await self.yard.stop()

    # --- steps -------------------------------------------------------------------------------------------------------

    async def _advance(self, seconds: int) -> None:
        await asyncio.sleep(seconds + 0.001)

    async def _stall(self, seconds: int) -> None:
        self.clock.elapse(seconds)

    async def _suspend(self, seconds: int) -> None:
        self.clock.suspend(seconds)

    async def _step(self, seconds: int) -> None:
        self.clock.step(seconds)

    async def _add(self, owner: str, name: str, job: dict[str, Any]) -> None:
        self._forget(owner, name)
        self.wanted[owner, name] = job
        await self._schedule((owner, name))

    async def _cancel(self, owner: str, name: str) -> None:
        self._forget(owner, name)

    async def _pause(self, owner: str, name: str) -> None:
        if (job := await self._live(owner, name)) is not None:
            self.yard.scheduler.pause_job(job, "a test")

    async def _resume(self, owner: str, name: str, catch_up: Any) -> None:  # noqa: ANN401 - a word
        if (job := await self._live(owner, name)) is not None:
            self.yard.scheduler.resume_job(job, catch_up)

    async def _run_now(self, owner: str, name: str) -> None:
        if (job := await self._live(owner, name)) is not None:
            self.yard.scheduler.run_job_now(job)

    async def _reload(self, owner: str, seconds: int, forgotten: set[str]) -> None:
        await self.yard.scheduler.remove_jobs_by_owner(owner)
        await asyncio.sleep(seconds)
        for name in forgotten:
            self.wanted.pop((owner, name), None)
        for key in [key for key in self.wanted if key[0] == owner]:
            await self._schedule(key)
        await self._reconcile(owner)

    async def _restart(self, down: int) -> None:
        await self.yard.stop()
        self.clock.elapse(down)
        await self.start()

    async def _restart_service(self, down: int) -> None:
        self.clock.elapse(down)
        await self.yard.scheduler.restart()

    async def _kill(self, down: int) -> None:
        await self.yard.database.flush()
        await self._live_again(down)

    async def _amid(self, stall: int, turns: int, act: tuple[Any, ...]) -> None:
        """Something happens while it catches up."""
        await self._catch_up(stall, turns)
        await self.do(*act)

    async def _kill_amid(self, stall: int, turns: int, durable: int) -> None:
        """Kill it while it catches up: the first records of what it has decided become durable, and no other."""
        database = self.yard.database
        records = database.records
        await database.flush()
        async with writer_held(self.yard):
            await self._catch_up(stall, turns)
            while len(records._queue) > durable:
                records._queue.pop()
            records.append = lambda record: None  # type: ignore[method-assign]  # what comes now comes too late
        await database.flush()
        await self._live_again(0)

    async def _catch_up(self, stall: int, turns: int) -> None:
        self.clock.elapse(stall)
        self.yard.scheduler.kick()
        for _ in range(turns):
            await asyncio.sleep(0)

    async def _live_again(self, down: int) -> None:
        await self.yard.kill()
        self.clock.elapse(down)
        await self.start()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _schedule(self, key: tuple[str, str]) -> None:
        owner, name = key
        fields = dict(self.wanted[key])
        trigger, takes, fails, in_thread = (fields.pop(each) for each in ("trigger", "takes", "fails", "in_thread"))
        if trigger is None:
            trigger = Once(BEGIN.add(seconds=30))

        def sync_work() -> None:
            if fails:
                raise ValueError(name)

        async def work() -> None:
            if job._dequeued:
                self.begun_when_gone.append(name)
            await asyncio.sleep(takes)
            sync_work()

        function = sync_work if in_thread else work
        job = self.yard.make(function, trigger, name, owner_id=owner, app_key=owner.lower(), **fields)
        self.jobs[key] = job
        await self.yard.scheduler.add_job(job)

    def _forget(self, owner: str, name: str) -> None:
        self.wanted.pop((owner, name), None)
        job = self.jobs.pop((owner, name), None)
        if job is not None and not job._dequeued and job.db_id is not None:
            self.yard.scheduler.mark_job_cancelled(job.db_id, self.yard.scheduler.take_off(job))

    async def _live(self, owner: str, name: str) -> ScheduledJob | None:
        job = self.jobs.get((owner, name))
        return job if job in await self.yard.scheduler.get_all_jobs() else None

    async def _reconcile(self, owner: str) -> None:
        live = await self.yard.scheduler.get_all_jobs()
        ids = [job.db_id for job in live if job.owner_id == owner and job.db_id is not None]
        await self.yard.executor.reconcile_registrations(owner.lower(), [], ids)
