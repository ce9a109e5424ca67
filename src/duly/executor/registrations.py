"""What is stored of a job, read off the job."""

from __future__ import annotations

from duly.executor.protocols import ScheduledJob
from duly.ledger.registrations import ScheduledJobRegistration, arguments_json, method_name


def registration_of(job: ScheduledJob) -> ScheduledJobRegistration:
    """The registration of a job. What its trigger raises propagates."""
    trigger = job.trigger
    return ScheduledJobRegistration(
        app_key=job.app_key,
        instance_index=job.instance_index,
        job_name=job.name,
        handler_method=method_name(job.job),
        trigger_type=None if trigger is None else trigger.trigger_db_type(),
        trigger_label="" if trigger is None else trigger.trigger_label(),
        trigger_detail=None if trigger is None else trigger.trigger_detail(),
        trigger_id=None if trigger is None else trigger.trigger_id(),
        group=job.group,
        name_auto=job.name_auto,
        args_json=arguments_json(job.args),
        kwargs_json=arguments_json(job.kwargs),
        source_location=job.source_location,
        registration_source=job.registration_source or None,
        source_tier=job.source_tier,
        mode=str(job.mode),
        misfire=str(job.misfire),
    )
