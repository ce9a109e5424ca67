"""What the ledger file of an embedded scheduler knows of a job."""

from __future__ import annotations

from duly.core.clock import Zone
from duly.embedded.job import LiveJob
from duly.ledger.codes import TRIGGER_TYPE
from duly.ledger.records import storable
from duly.ledger.registrations import ScheduledJobRegistration, arguments_json, method_name
from duly.ledger.repository import StoredSchedule
from duly.triggers.spec import spec_of


class Page:
    """What the ledger is to know, and knows, of a job. The ids belong to the writer thread once they are set."""

    __slots__ = ("first", "job_id", "paused_at", "registration", "schedule_id", "spec", "trigger_id")

    def __init__(self, job: LiveJob, zone: Zone, first: int) -> None:
        """Ask the trigger for its identity; what it raises propagates."""
        trigger, options = job.trigger, job.options
        kind, detail = trigger.trigger_db_type(), trigger.trigger_detail()
        if kind not in TRIGGER_TYPE.numbers:
            known = ", ".join(map(repr, TRIGGER_TYPE.numbers))
            raise ValueError(f"trigger_db_type() must be one of {known}, got {kind!r} of {trigger!r}")
        self.trigger_id = _text(trigger.trigger_id())
        self.spec = spec_of(trigger, zone)
        self.registration = ScheduledJobRegistration(
            app_key="",
            instance_index=0,
            job_name=_text(job.name),
            handler_method=method_name(job.func),
            trigger_type=kind,
            trigger_label=_text(trigger.trigger_label()),
            trigger_detail=None if detail is None else _text(detail),
            trigger_id=self.trigger_id,
            group=None if options.group is None else _text(options.group),
            args_json=arguments_json(job.args),
            kwargs_json=arguments_json(job.kwargs or {}),
            mode=options.policy.mode.value,
            misfire=options.policy.misfire.value,
        )
        self.first = first
        """The slot with which the account of its schedule begins."""
        self.job_id: int | None = None
        self.schedule_id: int | None = None
        self.paused_at: int | None = None

    def continues(self, stored: StoredSchedule, zone: Zone) -> bool:
        """Whether it is the same schedule; a delay begins anew with each registration, a time of day each day."""
        if self.trigger_id != stored.trigger_id or zone != stored.timezone:
            return False
        kind = self.registration.trigger_type
        return stored.first_ts == self.first if kind == "once" else kind != "after"


def _text(value: object) -> str:
    return storable(str(value)) or ""
