"""``duly dispatch``: publish what a file of schedules says."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from duly.cli.fleet_parameters import DataDir, Embedded, LogLevel, NatsUrl, keep_files_in
from duly.cli.nats_address import check_address, server_address
from duly.cli.terminal import Failed
from duly.cli.working_directory import make_importable

if TYPE_CHECKING:
    from duly.dispatch.schedule_file import ScheduleFile

_CLOSING_SECONDS = 1.0
"""What the event loop has to close once the actor has ended."""


def dispatch_schedules(
    config: Annotated[Path, Parameter(name="--config", help="The file of schedules, such as schedules.yaml.")],
    *,
    nats_url: NatsUrl = None,
    embedded: Embedded = False,
    ledger: Annotated[
        Path | None,
        Parameter(
            name="--ledger",
            help="File of the slots that this replica decides. Default: dispatch-NAME.db in the data directory.",
        ),
    ] = None,
    data_dir: DataDir = None,
    log_level: LogLevel = "info",
) -> int:
    """Dispatch until the process is asked to stop (SIGTERM or Ctrl-C).

    Exit codes: 0 stopped as asked, 1 failed, 2 the file of schedules cannot be used.
    """
    from duly.cli.structured_logs import log_to_stderr
    from duly.dispatch.schedule_file import ScheduleFileError, read_schedules

    check_address(nats_url, embedded=embedded)
    try:
        file = read_schedules(config)
    except ScheduleFileError as error:
        sys.stderr.write("".join(f"error: {problem}\n" for problem in error.problems))
        return 2
    log_to_stderr(log_level)
    keep_files_in(data_dir)
    return _run(file, config, nats_url, ledger, embedded=embedded)


def _run(file: ScheduleFile, config: Path, nats_url: str | None, ledger: Path | None, *, embedded: bool) -> int:
    from duly.core.errors import DulyError
    from duly.dispatch.nats_bus import NatsBus
    from duly.dispatch.scheduler_actor import SchedulerActor
    from duly.lifecycle.signals import leave_within

    make_importable()
    try:
        with server_address(nats_url, embedded=embedded) as urls:
            name = f"scheduler-{file.name}"
            actor = SchedulerActor(name, config, bus=NatsBus(urls, name=name), ledger=ledger, file=file)
            with asyncio.Runner() as runner:
                runner.run(actor.run(actor.inbox_subject))
                leave_within(_CLOSING_SECONDS, 0)  # where a thread of an expansion goes on
    except DulyError as error:
        raise Failed(str(error)) from None
    return 0
