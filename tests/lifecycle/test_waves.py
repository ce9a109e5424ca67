"""In which order the parts of the root start and stop, and what becomes of one that does not."""

import asyncio
import logging
from typing import Any, ClassVar

import pytest

from duly.config import DulyConfig
from duly.lifecycle import Resource, RestartSpec, Service
from duly.lifecycle.waves import Waves, waves_of
from tests.lifecycle.house import Diary, House, fail, forever, play, status_of, turns

LIMIT = 10
"""Seconds of a wave by default."""


class Cellar(Diary, Resource):
    """Depends on nothing."""


class Garden(Diary, Resource):
    """Nor does this."""


class Hall(Diary, Resource):
    depends_on: ClassVar[list[type[Resource]]] = [Cellar]


class Stairs(Diary, Resource):
    depends_on: ClassVar[list[type[Resource]]] = [Hall]


class Attic(Diary, Resource):
    """Reached by two ways, one of them longer."""

    depends_on: ClassVar[list[type[Resource]]] = [Cellar, Stairs]


class WineCellar(Cellar):
    """A cellar too."""


class Aerial(Diary, Resource):
    required: ClassVar[bool] = False


class Radio(Diary, Resource):
    depends_on: ClassVar[list[type[Resource]]] = [Aerial]


class Pump(Diary, Service):
    restart_spec: ClassVar[RestartSpec] = RestartSpec()

    async def serve(self) -> None:
        await self._note("serve")
        self.mark_ready("pumps")
        await forever()


def house_of(*parts: type[Resource], **options: Any) -> tuple[House, list[Any]]:  # noqa: ANN401 - settings
    house = House(DulyConfig.hermetic(strict_lifecycle=True, **options))
    house.children.clear()
    return house, [house.add_child(part) for part in parts]


def names(waves: list[list[Resource]]) -> list[list[str]]:
    return [[type(part).__name__ for part in wave] for wave in waves]


class Started:
    """A house with waves that are noticed, and the lines that all parts write together."""

    def __init__(self, *parts: type[Resource], **options: Any) -> None:  # noqa: ANN401 - settings
        self.house, self.parts = house_of(*parts, **options)
        self.lines: list[str] = []
        for part in self.parts:
            part.lines = self.lines
        self.waves = Waves(self.house, waves_of(self.parts))
        self.house.announce = self.announce  # type: ignore[method-assign]  # stands for a root

    def announce(self, change: object) -> None:
        self.waves.notice()

    async def stop(self, seconds: float = 30.0) -> bool:
        self.lines.clear()
        return await self.waves.stop(asyncio.get_running_loop().time() + seconds)

    def steps(self, step: str) -> list[str]:
        return [line.removesuffix(f".{step}") for line in self.lines if line.endswith(f".{step}")]


def test_a_part_is_in_the_wave_of_its_longest_path() -> None:
    _, parts = house_of(Attic, Garden, Stairs, Hall, Cellar)
    assert names(waves_of(parts)) == [["Garden", "Cellar"], ["Hall"], ["Stairs"], ["Attic"]]


def test_a_subclass_counts_as_what_is_depended_on() -> None:
    _, parts = house_of(Hall, WineCellar)
    assert names(waves_of(parts)) == [["WineCellar"], ["Hall"]]


def test_the_root_may_add_order() -> None:
    _, parts = house_of(Garden, Cellar)
    assert names(waves_of(parts, after={Garden: [Cellar]})) == [["Cellar"], ["Garden"]]


def test_order_after_a_part_that_is_not_there_is_none() -> None:
    _, parts = house_of(Garden)
    assert names(waves_of(parts, after={Garden: [Cellar]})) == [["Garden"]]


def test_no_parts_make_no_waves() -> None:
    assert waves_of([]) == []


def test_a_dependency_that_is_not_wired_is_refused_with_both_names() -> None:
    _, parts = house_of(Hall)
    with pytest.raises(ValueError, match="Hall depends on Cellar, which is not wired"):
        waves_of(parts)


@pytest.mark.parametrize("off", [Cellar, WineCellar])
def test_a_dependency_that_is_switched_off_counts_as_satisfied(off: type[Resource]) -> None:
    _, parts = house_of(Hall)
    assert names(waves_of(parts, off=[off])) == [["Hall"]]


def test_a_dependency_that_is_not_required_may_be_absent() -> None:
    _, parts = house_of(Radio)
    assert names(waves_of(parts)) == [["Radio"]]


def test_a_cycle_is_refused_with_its_whole_path() -> None:
    class Hen(Resource):
        depends_on: ClassVar[list[type[Resource]]] = []

    class Egg(Resource):
        depends_on: ClassVar[list[type[Resource]]] = [Hen]

    class Nest(Resource):
        depends_on: ClassVar[list[type[Resource]]] = [Egg]

    Hen.depends_on.append(Egg)
    _, parts = house_of(Nest, Egg, Hen)
    with pytest.raises(ValueError, match=r"^dependency cycle: Egg → Hen → Egg$"):
        waves_of(parts)


def test_a_part_that_depends_on_its_own_kind_is_a_cycle() -> None:
    class Snake(Resource):
        depends_on: ClassVar[list[type[Resource]]] = []

    Snake.depends_on.append(Snake)
    _, parts = house_of(Snake)
    with pytest.raises(ValueError, match=r"^dependency cycle: Snake → Snake$"):
        waves_of(parts)


def test_a_type_that_is_wired_twice_is_refused() -> None:
    _, parts = house_of(Cellar, Garden, Cellar)
    with pytest.raises(ValueError, match="Cellar is wired twice"):
        waves_of(parts)


def test_parts_start_wave_after_wave_and_stop_the_other_way_round() -> None:
    async def main() -> None:
        started = Started(Attic, Stairs, Hall, Cellar)
        await started.waves.start()
        assert started.steps("on_initialize") == ["Cellar", "Hall", "Stairs", "Attic"]
        assert await started.stop()
        assert started.steps("on_shutdown") == ["Attic", "Stairs", "Hall", "Cellar"]

    play(main())


def test_what_has_stopped_may_start_again() -> None:
    async def main() -> None:
        started = Started(Cellar, Hall)
        await started.waves.start()
        await started.stop()
        await started.waves.start()
        assert {status_of(part) for part in started.parts} == {"running"}

    play(main())


def test_the_parts_of_a_wave_start_at_once() -> None:
    async def main() -> None:
        started = Started(Cellar, Garden)
        met = asyncio.Barrier(2)
        for part in started.parts:
            part.acts["on_initialize"] = met.wait
        await started.waves.start()
        assert {status_of(part) for part in started.parts} == {"running"}

    assert play(main()) == 0


def test_a_wave_waits_for_readiness_not_only_for_the_start() -> None:
    async def main() -> None:
        class Well(Resource):
            depends_on: ClassVar[list[type[Resource]]] = [Pump]

        started = Started(Pump)
        pump = started.parts[0]
        pump.acts["serve"] = lambda: asyncio.sleep(5)
        started.waves = Waves(started.house, waves_of([*started.parts, started.house.add_child(Well)]))
        await started.waves.start()
        assert pump.is_ready()

    assert play(main()) == pytest.approx(5)


def test_nobody_waits_for_a_part_that_is_not_required() -> None:
    async def main() -> None:
        started = Started(Aerial, Radio)
        aerial, radio = started.parts
        aerial.acts["on_initialize"] = forever
        await started.waves.start()
        assert (status_of(aerial), status_of(radio)) == ("starting", "running")
        await started.stop()

    assert play(main()) == 0


def test_the_failure_of_a_part_that_is_not_required_stops_no_start(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        started = Started(Aerial, Radio)
        aerial, radio = started.parts
        aerial.acts["on_initialize"] = fail(OSError("no"))
        await started.waves.start()
        await turns()
        assert (status_of(aerial), status_of(radio)) == ("failed", "running")

    play(main())
    assert "Duly.Aerial did not start" in caplog.messages


def test_a_required_part_that_is_not_ready_within_the_limit_ends_the_start_with_its_name() -> None:
    async def main() -> None:
        started = Started(Cellar, Garden, Hall)
        cellar, _, hall = started.parts
        cellar.acts["on_initialize"] = forever
        with pytest.raises(TimeoutError, match=rf"^not ready within {LIMIT} s: Duly.Cellar$"):
            await started.waves.start()
        assert status_of(hall) == "not_started"
        await started.stop()
        assert status_of(cellar) == "stopped"

    assert play(main()) == pytest.approx(LIMIT)


def test_the_limit_of_a_wave_is_that_of_its_slowest_part() -> None:
    class Boiler(Cellar):
        @property
        def startup_limit(self) -> float:
            return 25.0

    async def main() -> None:
        started = Started(Boiler, Garden)
        started.parts[1].acts["on_initialize"] = lambda: asyncio.sleep(20)
        await started.waves.start()

    assert play(main()) == pytest.approx(20)


def test_a_required_part_that_fails_ends_the_start_at_once_with_its_error() -> None:
    error = OSError("no")

    async def main() -> None:
        started = Started(Cellar, Garden)
        started.parts[0].acts["on_initialize"] = fail(error)
        started.parts[1].acts["on_initialize"] = forever
        with pytest.raises(OSError, match="no") as caught:
            await started.waves.start()
        assert caught.value is error

    assert play(main()) == 0


def test_a_service_that_fails_may_be_restarted_within_the_limit() -> None:
    async def main() -> None:
        started = Started(Pump)
        pump = started.parts[0]
        pump.acts["on_initialize"] = fail(OSError("no"))
        start = asyncio.create_task(started.waves.start())
        await asyncio.sleep(3)
        assert status_of(pump) == "failed"
        pump.acts.clear()
        await pump.restart()
        await start

    assert play(main()) == pytest.approx(3)


def test_a_service_that_is_not_restarted_in_time_ends_the_start_with_its_error() -> None:
    async def main() -> None:
        started = Started(Pump)
        started.parts[0].acts["on_initialize"] = fail(OSError("no"))
        with pytest.raises(TimeoutError, match=r"not ready within 10 s: Duly\.Pump \(OSError\('no'\)\)"):
            await started.waves.start()

    assert play(main()) == pytest.approx(LIMIT)


def test_a_stop_that_is_asked_for_meanwhile_is_no_failure() -> None:
    async def main() -> None:
        started = Started(Cellar, Hall)
        cellar, hall = started.parts
        cellar.acts["on_initialize"] = forever
        start = asyncio.create_task(started.waves.start())
        await asyncio.sleep(1)
        started.house.request_shutdown("enough")
        await start
        assert await started.stop()
        assert (status_of(cellar), status_of(hall)) == ("stopped", "stopped")

    assert play(main()) == pytest.approx(1)


def test_no_wave_starts_after_the_stop_was_asked_for() -> None:
    async def main() -> None:
        started = Started(Cellar)
        started.house.request_shutdown("enough")
        await started.waves.start()
        assert status_of(started.parts[0]) == "not_started"

    play(main())


def test_a_stuck_part_is_forced_to_end_and_never_keeps_the_others_from_their_last_steps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        started = Started(Cellar, Hall, Stairs)
        started.parts[2].acts["before_shutdown"] = forever
        await started.waves.start()
        assert not await started.stop(9.0)
        assert started.steps("on_shutdown") == ["Hall", "Cellar"]
        assert {status_of(part) for part in started.parts} == {"stopped"}

    with caplog.at_level(logging.WARNING):
        assert play(main()) <= 9
    assert "Duly.Stairs did not stop within 7 s" in caplog.messages
    assert any("Duly.Stairs was forced to end" in message for message in caplog.messages)


def test_every_wave_has_a_share_of_the_stop_however_many_are_stuck() -> None:
    async def main() -> None:
        started = Started(Cellar, Hall, Stairs, lifecycle={"resource_shutdown_timeout_seconds": 100})
        for part in started.parts[1:]:
            part.acts["on_shutdown"] = forever
        await started.waves.start()
        assert not await started.stop(12.0)
        assert started.steps("after_shutdown") == ["Cellar"]

    assert play(main()) <= 12


def test_a_stop_in_time_is_said_to_be_so() -> None:
    async def main() -> None:
        started = Started(Cellar, Hall)
        started.parts[0].acts["on_shutdown"] = lambda: asyncio.sleep(3)
        await started.waves.start()
        assert await started.stop(9.0)

    assert play(main()) == pytest.approx(3)
