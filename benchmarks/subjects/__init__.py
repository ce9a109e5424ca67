"""Who is measured: Duly, its peers, and floors below which nothing in Python can go.

Only this file says who there is; the modules beside it are imported by the worker processes alone, each in the
environment in which its library is installed. To add a peer: a class by ``protocols``, an entry here, pairs in
``catalogue``; and an entry in ``environments`` if it cannot live beside the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that can be measured."""

    name: str
    title: str
    where: str
    """``module:class`` of its adapter."""
    environment: str = "main"


_HERE = "benchmarks.subjects"

_ALL = (
    Subject("duly", "Duly", f"{_HERE}.ours:Threads"),
    Subject("duly-async", "Duly, async jobs", f"{_HERE}.ours:Async"),
    Subject("aps3-thread", "APScheduler 3, threads", f"{_HERE}.apscheduler3:Threads"),
    Subject("aps3-asyncio", "APScheduler 3, asyncio", f"{_HERE}.apscheduler3:Asyncio"),
    Subject("aps4", "APScheduler 4 alpha", f"{_HERE}.apscheduler4:Asyncio", environment="apscheduler4"),
    Subject("schedule", "schedule", f"{_HERE}.schedule_library:Schedule"),
    Subject("huey", "huey, 4 threads", f"{_HERE}.huey_library:Huey"),
    Subject("call-at", "floor: call_at", f"{_HERE}.floors:CallAt"),
    Subject("call-at-second", "floor: call_at, whole seconds", f"{_HERE}.floors:CallAtSecond"),
    Subject("task-each", "floor: one task each", f"{_HERE}.floors:TaskEach"),
    Subject("duly-file", "Duly, file", f"{_HERE}.filed:FiledThreads"),
    Subject("duly-file-async", "Duly, file, async jobs", f"{_HERE}.filed:FiledAsync"),
    Subject("huey-file", "huey, file, 4 threads", f"{_HERE}.huey_file:HueyFile"),
    Subject("hassette", "hassette", f"{_HERE}.hassette_library:HassetteApp", environment="hassette"),
    Subject("apps", "Duly, apps", f"{_HERE}.apps:AppsAsync"),
    Subject("apps-thread", "Duly, apps, sync jobs", f"{_HERE}.apps:AppsThreads"),
    Subject("records", "Duly, records of apps", f"{_HERE}.app_records:QueuedRecords"),
    Subject("runs", "Duly, embedded runs", f"{_HERE}.row_writers:EmbeddedRuns"),
    Subject("executemany", "floor: executemany", f"{_HERE}.row_writers:Executemany"),
    Subject("slim-table", "floor: executemany, slim table", f"{_HERE}.row_writers:SlimTable"),
    Subject("cron", "Duly, inside", f"{_HERE}.crons:DulyChain"),
    Subject("cron-public", "Duly, next_run_time", f"{_HERE}.crons:DulyPublic"),
    Subject("cronsim", "cronsim", f"{_HERE}.crons:Cronsim"),
    Subject("cronsim-parsed", "cronsim, parsing deducted", f"{_HERE}.crons:CronsimParsed"),
    Subject("croniter", "croniter", f"{_HERE}.crons:Croniter"),
    Subject("aps3-cron", "APScheduler 3, CronTrigger", f"{_HERE}.crons:Apscheduler3"),
    Subject("cron-floor", "floor: bitmasks, UTC", f"{_HERE}.cron_floor:Bitmasks"),
    Subject("delivery", "Duly, delivery", f"{_HERE}.publishers:Delivering"),
    Subject("delivery-r3", "Duly, delivery, 3 replicas", f"{_HERE}.publishers:DeliveringOfThree"),
    Subject("delivery-two", "Duly, delivery, 2 processes", f"{_HERE}.publishers:DeliveringByTwo"),
    Subject(
        "delivery-two-streams", "Duly, delivery, 2 processes, 2 streams", f"{_HERE}.publishers:DeliveringByTwoToTwo"
    ),
    Subject("publish-async", "nats-py, publish_async", f"{_HERE}.publishers:PublishAsync"),
    Subject("publish-async-tasks", "nats-py, a task each", f"{_HERE}.publishers:PublishAsyncTasks"),
    Subject("publish-async-r3", "nats-py, publish_async, 3 replicas", f"{_HERE}.publishers:PublishAsyncOfThree"),
    Subject("publish-one", "nats-py, one by one", f"{_HERE}.publishers:PublishOneByOne"),
    Subject("leader", "Duly, dispatch", f"{_HERE}.leaders:Leader"),
    Subject("leader-r3", "Duly, dispatch, 3 replicas", f"{_HERE}.leaders:LeaderOfThree"),
)

SUBJECTS: dict[str, Subject] = {subject.name: subject for subject in _ALL}
