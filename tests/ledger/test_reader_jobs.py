"""Jobs, schedules, listeners, sessions, changes by people, and the extent of the file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.ledger import extent, jobs, sessions
from duly.triggers import Cron, Every
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, written


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def test_jobs_are_in_order_of_app_instance_and_name(file: Written) -> None:
    for app, name, index in (("porch", "b", 0), ("porch", "a", 1), ("porch", "c", 0), ("attic", "z", 0)):
        file.grouped(app, name, "g", index=index)
    with reader_of(file) as reader:
        assert [job.full_name for job in reader.read(jobs.jobs)] == ["attic.z", "porch.b", "porch.c", "porch[1].a"]


def test_jobs_are_filtered_by_app_instance_group_and_state(file: Written) -> None:
    one = file.grouped("porch", "one", "night")
    two = file.grouped("porch", "two", "day", index=1)
    three = file.grouped("attic", "three", "night")
    file.repository.cancel_job(file.db, two, at(5))
    file.repository.retire_job(file.db, three, at(6))

    with reader_of(file) as reader:
        assert [job.id for job in reader.read(jobs.jobs, app_key="porch")] == [one, two]
        assert [job.id for job in reader.read(jobs.jobs, app_key="porch", instance_index=1)] == [two]
        assert [job.id for job in reader.read(jobs.jobs, group="night")] == [three, one]
        by_state = {state: [job.id for job in reader.read(jobs.jobs, state=state)] for state in STATES}
        states = {job.id: job.state for job in reader.read(jobs.jobs)}
    assert by_state == {"live": [one], "retired": [three], "cancelled": [two]}
    assert states == {one: "live", three: "retired", two: "cancelled"}


STATES: tuple[jobs.JobState, ...] = ("live", "retired", "cancelled")


def test_a_job_is_found_by_its_id_and_by_its_key(file: Written) -> None:
    job_id = file.grouped("porch", "one", "night")
    file.repository.pause_job(file.db, job_id, at(5), "ada")
    with reader_of(file) as reader:
        found = reader.read(jobs.job, job_id)
        assert found == reader.read(jobs.job_named, "porch", 0, "one")
        assert reader.read(jobs.job, 99) is None
        assert reader.read(jobs.job_named, "porch", 1, "one") is None
    assert found is not None
    assert (found.trigger_type, found.mode, found.misfire, found.source_tier) == (
        "interval",
        "single",
        "run_once",
        "app",
    )
    assert (found.paused_at, found.paused_by, found.group, found.name_auto) == (at(5), "ada", "night", False)


def test_a_job_without_app_goes_by_its_name(file: Written) -> None:
    file.job("backup")
    with reader_of(file) as reader:
        assert reader.read(jobs.jobs)[0].full_name == "backup"


def test_the_schedules_of_a_job_are_told_with_their_highest_slot(file: Written) -> None:
    first = file.job(trigger=Every(seconds=10))
    file.slots(first, [10])
    file.row(first, 20, "missed", to=50, count=4, reason="down")
    file.closed_chain(first, 55)
    second = file.job(trigger=Cron("* * * * *"), first=60, zone="Europe/Berlin")
    with reader_of(file) as reader:
        old, new = reader.read(jobs.schedules, file.job_id(first))
    assert (old.id, old.highest, old.ended_at, old.timezone) == (first, at(50), at(55), "UTC")
    assert (new.id, new.highest, new.ended_at, new.timezone) == (second, None, None, "Europe/Berlin")


def test_listeners_are_listed_and_found(file: Written) -> None:
    window, door = file.listener("window"), file.listener("door")
    file.repository.reconcile(file.db, "porch", ([window], []), session_id=None, now=at(5))
    with reader_of(file) as reader:
        assert [each.id for each in reader.read(jobs.listeners, app_key="porch", state="live")] == [window]
        found = reader.read(jobs.listener, window)
        assert reader.read(jobs.listener, door) is None
    assert found is not None
    assert (found.topic, found.once, found.source_tier, found.state) == ("states.door", False, "app", "live")


def test_sessions_are_listed_newest_first(file: Written) -> None:
    file.ended(50, (1, 2, 3))
    file.session(60)
    with reader_of(file) as reader:
        page = reader.read(sessions.page, limit=1)
        (running,) = page.rows
        (ended,) = reader.read(sessions.page, before=page.before).rows
        assert reader.read(sessions.newest) == running
        assert reader.read(sessions.with_losses) == (ended,)
    assert (running.status, running.stopped_at, running.dropped) == ("running", None, 0)
    assert (ended.status, ended.stopped_at, ended.dropped) == ("success", at(50), 6)


def test_the_sessions_of_a_window_show_when_the_process_was_down(file: Written) -> None:
    file.ended(50)
    file.session(60)
    with reader_of(file) as reader:
        assert [each.id for each in reader.read(sessions.between, at(51), at(60))] == []
        assert [each.id for each in reader.read(sessions.between, at(50), at(61))] == [1, 2]
        assert [each.id for each in reader.read(sessions.between, at(70), at(80))] == [2]


def test_what_people_changed_is_listed_newest_first(file: Written) -> None:
    for ts, action, target in ((1, "pause", "job 1"), (2, "run", "job 2"), (3, "resume", "job 1")):
        file.repository.note(file.db, at(ts), 1, "ada", action, target, "why not")
    with reader_of(file) as reader:
        assert [each.action for each in reader.read(sessions.changes).rows] == ["resume", "run", "pause"]
        page = reader.read(sessions.changes, target="job 1", limit=1)
        assert [each.action for each in page.rows] == ["resume"]
        (rest,) = reader.read(sessions.changes, target="job 1", before=page.before).rows
    assert (rest.actor, rest.action, rest.ts, rest.reason) == ("ada", "pause", at(1), "why not")


def test_the_extent_tells_size_reach_and_floors(file: Written) -> None:
    file.slots(file.job(), [10, 20])
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?), ('other', 'x')", (str(at(5)),))
    with reader_of(file) as reader:
        found = reader.read(extent.extent)
    assert found.floors == {"app": at(5)}
    assert found.reaches_back_to == at(10)
    assert found.file_bytes == found.pages * found.page_bytes
    assert found.used_bytes == (found.pages - found.free_pages) * found.page_bytes + found.wal_bytes
    assert found.wal_bytes == Path(f"{file.path}-wal").stat().st_size
