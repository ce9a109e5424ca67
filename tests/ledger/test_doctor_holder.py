"""Who writes to a ledger: asked without taking or losing a lock."""

import os
import subprocess
import sys
from pathlib import Path

from duly.ledger.lock import FileLock, holder

HOLD = """
import sys
from pathlib import Path
from duly.ledger.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from pathlib import Path
from duly.ledger.errors import DatabaseFileError
from duly.ledger.lock import FileLock
try:
    FileLock(Path(sys.argv[1])).release()
    print("free")
except DatabaseFileError:
    print("taken")
"""


def test_nobody_writes_to_a_file_without_lock(tmp_path: Path) -> None:
    assert holder(tmp_path / "jobs.db") is None
    assert list(tmp_path.iterdir()) == []


def test_nobody_writes_after_the_lock_was_released(tmp_path: Path) -> None:
    with FileLock(tmp_path / "jobs.db"):
        pass
    assert holder(tmp_path / "jobs.db") is None


def test_this_process_writes_and_keeps_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with FileLock(path):
        assert holder(path) == os.getpid()
        tried = subprocess.run(
            [sys.executable, "-c", TRY, path], capture_output=True, text=True, timeout=60, check=True
        )
        assert tried.stdout.strip() == "taken"


def test_another_process_writes_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert holder(path) == other.pid
        other.communicate("", timeout=60)
    assert holder(path) is None
