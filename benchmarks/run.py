"""Runs the measurements: a process each, the subjects in turns, so that a slow minute of the machine hits them all."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from statistics import median
from typing import Any

from benchmarks.catalogue import MEASUREMENTS
from benchmarks.environments import ROOT, interpreter_of
from benchmarks.measures import Metrics
from benchmarks.subjects import SUBJECTS

_ANSWERS = ('{"metrics"', '{"absent"')
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Key:
    """What was measured, of whom, with how many jobs."""

    measurement: str
    subject: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One process to run."""

    key: Key
    round: int
    quick: bool


@dataclass(slots=True)
class Results:
    """What came out. Owned by the thread that runs the turns."""

    samples: dict[Key, list[Metrics]] = field(default_factory=dict)
    reasons: dict[Key, str] = field(default_factory=dict)
    """Why there is no sample."""
    versions: dict[str, str] = field(default_factory=dict)

    def medians(self, key: Key) -> Metrics:
        """Median of each metric and case over the rounds; empty if there is no sample."""
        samples = self.samples.get(key, [])
        metrics = samples[0] if samples else {}
        return {
            metric: {case: median(sample[metric][case] for sample in samples) for case in cases}
            for metric, cases in metrics.items()
        }

    def keep(self, key: Key, answer: dict[str, Any]) -> None:
        """Add what a process answered: ``metrics`` and ``version``, or the reason why it is ``absent``."""
        if "absent" in answer:
            self.reasons[key] = answer["absent"]
            return
        self.samples.setdefault(key, []).append(answer["metrics"])
        if answer["version"]:
            library = SUBJECTS[key.subject].title.partition(",")[0]
            self.versions[library] = answer["version"]


def plan(measurements: Sequence[str], *, rounds: int | None, quick: bool) -> list[Turn]:
    """All turns in order; ``rounds=None`` takes those of each measurement, or one if ``quick``."""
    return [turn for name in measurements for turn in _turns(name, rounds, quick=quick)]


def run(turns: Sequence[Turn], announce: Callable[[Turn], None]) -> Results:
    """Run the turns in order, or side by side where the measurement wants that; announce each one that begins."""
    results = Results()
    for (name, _), group in groupby(turns, key=lambda turn: (turn.key.measurement, turn.round)):
        batch = list(group)
        with ThreadPoolExecutor(len(batch) if MEASUREMENTS[name].side_by_side else 1) as pool:
            answers = pool.map(lambda turn: _announced(turn, announce), batch)
            for turn, answer in zip(batch, answers, strict=True):
                results.keep(turn.key, answer)
    return results


def _turns(name: str, rounds: int | None, *, quick: bool) -> Iterator[Turn]:
    measurement = MEASUREMENTS[name]
    for number in range(rounds or (1 if quick else measurement.rounds)):
        for size in measurement.quick_sizes if quick else measurement.sizes:
            for subject in measurement.subjects:
                yield Turn(Key(name, subject, size), number, quick)


def _announced(turn: Turn, announce: Callable[[Turn], None]) -> dict[str, Any]:
    announce(turn)
    measurement, key = MEASUREMENTS[turn.key.measurement], turn.key
    largest = measurement.largest.get(key.subject)
    if key.size and largest and key.size > largest:
        return {"absent": f"needs minutes for more than {largest:,} jobs"}
    parameters = dict(measurement.quick_parameters if turn.quick else measurement.parameters)
    if key.size:
        parameters["size"] = key.size
    return _answer(measurement.function, key.subject, parameters)


def _answer(function: str, subject: str, parameters: dict[str, object]) -> dict[str, Any]:
    """What the process printed; whatever goes wrong becomes a reason that the table shows."""
    python, trouble = _interpreter(SUBJECTS[subject].environment)
    if trouble:
        return {"absent": trouble}
    command = [python, "-m", "benchmarks.worker", function, SUBJECTS[subject].where, json.dumps(parameters)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        return {"absent": f"not done after {_TIMEOUT_SECONDS} s"}
    except subprocess.CalledProcessError as error:
        return {"absent": _last_line(error)}
    lines = [line for line in done.stdout.splitlines() if line.startswith(_ANSWERS)]  # peers may print, too
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {"absent": "it gave no answer"}
    return answer


@cache
def _interpreter(environment: str) -> tuple[str, str]:
    """The interpreter, or an empty string and why there is none."""
    try:
        return interpreter_of(environment), ""
    except OSError as error:
        return "", str(error)
    except subprocess.CalledProcessError as error:
        return "", _last_line(error)


def _last_line(error: subprocess.CalledProcessError) -> str:
    lines = [line for line in str(error.stderr).splitlines() if line.strip() and not line.startswith("[notice]")]
    return lines[-1].strip() if lines else str(error)
