"""Arguments that several commands take."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter

Expression: TypeAlias = Annotated[
    str, Parameter(name="EXPR", help="'0 7 * * 1-5', @daily, 15m, 'every 1h30m', 07:00, 'daily 07:00'.")
]
Timezone: TypeAlias = Annotated[
    str | None,
    Parameter(name="--timezone", help="Zone of the wall clock, such as Europe/Berlin. Default: the system's."),
]
Utc: TypeAlias = Annotated[
    bool, Parameter(name="--utc", negative="", help="Show the times in UTC; the schedule stays in its zone.")
]
Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="Write JSON.")]
