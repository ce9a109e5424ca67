"""Executions: filters, order, pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.ids import id_text, new_id
from duly.ledger import executions
from duly.ledger.executions import Execution, ExecutionFilter, Total
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, written


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def listed(file: Written, *, limit: int = 1000, before: str | None = None, **wanted: Any) -> list[tuple[int, str]]:  # noqa: ANN401 - options of any type, passed on
    """Start in seconds and status, page after page."""
    found: list[tuple[int, str]] = []
    with reader_of(file) as reader:
        while True:
            page = reader.read(executions.page, ExecutionFilter(**wanted), before=before, limit=limit)
            found += [((row.execution_start_ts - at(0)) // SECOND, row.status) for row in page.rows]
            before = page.before
            if before is None:
                return found
            assert len(page.rows) == limit


def starts(file: Written, **wanted: Any) -> list[int]:  # noqa: ANN401 - options of any type, passed on
    return [start for start, _ in listed(file, **wanted)]


def one(file: Written, **wanted: Any) -> Execution:  # noqa: ANN401 - options of any type, passed on
    with reader_of(file) as reader:
        (row,) = reader.read(executions.page, ExecutionFilter(**wanted)).rows
        return row


def test_all_executions_are_listed_newest_first(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.handled(file.listener(), 25)
    file.slots(schedule, [30])
    assert starts(file) == [30, 25, 20, 10]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "wanted",
    [{}, {"job_id": 1}, {"listener_id": 1}, {"statuses": ["error", "missed"]}, {"job_id": 1, "statuses": ["error"]}],
    ids=["all", "job", "listener", "statuses", "job and status"],
)
def test_pages_leave_nothing_out_and_show_nothing_twice(file: Written, wanted: dict[str, Any], limit: int) -> None:
    schedule, listener = file.job(), file.listener()
    for slot in range(10, 100, 10):
        file.row(schedule, slot, ["success", "error", "missed"][slot // 10 % 3])
        file.handled(listener, slot + 5)
        file.handled(listener, slot + 5)
        file.row(schedule, None, "error", start=slot + 5)
        file.row(schedule, None, "success", start=slot + 5)
    assert listed(file, limit=limit, **wanted) == listed(file, **wanted)


def test_what_is_written_between_two_pages_does_not_move_the_second(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30])
    with reader_of(file) as reader:
        first = reader.read(executions.page, ExecutionFilter(job_id=1), limit=2)
        file.slots(schedule, [40, 50])
        second = reader.read(executions.page, ExecutionFilter(job_id=1), before=first.before, limit=2)
    assert [row.scheduled_ts for row in second.rows] == [at(10)]


def test_runs_by_hand_stand_among_the_slots_of_a_job_in_order_of_time(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30])
    file.row(schedule, None, "error", start=15)
    file.row(schedule, None, start=25)
    assert starts(file, job_id=1) == [30, 25, 20, 15, 10]


def test_attempts_that_another_followed_are_listed(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error", start=10)
    file.row(schedule, 10, "success", start=12, attempt_number=2)
    assert sorted(listed(file, job_id=1)) == [(10, "error"), (12, "success")]
    assert one(file, job_id=1, statuses=["error"]).tick_count == 0


def test_the_rows_of_all_schedules_of_a_job_are_in_one_order(file: Written) -> None:
    first, other = file.job(), file.job("other")
    second = file.job(first=30)
    file.slots(first, [10, 20])
    file.slots(other, [15])
    file.slots(second, [30, 40])
    assert starts(file, job_id=file.job_id(first)) == [40, 30, 20, 10]


def test_slots_written_late_stand_where_they_belong(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 60])
    file.row(schedule, 20, "missed", to=50, count=4, reason="down")
    assert starts(file, job_id=1) == [60, 20, 10]


@pytest.mark.parametrize("by", [{}, {"job_id": 1}, {"statuses": ["error"]}, {"listener_id": 1}])
def test_since_is_included_and_until_is_not(file: Written, by: dict[str, Any]) -> None:
    listener = file.listener()
    schedule = file.job()
    for slot in (10, 20, 30, 40):
        if "listener_id" in by:
            file.handled(listener, slot)
        else:
            file.row(schedule, slot, "error")
    assert starts(file, since=at(20), until=at(40), **by) == [30, 20]


def test_filters_by_app_find_its_jobs_and_its_listeners(file: Written) -> None:
    file.slots(file.job(app_key="porch"), [10])
    file.slots(file.job(app_key="cellar"), [20], "error")
    file.handled(file.listener(), 30)
    assert starts(file, app_key="porch") == [30, 10]
    assert starts(file, app_key="cellar", statuses=["error"]) == [20]
    assert starts(file, app_key="porch", kind="job") == [10]


def test_filters_by_tier_and_session(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, tier="framework")
    file.row(schedule, 20)
    second = file.session(25)
    file.row(schedule, 30)
    assert starts(file, source_tier="framework") == [10]
    assert starts(file, session_id=second) == [30]
    assert starts(file, session_id=second, job_id=1) == [30]


def test_several_statuses_are_merged_newest_first(file: Written) -> None:
    schedule = file.job()
    for slot, status in enumerate(["error", "missed", "success", "error", "missed"], start=1):
        file.row(schedule, slot * 10, status)
    assert starts(file, statuses=["missed", "error"]) == [50, 40, 20, 10]
    assert starts(file, statuses=["success", "missed"]) == [50, 30, 20]


def test_an_execution_is_found_by_its_id_and_tells_everything(file: Written) -> None:
    execution_id = new_id(at(10))
    failure: dict[str, Any] = {
        "error_type": "ValueError",
        "error_message": "boom",
        "error_traceback": "Traceback",
        "is_di_failure": 1,
    }
    file.row(file.job(app_key="porch"), 10, "error", start=11, execution_id=execution_id, args_json="[1]", **failure)
    with reader_of(file) as reader:
        found = reader.read(executions.execution, id_text(execution_id))
    assert found == Execution(
        id=1, execution_id=id_text(execution_id), kind="job", status="error", reason=None, app_key="porch",
        instance_index=0, name="backup", topic=None, job_id=1, listener_id=None, session_id=1, schedule_id=1,
        scheduled_ts=at(10), scheduled_to_ts=None, tick_count=1, execution_start_ts=at(11), duration_ns=SECOND,
        attempt_number=1, source_tier="app", is_di_failure=True, retry_count=0, trigger_mode=None,
        trigger_context_id=None, trigger_origin=None, error_type="ValueError", error_message="boom",
        error_traceback="Traceback", args_json="[1]", kwargs_json="{}",
    )  # fmt: skip


def test_an_unknown_id_is_nothing_and_a_wrong_one_an_error(file: Written) -> None:
    with reader_of(file) as reader:
        assert reader.read(executions.execution, "0194200f-0000-7000-8000-000000000000") is None
        with pytest.raises(ValueError, match="'seven'"):
            reader.read(executions.execution, "seven")


def test_an_execution_of_a_listener_names_it_and_its_topic(file: Written) -> None:
    file.handled(file.listener("door"), 10)
    row = one(file, kind="handler")
    assert (row.app_key, row.name, row.topic, row.scheduled_ts) == ("porch", "door", "states.door", None)


def test_a_row_without_parent_is_listed_without_its_name(file: Written) -> None:
    file.row(None, None, start=10)
    assert one(file).app_key is None
    assert one(file).name is None


def test_what_runs_is_told(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.slots(schedule, [30, 40], "started")
    with reader_of(file) as reader:
        assert [row.scheduled_ts for row in reader.read(executions.running)] == [at(40), at(30)]


def test_totals_count_rows_and_slots_of_the_newest(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20], "error")
    file.slots(schedule, [30, 40])
    file.row(schedule, 50, "missed", to=90, count=5, reason="down")
    with reader_of(file) as reader:
        found = reader.read(executions.totals, newest=4)
        assert found.by_status == {"error": Total(1, 1), "success": Total(2, 2), "missed": Total(1, 5)}
        assert found.since == at(20)


def test_an_empty_ledger_has_no_totals(file: Written) -> None:
    with reader_of(file) as reader:
        assert reader.read(executions.totals) == executions.Totals({}, None)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_its_limits(file: Written, limit: int) -> None:
    with reader_of(file) as reader, pytest.raises(ValueError, match=f"between 1 and 1000, got {limit}"):
        reader.read(executions.page, limit=limit)


@pytest.mark.parametrize("before", ["", "x", "1_2", "9223372036854775808", "1_"])
def test_a_cursor_that_no_page_gave_is_an_error(file: Written, before: str) -> None:
    with reader_of(file) as reader, pytest.raises(ValueError, match="'before' must be"):
        reader.read(executions.page, before=before)


def test_a_cursor_of_another_list_is_an_error(file: Written) -> None:
    with reader_of(file) as reader, pytest.raises(ValueError, match="for the same filters, got '17'"):
        reader.read(executions.page, ExecutionFilter(job_id=1), before="17")


@pytest.mark.parametrize("wanted", [{"statuses": ["done"]}, {"kind": "task"}, {"source_tier": "user"}])
def test_an_unknown_word_is_an_error(file: Written, wanted: dict[str, Any]) -> None:
    with reader_of(file) as reader, pytest.raises(ValueError, match="must be one of"):
        reader.read(executions.page, ExecutionFilter(**wanted))
