"""``duly init``: what it writes, and that it runs."""

import re
from pathlib import Path

import pytest

from duly.cli import run
from duly.config import DulyConfig
from duly.core.clock import current
from duly.ledger.doctor import examine
from tests.cli.project import Project

Capture = pytest.CaptureFixture[str]

WRITTEN = {"duly.toml", "apps/hello.py", "data/.gitignore"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_writes_settings_an_app_and_what_keeps_data_out_of_a_repository(folder: Path, capsys: Capture) -> None:
    assert run(["init", "demo"]) == 0
    assert files(folder / "demo") == WRITTEN
    assert (folder / "demo/data/.gitignore").read_text("utf-8") == "*\n"
    out = capsys.readouterr().out
    assert "wrote demo/duly.toml, demo/apps/hello.py, demo/data/.gitignore\n" in out
    assert "next: cd demo && duly run\n" in out


def test_without_a_folder_it_writes_here(folder: Path, capsys: Capture) -> None:
    assert run(["init"]) == 0
    assert files(folder) == WRITTEN
    assert "next: duly run\n" in capsys.readouterr().out


def test_the_folder_may_be_new_with_those_above_it_and_have_a_name_with_blanks(folder: Path, capsys: Capture) -> None:
    assert run(["init", "my projects/demo"]) == 0
    assert files(folder / "my projects" / "demo") == WRITTEN
    assert "next: cd 'my projects/demo' && duly run\n" in capsys.readouterr().out


@pytest.mark.parametrize("there", [{"duly.toml"}, {"apps/hello.py", "data/.gitignore"}], ids=["one", "two"])
def test_it_overwrites_nothing_and_names_what_is_there(folder: Path, capsys: Capture, there: set[str]) -> None:
    for name in there:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine", "utf-8")
    assert run(["init"]) == 2
    assert set(re.findall(r"error: (\S+) exists", capsys.readouterr().err)) == there
    assert files(folder) == there
    assert all((folder / name).read_text("utf-8") == "mine" for name in there)


def test_other_files_of_the_folder_stay(folder: Path) -> None:
    (folder / "apps").mkdir()
    (folder / "apps" / "mine.py").write_text("", "utf-8")
    assert run(["init"]) == 0
    assert files(folder) == WRITTEN | {"apps/mine.py"}


def test_if_something_cannot_be_written_nothing_is(folder: Path, capsys: Capture) -> None:
    (folder / "demo").mkdir()
    (folder / "demo" / "data").write_text("in the way", "utf-8")
    assert run(["init", "demo"]) == 1
    assert "error: cannot write demo/data/.gitignore: " in capsys.readouterr().err
    assert [path.name for path in (folder / "demo").rglob("*")] == ["data"]


def test_a_file_is_no_folder_to_write_to(folder: Path, capsys: Capture) -> None:
    (folder / "demo").write_text("", "utf-8")
    assert run(["init", "demo"]) == 2
    assert capsys.readouterr().err == "error: demo is no folder: name another one\n"


def test_what_was_written_has_no_problems(folder: Path) -> None:
    run(["init"])
    assert run(["check"]) == 0


def test_what_stands_in_comments_of_the_settings_can_be_taken_in(folder: Path) -> None:
    run(["init"])
    text = re.sub(r"^# (\[|\w+ = )", r"\1", Path("duly.toml").read_text("utf-8"), flags=re.MULTILINE)
    one_or_many = text.replace('config = { name = "world", every_seconds = 3 }\n', "")
    Path("duly.toml").write_text(one_or_many, "utf-8")
    config = DulyConfig()
    config.set_validated_app_manifests()
    assert config.base_url == "http://homeassistant.local:8123"
    assert (config.database.max_size_mb, config.logging.scheduler_service) == (500, "DEBUG")
    assert [table["name"] for table in config.apps.manifests["hello"].app_config] == ["Alice"]


def test_it_runs_keeps_all_it_writes_in_data_and_reloads_what_changes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.duly("init").code == 0
    with project.start("run") as process:
        process.until("greeting 1: hello world")
        app = project.folder / "apps" / "hello.py"
        app.write_text(app.read_text("utf-8").replace("hello %s", "moin %s"), "utf-8")
        process.until(": moin world")
        assert process.stop() == 0
    ledger = project.folder / "data" / "duly.db"
    assert examine(ledger, clock=current()).ok
    outside = {name for name in project.files if not name.startswith("project/data/")}
    assert outside == {"project/apps", "project/apps/hello.py", "project/data", "project/duly.toml"}
