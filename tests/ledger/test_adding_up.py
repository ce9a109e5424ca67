"""What the doctor says of the files of several replicas together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.ledger import doctor
from duly.ledger.adding_up import Source, add_up
from duly.ledger.errors import DatabaseFileError
from duly.testing import VirtualClock
from tests.ledger.ledger_file import LedgerFile, at
from tests.ledger.replicas import Replica, replicas, sum_of, troubles
from tests.ledger.written import written


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[Replica]]:
    with replicas(tmp_path) as files:
        yield files


def handed_over(one: Replica, other: Replica) -> tuple[int, int]:
    """The first replica decides 10 and 20, the second 30 and 40; the ids of their schedules."""
    one.lead(1, None)
    first = one.part(1)
    one.slots(first, [10, 20])
    other.lead(2, 1, start=25)
    second = other.part(2, 30)
    other.slots(second, [30, 40])
    return first, second


# What is one account


def test_the_slots_of_several_leaderships_are_one_account(files: list[Replica]) -> None:
    handed_over(*files)
    found = sum_of(*files)
    assert found.ok
    assert (found.leaderships, found.jobs, found.schedules, found.expected, found.recorded) == (2, 1, 1, 4, 4)
    assert (found.superseded, found.absent, found.notes) == (0, (), ())
    assert found.files == tuple(file.path for file in files)


def test_a_replica_that_leads_again_goes_on_with_the_account(files: list[Replica]) -> None:
    one, other = files
    handed_over(one, other)
    one.lead(3, 2, start=45)
    one.slots(one.part(3, 50), [50, 60])
    found = sum_of(one, other)
    assert found.ok
    assert (found.leaderships, found.schedules, found.expected, found.recorded) == (3, 1, 6, 6)


def test_one_replica_alone_is_complete_if_all_leaderships_were_its_own(files: list[Replica]) -> None:
    one, _ = files
    one.lead(1, None)
    one.slots(one.part(1), [10, 20])
    one.lead(4, 1, start=25)
    one.slots(one.part(4, 30), [30])
    found = sum_of(one)
    assert found.ok
    assert (found.expected, found.recorded) == (3, 3)


def test_what_a_dead_leader_could_not_commit_does_not_count(files: list[Replica]) -> None:
    one, other = files
    first, second = handed_over(one, other)
    one.slots(first, [30], "started")
    one.row(first, 40, "missed", to=60, count=3, reason="stalled")
    other.slots(second, [50])
    found = sum_of(one, other)
    assert found.ok
    assert (found.expected, found.recorded, found.open, found.superseded) == (5, 5, 0, 4)


def test_what_was_open_is_ended_by_the_next_leader(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10, 20], "started")
    other.lead(2, 1)
    other.slots(other.part(2, 30), [10, 20, 30])
    one.session(50)  # which calls what was open there interrupted
    found = sum_of(one, other)
    assert found.ok
    assert (found.recorded, found.open, found.superseded) == (3, 0, 2)


def test_what_is_open_counts_as_such_until_it_is_ended(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10, 20], "started")
    other.lead(2, 1)
    other.slots(other.part(2, 30), [20, 30])
    found = sum_of(one, other)
    assert found.ok
    assert (found.recorded, found.open) == (3, 1)


def test_a_leader_that_has_decided_nothing_yet_still_leaves_no_room_for_what_was_not_committed(
    files: list[Replica],
) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10, 20, 30])
    other.lead(2, 1)
    other.part(2, 20)
    found = sum_of(one, other)
    assert found.ok
    assert (found.expected, found.recorded, found.superseded) == (1, 1, 2)


def test_another_schedule_of_the_same_entry_is_another_account(files: list[Replica]) -> None:
    one, other = files
    first, _ = handed_over(one, other)
    one.repository.end_schedule(one.db, first, at(20))
    other.slots(other.part(2, 47, first=47), [47, 57])
    found = sum_of(one, other)
    assert (found.jobs, found.schedules, found.expected, found.recorded) == (1, 2, 6, 6)


def test_a_file_is_read_once_however_often_it_is_given(files: list[Replica]) -> None:
    one, other = files
    handed_over(one, other)
    found = sum_of(one, other, one)
    assert found.ok
    assert found.leaderships == 2


def test_a_replica_that_has_never_led_adds_nothing(tmp_path: Path) -> None:
    with replicas(tmp_path, 3) as (one, other, third):
        handed_over(one, other)
        found = sum_of(one, other, third)
        assert found.ok
        assert found.files == (one.path, other.path)


def test_files_without_leaderships_have_no_sum(tmp_path: Path) -> None:
    with written(tmp_path) as file:
        file.slots(file.job(), [10, 30])
        assert add_up([Source(file.path)], clock=VirtualClock()) is None


def test_schedulers_of_different_names_have_accounts_of_their_own(tmp_path: Path) -> None:
    with replicas(tmp_path, 3) as (one, other, third):
        handed_over(one, other)
        third.lead(1, None)
        third.slots(third.part(1, app_key="scheduler-mail"), [10])
        found = sum_of(one, other, third)
        assert found.ok
        assert (found.jobs, found.expected) == (2, 5)
        assert sum_of(one, third).ok
        assert sum_of(other, third).absent == (1,)


def test_it_is_only_looked_at(files: list[Replica]) -> None:
    handed_over(*files)
    before = [list(file.db.iterdump()) for file in files]
    sum_of(*files)
    assert [list(file.db.iterdump()) for file in files] == before


# What is wrong


def test_a_slot_that_is_in_no_file_is_missing(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10])
    other.lead(2, 1)
    other.slots(other.part(2, 30), [30, 50])
    found = sum_of(one, other)
    assert troubles(found) == [("missing", 20, 20, 1), ("missing", 40, 40, 1)]
    assert found.diagnoses[0].line == "scheduler-orders.fetch: missing: 2025-01-01T00:00:20+00:00[UTC]"
    assert (found.expected, found.recorded) == (5, 3)


def test_what_does_not_count_fills_no_gap(files: list[Replica]) -> None:
    one, other = files
    first, second = handed_over(one, other)
    one.slots(first, [30, 40, 50])
    other.slots(second, [60])
    assert troubles(sum_of(one, other)) == [("missing", 50, 50, 1)]


def test_slots_before_the_begin_of_a_leadership_must_be_there_though_it_has_decided_nothing(
    files: list[Replica],
) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10])
    other.lead(2, 1)
    other.part(2, 40)
    assert troubles(sum_of(one, other)) == [("missing", 20, 30, 2)]


def test_a_slot_that_is_held_by_what_counts_twice_is_found(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.row(one.part(1), 10, "missed", to=40, count=4, reason="down")
    other.lead(2, 1)
    other.slots(other.part(2, 30), [30, 40, 50])
    assert troubles(sum_of(one, other)) == [("twice", 30, 30, 1), ("twice", 40, 40, 1)]


def test_a_row_for_a_time_that_is_no_slot_is_found(files: list[Replica]) -> None:
    _, second = handed_over(*files)
    files[1].slots(second, [47])
    assert troubles(sum_of(*files)) == [("unknown", 47, 47, 1)]


def test_a_schedule_that_its_last_leader_has_ended_must_be_decided_up_to_then(files: list[Replica]) -> None:
    one, other = files
    _, second = handed_over(one, other)
    other.repository.end_schedule(other.db, second, at(65))
    assert troubles(sum_of(one, other)) == [("missing", 50, 60, 2)]


def test_an_end_that_was_not_committed_is_none(files: list[Replica]) -> None:
    one, other = files
    first, _ = handed_over(one, other)
    one.repository.end_schedule(one.db, first, at(95))
    assert sum_of(one, other).ok


def test_a_trigger_that_cannot_be_rebuilt_is_found(files: list[Replica]) -> None:
    handed_over(*files)
    for file in files:
        file.db.execute("""UPDATE raw_schedules SET trigger_spec = '{"chain": "moon"}'""")
    (diagnosis,) = sum_of(*files).diagnoses
    assert diagnosis.line.startswith("scheduler-orders.fetch: no trigger can be rebuilt from ")


# Files that are not given


def test_without_the_file_of_a_leadership_missing_slots_are_a_note(files: list[Replica]) -> None:
    one, other = files
    handed_over(one, other)
    one.lead(3, 2, start=45)
    one.slots(one.part(3, 50), [50])
    found = sum_of(one)
    assert found.ok
    assert (found.absent, found.expected, found.recorded) == ((2,), 5, 3)
    (note,) = found.notes
    assert note.startswith("scheduler-orders: leadership 2 is in none of these files, nor are 2 slots: the files of")


def test_several_leaderships_that_are_absent_are_named(files: list[Replica]) -> None:
    one, _ = files
    one.lead(3, 2)
    one.part(3)
    one.lead(9, 7)
    one.part(9)
    (note,) = sum_of(one).notes
    assert note.startswith("scheduler-orders: leaderships 2, 7 are in none of these files: the files")


def test_without_the_file_of_a_leadership_what_seems_to_be_twice_may_not_be(tmp_path: Path) -> None:
    with replicas(tmp_path, 3) as (one, other, third):
        one.lead(1, None)
        one.row(one.part(1, None), 10, "missed", to=40, count=4, reason="down")
        other.lead(2, 1)
        other.row(other.part(2, None), 10, "missed", to=20, count=2, reason="down")
        third.lead(3, 2)
        third.slots(third.part(3, None), [30, 40, 50])
        assert sum_of(one, third).ok
        found = sum_of(one, other, third)
        assert found.ok
        assert (found.recorded, found.superseded) == (5, 4)


def test_a_row_that_is_wrong_by_itself_is_found_whatever_is_absent(files: list[Replica]) -> None:
    _, other = files
    _, second = handed_over(*files)
    other.row(second, 50, "missed", to=70, count=2, reason="down")
    assert troubles(sum_of(other)) == [("miscounted", 50, 70, 3)]


def test_a_leadership_that_died_before_it_learnt_what_was_before_is_no_gap(files: list[Replica]) -> None:
    one, other = files
    handed_over(one, other)
    one.repository.begin_leadership(one.db, 3, None, at(50))
    found = sum_of(one, other)
    assert found.ok
    assert found.notes == ()


def test_if_it_has_decided_slots_nobody_can_say_what_is_missing(files: list[Replica]) -> None:
    one, _ = files
    one.repository.begin_leadership(one.db, 3, None, at(0))
    one.slots(one.part(3, 20), [30])
    found = sum_of(one)
    assert found.ok
    assert found.notes == (
        "scheduler-orders: nothing tells which leadership was before 3: 2 slots without a row are not called missing",
    )


# What is due, the window, jobs


def test_slots_that_are_due_are_no_loss(files: list[Replica]) -> None:
    handed_over(*files)
    found = sum_of(*files, now=65)
    assert found.ok
    assert found.due == 2
    [note] = found.notes
    assert note.startswith("2 slots due, without a row in these files: the leader decides about them, or a file")


def test_slots_that_pass_during_a_pause_are_settled_later(files: list[Replica]) -> None:
    _, other = files
    _, second = handed_over(*files)
    other.repository.pause_job(other.db, other.job_id(second), at(45))
    (note,) = sum_of(*files, now=65).notes
    assert note == "2 slots of paused jobs passed: they are settled when the jobs are resumed"


def test_of_an_entry_with_another_schedule_since_nothing_is_due(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10], "started")  # never committed, so the next leader knows nothing of it
    other.lead(2, None)
    other.slots(other.part(2, 43, first=43), [43, 53])
    assert sum_of(one, other, now=60).due == 0


def test_a_window_leaves_out_what_lies_outside(files: list[Replica]) -> None:
    one, other = files
    one.lead(1, None)
    one.slots(one.part(1), [10, 30])
    other.lead(2, 1)
    other.slots(other.part(2, 40), [40, 60, 80])
    found = sum_of(one, other, since=at(30), until=at(70))
    assert troubles(found) == [("missing", 50, 50, 1)]
    assert (found.expected, found.recorded) == (4, 3)


def test_below_the_floor_of_any_file_nothing_is_checked(files: list[Replica]) -> None:
    one, other = files
    handed_over(one, other)
    one.db.execute("DELETE FROM raw_executions")
    one.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?)", (str(at(20) + 1),))
    found = sum_of(one, other)
    assert found.ok
    assert (found.expected, found.recorded) == (2, 2)


def test_only_the_jobs_asked_for_are_checked(files: list[Replica]) -> None:
    one, _ = files
    one.lead(1, None)
    fetch = one.part(1)
    one.slots(fetch, [10, 30])
    one.slots(one.part(1, name="other"), [10, 40])
    wanted = [Source(one.path, [one.job_id(fetch)])]
    found = add_up(wanted, clock=VirtualClock())
    assert found is not None
    assert (found.jobs, troubles(found)) == (1, [("missing", 20, 20, 1)])


# One file


def test_what_replicas_share_is_no_account_of_one_file(files: list[Replica]) -> None:
    _, other = files
    handed_over(*files)
    report = doctor.examine(other.path, clock=VirtualClock())
    assert report.ok
    assert (report.shared, report.schedules, report.expected, report.recorded) == (1, 0, 0, 0)


def test_what_a_file_has_for_itself_beside_that_is(files: list[Replica]) -> None:
    _, other = files
    handed_over(*files)
    other.slots(other.job("alone"), [10, 30])
    report = doctor.examine(other.path, clock=VirtualClock())
    assert [each.line for each in report.diagnoses] == ["alone: missing: 2025-01-01T00:00:20+00:00[UTC]"]
    assert (report.shared, report.schedules) == (1, 1)
    assert sum_of(*files).jobs == 1


def test_it_tells_how_far_it_is(files: list[Replica]) -> None:
    handed_over(*files)
    told: list[tuple[str, int, int]] = []
    sum_of(*files, progress=lambda *step: told.append(step))
    assert told == [("adding up what replicas share", 0, 1), ("adding up what replicas share", 1, 1)]


def damage(file: LedgerFile, text: bytes) -> None:
    """Overwrite the first page of the file that holds a text."""
    (size,) = file.db.execute("PRAGMA page_size").fetchone()
    file.db.close()
    content = file.path.read_bytes()
    page = content.index(text) // size * size
    file.path.write_bytes(content[:page] + b"\xff" * size + content[page + size :])


def test_a_file_that_cannot_be_read_is_left_out(files: list[Replica]) -> None:
    one, other = files
    _, second = handed_over(one, other)
    other.row(second, 50, error_message="needle")
    one.lead(3, 2, start=55)
    one.slots(one.part(3, 60), [60])
    damage(other, b"needle")
    found = sum_of(*files)
    assert [each.line for each in found.diagnoses] == [
        f"{other.path} cannot be read and is left out: database disk image is malformed"
    ]
    assert found.absent == (2,)


def test_a_chain_that_cannot_be_read_to_its_end_is_told_and_the_others_are_checked(files: list[Replica]) -> None:
    one, _ = files
    one.lead(1, None)
    one.db.execute("BEGIN")
    for name in ("one", "two"):
        schedule = one.part(1, name=name)
        for slot in range(10, 2000, 10):
            one.row(schedule, slot, error_message=f"{name} needle" if slot == 1000 else "hay " * 50)
    one.db.execute("COMMIT")
    damage(one, b"one needle")
    found = sum_of(one)
    assert [each.line for each in found.diagnoses] == [
        "scheduler-orders.one: a file cannot be read: database disk image is malformed"
    ]
    assert found.expected == 199


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFileError, match="there is no ledger"):
        add_up([Source(tmp_path / "none.db")], clock=VirtualClock())
