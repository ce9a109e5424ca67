"""A file that cannot be a ledger: the start says what is wrong, where, and what to do, and leaves it as it is."""

import re
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from duly import Scheduler
from duly.ledger.connections import LATEST
from duly.ledger.errors import DatabaseFileError, SchemaVersionError
from tests.embedded.conftest import Make
from tests.embedded.filed import rows_of
from tests.faults.processes import Child

ANOTHER = "choose another file"
BACKUP = f"restore a backup, or {ANOTHER}; the file was left as it is"


def digests(folder: Path) -> dict[str, str]:
    """What is in the files of a folder; the lock file is no part of the ledger."""
    files = (each for each in folder.rglob("*") if each.is_file() and each.suffix != ".lock")
    return {str(each.relative_to(folder)): sha256(each.read_bytes()).hexdigest() for each in files}


def ledger(path: Path) -> None:
    """Make one, with rows and nothing beside the file."""
    scheduler = Scheduler(history=path)
    job = scheduler.schedule(int, "job")
    scheduler.start()
    for _ in range(300):
        scheduler.run_now(job)
    scheduler.stop()


def other_text(path: Path) -> None:
    path.write_text("dear diary\n" * 500)


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE diary (day TEXT)")
        db.execute("INSERT INTO diary VALUES ('monday')")
        db.commit()


def later_version(path: Path) -> None:
    ledger(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {LATEST + 3}")


def broken_header(path: Path) -> None:
    ledger(path)
    flip(path, 0, 16)


def broken_schema(path: Path) -> None:
    """Its first page, behind the header, names tables that make no sense."""
    ledger(path)
    flip(path, 100, 1_000)


def cut_short(path: Path) -> None:
    ledger(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path, start: int, count: int) -> None:
    """Invert bytes of a file."""
    with path.open("r+b") as file:
        file.seek(start)
        found = file.read(count)
        file.seek(start)
        file.write(bytes(byte ^ 0xFF for byte in found))


@pytest.mark.parametrize(
    ("damage", "error", "what"),
    [
        pytest.param(other_text, DatabaseFileError, f"file is not a database: {BACKUP}", id="text"),
        pytest.param(other_database, DatabaseFileError, f"is a database of something else: {ANOTHER}", id="foreign"),
        pytest.param(
            later_version,
            SchemaVersionError,
            f"version {LATEST + 3}, this one knows {LATEST}: upgrade Duly or choose another database.path",
            id="later",
        ),
        pytest.param(broken_header, DatabaseFileError, f"file is not a database: {BACKUP}", id="header"),
        pytest.param(broken_schema, DatabaseFileError, f"database disk image is malformed: {BACKUP}", id="schema"),
        pytest.param(cut_short, DatabaseFileError, f"database disk image is malformed: {BACKUP}", id="cut short"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(
    damage: Callable[[Path], None], error: type[Exception], what: str, make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.db"
    damage(path)
    before = digests(tmp_path)
    scheduler = make(history=path)
    scheduler.schedule(int, "mine")
    with pytest.raises(error) as raised:
        scheduler.start()
    assert str(path) in str(raised.value)
    assert what in str(raised.value)
    assert digests(tmp_path) == before
    assert scheduler.health().running is False


def test_a_later_start_succeeds_once_the_file_is_mended(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    other_text(path)
    scheduler = make(history=path)
    with pytest.raises(DatabaseFileError):
        scheduler.start()
    path.unlink()
    scheduler.start()
    scheduler.stop()
    assert rows_of(path, "status", "sessions") == ["success"]


def test_damage_in_the_middle_of_the_file_is_refused_and_left_as_it_is(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    ledger(path)
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'raw_executions'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    flip(path, (page - 1) * size, size)
    before = digests(tmp_path)
    with pytest.raises(DatabaseFileError, match=re.escape("database disk image is malformed")):
        make(history=path).start()
    assert digests(tmp_path) == before


@pytest.mark.parametrize("what", ["empty file", "no file", "missing parents"])
def test_where_there_is_no_ledger_yet_one_is_made(what: str, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    if what == "empty file":
        path.touch()
    elif what == "missing parents":
        path = tmp_path / "some" / "folders" / "jobs.db"
    scheduler = make(history=path)
    scheduler.start()
    scheduler.stop()
    assert rows_of(path, "status", "sessions") == ["success"]


def test_a_folder_in_place_of_the_file_is_refused(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.mkdir()
    (path / "inside").touch()
    before = digests(tmp_path)
    with pytest.raises(ValueError, match=rf"history must be the path of a file, got .*{path}"):
        make(history=path)
    assert digests(tmp_path) == before


def test_a_file_in_place_of_a_parent_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear diary")
    path = tmp_path / "file" / "jobs.db"
    with pytest.raises(DatabaseFileError, match=rf"cannot lock {path}: Not a directory: .*\.lock must be writable"):
        make(history=path).start()
    assert (tmp_path / "file").read_text() == "dear diary"


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "what"),
    [
        pytest.param(0o555, None, "cannot lock {}: Permission denied: {}.lock must be writable", id="folder"),
        pytest.param(0o555, 0o444, "cannot lock {}: Permission denied: {}.lock must be writable", id="both"),
        pytest.param(0o777, 0o444, "cannot use {} as a ledger: attempt to write a readonly database: make", id="file"),
        pytest.param(0o777, 0o000, "cannot use {} as a ledger: unable to open database file: make", id="unreadable"),
    ],
)
def test_what_the_process_may_not_write_is_refused_and_left_as_it_is(
    folder_mode: int, file_mode: int | None, what: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:  # that of pytest is closed to the user as whom the child runs
        path = Path(folder) / "jobs.db"
        if file_mode is not None:
            ledger(path)
            path.with_suffix(".db.lock").unlink()
            path.chmod(file_mode)
        before = path.stat() if path.exists() else None
        Path(folder).chmod(folder_mode)
        with Child("unprivileged_program.py", path) as child:
            said = child.hear(30)
        assert said.startswith("refused: " + what.format(path, path))
        after = path.stat() if path.exists() else None
        assert (before and (before.st_size, before.st_mtime_ns)) == (after and (after.st_size, after.st_mtime_ns))
