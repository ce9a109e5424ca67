"""Eight threads do everything at once to a running scheduler; afterwards the ledger of every job adds up."""

import random
from collections.abc import Callable
from itertools import count

import pytest

from duly import Scheduler, every
from duly.core.outcomes import Outcome
from duly.embedded import driver
from tests.embedded.waiting import accounts, eventually, in_thread, threads_of_schedulers

THREADS = 8
OPERATIONS = 10_000
INTERVALS = [every(seconds) for seconds in (0.01, 0.03, 0.1, 1.0)]


class Work:
    """A job that counts its calls and fails now and then."""

    def __init__(self) -> None:
        self._numbers = count()
        self.calls = 0

    def sync(self) -> int:
        number = self.calls = next(self._numbers) + 1
        if number % 7 == 0:
            raise ValueError(number)
        return number

    async def coroutine(self) -> int:
        return self.sync()


class User:
    """One thread's view: the jobs that it has scheduled, and what it does to them."""

    def __init__(self, scheduler: Scheduler, seed: int) -> None:
        self._scheduler = scheduler
        self._random = random.Random(seed)
        self._ids: list[str] = []
        self._seed = seed
        self._names = count()
        self.work = [Work() for _ in range(2)]
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(OPERATIONS):
                self._operate()
        except BaseException as error:  # noqa: BLE001 - the test shows it
            self.error = error

    def _operate(self) -> None:
        choose, scheduler = self._random, self._scheduler
        if len(self._ids) < 10:
            self._schedule()
            return
        operation, job_id = choose.random(), choose.choice(self._ids)
        operations: list[tuple[float, Callable[[], object]]] = [
            (0.25, self._schedule),
            (0.45, lambda: self._cancel(job_id)),
            (0.55, lambda: self._if_it_lives(scheduler.pause, job_id)),
            (0.65, lambda: self._if_it_lives(scheduler.resume, job_id)),
            (0.80, lambda: self._if_it_lives(scheduler.run_now, job_id)),
            (0.90, lambda: scheduler.get_job(job_id)),
            (0.94, lambda: scheduler.history(job_id, 5)),
            (0.98, lambda: scheduler.account(job_id)),
            (0.999, lambda: scheduler.next_runs(job_id, 3)),
            (1.0, lambda: scheduler.list_jobs(group=f"{self._seed}")),
        ]
        next(action for limit, action in operations if operation < limit)()

    def _schedule(self) -> None:
        choose = self._random
        sync, coroutine = self.work
        self._ids.append(
            self._scheduler.schedule(
                choose.choice([sync.sync, sync.sync, coroutine.coroutine]),
                f"{self._seed}-{next(self._names)}",
                choose.choice([None, *INTERVALS]),
                max_runs=choose.choice([None, None, 3]),
                mode=choose.choice(["single", "restart", "queued", "parallel"]),
                misfire=choose.choice(["skip", "run_once", "run_all"]),
                retries=choose.choice([0, 0, 2]),
                retry_delay=0.001,
                timeout=choose.choice([None, None, 10.0]),
                jitter=choose.choice([None, 0.001]),
                group=f"{self._seed}",
            )
        )
        if len(self._ids) > 40:
            self._cancel(choose.choice(self._ids))

    def _cancel(self, job_id: str) -> None:
        self._ids.remove(job_id)
        self._scheduler.cancel(job_id)

    def _if_it_lives(self, operation: Callable[[str], object], job_id: str) -> None:
        try:
            operation(job_id)
        except ValueError:  # it has ended meanwhile, or failed when run by hand
            assert self._scheduler.get_job(job_id) is not None


@pytest.mark.timeout(120)
def test_eight_threads_of_ten_thousand_operations_leave_a_ledger_that_adds_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(driver, "ENDED_KEPT", 1_000_000)
    caplog.set_level("CRITICAL", logger="duly.embedded")
    scheduler = Scheduler()
    users = [User(scheduler, seed) for seed in range(THREADS)]
    with scheduler:
        for thread in [in_thread(user.run) for user in users]:
            thread.join()
    assert [user.error for user in users] == [None] * THREADS
    assert scheduler.health().errors == ()
    wrong = [account for account in accounts(scheduler) if not account.adds_up or account.in_flight]
    assert wrong == []
    jobs = scheduler.list_jobs()
    assert sum(work.calls for user in users for work in user.work) == sum(job.attempts for job in jobs)
    assert {Outcome.SUCCESS, Outcome.ERROR, Outcome.SKIPPED} <= {outcome for job in jobs for outcome in job.outcomes}
    eventually(lambda: not threads_of_schedulers())
