"""How long it takes to import a library, and until a program that uses it has run its first job."""

import subprocess
import sys
import time
from statistics import median

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Starts

_IMPORT = "import time; begin = time.perf_counter(); {line}; print(time.perf_counter() - begin)"
_FIRST_JOB = """
import threading, time
ran = threading.Event()
def job():
    print(time.time(), flush=True)
    ran.set()
{program}
"""


def measure(subject: type[Starts], *, repeats: int) -> Metrics:
    """Milliseconds in new interpreters: of the import alone; and from starting the interpreter to the first job."""
    importing = _IMPORT.format(line=subject.import_line)
    first_job = _FIRST_JOB.format(program=subject.first_job)
    _output_of(first_job)  # fills the caches of byte code
    return {
        "import": {"": median(_output_of(importing) for _ in range(repeats)) * 1e3},
        "first job": {"": median(_seconds_to_output_of(first_job) for _ in range(repeats)) * 1e3},
    }


def _seconds_to_output_of(program: str) -> float:
    begin = time.time()
    return _output_of(program) - begin


def _output_of(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    return float(done.stdout)
