"""The ledger files of the replicas of a scheduler, and what the doctor makes of them together."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from duly.core.clock import zoned
from duly.ledger.adding_up import Source, add_up
from duly.ledger.diagnosis import Sum
from duly.testing import VirtualClock
from tests.ledger.ledger_file import LedgerFile, at
from tests.ledger.written import seconds

ORDERS = "scheduler-orders"


class Replica(LedgerFile):
    """The file of one replica; its entry ``fetch`` goes every ten seconds, from 10 on."""

    def part(
        self,
        fence: int,
        pending: float | None = 10,
        *,
        name: str = "fetch",
        first: float = 10,
        app_key: str = ORDERS,
    ) -> int:
        """Open the schedule of an entry in a leadership that begins with ``pending``."""
        return self.job(name, first=first, app_key=app_key, fence=fence, pending=pending)


@contextmanager
def replicas(folder: Path, number: int = 2) -> Iterator[list[Replica]]:
    """Files of replicas that have not led yet."""
    with ExitStack() as stack:
        files = [Replica(folder / f"orders-{index}.db") for index in range(1, number + 1)]
        for file in files:
            stack.enter_context(closing(file.db))
        yield files


def sum_of(*files: LedgerFile, now: float = 0, **options: Any) -> Sum:  # noqa: ANN401 - options of any type, passed on
    clock = VirtualClock(zoned(at(now), "UTC"))
    found = add_up([Source(file.path) for file in files], clock=clock, **options)
    assert found is not None
    return found


def troubles(found: Sum) -> list[tuple[str, float | None, float | None, int]]:
    return [(each.trouble.value, seconds(each.first), seconds(each.last), each.count) for each in found.diagnoses]
