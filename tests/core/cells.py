"""One fixed history for every mode, misfire policy and operation: a job every 10 seconds, and what happens to it."""

from itertools import product

from duly.core.clock import SECOND
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire, Mode, Policy
from tests.core.account import Spec
from tests.core.play import Operation

SUCCEED: Operation = ("settle", 0, Outcome.SUCCESS)
FAIL: Operation = ("settle", 0, Outcome.ERROR)
BEGIN: Operation = ("begin", 0)
FIRST_RUN: list[Operation] = [("tick", 10), BEGIN]
AFTERWARDS: list[Operation] = [SUCCEED, ("tick", 4), SUCCEED, SUCCEED, ("tick", 20), SUCCEED, ("tick", 7), SUCCEED]

OPERATIONS: dict[str, list[Operation]] = {
    "crash": [*FIRST_RUN, ("crash", 35), SUCCEED, ("tick", 10), ("crash", 0, 1)],
    "suspend": [*FIRST_RUN, SUCCEED, ("suspend", 38)],
    "stall": [*FIRST_RUN, SUCCEED, ("stall", 33), FAIL, ("pause", 0), ("tick", 1), ("resume", 0)],
    "step back": [*FIRST_RUN, SUCCEED, ("tick", 10), FAIL, ("step", -15), ("tick", 8), ("tick", 12)],
    "step forward": [*FIRST_RUN, SUCCEED, ("step", 52)],
    "pause": [
        *(FIRST_RUN * 2),
        ("pause", 0),
        *[("tick", 15), SUCCEED, SUCCEED, ("tick", 15), ("resume", 0, Misfire.SKIP)],
        *[("pause", 0), ("tick", 25), ("run_now", 0), ("tick", 25), SUCCEED, ("tick", 45)],
        *[("resume", 0, Misfire.RUN_ALL), SUCCEED, ("tick", 5), SUCCEED, SUCCEED, ("tick", 5), SUCCEED],
        *[("pause", 0), ("tick", 45), ("resume", 0, Misfire.RUN_ONCE)],
    ],
    "remove": [
        *FIRST_RUN,
        ("tick", 10),
        ("wait", 25),
        ("remove", 0),
        FAIL,
        ("tick", 20),
        ("add_again", 0),
        ("tick", 15),
    ],
    "run now": [
        ("tick", 5),
        ("run_now", 0),
        BEGIN,
        ("tick", 8),
        ("tick", 10),
        SUCCEED,
        ("wait", 22),
        ("run_now", 0),
        SUCCEED,
    ],
    "retry": [*FIRST_RUN, FAIL, ("step", 3), ("tick", 12), ("tick", 5), BEGIN, FAIL, FAIL],
    "overlap": [*FIRST_RUN, ("tick", 10), ("tick", 10), FAIL, BEGIN, ("tick", 10), ("settle", 0, Outcome.CANCELLED)],
}

CELLS = list(product(Mode, Misfire, OPERATIONS))


def cell(mode: Mode, misfire: Misfire, operation: str, *, jitter: int = 0) -> tuple[list[Spec], list[Operation]]:
    """Jobs and operations of a cell; ``jitter`` in seconds."""
    policy = Policy(
        mode,
        misfire,
        jitter=jitter * SECOND,
        retries=1,
        retry_delay=15 * SECOND,
        max_waiting=2,
        max_catch_up=3,
    )
    return [Spec("every", 10, policy)], OPERATIONS[operation] + AFTERWARDS
