"""What is done about a service that fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, TypeAlias

import pytest

from duly.core.clock import SECOND, current
from duly.lifecycle import FatalError, Resource, RestartSpec, RestartType, Service
from duly.lifecycle.supervision import ServiceWatcher
from tests.lifecycle.house import Diary, House, forever, play, status_of, stubborn, turns

NO = OSError("no")

Act: TypeAlias = "Callable[[Oven], Awaitable[None]]"
"""What ``serve`` does."""

SPECS = {
    RestartType.PERMANENT: RestartSpec(RestartType.PERMANENT, budget_intensity=2, budget_period_seconds=100.0),
    RestartType.TRANSIENT: RestartSpec(RestartType.TRANSIENT, budget_intensity=2, budget_period_seconds=100.0),
    RestartType.TEMPORARY: RestartSpec(RestartType.TEMPORARY, budget_intensity=2, budget_period_seconds=100.0),
}
TRANSIENT = SPECS[RestartType.TRANSIENT]


class Watched(House):
    """A house whose services are supervised."""

    def __init__(self) -> None:
        super().__init__()
        self.fatal: list[tuple[str, BaseException]] = []
        self.watcher = ServiceWatcher(self, lambda name, error: self.fatal.append((name, error)))
        self.oven = self.add_child(Oven)

    def on_service_failed(self, service: Service, error: BaseException) -> None:
        super().on_service_failed(service, error)
        self.watcher.on_failed(service, error)


class Oven(Diary, Service):
    """Serves as the next of its acts says; without one, for ever."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec()

    def __init__(self, duly: House, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self.serves: list[Act] = []
        self.begun: list[float] = []
        """When ``serve`` began, in the time of the loop."""

    def rule(self, spec: RestartSpec) -> None:
        """Give it a specification of its own."""
        self.restart_spec = spec  # type: ignore[misc]  # as a subclass would

    async def serve(self) -> None:
        self.begun.append(asyncio.get_running_loop().time())
        await (self.serves.pop(0) if self.serves else bake)(self)


async def bake(oven: Oven) -> None:
    """Ready, and for ever."""
    oven.mark_ready("bakes")
    await forever()


async def never_ready(_: Oven) -> None:
    await forever()


async def stuck(_: Oven) -> None:
    """Not ready, and for ever, also when it is cancelled."""
    await stubborn([])


def broken(error: BaseException = NO, *, after: float = 0.0) -> Act:
    """Ready, and then an error."""

    async def act(oven: Oven) -> None:
        oven.mark_ready("bakes")
        await asyncio.sleep(after)
        raise error

    return act


def watched(spec: RestartSpec) -> Watched:
    house = Watched()
    house.oven.rule(spec)
    return house


async def baking(spec: RestartSpec, *serves: Act) -> Watched:
    """One whose oven has started, and serves as these say."""
    house = watched(spec)
    house.oven.serves = [*serves]
    await house.oven.initialize()
    return house


async def settle(seconds: float = 0.0) -> None:
    """Let so much time pass, and what follows of it happen."""
    await asyncio.sleep(seconds)
    await turns(20)


def test_a_fatal_error_is_told_also_where_the_status_may_not_change() -> None:
    async def main() -> None:
        house, error = Watched(), FatalError("no")
        house.watcher.on_failed(house.oven, error)  # it has not even started
        await settle()
        assert house.fatal == [(house.oven.unique_name, error)]

    play(main())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_service_that_fails_is_restarted_after_the_backoff(spec: RestartSpec) -> None:
    async def main() -> None:
        house = await baking(spec, broken())
        await settle()
        assert status_of(house.oven) == "failed"
        await settle(1.9)
        assert status_of(house.oven) == "failed"
        await settle(0.2)
        assert (status_of(house.oven), house.oven.is_ready()) == ("running", True)
        assert house.oven.begun == [0.0, 2.0]
        assert house.fatal == []

    play(main())


def test_a_restart_stops_the_service_and_starts_it_again() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, broken())
        house.oven.lines.clear()
        await settle(2.1)
        assert house.oven.lines == [
            "Oven.before_shutdown",
            "Oven.on_shutdown",
            "Oven.after_shutdown",
            "Oven.before_initialize",
            "Oven.on_initialize",
            "Oven.after_initialize",
        ]

    play(main())


def test_the_backoff_grows_with_the_restarts_of_the_window() -> None:
    async def main() -> None:
        house = await baking(
            replace(TRANSIENT, budget_intensity=5, backoff_max_seconds=7.0), *[broken() for _ in range(4)]
        )
        await settle(60)
        assert house.oven.begun == [0.0, 2.0, 6.0, 13.0, 20.0]

    play(main())


def test_a_failure_while_the_process_stops_changes_nothing() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT)
        house.request_shutdown("enough")
        house.task_bucket.seal()  # as it is from then on, before the services have stopped
        house.watcher.on_failed(house.oven, NO)
        await settle(1_000)
        assert (house.oven.begun, house.fatal) == ([0.0], [])

    play(main())


def test_a_fatal_error_ends_the_process() -> None:
    async def main() -> None:
        error = FatalError("on fire")
        house = await baking(TRANSIENT, broken(error))
        await settle(1_000)
        assert (status_of(house.oven), house.fatal) == ("crashed", [("Duly.Oven", error)])

    play(main())


@pytest.mark.parametrize("name", ["FileNotFoundError", "OSError"], ids=["its own name", "that of a base"])
def test_an_error_with_a_fatal_name_ends_the_process(name: str) -> None:
    async def main() -> None:
        error = FileNotFoundError("gone")
        house = await baking(replace(TRANSIENT, fatal_error_names=(name,)), broken(error))
        await settle(1_000)
        assert (status_of(house.oven), house.fatal) == ("crashed", [("Duly.Oven", error)])
        assert house.oven.begun == [0.0]

    play(main())


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (RestartType.PERMANENT, "crashed"),
        (RestartType.TRANSIENT, "exhausted_dead"),
        (RestartType.TEMPORARY, "exhausted_dead"),
    ],
)
def test_an_error_against_which_no_restart_helps(kind: RestartType, status: str) -> None:
    async def main() -> None:
        house = await baking(replace(SPECS[kind], non_retryable_error_names=("OSError",)), broken())
        await settle(1_000)
        assert (status_of(house.oven), house.oven.exception, house.oven.begun) == (status, NO, [0.0])
        assert house.fatal == ([("Duly.Oven", NO)] if status == "crashed" else [])

    play(main())


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (RestartType.PERMANENT, "crashed"),
        (RestartType.TRANSIENT, "exhausted_cooling"),
        (RestartType.TEMPORARY, "exhausted_dead"),
    ],
)
def test_a_service_whose_restarts_are_used_up(kind: RestartType, status: str) -> None:
    async def main() -> None:
        house = await baking(SPECS[kind], broken(), broken(), broken(), broken())
        await settle(99)
        assert (status_of(house.oven), house.oven.exception, house.oven.begun) == (status, NO, [0.0, 2.0, 6.0])
        assert house.fatal == ([("Duly.Oven", NO)] if status == "crashed" else [])

    play(main())


def test_restarts_leave_the_budget_by_age_only() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, *[broken(after=60) for _ in range(6)])
        await settle(1_000)
        assert house.oven.begun == [0.0, 62.0, 126.0, 190.0, 254.0, 318.0, 382.0]

    play(main())


def test_a_service_that_crashes_every_ten_seconds_is_found_out() -> None:
    async def main() -> None:
        house = await baking(RestartSpec(RestartType.TEMPORARY), *[broken(after=10) for _ in range(20)])
        await settle(1_000)
        assert (status_of(house.oven), len(house.oven.begun)) == ("exhausted_dead", 6)

    play(main())


def test_a_cooldown_is_visible_and_a_restart_with_a_fresh_budget_follows() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, broken(), broken(), broken(), broken())
        await settle(7)
        retry_at = house.watcher.retry_at(house.oven)
        assert retry_at is not None
        assert 299 <= (retry_at - current().now()) / SECOND <= 300
        await settle(300)
        assert (status_of(house.oven), house.watcher.retry_at(house.oven)) == ("failed", None)
        await settle(3)
        assert status_of(house.oven) == "running"
        assert house.watcher.retry_at(house.oven) is None
        assert house.oven.begun == [0.0, 2.0, 6.0, 306.0, 308.0]

    play(main())


@pytest.mark.parametrize("kind", [RestartType.TRANSIENT, RestartType.TEMPORARY])
def test_a_service_that_rests_or_stays_down_holds_nothing(kind: RestartType) -> None:
    async def main() -> None:
        house = watched(replace(SPECS[kind], budget_intensity=0))
        lamp = house.oven.add_child(Lamp)
        house.oven.serves = [broken(after=1)]
        await house.oven.initialize()
        task = house.oven.task_bucket.spawn(forever())
        await settle(2)
        assert status_of(house.oven).startswith("exhausted_")
        assert (status_of(lamp), task.cancelled()) == ("stopped", True)
        assert "Oven.on_shutdown" in house.oven.lines

    play(main())


class Lamp(Resource):
    """A child."""


def test_cooldowns_beyond_their_number_give_the_service_up() -> None:
    async def main() -> None:
        house = await baking(
            replace(TRANSIENT, budget_intensity=1, cooldown_seconds=50.0, max_cooldown_cycles=2),
            *[broken() for _ in range(20)],
        )
        await settle(1_000)
        assert status_of(house.oven) == "exhausted_dead"
        assert house.oven.begun == [0.0, 2.0, 52.0, 54.0, 104.0, 106.0]

    play(main())


def test_cooldowns_are_forgotten_once_the_service_has_worked_for_a_whole_window() -> None:
    async def main() -> None:
        house = await baking(
            replace(TRANSIENT, budget_intensity=0, cooldown_seconds=50.0, max_cooldown_cycles=1),
            broken(),
            broken(after=101),
            broken(after=101),
        )
        await settle(1_000)
        assert (status_of(house.oven), len(house.oven.begun)) == ("running", 4)

    play(main())


def test_without_a_number_of_cooldowns_it_is_tried_without_end() -> None:
    async def main() -> None:
        house = await baking(
            replace(TRANSIENT, budget_intensity=0, cooldown_seconds=50.0), *[broken() for _ in range(100)]
        )
        await settle(1_010)
        assert (status_of(house.oven), len(house.oven.begun)) == ("exhausted_cooling", 21)

    play(main())


def test_a_restart_that_raises_is_a_further_failure() -> None:
    async def main() -> None:
        error = ValueError("the door is open")
        house = await baking(SPECS[RestartType.TEMPORARY], broken())
        house.oven.acts["on_initialize"] = raising(error)
        await settle(1_000)
        assert (status_of(house.oven), house.oven.exception) == ("exhausted_dead", error)
        assert house.oven.lines.count("Oven.on_initialize") == 3

    play(main())


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_restart_that_fails_before_it_is_ready_is_a_further_failure() -> None:
    async def main() -> None:
        async def fail_unready(_: Oven) -> None:
            await asyncio.sleep(3)
            raise NO

        house = await baking(TRANSIENT, broken(), fail_unready)
        await settle(20)
        assert (status_of(house.oven), house.oven.begun) == ("running", [0.0, 2.0, 9.0])

    play(main())


@pytest.mark.parametrize("step", ["serve", "on_initialize"])
def test_a_restart_that_is_not_ready_in_time_is_a_further_failure(step: str) -> None:
    async def main() -> None:
        house = await baking(SPECS[RestartType.TEMPORARY], broken(), never_ready, never_ready)
        if step == "on_initialize":
            house.oven.acts["on_initialize"] = forever
        await settle(1_000)
        assert status_of(house.oven) == "exhausted_dead"
        assert str(house.oven.exception) == "Duly.Oven was not ready within 30 s of its restart"
        assert house.oven.lines.count("Oven.on_initialize") == 3

    assert play(main()) == pytest.approx(1_000)


def test_a_failure_during_a_restart_is_joined_to_it() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, broken())
        await settle()
        for _ in range(3):
            house.watcher.on_failed(house.oven, NO)
        await settle(50)
        assert (status_of(house.oven), house.oven.begun) == ("running", [0.0, 2.0])

    play(main())


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (RestartType.PERMANENT, "crashed"),
        (RestartType.TRANSIENT, "exhausted_cooling"),
        (RestartType.TEMPORARY, "exhausted_dead"),
    ],
)
def test_no_restart_runs_over_work_that_has_not_ended(
    kind: RestartType, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        house = await baking(SPECS[kind], broken(), stuck)
        await settle(99)
        assert (status_of(house.oven), house.oven.begun) == (status, [0.0, 2.0])
        assert len(house.fatal) == (status == "crashed")

    play(main())
    assert sum("is restarted in" in message for message in caplog.messages) == 1


def test_work_that_has_not_ended_after_a_cooldown_either_is_waited_for_again() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, broken(), stuck)
        await settle(1_000)
        assert (status_of(house.oven), house.oven.begun) == ("exhausted_cooling", [0.0, 2.0])

    play(main())


def test_a_service_that_stays_down_can_be_restarted_by_hand() -> None:
    async def main() -> None:
        house = await baking(replace(SPECS[RestartType.TEMPORARY], budget_intensity=0), broken())
        await settle(10)
        assert status_of(house.oven) == "exhausted_dead"
        await house.oven.restart()
        assert (status_of(house.oven), house.oven.is_ready()) == ("running", True)

    play(main())


@pytest.mark.parametrize("intensity", [2, 0], ids=["backoff", "cooldown"])
def test_a_restart_by_hand_meanwhile_is_not_followed_by_another(intensity: int) -> None:
    async def main() -> None:
        house = await baking(replace(TRANSIENT, budget_intensity=intensity), broken())
        await settle(1)
        await house.oven.restart()
        await settle(1_000)
        assert house.oven.begun == [0.0, 1.0]

    play(main())


@pytest.mark.parametrize("intensity", [2, 0], ids=["backoff", "cooldown"])
def test_a_wait_ends_early_when_the_process_stops(intensity: int) -> None:
    async def main() -> None:
        house = await baking(replace(TRANSIENT, budget_intensity=intensity), broken())
        await settle(1)
        house.request_shutdown("enough")
        await turns(20)
        assert house.oven.begun == [0.0]
        await house.watcher.close()
        await house.oven.shutdown()
        assert status_of(house.oven) == "stopped"
        assert house.task_bucket.pending_tasks() == []

    assert play(main()) == pytest.approx(1)


def test_a_restart_under_way_is_given_up_when_the_process_stops() -> None:
    async def main() -> None:
        house = await baking(TRANSIENT, broken())
        house.oven.acts["on_initialize"] = forever
        await settle(3)
        house.request_shutdown("enough")
        await house.watcher.close()
        await house.oven.shutdown()
        assert (status_of(house.oven), house.fatal) == ("stopped", [])

    assert play(main()) == pytest.approx(3)


def test_a_failed_first_start_is_seen_to_as_well() -> None:
    async def main() -> None:
        house = watched(TRANSIENT)
        house.oven.acts["on_initialize"] = raising(NO)
        with pytest.raises(OSError, match="no"):
            await house.oven.initialize()
        del house.oven.acts["on_initialize"]
        await settle(3)
        assert (status_of(house.oven), house.oven.begun) == ("running", [2.0])

    play(main())


def test_restarts_are_logged_with_their_number_and_their_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await baking(TRANSIENT, broken())
        await settle(10)

    with caplog.at_level(logging.INFO, "duly.ServiceWatcher"):
        play(main())
    logged = [record.getMessage() for record in caplog.records if record.name == "duly.ServiceWatcher"]
    assert logged[:2] == [
        "Duly.Oven is restarted in 2 s, 1 of 2: OSError('no')",
        "Duly.Oven works again",
    ]
