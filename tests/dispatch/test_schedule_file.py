"""Files of schedules, read from YAML."""

from dataclasses import replace
from pathlib import Path

import pytest

from duly.core import clock
from duly.core.clock import SECOND
from duly.core.errors import DulyError
from duly.dispatch.entry import ScheduleEntry
from duly.dispatch.schedule_file import ScheduleFile, ScheduleFileError, read_schedules
from duly.dispatch.streams import StreamSettings
from duly.dispatch.subjects import Subjects
from tests.dispatch.schedules import written
from tests.triggers.draws import FrozenClock, at

FULL = """\
name: home
timezone: Europe/Berlin
subject_prefix: acme
delivery: core
stream: {name: WORK, replicas: 3, duplicate_window_seconds: 60, storage: memory,
         max_age_seconds: 0, max_bytes: 1000}
schedules:
  - name: nightly
    cron: 30 2 * * *
    dispatch_type: task
    task:
      worker_type: clean
      payload: {rooms: [bath, hall], hours: 1.5}
      model_tier: standard
      priority: high
    expand_from: house.rooms
    timezone: America/New_York
    jitter_seconds: 5
    misfire: skip
    mode: queued
    enabled: false
    start: 2025-03-08
    end: 2025-03-09T12:00:00Z
    max_fan_out: 7
    expand_timeout_seconds: 0.5
  - name: summary
    interval_seconds: 90
    dispatch_type: goal
    goal:
      instruction: sum it up
"""
NOW = at("2025-03-01T00:00:00Z[UTC]")


def read(folder: Path, text: str) -> ScheduleFile:
    token = clock.use(FrozenClock(NOW))
    try:
        return read_schedules(written(folder, text))
    finally:
        clock.restore(token)


def refused(path: Path) -> list[str]:
    """The problems of a file, without what all of them begin with."""
    with pytest.raises(ScheduleFileError) as caught:
        read_schedules(path)
    assert isinstance(caught.value, DulyError)
    assert str(caught.value) == "\n".join(caught.value.problems)
    head = f"scheduler config at {path}: "
    assert all(problem.startswith(head) for problem in caught.value.problems)
    return [problem.removeprefix(head) for problem in caught.value.problems]


def test_everything_a_file_says_is_read(tmp_path: Path) -> None:
    nightly = ScheduleEntry(
        name="nightly",
        cron="30 2 * * *",
        interval_seconds=None,
        dispatch_type="task",
        task_config={
            "worker_type": "clean",
            "payload": {"rooms": ["bath", "hall"], "hours": 1.5},
            "model_tier": "standard",
            "priority": "high",
        },
        expand_from="house.rooms",
        timezone="America/New_York",
        jitter_seconds=5,
        misfire="skip",
        mode="queued",
        enabled=False,
        start=at("2025-03-08T00:00:00-05:00[America/New_York]"),
        end=at("2025-03-09T12:00:00Z[UTC]"),
        max_fan_out=7,
        expand_timeout_seconds=0.5,
    )
    summary = ScheduleEntry(
        name="summary",
        cron=None,
        interval_seconds=90,
        dispatch_type="goal",
        goal_config={"instruction": "sum it up", "context": {}, "priority": "normal"},
        timezone="Europe/Berlin",
    )
    stream = StreamSettings(
        name="WORK", replicas=3, duplicate_window=60, storage="memory", max_age=None, max_bytes=1000
    )
    assert read(tmp_path, FULL) == ScheduleFile("home", (nightly, summary), Subjects("acme"), "core", stream)


def test_what_a_file_does_not_say_has_the_defaults_of_the_contract(tmp_path: Path) -> None:
    text = "{name: a, schedules: [{name: b, cron: '@daily', dispatch_type: task, task: {worker_type: w}}]}"
    found = read(tmp_path, text)
    assert replace(found, entries=()) == ScheduleFile("a", (), Subjects("heddle"), "jetstream", StreamSettings())
    [entry] = found.entries
    assert entry == ScheduleEntry(
        "b",
        "@daily",
        None,
        "task",
        task_config={"worker_type": "w", "payload": {}, "model_tier": "local", "priority": "normal"},
        timezone="UTC",
    )


def test_the_next_slot_of_what_is_enabled_is_told(tmp_path: Path) -> None:
    nightly, summary = read(tmp_path, FULL).entries
    assert (nightly.next_fire, summary.next_fire) == (0, NOW / SECOND + 90)
    nightly, _ = read(tmp_path, FULL.replace("enabled: false", "enabled: true")).entries
    assert nightly.next_fire == at("2025-03-08T02:30:00-05:00[America/New_York]") / SECOND


def test_a_file_may_have_no_schedules(tmp_path: Path) -> None:
    assert read(tmp_path, "name: a\nschedules: []\n").entries == ()


def test_anchors_and_merged_mappings_are_known(tmp_path: Path) -> None:
    text = """\
name: a
schedules:
  - &first {name: b, interval_seconds: 5, dispatch_type: task, task: &task {worker_type: w}}
  - {<<: *first, name: c, task: {<<: *task, worker_type: v}}
"""
    first, second = read(tmp_path, text).entries
    assert (first.name, second.name, second.interval_seconds) == ("b", "c", 5)
    assert second.task_config is not None
    assert second.task_config["worker_type"] == "v"


def test_a_byte_order_mark_and_other_alphabets_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    text = "name: häuschen\nschedules: [{name: 掃除, cron: '@daily', dispatch_type: goal, goal: {instruction: ✓}}]"
    path.write_text(text, "utf-8-sig")
    assert [entry.name for entry in read_schedules(path).entries] == ["掃除"]


def test_every_problem_is_told(tmp_path: Path) -> None:
    text = "name: a b\nschedules:\n  - {name: b, cron: 61 * * * *, dispatch_type: task}\n"
    assert refused(written(tmp_path, text)) == [
        "key 'name' must be one token of a NATS subject: no blank, dot, '*' or '>', no '$' to begin with, got 'a b'",
        "schedules[0]: invalid cron expression '61 * * * *': minute '61': 61 is not within 0-59",
        "schedules[0]: dispatch_type 'task' requires a 'task' dict",
    ]


YAML = {
    "": "expected dict, got NoneType: the file is empty",
    "# nothing\n": "expected dict, got NoneType: the file is empty",
    "- a\n": "expected dict, got list",
    "name: a\nname: b\nschedules: []\n": "line 2: duplicate key 'name', line 1 has it already",
    "name: a\nschedules:\n  - {name: x,\n     name: y}\n": "line 4: duplicate key 'name', line 3 has it already",
    "name: [1\nb: 2\n": "line 2, column 2: while parsing a flow sequence; did not find expected ',' or ']'",
    "name: a\n\tb: 1\n": "line 2, column 1: while scanning",
    "cron: */5 * * * *\n": "line 1, column 8: while scanning an alias; did not find expected alphabetic or numeric "
    "character: put in quotes what begins with *",
    "a: !!python/object/apply:os.system [x]\n": "line 1, column 4: could not determine a constructor for the tag",
    "a: 1\n---\nb: 2\n": "line 2, column 1: expected a single document in the stream",
    "a: *b\n": "line 1, column 4: found undefined alias 'b'",
    "? [a]\n: 1\n": "line 1, column 3: while constructing a mapping; found unhashable key",
    "a:\n  b: 2025-13-45\n": "line 2, column 6: no timestamp: '2025-13-45': month must be in 1..12",
    "a: !!int ''\n": "line 1, column 4: no int: ''",
    "a: !!timestamp x\n": "line 1, column 4: no timestamp: 'x'",
    "a: !!bool x\n": "line 1, column 4: no bool: 'x'",
    f"a: {'9' * 5000}\n": "line 1, column 4: no int: '9999",
    "a: 1\nb: \x01\n": "line 2: control characters are not allowed",
    "[" * 100_000: "lists and mappings are too deep",
    "- " * 100_000: "lists and mappings are too deep",
    "? " * 20_000: "lists and mappings are too deep",
    "&a [*a]\n": "expected dict, got list",
    "name: &a [*a]\nschedules: []\n": "name.0: it holds itself",
}


@pytest.mark.parametrize(("text", "says"), YAML.items(), ids=[text[:20] for text in YAML])
def test_text_that_is_no_file_of_schedules_is_told_why_and_where(tmp_path: Path, text: str, says: str) -> None:
    [problem] = refused(written(tmp_path, text))
    assert problem.startswith(says)
    assert len(problem) < 400


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.yaml") == ["No such file or directory"]
    assert refused(tmp_path) == ["Is a directory"]


def test_a_file_that_is_not_written_in_utf_8_is_told_the_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes("name: a\n# Grüße\n".encode("latin-1"))
    assert refused(path) == ["line 2: byte 0xfc: the file is not written in UTF-8"]


def test_nothing_of_a_file_is_run(tmp_path: Path) -> None:
    text = f"name: a\nschedules: []\nx: !!python/object/apply:pathlib.Path.touch [{tmp_path}/ran]\n"
    refused(written(tmp_path, text))
    assert not (tmp_path / "ran").exists()
