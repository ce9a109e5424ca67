"""Classes that apps give for the states of domains have to go together."""

import asyncio
import logging

import pytest

from duly.runtime import Duly
from duly.states import registry
from tests.runtime.ground import Ground
from tests.runtime.living import live
from tests.runtime.test_duly import nothing

STATES = "from duly.states import Attributes, LightState, State\n"
VACUUM = STATES + "class VacuumState(State[str, Attributes]):\n    domain = 'vacuum'\n"
OTHER = STATES + "class RobotState(State[str, Attributes]):\n    domain = 'vacuum'\n"
LIGHT = STATES + "class MyLight(State[str, Attributes]):\n    domain = 'light'\n"
BETTER_LIGHT = STATES + "class BetterLight(LightState):\n    domain = 'light'\n"
BETTER_STILL = BETTER_LIGHT + "class BestLight(BetterLight):\n    domain = 'light'\n"

BAD = {
    "two apps": (
        [VACUUM, OTHER],
        "apps.one.VacuumState and apps.two.RobotState are both for the domain 'vacuum'",
    ),
    "against Duly's": ([LIGHT], "apps.one.MyLight is not used for the domain 'light', which has LightState"),
}
GOOD = {"one": [VACUUM], "derived": [BETTER_LIGHT], "derived from derived": [BETTER_STILL]}


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered here is forgotten."""
    monkeypatch.setattr(registry, "_classes", registry._classes.copy())


def put(ground: Ground, files: list[str]) -> None:
    for name, text in zip(("one", "two"), files, strict=False):
        ground.app(name, "pass")
        file = ground.apps / f"{name}.py"
        file.write_text(text + file.read_text("utf-8"), "utf-8")


@pytest.mark.parametrize("case", BAD)
def test_in_strict_mode_the_process_ends_with_code_1(
    ground: Ground, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    files, message = BAD[case]
    put(ground, files)

    async def main() -> int:
        return await Duly(ground.settings()).run_forever()

    with caplog.at_level(logging.INFO, "duly"):
        assert asyncio.run(main()) == 1
    (critical,) = (record for record in caplog.records if record.levelname == "CRITICAL")
    assert message in critical.message
    assert critical.exc_info is None
    assert not ground.ledger.exists()


@pytest.mark.parametrize("case", BAD)
def test_otherwise_it_is_a_warning(ground: Ground, case: str, caplog: pytest.LogCaptureFixture) -> None:
    files, message = BAD[case]
    put(ground, files)
    with caplog.at_level(logging.INFO, "duly"):
        assert live(lambda: Duly(ground.settings(strict_lifecycle=False)), nothing) == 0
    assert any(message in record.message for record in caplog.records if record.levelname == "WARNING")


@pytest.mark.parametrize("case", GOOD)
def test_what_goes_together_is_fine(ground: Ground, case: str, caplog: pytest.LogCaptureFixture) -> None:
    put(ground, GOOD[case])
    with caplog.at_level(logging.WARNING, "duly"):
        assert live(lambda: Duly(ground.settings()), nothing) == 0
    assert not caplog.records
