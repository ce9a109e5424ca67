"""Jobs whose triggers follow something: armed anew whenever that tells another time.

To the ledger each arming is a schedule of its own. The old one ends as by a cancellation, with everything decided that
was due; a slot that has to stay is awaited first. While there is no time a job is *dormant*: live, with nothing due.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from duly.core.clock import NEVER, zoned
from duly.core.trigger import NO_SLOTS
from duly.ledger.continuation import Enrolment, Wanted
from duly.scheduler.following import LAST_SECOND
from duly.triggers.spec import spec_of_chain

if TYPE_CHECKING:
    from duly.core.clock import Zone
    from duly.core.scheduled_job import ScheduledJob
    from duly.core.trigger import Chain
    from duly.ledger.repository import StoredSchedule
    from duly.scheduler.armed_job import ArmedJob
    from duly.scheduler.following import Following, FollowingTrigger, Told
    from duly.scheduler.service import SchedulerService


class Follower:
    """One job that follows. Owned by ``Followers``."""

    __slots__ = ("armed", "busy", "comes_back", "following", "job", "spec", "trigger")

    def __init__(self, job: ScheduledJob, trigger: FollowingTrigger, following: Following) -> None:
        self.job = job
        self.trigger = trigger
        self.following = following
        self.comes_back = False
        """Whether its owner has stopped, and its schedule goes on when it is registered again."""
        self.armed: ArmedJob | None = None
        """``None``: it is being registered."""
        self.spec: str | None = None
        """The chain for which it is armed; ``None``: it is dormant."""
        self.busy = False
        """Whether it is being armed anew."""


class Followers:
    """Owns which jobs follow something, and for what they are armed. Guarded by the event loop."""

    def __init__(self, service: SchedulerService) -> None:
        self._service = service
        self._followers: dict[ScheduledJob, Follower] = {}

    def __contains__(self, job: ScheduledJob) -> bool:
        return job in self._followers

    # --- registering -------------------------------------------------------------------------------------------------

    async def enrol(self, job: ScheduledJob, trigger: FollowingTrigger) -> tuple[Chain, Enrolment]:
        """Store the registration of a job that follows. Its schedule goes on while nobody knows another time."""
        follower = self._followers[job] = Follower(job, trigger, self._follow(job, trigger))
        try:
            stored = await self._service.newest_schedule(job)
            chain, wanted = self._first(follower, stored)
            follower.spec = wanted.spec
            return chain, await self._service.enrol(job, wanted)
        except BaseException:
            self.forget(job)
            raise

    def _first(self, follower: Follower, stored: StoredSchedule | None) -> tuple[Chain, Wanted]:
        """What a job is armed for at its registration: a stored slot may have to stay, as while it is live."""
        following, trigger_id, clock = follower.following, follower.trigger.trigger_id(), self._service.clock
        now, told = clock.now(), following.told()
        if stored is not None and stored.live and stored.trigger_id == trigger_id:
            chain = stored.chain()
            pending = NEVER if chain is None else stored.pending(chain)
            if chain is not None and pending != NEVER and (told is None or following.keeps(pending, now)):
                wanted = Wanted("custom", trigger_id, stored.trigger_spec, stored.timezone, stored.first_ts)
                return chain, wanted
        return _wanted(trigger_id, told, clock.zone, now)

    def adopt(self, armed: ArmedJob) -> None:
        """Follow for a job that is about to be armed; harmless if it follows nothing."""
        follower = self._followers.get(armed.job)
        if follower is not None:
            follower.armed, armed.stays = armed, True

    def forget(self, job: ScheduledJob, *, to_come_back: bool = False) -> None:
        """A job is live no more; harmless if it does not follow."""
        follower = self._followers.pop(job, None)
        if follower is not None:
            follower.comes_back = to_come_back
            follower.following.stop()

    def follow_anew(self) -> None:
        """Let all jobs look again at what they follow: there may be something now where there was nothing."""
        for job, follower in self._followers.items():
            follower.following.stop()
            follower.following = self._follow(job, follower.trigger)
            self.look_at(job)

    def _follow(self, job: ScheduledJob, trigger: FollowingTrigger) -> Following:
        return trigger.follow(self._service.duly, partial(self.look_at, job))

    # --- following ---------------------------------------------------------------------------------------------------

    def look_at(self, job: ScheduledJob) -> None:
        """Arm a job anew if what it follows tells another time, and the slot that is pending does not have to stay."""
        follower = self._followers.get(job)
        if follower is None or follower.armed is None or follower.busy or self._service.shutdown_event.is_set():
            return
        if self._has_moved(follower, follower.armed):
            follower.busy = True
            self._service.task_bucket.spawn(self._arm_anew(follower, follower.armed), name=f"{job.name} armed anew")
        elif follower.armed.pending == NEVER:
            _show_dormant(job)

    def _has_moved(self, follower: Follower, armed: ArmedJob) -> bool:
        clock = self._service.clock
        told, now = follower.following.told(), clock.now()
        if told is None:
            return False
        if armed.pending != NEVER and follower.following.keeps(armed.pending, now):
            return False
        _, wanted = _wanted(follower.trigger.trigger_id(), told, clock.zone, now)
        if follower.spec is not None and armed.pending == NEVER and wanted.first == NEVER:
            return False  # what it was armed for has passed, and there is nothing else
        return wanted.spec != follower.spec

    async def _arm_anew(self, follower: Follower, armed: ArmedJob) -> None:
        service, job = self._service, follower.job
        try:
            while job in self._followers and self._has_moved(follower, armed):
                ended = service.cut(armed)
                told = follower.following.told()
                chain, wanted = _wanted(follower.trigger.trigger_id(), told, service.clock.zone, ended)
                enrolment = await service.enrol(job, wanted)
                follower.spec = wanted.spec
                if job in self._followers:
                    service.arm_anew(armed, chain, enrolment, ended)
                elif not follower.comes_back:
                    service.end_schedule(enrolment.schedule_id)
        finally:
            follower.busy = False
        self.look_at(job)


def _wanted(trigger_id: str, told: Told | None, zone: Zone, now: int) -> tuple[Chain, Wanted]:
    """The chain of what is told, and the schedule to ask for; none whose slots have all passed."""
    chain = None if told is None else told.chain
    first = None if chain is None else chain.first(now)
    if chain is None or first is None or first <= now:
        return NO_SLOTS, Wanted("custom", trigger_id, None, zone, NEVER)
    return chain, Wanted("custom", trigger_id, spec_of_chain(chain), zone, first)


def _show_dormant(job: ScheduledJob) -> None:
    """Show the end of time as what is due next: it sorts behind everything."""
    job.set_next_run(zoned(LAST_SECOND, job.next_run.tz_id))
