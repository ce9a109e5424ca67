"""Ids and names: derived, unique, free again; what becomes of a name that is taken."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from duly import JobStatus, Scheduler, cron, every
from duly.triggers import Cron
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Gate, eventually, in_thread, job_of, joined


def report(*_args: object, **_kwargs: object) -> None:
    pass


class Boiler:
    def heat(self) -> None:
        pass

    def __call__(self) -> None:
        pass


def test_an_id_is_made_from_the_name_so_that_it_is_the_same_in_every_process(make: Make) -> None:
    assert [make().schedule(report, name="nightly", trigger=LATER) for _ in range(2)] == ["job_nightly"] * 2


@pytest.mark.parametrize(
    ("func", "name"),
    [
        (report, "report"),
        (partial(report), "report"),
        (partial(partial(report)), "report"),
        (Boiler().heat, "heat"),
        (Boiler(), "Boiler"),
        (Boiler, "Boiler"),
        (lambda: None, "<lambda>"),
        (list, "list"),
    ],
)
def test_a_job_is_called_like_its_callable(make: Make, func: Callable[[], object], name: str) -> None:
    scheduler = make()
    assert job_of(scheduler, scheduler.schedule(func, trigger=LATER)).name == name


def test_a_default_name_that_is_taken_gets_the_next_number_in_order_of_scheduling(make: Make) -> None:
    scheduler = make()
    ids = [scheduler.schedule(report, trigger=LATER) for _ in range(3)]
    assert ids == ["job_report", "job_report-2", "job_report-3"]


def test_a_default_name_steps_over_numbers_that_were_given_by_hand(make: Make) -> None:
    scheduler = make()
    scheduler.schedule(report, name="report-2", trigger=LATER)
    assert scheduler.schedule(report, trigger=LATER) == "job_report"
    assert scheduler.schedule(report, trigger=LATER) == "job_report-3"


def test_a_default_name_is_free_again_once_its_job_is_cancelled(make: Make) -> None:
    scheduler = make()
    scheduler.cancel(scheduler.schedule(report, trigger=LATER))
    assert scheduler.schedule(report, trigger=LATER) == "job_report"


def test_a_name_is_free_again_once_its_job_has_ended(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(report, name="once")
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert scheduler.schedule(Calls(), name="once", trigger=LATER) == job_id
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_a_name_is_free_while_a_cancelled_job_of_that_name_still_runs(scheduler: Scheduler) -> None:
    gate, calls = Gate(), Calls()
    scheduler.cancel(scheduler.schedule(gate, name="same", trigger=every(0.01)))
    running = scheduler.schedule(gate, name="same")
    gate.wait_entered()
    scheduler.cancel(running)
    scheduler.schedule(calls, name="same")
    calls.wait()
    gate.open()


def test_a_name_that_is_taken_is_refused(make: Make) -> None:
    scheduler = make()
    scheduler.schedule(report, name="same", trigger=LATER)
    with pytest.raises(ValueError, match=r"'same' already exists, names must be unique"):
        scheduler.schedule(report, name="same", trigger=LATER)
    assert len(scheduler.list_jobs()) == 1


def test_skip_gives_the_id_of_the_job_that_has_the_name(make: Make) -> None:
    scheduler = make()
    first = scheduler.schedule(report, name="same", trigger=LATER)
    before = job_of(scheduler, first)
    assert scheduler.schedule(report, name="same", trigger=LATER, if_exists="skip") == first
    assert job_of(scheduler, first) == before


def test_skip_takes_the_name_if_it_is_free(make: Make) -> None:
    scheduler = make()
    assert scheduler.schedule(report, name="new", trigger=LATER, if_exists="skip") == "job_new"


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ("func", {"func": list}),
        ("trigger", {"trigger": every(hours=2)}),
        ("args", {"args": (1,)}),
        ("kwargs", {"kwargs": {"size": 1}}),
        ("group", {"group": "red"}),
        ("timeout", {"timeout": 1.0}),
        ("jitter", {"jitter": 1.0}),
        ("mode", {"mode": "queued"}),
        ("misfire", {"misfire": "skip"}),
        ("retries", {"retries": 1}),
        ("retry_delay", {"retry_delay": 2.0}),
        ("retry_backoff", {"retry_backoff": 3.0}),
        ("max_runs", {"max_runs": 1}),
        ("func, trigger", {"func": list, "trigger": cron("0 0 * * *")}),
    ],
)
def test_skip_refuses_a_job_that_is_not_the_same_and_tells_what_differs(
    make: Make, changed: str, option: dict[str, Any]
) -> None:
    scheduler = make()
    job: dict[str, Any] = {"func": report, "name": "same", "trigger": every(hours=1)}
    scheduler.schedule(**job)
    with pytest.raises(ValueError, match=rf"configuration changed \({changed}\)"):
        scheduler.schedule(**(job | option), if_exists="skip")
    assert len(scheduler.list_jobs()) == 1


def test_replace_cancels_the_job_that_has_the_name(scheduler: Scheduler) -> None:
    old, new = Calls(), Calls()
    scheduler.schedule(old, name="same", trigger=every(0.01))
    old.wait()
    scheduler.schedule(new, name="same", trigger=every(0.01), if_exists="replace")
    before = len(old)
    new.wait(5)
    assert len(old) <= before + 1, "one may have begun before"
    assert len(scheduler.list_jobs()) == 1


def test_replace_lets_a_run_of_the_old_job_finish_without_touching_the_new_one(scheduler: Scheduler) -> None:
    gate, calls = Gate(), Calls()
    job_id = scheduler.schedule(gate, name="same")
    gate.wait_entered()
    scheduler.schedule(calls, name="same", trigger=every(0.01), if_exists="replace")
    gate.open()
    gate.wait_left()
    calls.wait(3)
    job = job_of(scheduler, job_id)
    assert (job.func, job.status in {JobStatus.PENDING, JobStatus.RUNNING}) == (calls, True)


def test_replace_takes_the_name_if_it_is_free(make: Make) -> None:
    scheduler = make()
    assert scheduler.schedule(report, name="new", trigger=LATER, if_exists="replace") == "job_new"


def test_a_replacement_that_is_refused_leaves_the_old_job(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(report, name="same", trigger=LATER)
    with pytest.raises(ValueError, match="start_time"):
        scheduler.schedule(report, name="same", trigger=Ended(), if_exists="replace")
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


class Ended(Cron):
    """A trigger that refuses to give a first run."""

    def __init__(self) -> None:
        super().__init__("0 0 * * *")

    def chain(self, zone: str | None) -> Any:  # noqa: ANN401 - never returns
        raise ValueError("start_time lies after end_time")


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_if_exists_is_refused_whether_the_name_is_taken_or_not(make: Make, taken: bool) -> None:
    scheduler = make()
    if taken:
        scheduler.schedule(report, name="same", trigger=LATER)
    with pytest.raises(ValueError, match=r"if_exists.*'keep'"):
        scheduler.schedule(report, name="same", trigger=LATER, if_exists="keep")  # type: ignore[arg-type] # on purpose


def test_a_hash_in_a_cron_hangs_on_the_name_of_the_job(make: Make) -> None:
    scheduler = make()
    names = [f"shop {number}" for number in range(5)]
    ids = [scheduler.schedule(report, name=name, trigger=Cron("H H * * *")) for name in names]
    assert len({job_of(scheduler, job_id).next_run for job_id in ids}) > 1
    other = make()
    again = other.schedule(report, name=names[0], trigger=Cron("H H * * *"))
    assert other.next_runs(again) == scheduler.next_runs(ids[0])


def test_jobs_that_many_threads_schedule_at_once_have_different_names(scheduler: Scheduler) -> None:
    ids: list[str] = []
    numbers = count()

    def schedule() -> None:
        while next(numbers) < 200:
            ids.append(scheduler.schedule(report, trigger=LATER))

    for thread in [in_thread(schedule) for _ in range(8)]:
        joined(thread)
    assert min(ids, key=len) == "job_report"
    assert len(set(ids)) == 200
