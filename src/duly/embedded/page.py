"""What the ledger file of an embedded scheduler knows of a job."""

from __future__ import annotations

from duly.core.clock import Zone
from duly.core.trigger import StoredType
from duly.embedded.job import LiveJob
from duly.ledger.codes import TRIGGER_TYPE
from duly.ledger.continuation import Wanted
from duly.ledger.records import storable
from duly.ledger.registrations import ScheduledJobRegistration, arguments_json, method_name
from duly.triggers.spec import spec_of


class Page:
    """What the ledger is to know, and knows, of a job. The ids belong to the writer thread once they are set."""

    __slots__ = ("first", "job_id", "kind", "paused_at", "registration", "schedule_id", "spec", "trigger_id")

    def __init__(self, job: LiveJob, zone: Zone, first: int) -> None:
        """Ask the trigger for its identity; what it raises propagates."""
        trigger, options = job.trigger, job.options
        kind, detail = trigger.trigger_db_type(), trigger.trigger_detail()
        if kind not in TRIGGER_TYPE.numbers:
            known = ", ".join(map(repr, TRIGGER_TYPE.numbers))
            raise ValueError(f"trigger_db_type() must be one of {known}, got {kind!r} of {trigger!r}")
        self.kind: StoredType = kind
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

    def wanted(self, zone: Zone) -> Wanted:
        """The schedule that the job asks for."""
        return Wanted(self.kind, self.trigger_id, self.spec, zone, self.first)


def _text(value: object) -> str:
    return storable(str(value)) or ""
