"""``duly demo``: the example apps, in a folder of their own."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_it_runs_the_examples_from_a_copy_sums_up_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = project.files
    elsewhere = str(tmp_path / "elsewhere")
    with project.start("demo", TMPDIR=str(temporary), DULY__DATA_DIR=elsewhere, DULY__DATABASE__PATH=elsewhere) as demo:
        demo.until("apps: 6 running, 0 degraded, 0 failed")
        (copy,) = temporary.iterdir()
        assert demo.out.startswith(f"the example apps run from a copy in {copy}\n")
        assert (copy / "data" / "duly.db").is_file()
        assert "dashboard: none" in demo.out
        demo.until("tomatoes: open")
        assert demo.stop() == 0
    assert re.fullmatch(r"(\d+) slots? of \1 recorded \(.+\): the ledger adds up", demo.out.splitlines()[-1])
    assert list(temporary.iterdir()) == []
    assert project.files == before
    assert not Path(elsewhere).exists()


def test_a_wheel_has_the_examples_where_the_command_looks_for_them() -> None:
    root = Path(__file__).resolve().parents[2]
    build = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    places = {root / source: target for source, target in build["wheel"]["force-include"].items()}
    assert places == {
        root / "examples" / "apps": "duly/cli/examples/apps",
        root / "examples" / "duly.toml": "duly/cli/examples/duly.toml",
    }
    assert all(path.exists() and f"/{path.relative_to(root)}" in build["sdist"]["include"] for path in places)


def test_settings_of_the_folder_do_not_matter(project: Project) -> None:
    project.write("duly.toml", "nonsense = 1\n")
    project.write(".env", "DULY__NONSENSE=1\n")
    with project.start("demo", DULY__NONSENSE="1") as demo:
        demo.until("apps: 6 running")
        assert demo.stop() == 0
