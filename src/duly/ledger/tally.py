"""What an examination of schedules adds up: counts, what is wrong, what is to be said about both."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from duly.ledger.accounts import Walk
from duly.ledger.conservation import Finding
from duly.ledger.diagnosis import LISTED, Diagnosis, Trouble, many
from duly.ledger.jobs import StoredJob

_NAMED = 5


@dataclass(slots=True)
class Tally:
    """What has been found so far; counts are slots. Local to one examination."""

    schedules: int = 0
    expected: int = 0
    recorded: int = 0
    open: int = 0
    due: int = 0
    more: int = 0
    """Diagnoses beyond those that are listed."""
    paused: int = 0
    """Of ``due``, those of paused jobs."""
    unaccounted: Counter[str] = field(default_factory=Counter)
    """Schedules that cannot be counted, by job."""
    diagnoses: list[Diagnosis] = field(default_factory=list)

    def add(self, diagnosis: Diagnosis) -> None:
        """Something is wrong."""
        if len(self.diagnoses) < LISTED:
            self.diagnoses.append(diagnosis)
        else:
            self.more += 1

    def count(self, job: StoredJob, walk: Walk, now: int | None) -> None:
        """A schedule was walked along; ``now`` is ``None`` if what is due now is not asked for."""
        self.schedules += 1
        self.open += walk.open
        if walk.expected is None:
            self.unaccounted[job.full_name] += 1
            return
        self.expected += walk.expected
        self.recorded += walk.recorded
        if job.state == "live" and now is not None:
            due = walk.due(now)
            self.due += due
            if job.paused_at is not None:
                self.paused += due

    def remarks(self, decided: str) -> Iterator[str]:
        """What is to be known of slots that are due, and of triggers.

        ``decided`` says who decides about such slots; in it, ``{them}`` stands for them.
        """
        if self.paused:
            yield f"{many(self.paused, 'slot')} of paused jobs passed: they are settled when the jobs are resumed"
        rest = self.due - self.paused
        if rest:
            yield f"{many(rest, 'slot')} {decided.format(them='it' if rest == 1 else 'them')}"
        if self.unaccounted:
            names = list(self.unaccounted)
            shown = ", ".join(names[:_NAMED]) + (", and more" if len(names) > _NAMED else "")
            yield f"only the program knows the slots of {shown}: there, only slots that occur twice are found"


def slot_diagnosis(finding: Finding, job: str, ids: tuple[int | None, int | None] = (None, None)) -> Diagnosis:
    """A finding of the conservation law; ``ids`` are those of job and schedule, if they are of one file."""
    return Diagnosis(
        Trouble(finding.kind.value),
        finding.line,
        job,
        *ids,
        first=finding.first,
        last=finding.last,
        count=finding.count,
    )
