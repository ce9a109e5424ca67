"""The file of schedules is right, its expansion gives tasks, and the worker's functions do them."""

import asyncio
from pathlib import Path

import pytest

from duly.dispatch import TaskMessage
from duly.dispatch.schedule_file import read_schedules
from duly.dispatch.tasks import TASKS
from examples.dispatch import expansions, tasks

EXAMPLE = Path(tasks.__file__).parent


def test_the_file_of_schedules_is_right_and_there_is_a_function_for_each_task() -> None:
    entries = read_schedules(EXAMPLE / "schedules.yaml").entries
    assert [entry.name for entry in entries] == ["disk", "folders"]
    assert {(entry.task_config or {})["worker_type"] for entry in entries} <= set(TASKS.by_type())


def test_the_expansion_gives_a_task_for_each_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert expansions.folders() == [{"path": str(tmp_path / "here")}, {"path": str(tmp_path / "there")}]


def test_files_are_counted_but_hidden_ones_only_if_wanted(tmp_path: Path) -> None:
    for name in ("a", "b", ".c"):
        (tmp_path / name).touch()
    counted = [tasks.count_files({"path": str(tmp_path), "hidden": hidden})["files"] for hidden in (False, True)]
    assert counted == [2, 3]


def test_what_a_disk_has_free_is_told_with_its_slot() -> None:
    message = TaskMessage(worker_type="measure_disk", payload={}, metadata={"slot": "2025-03-08T06:00:00Z"})
    told = asyncio.run(tasks.measure_disk({"path": "."}, message))
    assert told["slot"] == "2025-03-08T06:00:00Z"
    assert told["free_gb"] >= 0
