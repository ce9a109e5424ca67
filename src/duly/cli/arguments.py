"""Arguments that several commands take."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

ExprOrJob: TypeAlias = Annotated[
    str,
    Parameter(
        name="EXPR|JOB",
        help="'0 7 * * 1-5', @daily, 15m, 'every 1h30m', 07:00, 'daily 07:00'; with --at the name of a job.",
    ),
]
Subject: TypeAlias = Annotated[
    str,
    Parameter(
        name="EXPR|JOB|FILE",
        help="A schedule ('0 7 * * 1-5', @daily, 15m, 07:00), the name of a job, a ledger or duly.toml: all jobs, "
        "or schedules.yaml.",
    ),
]
LedgerOfJob: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--ledger", help="The ledger of the job, or a duly.toml. Default: that of the settings in use."),
]
Timezone: TypeAlias = Annotated[
    str | None,
    Parameter(name="--timezone", help="Zone of the wall clock, such as Europe/Berlin. Default: the system's."),
]
Utc: TypeAlias = Annotated[
    bool, Parameter(name="--utc", negative="", help="Show the times in UTC; the schedule stays in its zone.")
]
Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="Write JSON.")]
LedgerFile: TypeAlias = Annotated[Path, Parameter(name="FILE", help="The file of a ledger, such as jobs.db.")]
LocalUtc: TypeAlias = Annotated[
    bool, Parameter(name="--utc", negative="", help="Times in UTC. Default: the zone of the system.")
]
Since: TypeAlias = Annotated[
    str | None, Parameter(name="--since", help="From then on: 1h, 30d (ago), 2025-03-08, '2025-03-08 12:00'.")
]
