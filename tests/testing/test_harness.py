"""An app on virtual time, with everything it is made of."""

import asyncio
import gc
import logging
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from whenever import Instant, PlainDateTime, TimeDelta, ZonedDateTime

from duly.apps import App, AppConfig, AppConfigurationError
from duly.config import ConfigurationError
from duly.core import clock as clocks
from duly.core.clock import SECOND, SystemClock
from duly.testing import START, AppHarness, HarnessStuckError, virtual_loop
from duly.testing.moments import Moment
from tests.testing.apps import AIR, SWEEP, Cellar, Porch, porch, starting

MINUTE, HOUR, DAY = 60, 3600, 86_400


def clock_times(times: list[ZonedDateTime]) -> list[str]:
    return [time.time().format_iso() for time in times]


# --- what runs -------------------------------------------------------------------------------------------------------


def test_the_app_runs_inside_the_block() -> None:
    with AppHarness(Porch) as h:
        assert h.app.is_ready()
        assert h.apps == [h.app]
        assert h.scheduler is h.app.scheduler
        assert [job.name for job in h.scheduler.list_jobs()] == [SWEEP]
    assert h.apps == []
    with pytest.raises(RuntimeError, match="no instance of the app runs"):
        _ = h.app


def test_it_is_given_its_configuration() -> None:
    with AppHarness(Porch, {"minutes": 15}) as h:
        assert h.app.app_config.minutes == 15


def test_any_number_of_instances_run_side_by_side() -> None:
    with AppHarness(Porch, instances=3) as h:
        assert [app.index for app in h.apps] == [0, 1, 2]
        assert len({app.instance_name for app in h.apps}) == 3
        assert len(h.advance(minutes=10)) == 3


def test_settings_of_duly_are_given_by_table() -> None:
    with AppHarness(Porch, settings={"lifecycle": {"run_sync_timeout_seconds": 77}}) as h:
        config = h.app.duly.config
        assert config.lifecycle.run_sync_timeout_seconds == 77
        assert config.strict_lifecycle
        assert not config.dev_mode


def test_settings_that_are_wrong_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="startup"):
        AppHarness(Porch, settings={"lifecycle": {"startup": 3}})


@pytest.mark.parametrize("what", [AppConfig, Porch.sweep, "Porch"], ids=["class", "function", "name"])
def test_what_is_no_app_is_refused(what: type[Porch]) -> None:
    with pytest.raises(TypeError, match=r"must be a class derived from App or AppSync, got .*(AppConfig|Porch)"):
        AppHarness(what)


def test_no_instance_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="instances must be 1 or more, got 0"):
        AppHarness(Porch, instances=0)


def test_nothing_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINUTES=3\nDULY__DEV_MODE=true\n")
    (tmp_path / "duly.toml").write_text("[duly]\ndev_mode = true\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINUTES", "4")
    monkeypatch.setenv("DULY__LIFECYCLE__RUN_SYNC_TIMEOUT_SECONDS", "99")
    with AppHarness(Porch) as h:
        assert h.app.app_config.minutes == 10
        assert h.app.duly.config.lifecycle.run_sync_timeout_seconds == 6
        assert not h.app.duly.config.dev_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "duly.toml"]


def test_files_are_in_a_folder_that_is_gone_afterwards() -> None:
    with AppHarness(Porch) as h:
        folder = h.app.duly.config.data_dir
        assert (folder / "duly.db").exists()
    assert not folder.exists()


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with AppHarness(Cellar) as h:
        h.advance(hours=2)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


def test_harnesses_run_side_by_side_each_on_its_own_time() -> None:
    with AppHarness(Porch) as one, AppHarness(Porch, {"minutes": 1}, start="2030-06-01T00:00") as other:
        one.advance(minutes=10)
        other.advance(minutes=3)
        assert len(one.app.swept) == 1
        assert clock_times(other.app.swept) == ["00:01:00", "00:02:00", "00:03:00"]
        assert other.app.swept[0].year == 2030


# --- time ------------------------------------------------------------------------------------------------------------


def test_it_begins_with_2025_in_utc() -> None:
    with AppHarness(Porch) as h:
        assert h.app.now() == START
        assert h.clock.zone == "UTC"


@pytest.mark.parametrize(
    "start",
    [
        "2025-03-30T01:30",
        PlainDateTime(2025, 3, 30, 1, 30),
        Instant.from_utc(2025, 3, 30, 0, 30),
        "2025-03-30T01:30+01:00[Europe/Berlin]",
        ZonedDateTime(2025, 3, 30, 1, 30, tz="Europe/Berlin"),
    ],
    ids=["text", "plain", "instant", "text_with_zone", "zoned"],
)
def test_it_begins_where_it_is_told_in_the_zone_it_is_told(start: Moment) -> None:
    with AppHarness(Porch, start=start, timezone="Europe/Berlin") as h:
        assert h.app.now() == ZonedDateTime(2025, 3, 30, 1, 30, tz="Europe/Berlin")
        assert h.clock.zone == "Europe/Berlin"


def test_a_start_that_is_no_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="a moment must be a date and time"):
        AppHarness(Porch, start="tomorrow")
    with pytest.raises(TypeError, match="got datetime"):
        AppHarness(Porch, start=datetime(2025, 1, 1, tzinfo=UTC))  # type: ignore[arg-type] # on purpose


def test_a_daily_job_keeps_its_wall_clock_time_through_a_clock_change() -> None:
    async def every_morning(app: App) -> None:
        await app.scheduler.run_daily(list, at="07:00", name="wake")

    start = ZonedDateTime(2025, 3, 29, tz="Europe/Berlin")
    with AppHarness(starting(every_morning), start=start) as h:
        h.advance(days=2)
        h.ledger.assert_ran_at("wake", ["2025-03-29T07:00", "2025-03-30T07:00"])


def test_time_passes_as_told_and_jobs_run_on_the_way() -> None:
    with AppHarness(Porch) as h:
        h.advance(seconds=30, minutes=29, hours=1, days=1)
        assert h.app.now() == START.add(hours=25, minutes=29, seconds=30)
        assert clock_times(h.app.swept[:3]) == ["00:10:00", "00:20:00", "00:30:00"]
        assert len(h.app.swept) == 6 * 25 + 2


def test_time_passes_up_to_a_moment() -> None:
    with AppHarness(Porch) as h:
        h.advance_to("2025-01-01T00:20")
        assert clock_times(h.app.swept) == ["00:10:00", "00:20:00"]


def test_time_does_not_pass_backwards() -> None:
    with AppHarness(Porch) as h:
        with pytest.raises(ValueError, match="forward only"):
            h.advance_to("2024-12-31T23:59")
        with pytest.raises(ValueError, match="forward only"):
            h.advance(minutes=-1)


def test_its_clock_is_the_current_one_inside_the_block() -> None:
    with AppHarness(Porch) as h:
        assert clocks.current() is h.clock
    assert isinstance(clocks.current(), SystemClock)


def test_waits_time_limits_and_retries_take_effect_in_order_each_at_its_moment() -> None:
    seen: list[tuple[str, int]] = []

    async def note(app: Porch, what: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((what, app.now().difference(START).total("seconds")))  # type: ignore[arg-type] # whole ones

    async def act(app: Porch) -> None:
        app.task_bucket.spawn(note(app, "long", 90))
        asyncio.get_running_loop().call_later(45, lambda: app.task_bucket.spawn(note(app, "timer", 0)))
        await note(app, "short", 5)
        await asyncio.Event().wait()

    with AppHarness(porch(act, timeout=20, retries=1, retry_delay=30), raise_errors=False) as h:
        h.advance(minutes=13)
        at = 600
        assert seen == [
            ("short", at + 5),
            ("timer", at + 45),
            ("short", at + 55),
            ("long", at + 90),
            ("timer", at + 95),
            ("long", at + 140),
        ]
        rows = h.ledger.rows(SWEEP)
        assert [(row.status, row.attempt, row.count) for row in rows] == [("timed_out", 1, 0), ("timed_out", 2, 1)]
        h.ledger.assert_ran_at(SWEEP, ["2025-01-01T00:10:00", "2025-01-01T00:10:50"])
        assert [row.end.second for row in rows] == [20, 10]


def test_what_is_cached_expires_at_its_moment() -> None:
    with AppHarness(Porch) as h:
        h.run(h.app.cache.set("lamp", "on", ttl=60))
        h.advance(seconds=59)
        assert h.run(h.app.cache.get("lamp")) == "on"
        h.advance(seconds=1)
        assert h.run(h.app.cache.get("lamp")) is None


def test_time_is_not_moved_from_inside() -> None:
    harness: list[AppHarness[Porch]] = []

    async def act(_: Porch) -> None:
        harness[0].advance(1)

    with AppHarness(porch(act)) as h:
        harness.append(h)
        with pytest.raises(RuntimeError, match="already running"):
            h.advance(minutes=10)


class Busy(App):
    """Does much at the same moments, in threads and on the loop."""

    seen: ClassVar[list[tuple[str, int, float]]] = []

    async def on_initialize(self) -> None:
        for number, job in enumerate((self.asleep, self.in_worker, self.in_threads, self.with_cache)):
            await self.scheduler.run_every(
                job, minutes=number + 1, name=job.__name__, mode="parallel", jitter=number or None
            )

    def note(self, what: str) -> None:
        self.seen.append((what, self.index, self.now().timestamp(unit="nanosecond")))

    async def asleep(self) -> None:
        await asyncio.sleep(1 / 3)
        self.note("asleep")

    def in_worker(self) -> None:
        self.note("in worker")
        self.task_bucket.run_sync(asyncio.sleep(5))
        self.note("still in worker")

    async def in_threads(self) -> None:
        self.note("before threads")
        await asyncio.gather(asyncio.to_thread(self.note, "in thread"), self.task_bucket.run_in_thread(self.note, "x"))
        self.note("after threads")

    async def with_cache(self) -> None:
        await self.cache.set("number", await self.cache.get("number", 0) + 1)
        self.note(f"cached {await self.cache.get('number')}")


def test_the_same_calls_give_the_same_order() -> None:
    def play() -> list[object]:
        Busy.seen.clear()
        with AppHarness(Busy, instances=3) as h:
            h.advance(minutes=10)
            h.crash()
            h.restart(after=100)
            h.advance(minutes=5)
            rows = [(row.start, row.job, row.instance_index, row.status) for row in h.ledger.rows()]
            return [*Busy.seen, *rows]

    first = play()
    assert len(first) > 200
    assert all(play() == first for _ in range(5))


def test_a_year_of_a_daily_job_takes_less_than_a_second() -> None:
    clock = SystemClock()

    async def every_morning(app: App) -> None:
        await app.scheduler.run_daily(list, at="07:00", name="wake")

    taken = []
    for _ in range(3):
        begin = clock.monotonic()
        with AppHarness(starting(every_morning)) as h:
            assert len(h.advance(days=365)) == 365
        taken.append((clock.monotonic() - begin) / SECOND)
    assert min(taken) < 1


# --- settled ---------------------------------------------------------------------------------------------------------


def test_sync_code_has_run_when_a_call_returns() -> None:
    with AppHarness(Cellar) as h:
        h.advance(hours=3)
        assert clock_times(h.app.aired) == ["01:00:00", "02:00:00", "03:00:00"]
        h.ledger.assert_outcomes(AIR, {"success": 3})


def test_time_stands_while_sync_code_runs() -> None:
    stands: list[bool] = []

    def slow() -> None:
        before = clocks.current().monotonic()
        threading.Event().wait(0.05)
        stands.append(clocks.current().monotonic() == before)

    async def act(app: Porch) -> None:
        app.task_bucket.spawn(asyncio.sleep(1))
        await app.task_bucket.run_in_thread(slow)

    with AppHarness(porch(act)) as h:
        h.advance(minutes=10)
    assert stands == [True]


def test_rows_that_ended_are_given_by_the_call_in_which_they_did() -> None:
    async def act(_: Porch) -> None:
        await asyncio.sleep(90)

    with AppHarness(porch(act)) as h:
        assert h.advance(minutes=10) == []
        assert [row.status for row in h.ledger.rows()] == ["started"]
        (row,) = h.advance(minutes=5)
        assert (row.job, row.status, row.count, row.start.minute, row.end.minute) == (SWEEP, "success", 1, 10, 11)
        assert h.advance(minutes=4) == []


def test_what_is_due_now_runs_without_time_passing() -> None:
    with AppHarness(Porch) as h:
        job = h.scheduler.list_jobs()[0]
        h.clock.elapse(600)
        assert [row.status for row in h.run_due()] == ["success"]
        assert h.app.now() == START.add(minutes=10)
        assert job.next_run == START.add(minutes=20)


# --- running something inside ----------------------------------------------------------------------------------------


def test_a_coroutine_of_the_test_runs_inside_and_its_result_is_given() -> None:
    with AppHarness(Porch) as h:
        job = h.run(h.scheduler.run_in(list, 60, name="once"))
        assert job.next_run == START.add(minutes=1)
        assert [row.job for row in h.advance(minutes=1)] == ["once"]


def test_what_is_no_coroutine_is_called_inside() -> None:
    with AppHarness(Porch) as h:
        h.run(h.scheduler.cancel_job, h.scheduler.list_jobs()[0])
        assert h.scheduler.list_jobs() == []
        assert h.advance(hours=1) == []


def test_what_a_coroutine_of_the_test_raises_is_raised() -> None:
    async def fail() -> None:
        raise KeyError("porch")

    with AppHarness(Porch) as h, pytest.raises(KeyError, match="porch"):
        h.run(fail())


def test_time_passes_while_a_coroutine_of_the_test_waits() -> None:
    with AppHarness(Porch) as h:
        h.run(asyncio.sleep(25 * MINUTE))
        assert h.app.now() == START.add(minutes=25)
        assert len(h.app.swept) == 2


def test_a_run_by_hand_is_in_the_ledger() -> None:
    async def by_hand(app: Porch) -> None:
        await app.scheduler.run_job_now(app.scheduler.list_jobs()[0])

    with AppHarness(Porch) as h:
        h.run(by_hand(h.app))
        assert [(row.first, row.count, row.status) for row in h.ledger.rows(SWEEP)] == [(None, 0, "success")]
        h.ledger.assert_outcomes(SWEEP, {"success": 1})


# --- the end of a process, and the next ------------------------------------------------------------------------------


def test_a_stop_is_orderly() -> None:
    with AppHarness(Porch) as h:
        app = h.app
        h.stop()
        assert app.stopped
        assert h.apps == []
        h.stop()
        with pytest.raises(RuntimeError, match=r"call restart\(\) first"):
            h.run(asyncio.sleep(0))


def test_a_process_that_is_asked_to_stop_does() -> None:
    async def leave(_: Porch) -> None:
        raise SystemExit

    with AppHarness(porch(leave)) as h:
        app = h.app
        h.advance(minutes=10)
        assert app.stopped
        assert h.apps == []


def test_a_crash_runs_no_hook_and_no_finally() -> None:
    ended: list[str] = []

    async def act(_: Porch) -> None:
        try:
            await asyncio.sleep(HOUR)
        finally:
            ended.append("finally")

    with AppHarness(porch(act)) as h:
        app = h.app
        h.advance(minutes=10)
        h.crash()
        h.advance(hours=2)
        assert not app.stopped
        assert ended == []


@pytest.mark.parametrize("in_async_test", [False, True])
def test_nothing_is_heard_of_the_tasks_of_a_process_that_has_crashed(
    caplog: pytest.LogCaptureFixture, in_async_test: bool
) -> None:
    async def act(_: Porch) -> None:
        try:
            await asyncio.sleep(HOUR)
        finally:
            begun.append(asyncio.create_task(asyncio.sleep(HOUR)))

    async def test() -> None:
        crash()
        assert len(asyncio.all_tasks()) == 1

    def crash() -> None:
        with AppHarness(porch(act)) as h:
            h.advance(minutes=10)
            h.crash()

    begun: list[asyncio.Task[None]] = []
    if in_async_test:
        asyncio.run(test())
    else:
        crash()
    begun.clear()
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_what_was_durable_is_there_after_a_crash_and_what_ran_is_interrupted() -> None:
    async def act(app: Porch) -> None:
        if len(app.swept) == 2:
            await asyncio.Event().wait()

    with AppHarness(porch(act)) as h:
        h.advance(minutes=25)
        h.crash()
        h.restart(after=30 * MINUTE)
        h.ledger.assert_outcomes(SWEEP, {"success": 2, "interrupted": 1, "missed": 2})
        assert [row.reason for row in h.ledger.rows(SWEEP, "missed")] == ["down"]
        assert h.app.now() == START.add(minutes=55)
        h.ledger.assert_conserved()


@pytest.mark.parametrize("after", [1800, TimeDelta(minutes=30)], ids=["seconds", "delta"])
@pytest.mark.parametrize("end", ["crash", "stop", "restart"])
def test_a_job_goes_on_after_a_restart(end: str, after: float | TimeDelta) -> None:
    with AppHarness(Porch) as h:
        h.advance(minutes=15)
        former = h.app
        if end != "restart":
            getattr(h, end)()
        rows = h.restart(after=after)
        assert h.app is not former
        assert h.app.now() == START.add(minutes=45)
        assert sum(row.count for row in rows) == 3
        h.advance(minutes=10)
        h.ledger.assert_outcomes(SWEEP, {"success": 3, "missed": 2})


def test_a_thread_that_waits_for_a_process_which_crashed_is_let_go() -> None:
    async def act(app: Porch) -> None:
        await app.task_bucket.run_in_thread(app.task_bucket.run_sync, asyncio.sleep(3))

    before = set(threading.enumerate())
    with AppHarness(porch(act)) as h:
        h.advance(minutes=10)
        h.crash()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_while_the_machine_sleeps_the_wall_clock_goes_on_alone() -> None:
    with AppHarness(Porch) as h:
        monotonic = h.clock.monotonic()
        rows = h.suspend(hours=1, minutes=5)
        assert h.clock.monotonic() == monotonic
        assert h.app.now() == START.add(minutes=65)
        assert sum(row.count for row in rows) == 6
        h.ledger.assert_outcomes(SWEEP, {"success": 1, "missed": 5})
        assert h.ledger.rows(SWEEP, "missed")[0].reason == "suspended"


@pytest.mark.parametrize("delta", [HOUR, TimeDelta(hours=1)], ids=["seconds", "delta"])
def test_a_clock_that_is_set_forward_passes_over_slots(delta: float | TimeDelta) -> None:
    with AppHarness(Porch) as h:
        h.step_clock(delta)
        assert h.app.now() == START.add(hours=1)
        h.ledger.assert_outcomes(SWEEP, {"success": 1, "missed": 5})


def test_a_clock_that_is_set_back_runs_no_slot_twice() -> None:
    with AppHarness(Porch) as h:
        h.advance(minutes=10)
        h.step_clock(-HOUR)
        assert h.app.now() == START.subtract(minutes=50)
        h.advance(hours=1, minutes=10)
        h.ledger.assert_outcomes(SWEEP, {"success": 2})


# --- new versions ----------------------------------------------------------------------------------------------------


def test_a_new_configuration_makes_new_instances() -> None:
    with AppHarness(Porch, instances=2) as h:
        former = h.apps
        h.reload({"minutes": 20})
        assert [app.app_config.minutes for app in h.apps] == [20, 20]
        assert all(app.stopped for app in former)
        h.advance(hours=1)
        assert [len(app.swept) for app in h.apps] == [3, 3]


def test_a_new_configuration_is_there_after_a_restart() -> None:
    with AppHarness(Porch) as h:
        h.reload({"minutes": 20})
        h.crash()
        h.restart()
        assert h.app.app_config.minutes == 20


def test_a_configuration_that_is_refused_leaves_the_old_instances() -> None:
    with AppHarness(Porch) as h:
        former = h.app
        with pytest.raises(AppConfigurationError, match="minutes"):
            h.reload({"minutes": "many"})
        assert h.app is former
        assert h.app.is_ready()


def test_a_new_class_takes_the_place_of_the_old_one_and_its_job_goes_on() -> None:
    class Veranda(Porch):
        pass

    with AppHarness(Porch) as h:
        h.advance(minutes=15)
        h.replace(Veranda)
        assert type(h.app) is Veranda
        h.advance(minutes=15)
        assert clock_times(h.app.swept) == ["00:20:00", "00:30:00"]
        h.ledger.assert_outcomes(SWEEP, {"success": 3})


# --- errors ----------------------------------------------------------------------------------------------------------


async def fail(_: Any) -> None:  # noqa: ANN401 - any app
    raise LookupError("no broom")


def test_what_a_start_hook_raises_is_raised_on_entering() -> None:
    with pytest.raises(LookupError, match="no broom"), AppHarness(starting(fail)):
        pytest.fail("the block is not entered")
    assert isinstance(clocks.current(), SystemClock)


def test_a_start_that_takes_too_long_is_raised_on_entering() -> None:
    async def wait(_: App) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="did not start within 20 s"), AppHarness(starting(wait)):
        pytest.fail("the block is not entered")


def test_a_start_that_takes_long_is_waited_for() -> None:
    async def wait(_: App) -> None:
        await asyncio.sleep(19.75)

    with AppHarness(starting(wait)) as h:
        assert h.app.is_ready()
        assert h.app.now() == START.add(seconds=19.75)


def test_an_app_that_does_not_let_itself_be_stopped_is_left_behind_within_its_limit() -> None:
    class Stubborn(Porch):
        async def on_initialize(self) -> None:
            self.task_bucket.spawn(self.go_on())

        async def go_on(self) -> None:
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        async def on_shutdown(self) -> None:
            await asyncio.Event().wait()

    with AppHarness(Stubborn) as h:
        begin, limit = h.clock.monotonic(), h.app.duly.config.lifecycle.total_shutdown_timeout_seconds
    assert h.clock.monotonic() - begin <= limit * SECOND


def test_a_configuration_that_is_refused_is_raised_on_entering() -> None:
    with pytest.raises(AppConfigurationError, match="minutes"), AppHarness(Porch, {"minutes": "many"}):
        pytest.fail("the block is not entered")


def test_what_a_job_raises_is_raised_by_the_call_that_made_it_run() -> None:
    with AppHarness(porch(fail)) as h:
        h.advance(minutes=9)
        with pytest.raises(LookupError, match="no broom"):
            h.advance(minutes=1)
        h.advance(minutes=1)
        h.ledger.assert_outcomes(SWEEP, {"error": 1})


def test_what_a_task_raises_is_raised() -> None:
    async def spawn(app: Porch) -> None:
        app.task_bucket.spawn(fail(app))

    with AppHarness(porch(spawn)) as h, pytest.raises(LookupError, match="no broom"):
        h.advance(minutes=10)


def test_what_a_hook_raises_at_the_stop_is_raised_on_leaving() -> None:
    class Rotten(Porch):
        async def on_shutdown(self) -> None:
            await fail(self)

    with pytest.raises(LookupError, match="no broom"), AppHarness(Rotten) as h:
        h.advance(minutes=1)


def test_what_an_error_handler_raises_is_raised_beside_the_error() -> None:
    def handle(_: object) -> None:
        raise OverflowError("too much")

    with AppHarness(porch(fail, on_error=handle), raise_errors=False) as h:
        h.advance(minutes=10)
        assert [type(error) for error in h.errors] == [LookupError, OverflowError]


def test_of_several_errors_the_first_is_raised_and_the_others_are_noted() -> None:
    async def act(app: Porch) -> None:
        raise LookupError(f"no broom {app.index}")

    with AppHarness(porch(act), instances=2) as h:
        with pytest.raises(LookupError, match="no broom 0") as caught:
            h.advance(minutes=10)
        assert caught.value.__notes__ == ["also: LookupError: no broom 1"]
        assert len(h.errors) == 2


def test_errors_are_kept_if_they_are_not_to_be_raised() -> None:
    with AppHarness(porch(fail), raise_errors=False) as h:
        h.advance(minutes=20)
        assert [str(error) for error in h.errors] == ["no broom", "no broom"]


def test_an_error_that_the_app_logs_itself_is_none_of_the_test() -> None:
    async def act(app: Porch) -> None:
        try:
            await fail(app)
        except LookupError:
            app.logger.exception("there is none")

    with AppHarness(porch(act)) as h:
        h.advance(minutes=10)
        assert h.errors == []


def test_it_does_not_begin_where_it_could_not_hear_of_errors() -> None:
    logging.disable(logging.CRITICAL)
    try:
        with pytest.raises(RuntimeError, match="let logger duly log ERROR"), AppHarness(Porch):
            pytest.fail("the block is not entered")
    finally:
        logging.disable(logging.NOTSET)


def test_an_error_of_one_harness_is_none_of_another() -> None:
    with AppHarness(Porch) as h, AppHarness(porch(fail), raise_errors=False) as other:
        other.advance(minutes=10)
        h.advance(minutes=10)
        assert h.errors == []


def test_an_error_of_the_block_goes_before_those_of_leaving_it() -> None:
    def leave(h: AppHarness[Porch]) -> None:
        h.clock.elapse(HOUR)
        raise KeyError("of the test")

    with pytest.raises(KeyError, match="of the test"), AppHarness(porch(fail)) as h:
        leave(h)


def test_what_goes_on_and_on_is_shown_with_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go_round(app: Porch) -> None:
        while len(app.swept) == 1:  # noqa: ASYNC110 - what is to be found
            await asyncio.sleep(0)

    with AppHarness(porch(go_round)) as h:
        monkeypatch.setattr(virtual_loop, "PATIENCE", 0.3)
        with pytest.raises(HarnessStuckError) as caught:
            h.advance(minutes=10)
        monkeypatch.undo()
        assert "in go_round" in str(caught.value)
        h.app.swept.clear()


def test_a_worker_that_does_not_end_is_shown_with_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def stay() -> None:
        end.wait(10)

    async def act(app: Porch) -> None:
        await app.task_bucket.run_in_thread(stay)

    with AppHarness(porch(act)) as h:
        monkeypatch.setattr(virtual_loop, "PATIENCE", 0.3)
        with pytest.raises(HarnessStuckError) as caught:
            h.advance(minutes=10)
        monkeypatch.undo()
        assert "in stay" in str(caught.value)
        end.set()


def test_a_coroutine_of_the_test_that_waits_for_nothing_is_shown_with_its_stack() -> None:
    class Idle(App):
        pass

    async def wait_for_nothing() -> None:
        await asyncio.Event().wait()

    with AppHarness(Idle) as h:
        with pytest.raises(HarnessStuckError) as caught:
            h.run(wait_for_nothing())
        assert "in wait_for_nothing" in str(caught.value)


# --- from async tests ------------------------------------------------------------------------------------------------


def test_it_is_used_in_the_same_way_where_a_loop_runs_already() -> None:
    async def test() -> None:
        with AppHarness(Cellar) as h:
            h.advance(hours=2)
            h.ledger.assert_outcomes(AIR, {"success": 2})
            h.run(h.scheduler.run_in(list, 60, name="once"))
            h.crash()
            h.restart(after=HOUR)
            assert h.apps

    asyncio.run(test())


def test_it_may_be_entered_outside_of_an_async_test() -> None:
    async def test() -> None:
        h.advance(hours=1)
        h.run(h.app.cache.set("inside", 1))

    with AppHarness(Cellar) as h:
        h.advance(hours=1)
        asyncio.run(test())
        h.advance(hours=1)
        h.ledger.assert_outcomes(AIR, {"success": 3})
        assert h.run(h.app.cache.get("inside")) == 1


def test_errors_are_raised_in_async_tests_too() -> None:
    async def test() -> None:
        with AppHarness(porch(fail)) as h, pytest.raises(LookupError, match="no broom"):
            h.advance(minutes=10)

    asyncio.run(test())


def test_the_environment_is_as_before() -> None:
    before = dict(os.environ)
    with AppHarness(Porch, config={}, settings={"apps": {"autodetect": False}}) as h:
        h.advance(minutes=1)
    assert dict(os.environ) == before


def test_an_app_has_the_configuration_class_of_its_type_argument() -> None:
    with AppHarness(Cellar) as h:
        assert type(h.app.app_config) is AppConfig
