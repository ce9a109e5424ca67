"""The ledger in a file: sessions, pauses, and what is done while the scheduler is stopped."""

from collections.abc import Callable

from duly import Scheduler
from duly.triggers import Every
from tests.embedded.lives import Lives, seconds
from tests.embedded.waiting import Calls


def test_a_pause_survives_the_program(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.pause(job_id)
    lives.kill(scheduler, down=25)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(10)
    assert len(calls) == 0
    again.resume(job_id)
    lives.world.advance(10)
    again.stop()
    assert len(calls) == 1
    assert lives.rows("status, reason, tick_count") == [
        ("success", None, 1), ("skipped", "paused", 3), ("success", None, 1),
    ]  # fmt: skip
    assert lives.rows("paused_at", "scheduled_jobs") == [None]


def test_each_start_is_a_session(lives: Lives) -> None:
    scheduler = lives.begin()
    lives.world.advance(5)
    scheduler.stop()
    scheduler.start()
    lives.world.advance(700)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("status, started_at, stopped_at, last_heartbeat_at", "sessions") == [
        ("success", *seconds(0, 5, 0)),
        ("unknown", *seconds(5, 605, 605)),
        ("success", *seconds(705, 705, 705)),
    ]


def test_a_killed_session_ended_with_its_last_execution_if_that_was_after_its_last_heartbeat(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(3), "job", Every(seconds=10))
    lives.world.advance(25)
    lives.kill(scheduler, down=1000)
    lives.begin().stop()
    assert lives.rows("stopped_at", "sessions")[0] == seconds(23)[0]


def test_jobs_scheduled_before_the_start_and_after_it_go_on_alike(lives: Lives) -> None:
    def begin() -> Scheduler:
        scheduler = Scheduler(history=lives.path, clock=lives.world.clock)
        scheduler.schedule(Calls(), "before", Every(seconds=10))
        scheduler.start()
        scheduler.schedule(Calls(), "after", Every(seconds=10))
        lives.world.advance(25)
        return scheduler

    begin().stop()
    begin().stop()
    assert [row[2] for row in lives.rows("job_id, scheduled_ts, status")] == ["success"] * 10
    assert {row[1] for row in lives.rows("job_id, scheduled_ts")} == set(seconds(10, 20, 30, 40, 50))


def test_slots_of_a_stopped_scheduler_are_decided_when_it_starts_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10), misfire="skip")
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(36)
    scheduler.start()
    lives.world.advance(10)
    scheduler.stop()
    assert lives.rows("status, reason, tick_count") == [
        ("success", None, 1), ("missed", "down", 1), ("missed", "down", 2), ("success", None, 1),
    ]  # fmt: skip


def test_what_is_cancelled_while_the_scheduler_is_stopped_is_written_at_the_next_start(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(5)
    scheduler.cancel(job_id)
    scheduler.start()
    scheduler.stop()
    assert lives.rows("cancelled_at", "scheduled_jobs") == seconds(15)
    assert lives.rows("ended_at", "schedules") == seconds(15)


def test_a_job_may_stop_the_scheduler_and_has_its_outcome(lives: Lives) -> None:
    scheduler = lives.begin()
    stop: Callable[[], None] = scheduler.stop
    scheduler.schedule(stop, "job", Every(seconds=10))
    lives.world.advance(10)
    assert lives.rows("status", "sessions") == ["success"]
    lives.begin().stop()
    assert lives.rows() == [("success", 1)]


def test_a_job_cancelled_and_scheduled_anew_while_stopped_begins_a_new_account(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(15)
    scheduler.cancel(job_id)
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    scheduler.start()
    lives.world.advance(10)
    scheduler.stop()
    assert scheduler.health().lost == 0
    assert lives.rows("schedule_id, scheduled_ts, status") == [
        (1, *seconds(10), "success"),
        (1, *seconds(20), "cancelled"),
        (2, *seconds(35), "success"),
    ]


def test_a_pause_is_ended_and_begun_also_while_stopped(lives: Lives) -> None:
    scheduler, calls = lives.begin(), Calls()
    job_id = scheduler.schedule(calls, "job", Every(seconds=10))
    scheduler.pause(job_id)
    lives.world.advance(15)
    scheduler.stop()
    scheduler.resume(job_id)
    scheduler.start()
    lives.world.advance(10)
    assert len(calls) == 1
    scheduler.stop()
    scheduler.pause(job_id)
    scheduler.start()
    lives.kill(scheduler)
    again = lives.begin()
    again.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(20)
    again.stop()
    assert len(calls) == 1


def test_slots_of_a_paused_job_that_nobody_schedules_again_were_paused(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.pause(scheduler.schedule(Calls(), "job", Every(seconds=10)))
    lives.kill(scheduler, down=35)
    lives.begin().stop()
    assert lives.rows("status, reason, tick_count") == [("skipped", "paused", 3)]
