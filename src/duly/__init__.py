"""Duly runs Python on time and keeps an account of it.

The names of the embedded scheduler load no third party but ``whenever``; those of the apps load when first used, and
need ``duly[apps]``.
"""

from typing import TYPE_CHECKING

from duly.core.outcomes import Outcome, Reason
from duly.embedded.account import Account, Health
from duly.embedded.job import Job, JobStatus
from duly.embedded.records import Execution, JobEvent, Notice
from duly.embedded.scheduler import Scheduler
from duly.embedded.triggers import (
    CronTrigger,
    IntervalTrigger,
    OnceTrigger,
    Trigger,
    TriggerType,
    at,
    cron,
    every,
)

if TYPE_CHECKING:
    from duly import states as states
    from duly.apps import App as App
    from duly.apps import AppConfig as AppConfig
    from duly.apps import AppSync as AppSync
    from duly.apps.only_app import only_app as only_app
    from duly.bus.letters import A as A
    from duly.bus.letters import C as C
    from duly.bus.letters import D as D
    from duly.bus.letters import P as P
    from duly.runtime import Duly as Duly

__all__ = [
    "Account",
    "CronTrigger",
    "Execution",
    "Health",
    "IntervalTrigger",
    "Job",
    "JobEvent",
    "JobStatus",
    "Notice",
    "OnceTrigger",
    "Outcome",
    "Reason",
    "Scheduler",
    "Trigger",
    "TriggerType",
    "at",
    "cron",
    "every",
]

_LAZY = {
    **dict.fromkeys(("App", "AppConfig", "AppSync", "only_app"), "duly.apps"),
    **dict.fromkeys(("A", "C", "D", "P"), "duly.bus.letters"),
    "Duly": "duly.runtime",
    "states": "duly.states",
}
"""Where names come from that load when first used. Not in ``__all__``: ``import *`` must not need ``duly[apps]``."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(_LAZY[name])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("duly"):
            raise
        hint = f"duly.{name} needs {error.name}, which is not installed: pip install 'duly[apps]'"
        raise ModuleNotFoundError(hint, name=error.name) from None
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
