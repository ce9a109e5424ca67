"""Troubles with the ledger file of ``duly run``: another process has it, it is locked, the disk is full."""

from pathlib import Path

from tests.embedded.filed import rows_of
from tests.faults.app_folder import STALLED, AppFolder, let_pass
from tests.faults.processes import Child
from tests.runtime.ground import Process

LOCKED_SECONDS = 10


def begun(process: Process, folder: AppFolder) -> None:
    """Wait until its jobs run."""
    process.up()
    folder.until_ran("look", 2)


def fill_disk(process: Process, folder: AppFolder) -> None:
    """Let no file of the process grow any more, and wait until it has noticed."""
    (folder.data / "full").touch()
    process.until("could not be written, attempt 1/3")


def make_room(process: Process, folder: AppFolder) -> None:
    """Let files grow again."""
    (folder.data / "full").unlink()
    process.until("full: False")


def test_a_second_process_on_the_file_is_refused_with_the_pid_of_the_first_which_loses_nothing(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady")
    with folder.process() as first:
        first.up()
        folder.until_ran("steady")
        for _ in range(2):
            with folder.process() as second:
                assert second.end() == 1
                assert f"{folder.ledger} is in use by the process with pid {first.pid}" in second.said
                assert "instance started" not in second.said
        folder.until_more("steady")
        assert first.stop() == 0
    assert len(folder.unrun("steady")) <= STALLED
    folder.assert_noted("steady")
    assert rows_of(folder.ledger, "pid, status", "sessions") == [(first.pid, "success")]
    folder.assert_adds_up()


def test_a_file_that_is_locked_for_ten_seconds_loses_nothing_and_stops_no_job(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady")
    with folder.process() as process:
        process.up()
        folder.until_ran("steady")
        with Child("file_lock.py", folder.ledger) as other:
            assert other.hear() == "locked"
            before = folder.calls["steady"]
            let_pass(LOCKED_SECONDS)
            assert folder.calls["steady"] - before >= LOCKED_SECONDS / 2, "on a machine under load"
            other.tell("let go")
            other.end()
        folder.until_more("steady", LOCKED_SECONDS)
        assert process.stop() == 0
    assert len(folder.unrun("steady")) <= STALLED
    folder.assert_noted("steady")
    assert (folder.sessions, folder.lost) == (["success"], 0)
    folder.assert_adds_up()


def test_a_disk_that_is_full_for_some_seconds_loses_nothing(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "cramped")
    with folder.process() as process:
        begun(process, folder)
        fill_disk(process, folder)
        make_room(process, folder)
        folder.until_more("look", 2)
        assert process.stop() == 0
    assert (folder.sessions, folder.lost) == (["success"], 0)
    assert len(folder.unrun("look")) <= STALLED
    folder.assert_adds_up()


def test_a_process_whose_disk_stays_full_ends_and_says_what_is_lost_and_the_next_one_goes_on(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "cramped")
    with folder.process() as process:
        begun(process, folder)
        fill_disk(process, folder)
        assert process.stop() == 0
        assert "records are lost: counter=shutdown" in process.said
        assert "the session could not be ended, the next start will" in process.said
    folder.assert_adds_up()
    (folder.data / "full").unlink()
    with folder.process() as process:
        process.up()
        folder.until_more("look")
        assert process.stop() == 0
    assert folder.sessions == ["unknown", "success"]
    assert "started" not in folder.outcomes
    folder.assert_adds_up()
