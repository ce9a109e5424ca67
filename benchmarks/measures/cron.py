"""Next moments of cron expressions: from unrelated times (fresh) and one after another (chained)."""

from collections import deque
from collections.abc import Callable
from itertools import starmap
from statistics import median
from time import perf_counter
from zlib import crc32

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Cron, NotOfferedError

EXPRESSIONS = {
    "* * * * *": 200,
    "*/15 * * * *": 200,
    "30 2 * * *": 200,
    "0 9 * * 1-5": 200,
    "0 0 1 * *": 100,
    "0 0 L * *": 100,
    "0 12 * * 5#3": 100,
    "0 0 29 2 *": 5,
    "*/15 9-17 * * 1-5": 200,
    "0 12 13 * 5": 100,
}
"""Expression, and how many elements of its chain are followed."""

ZONES = ("UTC", "Europe/Berlin")

_WARM_UP_SECONDS = 0.2
_START = 1_704_067_200  # 2024-01-01T00:00Z
_SPAN = 4 * 365 * 86_400
_MOMENTS = [_START + index * 2_654_435_761 % _SPAN // 60 * 60 + 7 for index in range(1, 101)]
"""Scattered over four years by a multiplicative hash: the same for everybody, in no order, never themselves due."""


def measure(subject: type[Cron], *, budget: float) -> Metrics:
    """Microseconds per answer, and a checksum of the answers; ``budget`` seconds for each of some forty cases."""
    _fresh(subject(), "* * * * *", "UTC", _WARM_UP_SECONDS)
    metrics: Metrics = {"fresh": {}, "chained": {}, "answers": {}}
    for zone in ZONES:
        for expression, steps in EXPRESSIONS.items():
            case = f"{expression} {zone}"
            cron = subject()
            try:
                metrics["fresh"][case], metrics["answers"][case] = _fresh(cron, expression, zone, budget)
                metrics["chained"][case] = _chained(cron, expression, zone, steps, budget)
            except NotOfferedError:
                continue
    return metrics


def _fresh(cron: Cron, expression: str, zone: str, budget: float) -> tuple[float, int]:
    ask, arguments = cron.fresh(expression, zone, _MOMENTS)
    answers = ",".join(str(cron.seconds(ask(*each))) for each in arguments)
    took = _typical(lambda: lambda: deque(starmap(ask, arguments), maxlen=0), budget)
    return took / len(arguments) * 1e6, crc32(answers.encode())


def _chained(cron: Cron, expression: str, zone: str, steps: int, budget: float) -> float:
    def prepare() -> Callable[[], object]:
        walk = cron.chained(expression, zone, _START)
        return lambda: walk(steps)

    return _typical(prepare, budget) / steps * 1e6


def _typical(prepare: Callable[[], Callable[[], object]], budget: float) -> float:
    """Median seconds of the work that ``prepare`` makes anew each time, which itself is not counted."""
    samples: list[float] = []
    until = perf_counter() + budget
    while len(samples) < 3 or perf_counter() < until:
        work = prepare()
        begin = perf_counter()
        work()
        samples.append(perf_counter() - begin)
    return median(samples)
