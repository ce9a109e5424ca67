"""``duly run`` is stopped and killed again and again, and started again on its file: the ledger adds up."""

import random
import signal
from pathlib import Path

import pytest

from duly.cli import run
from duly.core.clock import SECOND, SystemClock, zoned
from tests.embedded.filed import discrepancies, rows_of
from tests.faults.app_folder import AppFolder, let_live, let_pass, soon
from tests.faults.test_kill import Remains

SEED = 20_261_121
KILLS = 7


def test_apps_that_are_killed_at_any_moment_leave_a_ledger_that_adds_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, chance = AppFolder(tmp_path, "busy"), random.Random(SEED)
    lives: list[Remains] = []
    for number in range(KILLS):
        with folder.process() as process:
            if number % 4 == 3:
                let_live(process, chance.uniform(0.3, 1))
            else:
                let_live(process.up(), chance.uniform(0, 2.5))
                if number % 4 == 2:
                    process.send(signal.SIGTERM)
                    let_live(process, chance.uniform(0, 0.5))  # its slow jobs take longer
        lives.append(Remains(folder.ledger, tmp_path / f"{number % 2}.db", *lives[-1:]))
        assert list(lives[-1].faults()) == [], f"seed {SEED}, after kill {number + 1}"
        assert discrepancies(lives[-1].path) == [], f"seed {SEED}, after kill {number + 1}"
    with folder.process() as process:
        assert process.up().stop() == 0
    folder.assert_adds_up()
    assert {"success", "interrupted"} <= folder.outcomes.keys()  # the others are a matter of chance
    assert "started" not in folder.outcomes
    *killed, last = folder.sessions
    assert (set(killed), last, folder.lost) == ({"unknown"}, "success", 0)
    assert run(["history", str(folder.ledger), "--status", "interrupted"]) == 0
    assert "interrupted" in capsys.readouterr().out


def test_jobs_of_apps_that_are_stopped_and_started_come_back_and_no_slot_runs_twice(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "busy", "steady")
    for number in range(3):
        with folder.process() as process:
            process.up()
            folder.until_more("steady", 2)
            assert process.stop() == 0
        if number == 0:
            let_pass(3)
    folder.assert_adds_up()
    folder.assert_noted("steady")
    assert ("missed", "down") in folder.unrun("steady")
    assert rows_of(folder.ledger, "count(*), count(DISTINCT job_id)", "schedules") == [(97, 97)]
    assert (folder.sessions, folder.lost) == (["success"] * 3, 0)
    assert "started" not in folder.outcomes


@pytest.mark.parametrize(("end", "outcome"), [(signal.SIGTERM, "cancelled"), (signal.SIGKILL, "interrupted")])
def test_what_was_in_flight_when_the_process_ended_has_one_row_that_says_so(
    tmp_path: Path, end: signal.Signals, outcome: str
) -> None:
    folder = AppFolder(tmp_path, "unending", settings="[lifecycle]\napp_shutdown_timeout_seconds = 1")
    with folder.process() as process:
        process.up()
        folder.until_ran("queued", 3, "started")
        process.stop(end)
    with folder.process() as process:
        process.up()
        folder.until_more("queued", status="started")
        (folder.apps / "unending.py").unlink()
        process.stop(signal.SIGKILL)
    with folder.process() as process:
        assert process.up().stop() == 0
    folder.assert_adds_up()
    assert folder.rows("single")[0] == (outcome, None)
    assert set(folder.rows("queued")[:3]) <= {("interrupted", None), (outcome, None)}


def test_a_job_that_ran_at_its_moment_does_not_run_again_and_a_delay_begins_anew(tmp_path: Path) -> None:
    moment = zoned(SystemClock().now() + SECOND, "UTC").format_iso()
    table = f'[apps.shots]\nfilename = "shots.py"\nclass_name = "Shots"\nconfig = {{ at = "{moment}" }}'
    folder = AppFolder(tmp_path, "shots", settings=table)
    for times in range(1, 4):
        with folder.process() as process:
            process.up()
            folder.until_ran("delay", times)
            folder.until_ran("moment")
            process.stop(signal.SIGKILL)
    folder.assert_adds_up()
    assert folder.rows("moment") == [("success", None)]
    assert folder.calls["moment"] == 1
    assert folder.calls["delay"] >= 3


def test_every_life_of_a_process_is_a_session_that_says_how_it_ended(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady")
    ends = [signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGINT]
    pids = []
    for number in ends:
        with folder.process() as process:
            process.up().stop(number)
            pids.append(process.pid)
    soon(lambda: len(folder.sessions) == len(ends))
    assert rows_of(folder.ledger, "pid", "sessions") == pids
    assert folder.sessions == ["unknown" if number is signal.SIGKILL else "success" for number in ends]
    assert None not in rows_of(folder.ledger, "stopped_at", "sessions")
