"""How long it takes to import a library, and until a program that uses it has run its first job."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Starts, Surroundings

_MARK = "benchmark: "
_IMPORT = "import time; begin = time.perf_counter(); {line}; print('{mark}', time.perf_counter() - begin)"
_FIRST_JOB = """
import threading, time
ran = threading.Event()
def job():
    print("{mark}", time.time(), flush=True)
    ran.set()
{program}
"""


def measure(subject: type[Starts], *, repeats: int) -> Metrics:
    """Milliseconds in new interpreters: of the import alone; and from starting the interpreter to the first job."""
    importing = _IMPORT.format(line=subject.import_line, mark=_MARK)
    first_job = _FIRST_JOB.format(program=subject.first_job, mark=_MARK)
    with TemporaryDirectory() as cache, _surroundings(subject) as variables:
        new = _Interpreter({**variables, "PYTHONPYCACHEPREFIX": cache})
        new.output_of(first_job)  # writes the byte code of all that is imported
        return {
            "import": {"": median(new.output_of(importing) for _ in range(repeats)) * 1e3},
            "first job": {"": median(new.seconds_to_output_of(first_job) for _ in range(repeats)) * 1e3},
        }


def _surroundings(subject: type[Starts]) -> Surroundings:
    """What a program needs around it, while it is entered; gives the environment variables that tell it of that."""
    return subject.surroundings() if hasattr(subject, "surroundings") else nullcontext({})


class _Interpreter:
    """Starts interpreters that keep byte code in a folder of ours, whatever is or may be written elsewhere."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **variables}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def output_of(self, program: str) -> float:
        """The number behind the first mark; a library may print, too."""
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, env=self._environment)
        return next(float(line[len(_MARK) :]) for line in done.stdout.splitlines() if line.startswith(_MARK))

    def seconds_to_output_of(self, program: str) -> float:
        begin = time.time()
        return self.output_of(program) - begin
