"""The fixtures, as a project that has Duly installed meets them."""

import subprocess
import sys
from pathlib import Path

from duly.core import clock
from duly.testing import VirtualClock, World
from duly.triggers import Every, Once

TEST_WITH_A_GAP = """
from duly.triggers import Every

def test_of_a_user(world):
    world.add("porch", Every(seconds=10))
    world.advance(25)
    del world._host._jobs[0].rows[0]
"""


def test_the_virtual_clock_is_the_current_one_during_the_test(virtual_clock: VirtualClock) -> None:
    assert clock.current() is virtual_clock
    assert Once("07:00").trigger_id() == "once:2025-01-01T07:00:00+00:00[UTC]"


def test_the_world_lives_on_the_virtual_clock(world: World, virtual_clock: VirtualClock) -> None:
    world.add("job", Every(seconds=10))
    virtual_clock.advance(10)
    assert len(world.rows) == 1


def test_a_ledger_that_does_not_add_up_fails_the_test_of_a_user(tmp_path: Path) -> None:
    (tmp_path / "test_porch.py").write_text(TEST_WITH_A_GAP, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert "porch: missing: 2025-01-01T00:00:10+00:00[UTC]" in result.stdout
    assert "1 passed, 1 error" in result.stdout


def test_loading_the_plugin_loads_no_hypothesis() -> None:
    code = "import sys, duly.testing.plugin; sys.exit('hypothesis' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
