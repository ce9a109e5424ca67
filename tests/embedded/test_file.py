"""The ledger in a file: what a program finds when it starts again."""

from datetime import timedelta
from typing import Any

import pytest

from duly import OnceTrigger, Scheduler, at
from duly.triggers import After, Cron, Daily, Every
from tests.embedded.filed import outcomes
from tests.embedded.lives import BEGIN, Custom, Lives, seconds
from tests.embedded.waiting import Calls


def test_every_slot_has_a_row_with_its_outcome(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise ValueError("no milk")

    scheduler.schedule(Calls(), "good", Every(seconds=10))
    scheduler.schedule(fail, "bad", Every(seconds=20))
    lives.world.advance(40)
    scheduler.stop()
    columns = "scheduled_ts, status, error_type, error_message"
    assert [row for row in lives.rows(columns) if row[1] == "success"] == [
        (moment, "success", None, None) for moment in seconds(10, 20, 30, 40)
    ]
    assert [row for row in lives.rows(columns) if row[1] == "error"] == [
        (moment, "error", "ValueError", "no milk") for moment in seconds(20, 40)
    ]
    assert lives.rows("job_name, trigger_type, trigger_id, mode, misfire", "scheduled_jobs") == [
        ("good", "interval", "every:10", "single", "run_once"),
        ("bad", "interval", "every:20", "single", "run_once"),
    ]


def test_what_passed_while_the_program_was_down_goes_through_the_misfire_policy(lives: Lives) -> None:
    def jobs(scheduler: Scheduler) -> None:
        for misfire in ("run_once", "run_all", "skip"):
            scheduler.schedule(Calls(), misfire, Every(seconds=10), misfire=misfire)

    scheduler = lives.begin()
    jobs(scheduler)
    lives.world.advance(10)
    lives.kill(scheduler, down=46)
    again = lives.begin()
    jobs(again)
    lives.world.advance(0)
    again.stop()
    found: dict[str, list[Any]] = {}
    for job_id, *row in lives.rows("job_id, scheduled_ts, status, reason, tick_count"):
        found.setdefault(("run_once", "run_all", "skip")[job_id - 1], []).append(tuple(row))
    first, second, third, fourth, fifth = seconds(10, 20, 30, 40, 50)
    ran = (first, "success", None, 1)
    assert found["run_once"] == [ran, (second, "success", None, 1), (third, "missed", "down", 3)]
    assert found["run_all"] == [ran, *((slot, "success", None, 1) for slot in (second, third, fourth, fifth))]
    assert found["skip"] == [ran, (second, "missed", "down", 1), (third, "missed", "down", 3)]


def test_an_interval_keeps_its_phase_through_restarts(lives: Lives) -> None:
    for down in (3.0, 4.5, 17.0):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "job", Every(seconds=10))
        lives.world.advance(5)
        scheduler.stop()
        lives.world.clock.elapse(down)
    last = lives.begin()
    last.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    last.stop()
    assert {slot % 10 for slot in lives.rows("scheduled_ts")} == {0.0}
    assert outcomes(lives.path) == {"success": 4}
    assert len(lives.rows("id", "schedules")) == 1


def test_a_run_that_was_in_flight_is_interrupted_and_does_not_run_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(100), "slow", Every(seconds=10))
    lives.world.advance(15)
    lives.kill(scheduler)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "slow", Every(seconds=10), misfire="run_all")
    lives.world.advance(10)
    again.stop()
    assert lives.rows("scheduled_ts, status, duration_ms") == [
        (slot, status, 0.0) for slot, status in zip(seconds(10, 20), ["interrupted", "success"], strict=True)
    ]
    assert len(calls) == 1


def test_slots_that_wait_their_turn_have_marks_too(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(100), "slow", Every(seconds=10), mode="queued")
    lives.world.advance(35)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("scheduled_ts, status") == [(slot, "interrupted") for slot in seconds(10, 20, 30)]


def test_a_slot_that_waited_has_one_row_once_it_has_run(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(15), "slow", Every(seconds=10), mode="queued", max_runs=3)
    lives.world.advance(35)
    lives.kill(scheduler)
    again = lives.begin()
    again.stop()
    assert lives.rows("scheduled_ts, status, trigger_mode") == [
        (seconds(10)[0], "success", None),
        (seconds(20)[0], "interrupted", None),
        (seconds(30)[0], "interrupted", None),
    ]


def test_what_was_not_durable_is_missed_or_runs_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    lives.kill(scheduler)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(10)
    lives.kill(again, durable=False)
    last = lives.begin()
    last.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(0)
    last.stop()
    assert lives.rows("status") in (["success", "success"], ["success", "interrupted"])


def test_a_one_shot_that_has_a_row_never_runs_again(lives: Lives) -> None:
    calls = Calls()
    for _ in range(4):
        scheduler = lives.begin()
        scheduler.schedule(calls, "once", OnceTrigger(BEGIN + timedelta(seconds=5)))
        lives.world.advance(10)
        scheduler.stop()
        lives.begin().stop()  # a version of the program without the job
    assert len(calls) == 1
    assert lives.rows() == [("success", 1)]


def test_a_one_shot_that_has_a_row_can_still_be_run_by_hand(lives: Lives) -> None:
    once = OnceTrigger(BEGIN + timedelta(seconds=5))
    for _ in range(2):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "once", once)
        lives.world.advance(10)
        scheduler.stop()
        lives.begin().stop()
    last = lives.begin()
    last.run_now(last.schedule(Calls(), "once", once))
    last.stop()
    assert sorted(lives.rows("status, tick_count")) == [("success", 0), ("success", 1)]
    assert last.health().lost == 0


def test_a_delay_begins_anew_with_each_start(lives: Lives) -> None:
    calls = Calls()
    for _ in range(3):
        scheduler = lives.begin()
        scheduler.schedule(calls, "after", After(seconds=5))
        lives.world.advance(10)
        scheduler.stop()
    assert len(calls) == 3
    assert len(lives.rows("id", "schedules")) == 3


def test_a_name_that_nobody_schedules_again_is_retired_with_its_slots_missed(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "old", Every(seconds=10))
    lives.world.advance(20)
    scheduler.stop()
    lives.world.clock.elapse(15)
    later = lives.begin()
    lives.world.advance(20)
    later.stop()
    assert lives.rows("status, reason, scheduled_ts, scheduled_to_ts, tick_count")[-1] == (
        "missed", "down", *seconds(30, 50), 3
    )  # fmt: skip
    assert lives.rows("retired_at", "scheduled_jobs") == seconds(55)
    assert lives.rows("ended_at", "schedules") == seconds(55)


def test_a_changed_schedule_settles_the_old_one_and_begins_a_new_account(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(25)
    again = lives.begin()
    again.schedule(Calls(), "job", Every(seconds=7))
    lives.world.advance(7)
    again.stop()
    assert lives.rows("schedule_id, scheduled_ts, status, tick_count") == [
        (1, *seconds(10), "success", 1),
        (1, *seconds(20), "missed", 2),
        (2, *seconds(42), "success", 1),
    ]
    assert len(lives.rows("id", "scheduled_jobs")) == 1


def test_a_trigger_that_cannot_count_goes_on_with_its_pending_slot(lives: Lives) -> None:
    for _ in range(2):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "custom", Custom())
        lives.world.advance(15)
        scheduler.stop()
        lives.world.clock.elapse(30)
    slots = lives.rows("scheduled_ts, status")
    assert slots == [(slot, "success") for slot in seconds(10, 20, 55)]
    assert lives.rows("trigger_spec", "schedules") == [None]


def test_a_cancelled_job_is_ended_in_the_file_and_begins_anew(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(15)
    scheduler.cancel(job_id)
    lives.kill(scheduler, down=30)
    assert lives.rows("cancelled_at", "scheduled_jobs") == seconds(15)
    again = lives.begin()
    again.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    again.stop()
    assert lives.rows("scheduled_ts, status") == [(slot, "success") for slot in seconds(10, 55)]
    assert lives.rows("cancelled_at", "scheduled_jobs") == [None]


def test_retries_are_kept_and_the_slot_counts_once(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise OSError("away")

    scheduler.schedule(fail, "job", Every(seconds=10), retries=2, retry_delay=1, retry_backoff=1, max_runs=1)
    lives.world.advance(12)
    scheduler.stop()
    assert lives.rows("attempt_number, status, tick_count, trigger_mode") == [
        (1, "error", 0, None), (2, "error", 0, "retry"), (3, "error", 1, "retry"),
    ]  # fmt: skip


def test_a_program_killed_between_two_attempts_leaves_the_outcome_of_the_first(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise OSError("away")

    scheduler.schedule(fail, "job", Every(seconds=10), retries=2, retry_delay=5)
    lives.world.advance(11)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("attempt_number, status, tick_count") == [(1, "error", 1)]


def test_a_run_by_hand_counts_no_slot(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls("milk"), "job", Every(seconds=10))
    assert scheduler.run_now(job_id) == "milk"
    scheduler.stop()
    assert lives.rows("scheduled_ts, status, tick_count, trigger_mode") == [(None, "success", 0, "manual")]


@pytest.mark.parametrize(
    "trigger", [Every(seconds=10), Cron("* * * * * */10"), Daily("00:00")], ids=["every", "cron", "daily"]
)
def test_the_cost_of_a_start_does_not_grow_with_the_slots_that_passed(
    lives: Lives, trigger: Every | Cron | Daily
) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", trigger)
    lives.world.advance(20)
    lives.kill(scheduler, down=86_400 * 365 * 5)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", trigger)
    lives.world.advance(0)
    again.stop()
    assert len(calls) == 1
    assert len(lives.rows()) <= 4
    assert outcomes(lives.path)["missed"] > 1_000


def test_a_time_of_day_is_another_slot_each_day(lives: Lives) -> None:
    calls = Calls()
    for _ in range(3):
        scheduler = lives.begin()
        scheduler.schedule(calls, "breakfast", at("07:00"))
        lives.world.advance(8 * 3600)
        scheduler.stop()
        lives.world.clock.elapse(16 * 3600)
    assert len(calls) == 3
    assert outcomes(lives.path) == {"success": 3}


@pytest.mark.parametrize("before_the_start", [True, False])
def test_a_one_shot_that_has_its_row_is_completed_and_gives_its_name_free(lives: Lives, before_the_start: bool) -> None:
    once = OnceTrigger(BEGIN + timedelta(seconds=5))
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "once", once)
    lives.world.advance(10)
    scheduler.stop()
    again = Scheduler(history=lives.path, clock=lives.world.clock)
    if not before_the_start:
        again.start()
    again.schedule(Calls(), "once", once)
    again.start()
    lives.world.advance(0)
    job = again.get_job("job_once")
    assert job is not None
    assert job.status == "completed"
    again.schedule(Calls(), "once", Every(seconds=10))
    lives.world.advance(10)
    again.stop()
    assert outcomes(lives.path) == {"success": 2}
