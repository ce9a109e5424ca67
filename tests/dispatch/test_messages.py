"""Messages as an existing Heddle fleet expects them: field by field."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from duly.core import clock
from duly.core.clock import SECOND
from duly.dispatch.messages import Message, OrchestratorGoal, TaskMessage, TaskResult, slot_text, uuid_of
from duly.testing import VirtualClock, run_virtual

TASK = {
    "task_id": "t1",
    "parent_task_id": "g1",
    "worker_type": "report",
    "payload": {"n": 1},
    "model_tier": "frontier",
    "priority": "critical",
    "created_at": "2025-01-01T00:00:00Z",
    "request_id": "r1",
    "metadata": {"scheduled_by": "daily"},
}
GOAL = {
    "goal_id": "g1",
    "instruction": "tidy up",
    "context": {"_schedule": {}},
    "priority": "low",
    "request_id": "r1",
    "created_at": "2025-01-01T00:00:00Z",
}
RESULT: dict[str, Any] = {
    "task_id": "t1",
    "parent_task_id": None,
    "worker_type": "report",
    "status": "failed",
    "output": None,
    "error": "ValueError: no",
    "processing_time_ms": 12,
    "completed_at": "2025-01-01T00:00:00Z",
    "metadata": {},
}
MODELS: list[tuple[type[Message], dict[str, Any]]] = [
    (TaskMessage, TASK),
    (OrchestratorGoal, GOAL),
    (TaskResult, RESULT),
]


@pytest.mark.parametrize(("model", "message"), MODELS)
def test_a_message_is_read_and_written_as_it_is(model: type[Message], message: dict[str, Any]) -> None:
    assert model.model_validate(message).wire() == message


@pytest.mark.parametrize(("model", "message"), MODELS)
def test_fields_that_are_not_known_are_ignored(model: type[Message], message: dict[str, Any]) -> None:
    assert model.model_validate({**message, "later": [1]}).wire() == message


def test_a_task_has_the_defaults_of_the_contract() -> None:
    task = written_now(lambda: TaskMessage(worker_type="report", payload={}))
    assert UUID(task.pop("task_id")).version == 4
    assert task == {
        "parent_task_id": None,
        "worker_type": "report",
        "payload": {},
        "model_tier": "standard",
        "priority": "normal",
        "created_at": "2025-01-01T00:00:00Z",
        "request_id": None,
        "metadata": {},
    }


def test_a_goal_has_the_defaults_of_the_contract() -> None:
    goal = written_now(lambda: OrchestratorGoal(instruction="tidy up"))
    assert UUID(goal.pop("goal_id")).version == 4
    assert goal == {
        "instruction": "tidy up",
        "context": {},
        "priority": "normal",
        "request_id": None,
        "created_at": "2025-01-01T00:00:00Z",
    }


def test_a_result_has_defaults() -> None:
    result = written_now(lambda: TaskResult(task_id="t1", worker_type="report", status="completed"))
    assert result == {
        "task_id": "t1",
        "parent_task_id": None,
        "worker_type": "report",
        "status": "completed",
        "output": None,
        "error": None,
        "processing_time_ms": 0,
        "completed_at": "2025-01-01T00:00:00Z",
        "metadata": {},
    }


@pytest.mark.parametrize(
    ("model", "field"),
    [(TaskMessage, "worker_type"), (TaskMessage, "payload"), (OrchestratorGoal, "instruction"), (TaskResult, "status")],
)
def test_what_is_required_has_to_be_there(model: type[Message], field: str) -> None:
    complete = dict(MODELS)[model]
    with pytest.raises(ValidationError, match=field):
        model.model_validate({name: value for name, value in complete.items() if name != field})


@pytest.mark.parametrize("priority", ["low", "normal", "high", "critical"])
def test_there_are_four_priorities(priority: str) -> None:
    assert TaskMessage.model_validate({**TASK, "priority": priority}).priority == priority
    assert OrchestratorGoal.model_validate({**GOAL, "priority": priority}).priority == priority


@pytest.mark.parametrize("tier", ["local", "standard", "frontier"])
def test_there_are_three_tiers(tier: str) -> None:
    assert TaskMessage.model_validate({**TASK, "model_tier": tier}).model_tier == tier


@pytest.mark.parametrize("change", [{"priority": "urgent"}, {"model_tier": "remote"}, {"payload": [1]}])
def test_other_values_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TaskMessage.model_validate({**TASK, **change})


def test_the_id_of_a_slot_is_always_the_same() -> None:
    assert uuid_of("scheduler-x/daily/1735689600000000000") == uuid_of("scheduler-x/daily/1735689600000000000")
    assert UUID(uuid_of("a")).version == 5
    assert uuid_of("a") == "a04a3214-7a5a-595b-808f-291549ea07b8"
    assert len({uuid_of(f"a/{number}") for number in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_735_689_600 * SECOND, "2025-01-01T00:00:00Z"),
        (1_735_689_600 * SECOND + SECOND // 2, "2025-01-01T00:00:00.5Z"),
        (1_735_689_600 * SECOND + 1, "2025-01-01T00:00:00.000000001Z"),
    ],
)
def test_a_slot_is_written_in_utc_with_a_fraction_only_if_there_is_one(moment: int, text: str) -> None:
    assert slot_text(moment) == text


def test_now_is_written_to_the_microsecond() -> None:
    virtual = VirtualClock()
    virtual.advance(0.123456789)
    assert written_now(lambda: OrchestratorGoal(instruction="x"), virtual)["created_at"].endswith(":00.123456Z")


def written_now(make: Any, virtual: VirtualClock | None = None) -> dict[str, Any]:  # noqa: ANN401 - makes any message
    async def main() -> dict[str, Any]:
        assert clock.current() is not None
        message: dict[str, Any] = make().wire()
        return message

    return run_virtual(main(), virtual)
