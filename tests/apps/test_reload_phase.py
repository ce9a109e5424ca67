import asyncio
from pathlib import Path

import pytest

from duly.core import clock as clocks
from duly.ledger.doctor import examine
from tests.apps.site import Site, on_site, table
from tests.scheduler.yard import BEGIN, until

JOB = "await self.scheduler.run_every(self.work, seconds={seconds}, name='work')"


def working(site: Site, version: int, *, seconds: int = 10, wait: float = 0.0, more: str = "") -> None:
    """An app with a job; each run takes a moment."""
    lines = [f"if {wait}: await asyncio.sleep({wait})", JOB.format(seconds=seconds), more or "pass"]
    body = "async def on_initialize(self):\n" + "".join(f"        {line}\n" for line in lines)
    body += "    async def work(self): await asyncio.sleep(0.1)\n"
    site.write_app("porch", version, before="import asyncio", body=body)


async def slots(site: Site) -> list[tuple[float, float | None, str]]:
    """What became of each slot: its time and its start, in seconds since the begin, and its outcome."""
    rows = sorted(await site.rows(), key=lambda row: (row["scheduled_ts"], row["id"]))
    begin = BEGIN.timestamp()
    return [
        (
            round(row["scheduled_ts"] - begin, 3),
            round(row["execution_start_ts"] - begin, 1) if row["status"] == "success" else None,
            " ".join(filter(None, (row["status"], row["reason"]))),
        )
        for row in rows
    ]


def test_a_job_goes_on_in_its_phase(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        await until(13)
        working(site, 2)
        await site.reload()
        await until(35)
        assert [slot[:2] for slot in await slots(site)] == [(10, 10), (20, 20), (30, 30)]

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))


def test_a_slot_that_came_due_during_the_swap_runs_late(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        await until(18)
        working(site, 2, wait=4)
        await site.reload()
        await until(35)
        assert await slots(site) == [(10, 10, "success"), (20, 22, "success"), (30, 30, "success")]

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))


def test_slots_of_a_job_that_has_changed_or_is_gone_are_missed(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        await until(18)
        working(site, 2, seconds=7, wait=4)
        await site.reload()
        await until(35)
        found = await slots(site)
        assert (20, None, "missed down") in found
        assert [slot[0] for slot in found if slot[2] == "success"] == [10, 29]

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))


def test_nothing_runs_because_of_a_reload(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        for version in range(2, 12):
            await until(version)
            working(site, version)
            await site.reload()
        assert await slots(site) == [(10, 10, "success")]

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))


@pytest.mark.parametrize("bad", ["1 / 0", "class Porch("])
def test_a_reload_that_fails_leaves_the_jobs_undisturbed(tmp_path: Path, bad: str) -> None:
    async def main(site: Site) -> None:
        await until(19.9)
        site.folder.write("porch.py", bad)
        await site.reload()
        await until(25)
        assert await slots(site) == [(10, 10, "success"), (20, 20, "success")]

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))


def test_the_account_adds_up_after_many_reloads(tmp_path: Path) -> None:
    async def main(site: Site) -> None:
        for version in range(2, 20):
            await asyncio.sleep(3.7)
            working(site, version, seconds=2 + version % 3, wait=version % 4)
            await site.reload()
        await site.database.flush(retries=True)
        report = examine(site.path, clock=clocks.current())
        assert report.diagnoses == ()
        assert report.expected > 20

    on_site(tmp_path, table("porch"), main, files=lambda site: working(site, 1))
