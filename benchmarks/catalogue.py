"""What is measured, and what Duly promises: the rows of the table.

Every metric is a cost, so every ratio is the peer's cost divided by ours: 2 means twice as good as the peer, and a
promise of "at most 1.5 times the floor" reads "at least 0.67".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measurement:
    """One function of ``measures``, run for each of its subjects, each time in a new process."""

    function: str
    subjects: tuple[str, ...]
    rounds: int = 5
    sizes: tuple[int | None, ...] = (None,)
    """Numbers of jobs; ``None``: it has no size."""
    quick_sizes: tuple[int | None, ...] = (None,)
    parameters: Mapping[str, object] = field(default_factory=dict)
    quick_parameters: Mapping[str, object] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)
    """Subject, and the size above which it needs minutes."""
    side_by_side: bool = False
    """Whether all subjects run at the same time: only where they have nothing to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours beside a peer."""

    ours: str
    peer: str
    at_least: float | None = None
    """The ratio promised; ``None``: shown, not promised."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work; a line of the table for each pair and size."""

    name: str
    title: str
    unit: str
    measurement: str
    metric: str
    pairs: tuple[Pair, ...] = ()
    alone: str = ""
    """Who it is about where there are no pairs."""
    limit: float | None = None
    """Most that the first of ours may cost, whatever the peers do."""
    growth: float | None = None
    """Least ratio of the first of ours at the smallest size to itself at any other: 1 is perfectly flat."""

    @property
    def first(self) -> str:
        """The subject whom limit and growth are about."""
        return self.alone or self.pairs[0].ours

    @property
    def subjects(self) -> tuple[str, ...]:
        """All whom it shows."""
        named = [name for pair in self.pairs for name in (pair.ours, pair.peer)]
        return tuple(dict.fromkeys([*named, self.alone] if self.alone else named))


_SIZES = (1_000, 10_000, 100_000)
_APS3 = ("aps3-thread", "aps3-asyncio")

MEASUREMENTS: dict[str, Measurement] = {
    "cron": Measurement(
        "benchmarks.measures.cron:measure",
        ("cron", "cron-public", "cronsim", "cronsim-parsed", "croniter", "aps3-cron", "cron-floor"),
        parameters={"budget": 0.02},
        quick_parameters={"budget": 0.005},
    ),
    "registration": Measurement(
        "benchmarks.measures.registration:speed",
        ("duly", *_APS3, "aps4", "schedule", "huey", "call-at", "duly-file", "apps", "hassette"),
        rounds=3,
        sizes=_SIZES,
        quick_sizes=_SIZES[:2],
        largest={"aps4": 10_000, "schedule": 10_000, "huey": 10_000, "apps": 10_000, "hassette": 1_000},
    ),
    "memory": Measurement(
        "benchmarks.measures.registration:memory",
        ("duly", "aps3-thread", "aps4", "schedule", "huey", "call-at"),
        rounds=1,
        sizes=_SIZES,
        quick_sizes=_SIZES[:1],
        largest={"aps4": 10_000, "schedule": 10_000, "huey": 10_000},
    ),
    "burst": Measurement(
        "benchmarks.measures.burst:measure",
        ("duly", "duly-async", *_APS3, "aps4", "schedule", "huey", "task-each"),
        rounds=3,
        sizes=_SIZES,
        quick_sizes=_SIZES[:2],
        largest={"aps4": 1_000, "schedule": 10_000, "huey": 10_000},
    ),
    "stored": Measurement(
        "benchmarks.measures.stored:durable",
        ("duly-file", "duly-file-async", "apps", "apps-thread", "hassette", "huey-file"),
        rounds=3,
        sizes=_SIZES,
        quick_sizes=_SIZES[:1],
        largest={"apps": 10_000, "apps-thread": 10_000, "hassette": 10_000, "huey-file": 10_000},
    ),
    "peak": Measurement(
        "benchmarks.measures.stored:peak",
        ("duly-file", "duly-file-async", "duly", "duly-async"),
        rounds=1,
        sizes=_SIZES[2:],
        quick_sizes=_SIZES[:1],
    ),
    "rows": Measurement(
        "benchmarks.measures.rows:measure",
        ("records", "runs", "executemany", "slim-table"),
        sizes=_SIZES[2:],
        quick_sizes=(20_000,),
    ),
    "lone": Measurement(
        "benchmarks.measures.stored:lone",
        ("duly-file", "duly-file-async", "apps", "hassette", "huey-file"),
        rounds=3,
        sizes=(100,),
        quick_sizes=(10,),
    ),
    "large-file": Measurement(
        "benchmarks.measures.large_file:measure",
        ("duly-file",),
        rounds=3,
        sizes=(1_000_000,),
        quick_sizes=(50_000,),
    ),
    "lateness": Measurement(
        "benchmarks.measures.lateness:measure",
        ("duly", "duly-async", *_APS3, "aps4", "call-at", "task-each", "apps", "call-at-second", "hassette"),
        rounds=3,
        sizes=(1_000,),
        quick_sizes=(1_000,),
        parameters={"window": 6},
        quick_parameters={"window": 2},
    ),
    "idle": Measurement(
        "benchmarks.measures.idle:measure",
        ("duly", *_APS3, "aps4", "huey", "call-at", "apps"),
        rounds=1,
        sizes=(10_000,),
        quick_sizes=(10_000,),
        parameters={"window": 65},  # twice the longest sleep of Duly, which looks at the clock every 30 s
        quick_parameters={"window": 5},
        side_by_side=True,
    ),
    "apps": Measurement(
        "benchmarks.measures.apps:memory",
        ("apps", "hassette"),
        rounds=1,
        sizes=(10_000,),
        quick_sizes=(100,),
        parameters={"apps": 50},
        quick_parameters={"apps": 50},
    ),
    "rest": Measurement(
        "benchmarks.measures.apps:memory",
        ("apps", "hassette"),
        rounds=3,
        parameters={"apps": 1},
        quick_parameters={"apps": 1},
    ),
    "startup": Measurement(
        "benchmarks.measures.startup:measure",
        ("duly", "aps3-thread", "aps4", "apps", "hassette"),
        parameters={"repeats": 3},
        quick_parameters={"repeats": 1},
    ),
    "events": Measurement(
        "benchmarks.measures.events:each",
        ("apps", "hassette"),
        rounds=3,
        sizes=(10, 1_000, 10_000),
        quick_sizes=(10,),
        parameters={"events": 5_000},
        quick_parameters={"events": 500},
    ),
    "fan-out": Measurement(
        "benchmarks.measures.events:fan_out",
        ("apps", "hassette"),
        rounds=3,
        sizes=(1, 1_000),
        quick_sizes=(1, 100),
        parameters={"events": 5},
        quick_parameters={"events": 5},
    ),
    "flood": Measurement(
        "benchmarks.measures.events:each",
        ("apps", "hassette"),
        rounds=1,
        sizes=(10,),
        quick_sizes=(10,),
        parameters={"events": 50_000},
        quick_parameters={"events": 2_000},
    ),
    "publishing": Measurement(
        "benchmarks.measures.publishing:measure",
        (
            "delivery",
            "publish-async",
            "publish-async-tasks",
            "publish-one",
            "delivery-r3",
            "publish-async-r3",
            "delivery-two",
            "delivery-two-streams",
        ),
        rounds=5,
        sizes=(20_000,),
        quick_sizes=(2_000,),
    ),
    "leader-burst": Measurement(
        "benchmarks.measures.leading:burst",
        ("leader", "leader-r3"),
        rounds=1,
        sizes=(1_000, 10_000, 50_000),
        quick_sizes=(1_000,),
        largest={"leader-r3": 10_000},
    ),
    "leader": Measurement(
        "benchmarks.measures.leading:spread",
        ("leader",),
        rounds=1,
        sizes=(1_000, 10_000, 50_000),
        quick_sizes=(1_000,),
        parameters={"window": 62},
        quick_parameters={"window": 5},
    ),
    "takeover": Measurement(
        "benchmarks.measures.takeover:measure",
        ("leader", "leader-r3"),
        rounds=1,
        parameters={"times": 9},
        quick_parameters={"times": 1},
    ),
}

ROWS: tuple[Row, ...] = (
    Row(
        "cron-fresh", "cron, next after a fresh time", "µs", "cron", "fresh",
        (
            Pair("cron", "cronsim", 8), Pair("cron", "cronsim-parsed"), Pair("cron", "croniter", 25),
            Pair("cron", "aps3-cron"), Pair("cron", "cron-floor", 0.5),
            Pair("cron-public", "cronsim", 8), Pair("cron-public", "croniter", 25),
        ),
    ),
    Row(
        "cron-chained", "cron, chained", "µs", "cron", "chained",
        (
            Pair("cron", "cronsim", 3), Pair("cron", "croniter"), Pair("cron", "aps3-cron"),
            Pair("cron", "cron-floor"), Pair("cron-public", "cronsim", 3),
        ),
    ),
    Row(
        "register", "register a job", "µs", "registration", "register",
        (
            Pair("duly", "aps3-thread", 10), Pair("duly", "aps3-asyncio", 10), Pair("duly", "aps4"),
            Pair("duly", "schedule"), Pair("duly", "huey"), Pair("duly", "call-at"), Pair("duly-file", "duly"),
            Pair("duly-file", "hassette"), Pair("apps", "hassette"),
        ),
        growth=0.8,
    ),
    Row(
        "memory", "memory of a job", "B", "memory", "memory",
        (
            Pair("duly", "aps3-thread"), Pair("duly", "aps4"), Pair("duly", "schedule"), Pair("duly", "huey"),
            Pair("duly", "call-at"),
        ),
        limit=650,
    ),
    Row(
        "cancel", "cancel a job", "µs", "registration", "cancel",
        (
            Pair("duly", "aps3-thread", 3), Pair("duly", "aps3-asyncio", 3), Pair("duly", "aps4"),
            Pair("duly", "schedule"), Pair("duly", "huey"), Pair("duly", "call-at"),
            Pair("apps", "hassette"),
        ),
        growth=0.6,  # log 1,000 / log 100,000
    ),
    Row(
        "dispatch", "dispatch, all due at once", "µs", "burst", "dispatch",
        (
            Pair("duly-async", "aps3-asyncio", 4), Pair("duly-async", "aps4"), Pair("duly-async", "task-each", 1),
            Pair("duly", "aps3-thread", 6), Pair("duly", "huey"), Pair("duly", "schedule"),
        ),
    ),
    Row(
        "stored", "dispatch, all due at once, until all rows are durable", "µs", "stored", "stored",
        (
            Pair("duly-file", "hassette", 30), Pair("duly-file", "huey-file"), Pair("duly-file-async", "hassette", 30),
            Pair("apps", "hassette", 30), Pair("apps-thread", "hassette", 30),
        ),
    ),
    Row(
        "stored-memory", "most memory in that burst", "MB", "peak", "peak",
        (Pair("duly-file", "duly"), Pair("duly-file-async", "duly-async")),
    ),
    Row(
        "stored-lone", "p99 from end to durable, a job alone", "ms", "lone", "p99",
        (Pair("duly-file", "huey-file"), Pair("duly-file-async", "hassette"), Pair("apps", "hassette")),
        limit=50,
    ),
    Row(
        "rows", "rows of a ledger", "µs", "rows", "row",
        (
            Pair("runs", "executemany", 0.8), Pair("records", "executemany", 0.8), Pair("runs", "slim-table"),
        ),
    ),
    Row(
        "rows-schema", "what the schema costs", "µs", "rows", "row",
        (Pair("executemany", "slim-table"),),
        limit=1e6 / 150_000,
    ),
    Row("large-start", "start on a file of so many rows", "ms", "large-file", "start", alone="duly-file", limit=2_000),
    Row("large-summary", "summary of a job in it", "ms", "large-file", "summary", alone="duly-file", limit=50),
    Row("large-doctor", "the law checked, all of it", "ms", "large-file", "doctor", alone="duly-file"),
    Row(
        "lateness", "lateness p99, jobs of 1 s", "ms", "lateness", "p99",
        (
            Pair("duly-async", "call-at", 1 / 1.5), Pair("duly-async", "aps3-asyncio"), Pair("duly-async", "aps4"),
            Pair("duly-async", "task-each"), Pair("duly", "aps3-thread", 1), Pair("apps", "call-at-second"),
            Pair("apps", "hassette"),
        ),
    ),
    Row(
        "cpu", "processor, jobs of 1 s", "%", "lateness", "cpu",
        (
            Pair("duly-async", "aps3-asyncio", 1 / 0.7), Pair("duly-async", "aps4"), Pair("duly-async", "call-at"),
            Pair("duly", "aps3-thread", 1 / 0.7), Pair("apps", "call-at-second"), Pair("apps", "hassette"),
        ),
    ),
    Row(
        "idle", "processor, idle, jobs an hour away", "%", "idle", "idle",
        (
            Pair("duly", "aps3-thread", 3), Pair("duly", "aps3-asyncio", 3), Pair("duly", "aps4"),
            Pair("duly", "huey"), Pair("duly", "call-at"), Pair("apps", "aps3-asyncio", 3),
        ),
    ),
    Row("apps-rest", "memory of one app at rest", "MB", "rest", "rest", (Pair("apps", "hassette"),)),
    Row("apps-memory", "memory of 50 apps with so many jobs", "MB", "apps", "full", (Pair("apps", "hassette"),)),
    Row("apps-job", "what each of those jobs adds", "B", "apps", "job", (Pair("apps", "hassette"),)),
    Row(
        "import", "import", "ms", "startup", "import",
        (Pair("duly", "aps3-thread", 1 / 0.7), Pair("duly", "aps4"), Pair("apps", "hassette")),
    ),
    Row(
        "first-job", "start to first job", "ms", "startup", "first job",
        (Pair("duly", "aps3-thread", 1), Pair("duly", "aps4"), Pair("apps", "hassette", 2.5)),
    ),
    Row(
        "event", "an event, until its handler has run, beside so many other listeners", "µs", "events", "event",
        (Pair("apps", "hassette", 10),), growth=1 / 1.3,
    ),
    Row(
        "event-stored", "the same, until its row is durable", "µs", "events", "stored",
        (Pair("apps", "hassette", 10),), growth=1 / 1.3,
    ),
    Row("fan-out", "a start, of so many by one event", "µs", "fan-out", "start", (Pair("apps", "hassette"),), growth=1),
    Row("flood", "50,000 events, until their rows are durable", "µs", "flood", "stored", (Pair("apps", "hassette"),)),
    Row("flood-memory", "most memory meanwhile", "MB", "flood", "peak", (Pair("apps", "hassette"),)),
    Row(
        "publish", "a message into a stream, with its id", "µs", "publishing", "message",
        (
            Pair("delivery", "publish-async", 0.9), Pair("delivery", "publish-async-tasks"),
            Pair("delivery", "publish-one"),
            Pair("delivery-r3", "publish-async-r3", 0.9), Pair("delivery-two", "delivery"),
            Pair("delivery-two-streams", "delivery-two"),
        ),
    ),
    Row(
        "leader-burst", "schedules due at once, until all messages are stored", "µs", "leader-burst", "slot",
        (Pair("leader", "leader-r3"),),
    ),
    Row(
        "leader-rows", "the same, until all rows are durable", "µs", "leader-burst", "row",
        (Pair("leader", "leader-r3"),),
    ),
    Row("leader-start", "start of a leader with so many schedules", "ms", "leader", "start", alone="leader"),
    Row("leader-memory", "memory of a leader", "MB", "leader", "memory", alone="leader"),
    Row("leader-late", "lateness p99, schedules of a minute, spread", "ms", "leader", "p99", alone="leader"),
    Row("leader-cpu", "processor, schedules of a minute, spread", "%", "leader", "cpu", alone="leader"),
    Row(
        "takeover", "time without a leader, killed", "ms", "takeover", "killed",
        (Pair("leader", "leader-r3"),), limit=5_000,
    ),
    Row("takeover-worst", "the same, the worst of nine", "ms", "takeover", "killed worst", alone="leader", limit=5_000),
    Row(
        "handover", "time without a leader, stopped", "ms", "takeover", "stopped",
        (Pair("leader", "leader-r3"),), limit=500,
    ),
)  # fmt: skip
