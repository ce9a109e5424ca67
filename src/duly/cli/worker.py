"""``duly worker``: do the tasks of a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter, validators

from duly.cli.fleet_parameters import DataDir, Embedded, LogLevel, NatsUrl, keep_files_in
from duly.cli.nats_address import check_address, server_address
from duly.cli.terminal import Failed, UsageError
from duly.cli.working_directory import make_importable

if TYPE_CHECKING:
    from duly.dispatch.tasks import Task
    from duly.dispatch.worker import Worker
    from duly.dispatch.worker_settings import WorkerSettings

_CLOSING_SECONDS = 5.0


Modules: TypeAlias = Annotated[
    str, Parameter(name="MODULE", help="Import it; the functions with @task in it are the work.")
]
Queue: TypeAlias = Annotated[str, Parameter(name="--queue", help="All workers of a queue share its tasks.")]
Prefix: TypeAlias = Annotated[str, Parameter(name="--prefix", help="First token of all subjects.")]
Concurrency: TypeAlias = Annotated[
    int, Parameter(name="--concurrency", help="Tasks at the same time.", validator=validators.Number(gte=1))
]
Grace: TypeAlias = Annotated[
    float,
    Parameter(
        name="--grace",
        help="Seconds that running tasks have to end when the worker stops.",
        validator=validators.Number(gte=0),
    ),
]
AckWait: TypeAlias = Annotated[
    float,
    Parameter(
        name="--ack-wait",
        help="Seconds after which the tasks of a worker that shows no sign of life go to others.",
        validator=validators.Number(gte=1),
    ),
]
IgnoreUnknown: TypeAlias = Annotated[
    bool,
    Parameter(
        name="--ignore-unknown", negative="", help="Tasks for which there is no function are none of this queue's."
    ),
]
Replicas: TypeAlias = Annotated[
    int,
    Parameter(
        name="--replicas",
        help="How many servers of a cluster keep the streams, where there are none and they are made.",
        validator=validators.Number(gte=1, lte=5),
    ),
]
LedgerOfWorker: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--ledger", help="File of what was done. Default: worker-QUEUE.db in the data directory."),
]


def work_on_queue(
    *modules: Modules,
    queue: Queue,
    nats_url: NatsUrl = None,
    embedded: Embedded = False,
    prefix: Prefix = "heddle",
    concurrency: Concurrency = 10,
    grace: Grace = 30.0,
    ack_wait: AckWait = 30.0,
    ignore_unknown: IgnoreUnknown = False,
    replicas: Replicas = 1,
    ledger: LedgerOfWorker = None,
    data_dir: DataDir = None,
    log_level: LogLevel = "info",
) -> int:
    """Do the tasks of a queue until the process is asked to stop (SIGTERM or Ctrl-C).

    Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.
    """
    from duly.cli.structured_logs import log_to_stderr
    from duly.dispatch.streams import StreamSettings
    from duly.dispatch.subjects import Subjects, is_token
    from duly.dispatch.worker_settings import WorkerSettings

    problems = [
        f"{flag} must be a name without blanks, dots, '*' and '>', got {value!r}"
        for flag, value in (("--queue", queue), ("--prefix", prefix))
        if not is_token(value)
    ]
    if not modules:
        problems.append("name the modules with the functions of this worker: duly worker --queue NAME MODULE")
    if problems:
        raise UsageError(problems)
    check_address(nats_url, embedded=embedded)
    log_to_stderr(log_level)
    keep_files_in(data_dir)
    settings = WorkerSettings(
        queue=queue,
        concurrency=concurrency,
        grace_seconds=grace,
        ack_wait_seconds=ack_wait,
        ignore_unknown=ignore_unknown,
        subjects=Subjects(prefix),
        stream=StreamSettings(replicas=replicas),
    )
    return _run(_tasks_of(modules), settings, nats_url, ledger, embedded=embedded)


def _tasks_of(modules: Sequence[str]) -> Mapping[str, Task]:
    """What the modules, and those that they import, declare.

    Raises:
        Failed: one cannot be imported, or none declares anything.
    """
    from duly.dispatch.tasks import TASKS

    make_importable()
    for module in modules:
        try:
            import_module(module)
        except Exception as error:
            if module.endswith(".py"):
                name = module.removesuffix(".py").replace("/", ".")
                raise Failed(f"name the module, not its file: {name}, not {module}") from error
            raise Failed(f"cannot import {module}: {type(error).__name__}: {error}") from error
    found = TASKS.by_type()
    if not found:
        raise Failed(f"no function with @task in {', '.join(modules)}: from duly.dispatch import task")
    return found


def _run(
    tasks: Mapping[str, Task], settings: WorkerSettings, nats_url: str | None, ledger: Path | None, *, embedded: bool
) -> int:
    from duly.core.errors import DulyError
    from duly.dispatch.files import data_directory
    from duly.dispatch.nats_bus import NatsBus
    from duly.dispatch.subjects import name_of
    from duly.dispatch.worker import Worker

    try:
        with server_address(nats_url, embedded=embedded) as urls:
            name = f"worker-{settings.queue}"
            file = ledger or data_directory() / f"worker-{name_of(settings.queue)}.db"
            _work(Worker(NatsBus(urls, name=name), tasks, settings, file), settings)
    except DulyError as error:
        raise Failed(str(error)) from None
    return 0


def _work(worker: Worker, settings: WorkerSettings) -> None:
    from duly.dispatch.worker import CLOSING_SECONDS
    from duly.lifecycle.signals import Signals, leave_within

    with Signals(worker.stop, limit=settings.grace_seconds + CLOSING_SECONDS), asyncio.Runner() as runner:
        runner.run(worker.run())
        leave_within(_CLOSING_SECONDS, 0)  # where a thread of a task's goes on
