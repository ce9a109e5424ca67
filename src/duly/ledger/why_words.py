"""Why a job did, or did not, run at a time: in one sentence."""

from duly.core.clock import SECOND, Zone, zoned
from duly.ledger.executions import Execution
from duly.ledger.why import LATE, Down, Verdict, Why
from duly.triggers.clock_changes import DAY, Effect, Oddity

_MILLISECOND = SECOND // 1000


def sentence(why: Why, zone: Zone) -> str:
    """The answer with times in ``zone``."""
    words = _Words(why, zone)
    if why.slot is None:
        return f"{words.time(why.asked)} {words.nowhere()}"
    told = f"{words.verdict()}{words.clocks()}"
    if why.exact:
        return f"{words.time(why.slot)} {told}"
    return f"{words.time(why.asked)} is no slot of its schedule: the nearest, {words.time(why.slot)}, {told}"


class _Words:
    """Says the parts of one answer. Local to one call."""

    def __init__(self, why: Why, zone: Zone) -> None:
        self.why = why
        self.zone = zone

    def time(self, moment: int) -> str:
        """Date and time; seconds and their fractions only if there are any."""
        return f"{zoned(moment, self.zone).date()} {self.clock(moment)}"

    def clock(self, moment: int) -> str:
        """The time of day."""
        rest = moment % (60 * SECOND)
        text = zoned(moment, self.zone).format("HH:mm:ss" if rest >= _MILLISECOND else "HH:mm")
        return f"{text}.{moment % SECOND // _MILLISECOND:03}" if moment % SECOND >= _MILLISECOND else text

    def nowhere(self) -> str:
        """What is to be said of a moment without a slot near."""
        why = self.why
        if why.verdict is Verdict.FORGOTTEN:
            return "lies in a time of which rows may have been deleted"
        if why.verdict is Verdict.UNKNOWN:
            return "may be a slot or not: its trigger is its own, and only its program can ask it"
        if why.verdict is Verdict.BEFORE:
            if why.following is None:
                return "is no slot: the ledger knows no schedule of the job"
            return f"lies before its first slot, {self.time(why.following)}: the job was not registered by then"
        last = "" if why.previous is None else f"; its last slot was {self.time(why.previous)}"
        return f"lies behind the end of its schedule: {self._ended()}{last}"

    def _ended(self) -> str:
        job = self.why.job
        if job.cancelled_at is not None:
            return f"the job was cancelled at {self.time(job.cancelled_at)}"
        if job.retired_at is not None:
            return f"its program no longer registered the job, so it was retired at {self.time(job.retired_at)}"
        return "nothing more is due"

    def verdict(self) -> str:
        """What became of the slot."""
        row = self.why.row
        if row is None:
            return self._without_row()
        if self.why.verdict is Verdict.NOT_RUN:
            return self._not_run(row)
        return self._open(row) if self.why.verdict is Verdict.OPEN else self._ran(row)

    def _without_row(self) -> str:
        match self.why.verdict:
            case Verdict.FORGOTTEN:
                return "lies in a time of which rows may have been deleted"
            case Verdict.UNACCOUNTED:
                return "has no row, though it should have one: the ledger does not add up, duly doctor says more"
            case Verdict.ELSEWHERE:
                return "has no row in this file: another replica led then, or nobody has decided about it yet"
            case Verdict.TO_COME:
                return "is to come" + self._unless_resumed()
        return self._undecided()

    def _unless_resumed(self) -> str:
        if self.why.paused_at is None:
            return ""
        return f", but {self._paused()}: it will be skipped if nobody resumes the job"

    def _paused(self) -> str:
        return f"the job is paused since {self._pause()}"

    def _pause(self) -> str:
        why = self.why
        assert why.paused_at is not None  # noqa: S101 - asked before
        return self.time(why.paused_at) + (f" by {why.paused_by}" if why.paused_by else "")

    def _undecided(self) -> str:
        why = self.why
        if why.paused_at is not None:
            return f"has not run: {self._paused()}; it is decided when the job is resumed"
        if why.alive and why.in_the_way is not None:
            return f"has not run: {self._overlap(why.in_the_way)}, and then it is decided (mode {why.job.mode})"
        if why.alive:
            return "is due just now: the process decides about it"
        since = "" if why.down is None or why.down.since is None else f" since {self.time(why.down.since)}"
        return f"has not run: no process runs{since}; the next start decides about it ({why.job.misfire})"

    def _not_run(self, row: Execution) -> str:
        several = ""
        if row.scheduled_to_ts is not None and row.scheduled_ts is not None:
            span = f"{self.time(row.scheduled_ts)} to {self.time(row.scheduled_to_ts)}"
            several = f", as one of {row.tick_count} slots, {span}"
        if row.status == "cancelled":
            return f"was cancelled before it began{several}: its job was removed, or restarted for a later slot"
        return f"was {row.status}{several}: {self._reason(row)}"

    def _reason(self, row: Execution) -> str:
        why = self.why
        match row.reason:
            case "overlap":
                return self._overlap(why.in_the_way)
            case "paused":
                return "the job was paused" + (f" since {self._pause()}" if why.paused_at is not None else "")
            case "down":
                return self._down(why.down)
            case "suspended":
                return "the machine slept, or its clock was set forward over it"
            case "stalled":
                return "the process was there but too late: it was blocked, or the machine was busy"
        return "its schedule excludes it"

    def _overlap(self, run: Execution | None) -> str:
        if run is None:
            return "the run before it still went on"
        whose = "a run by hand" if run.scheduled_ts is None else f"the run of {self.time(run.scheduled_ts)}"
        start = self.time(run.execution_start_ts)
        if run.status == "started":
            return f"{whose} still went on, from {start} until now"
        if run.status == "interrupted":
            return f"{whose} still went on, from {start} until its process ended"
        return f"{whose} still went on, from {start} to {self.time(run.end_ts)}"

    def _down(self, down: Down | None) -> str:
        if down is None:
            return "a process ran, but the job was not registered with it"
        if down.since is None:
            return "no process had run before" + ("" if down.until is None else f" {self.time(down.until)}")
        until = "" if down.until is None else f" to {self.time(down.until)}"
        return f"no process ran {'from' if until else 'since'} {self.time(down.since)}{until}"

    def _ran(self, row: Execution) -> str:
        start, end = row.execution_start_ts, row.end_ts
        attempt = f" (attempt {row.attempt_number})" if row.attempt_number > 1 else ""
        began = f"{self._late(row)}{attempt}"
        match row.status:
            case "interrupted":
                return f"was started at {self.time(start)} and interrupted: its process ended before it did{began}"
            case "success":
                return f"ran from {self.time(start)} to {self.clock(end)} and succeeded{began}"
            case "cancelled":
                return (
                    f"ran from {self.time(start)} and was cancelled at {self.clock(end)}{self._restarted(end)}{began}"
                )
            case "timed_out":
                return f"ran from {self.time(start)} and timed out at {self.clock(end)}{began}"
        error = f" with {row.error}" if row.error else ""
        return f"ran from {self.time(start)} and failed at {self.clock(end)}{began}{error}"

    def _open(self, row: Execution) -> str:
        start, late = self.time(row.execution_start_ts), self._late(row)
        if self.why.alive:
            return f"runs since {start}, or waits for its turn{late}"
        return f"was started at {start}, and ran or waited when its process ended{late}"

    def _late(self, row: Execution) -> str:
        late = row.execution_start_ts - (self.why.slot or row.execution_start_ts)
        if late < LATE or row.attempt_number > 1:
            return ""
        why = {"waited": ", for it waited for its turn", "catch_up": ", to catch up"}.get(row.trigger_mode or "", "")
        down = f": {self._down(self.why.down)}" if self.why.down is not None else ""
        return f", {_span(late)} late{why}{down}"

    def _restarted(self, end: int) -> str:
        following = self.why.following
        if self.why.job.mode != "restart" or following is None or following > end:
            return ""
        return f" for the slot of {self.time(following)}"

    def clocks(self) -> str:
        """What a change of clocks has to do with it."""
        odd = self.why.odd
        if odd is None:
            return ""
        wall = _wall_text(odd)
        match odd.effect:
            case Effect.MOVED | Effect.MERGED | Effect.AFTER_GAP:
                return f"; {wall} does not exist that day, and this slot stands for it"
            case Effect.LEFT_OUT:
                return f"; {wall} does not exist that day, and is left out"
            case Effect.BOTH:
                return f"; {wall} occurs twice that day, this is the {'second' if odd.second else 'first'} pass"
        return f"; {wall} occurs twice that day, and runs in the {odd.effect.value} pass only"


def _wall_text(odd: Oddity) -> str:
    moment = zoned(odd.wall, "UTC")
    text = moment.format("HH:mm:ss" if moment.second else "HH:mm")
    return f"{moment.date()} {text}" if abs(odd.change.shift) >= DAY else text


def _span(duration: int) -> str:
    """Nanoseconds in hours, minutes and seconds."""
    minutes, seconds = divmod(duration // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if number)
