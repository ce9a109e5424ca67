"""What every way of scheduling a job takes besides callable, time and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from duly.core.arguments import is_text
from duly.core.policy import IfExists, MisfireName, ModeName
from duly.core.run_executor import RunExecutor
from duly.core.scheduled_job import SchedulerErrorHandlerType


class JobOptions(TypedDict, total=False):
    """The options of a job; what is left out is as its line says first."""

    group: str | None
    """``None``: in no group. ``cancel_group`` and ``list_jobs`` find it by this name."""
    jitter: float | None
    """``None``: no jitter. Each run is put off by up to this many seconds, always the same for the same slot."""
    timeout: float | None
    """``None``: as the settings say. Seconds that a run may take; a sync callable goes on in its thread."""
    timeout_disabled: bool
    """``False``. No limit at all."""
    on_error: SchedulerErrorHandlerType | None
    """``None``: the one of the app. Told of runs that fail or time out, after the last attempt."""
    if_exists: IfExists
    """``"error"``. What if the name is taken: ``"skip"`` keeps the job there is, which must be configured the same,
    ``"replace"`` cancels it."""
    args: tuple[Any, ...] | None
    """``None``: none. Positional arguments of the call."""
    kwargs: Mapping[str, Any] | None
    """``None``: none. Keyword arguments of the call."""
    mode: ModeName
    """``"single"``. What becomes of a slot that is due while the job runs, see ``Mode``."""
    misfire: MisfireName
    """``"run_once"``. What becomes of late slots, see ``Misfire``."""
    retries: int
    """0. Further attempts of a slot whose run failed or timed out."""
    retry_delay: float
    """1.0. Seconds before the first retry."""
    retry_backoff: float
    """2.0. By what the delay is multiplied before each further retry; it is an hour at most."""
    executor: RunExecutor | None
    """``None``: the runs are carried out here. Carries them out elsewhere; the callable is not called then."""


def job_fields(options: JobOptions) -> dict[str, Any]:
    """The fields of a ``ScheduledJob`` that the options give: all but ``if_exists``.

    Raises:
        TypeError: there is no such option, or ``on_error`` cannot be called.
        ValueError: ``group`` is empty or no text.
    """
    unknown = options.keys() - JobOptions.__annotations__
    if unknown:
        known = ", ".join(sorted(JobOptions.__annotations__))
        raise TypeError(f"unknown option of a job: {', '.join(sorted(unknown))}: there are {known}")
    fields: dict[str, Any] = {name: value for name, value in options.items() if name != "if_exists"}
    handler, group = fields.pop("on_error", None), fields.get("group")
    if handler is not None and not callable(handler):
        raise TypeError(f"on_error must be callable, or None, got {handler!r}")
    if group is not None and not is_text(group):
        raise ValueError(f"group must be a text that is not empty, or None, got {group!r}")
    fields["args"] = () if fields.get("args") is None else fields["args"]
    fields["kwargs"] = {} if fields.get("kwargs") is None else fields["kwargs"]
    return fields | {"error_handler": handler}
