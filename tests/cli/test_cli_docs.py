"""The commands in the documents print what the documents show.

In their working directory there are two small ledgers, ``jobs.db`` and ``garden.db``, and two files of schedules, of
which the page of the command line shows one. Ids of executions may differ.
"""

import re
import shlex
from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.ledger_kit import garden_ledger, small_ledger

DOCS = Path(__file__).resolve().parents[2] / "docs"
YAML = re.compile(r"^```yaml\n((?:.*\n)*?)```$", re.MULTILINE)
BROKEN = """\
name: house
schedules:
  - {name: nightly, cron: 61 * * * *, dispatch_type: task, task: {worker: clean}}
"""
COMMAND = re.compile(r"^```console\n\$ duly (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN = [
    (page.name, *shown) for page in sorted(DOCS.glob("*.md")) for shown in COMMAND.findall(page.read_text("utf-8"))
]


def stripped(text: str) -> str:
    return ID.sub("an id", "\n".join(line.rstrip() for line in text.splitlines()).strip())


@pytest.mark.parametrize(("page", "command", "output"), SHOWN, ids=[command for _, command, _ in SHOWN])
def test_a_command_prints_what_its_page_shows(
    page: str,
    command: str,
    output: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    small_ledger(tmp_path / "jobs.db")
    garden_ledger(tmp_path / "garden.db")
    (tmp_path / "schedules.yaml").write_text(YAML.findall((DOCS / "cli.md").read_text("utf-8"))[0], "utf-8")
    (tmp_path / "broken.yaml").write_text(BROKEN, "utf-8")
    run(shlex.split(command))
    assert stripped("".join(capsys.readouterr())) == stripped(output)


def test_the_page_of_the_command_line_shows_commands() -> None:
    assert "cli.md" in {page for page, _, _ in SHOWN}
