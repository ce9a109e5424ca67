"""What is left of executions when the process is killed."""

import subprocess
import sys
from pathlib import Path

from tests.executor.plant import Plant, in_plant, rows_of

ROOT = Path(__file__).resolve().parents[2]

VICTIM = """
import asyncio, sys
from pathlib import Path
from tests.executor.plant import Plant, in_plant, nothing

async def main(plant: Plant) -> None:
    for number in range(20):
        await plant.execute("job", nothing, scheduled_ts=float(number))
    for number in range(20, 23):
        asyncio.create_task(plant.execute("job", asyncio.Event().wait, scheduled_ts=float(number)))
    await asyncio.sleep(0.2)
    print("killed any time from now on", flush=True)
    await asyncio.Event().wait()

in_plant(Path(sys.argv[1]), main)
"""


def test_after_a_kill_outcomes_are_there_and_what_ran_is_interrupted(tmp_path: Path) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert victim.stdout is not None
        assert victim.stdout.readline().startswith(b"killed")
    finally:
        victim.kill()
        victim.communicate()
    found = {row["scheduled_ts"]: row["status"] for row in rows_of(tmp_path / "duly.db")}
    assert found == {float(n): "success" if n < 20 else "started" for n in range(23)}

    async def again(plant: Plant) -> None:
        statuses = [row["status"] for row in await plant.rows()]
        assert statuses == ["success"] * 20 + ["interrupted"] * 3
        first, second = rows_of(plant.path, "sessions")
        assert (first["status"], second["status"]) == ("unknown", "running")

    in_plant(tmp_path, again)
