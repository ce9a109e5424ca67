"""What the validator says of files of schedules, and that it answers whatever it is given."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.dispatch import models
from duly.dispatch.validation import validate_scheduler_config
from tests.dispatch.schedules import config, goal_entry, task_entry

FILE = "scheduler config at s.yaml: "
ENTRY = f"{FILE}schedules[0]: "


def problems(value: object) -> list[str]:
    return validate_scheduler_config(value, "s.yaml")


def of_entry(entry: object) -> list[str]:
    """What is wrong with the one entry of a file."""
    found = problems(config(entry))
    assert all(problem.startswith(ENTRY) for problem in found)
    return [problem.removeprefix(ENTRY) for problem in found]


def of_task(**changes: Any) -> list[str]:  # noqa: ANN401 - any value is tried
    return of_entry(task_entry(task={"worker_type": "clean"} | changes))


def of_goal(**changes: Any) -> list[str]:  # noqa: ANN401 - as above
    return of_entry(goal_entry(goal={"instruction": "sum it up"} | changes))


@pytest.mark.parametrize(
    "right",
    [
        config(),
        config(schedules=[]),
        config(timezone="Europe/Berlin", subject_prefix="acme", delivery="core", stream={}),
        config(stream={"name": "WORK", "replicas": 3, "duplicate_window_seconds": 60, "storage": "memory"}),
        config(timezone=None, stream=None, delivery=None),
        config(task_entry(cron="*/5 * * * * 30", goal=None, interval_seconds=None, expand_from=None)),
        config(task_entry(cron="@daily", timezone="America/New_York", jitter_seconds=0, misfire="skip")),
        config(task_entry(cron="H H * * *", mode="queued", enabled=False, max_fan_out=1)),
        config(task_entry(start=date(2025, 3, 8), end="2025-03-08T12:00:00Z", expand_timeout_seconds=0.5)),
        config(task_entry(start=datetime(2025, 3, 8, tzinfo=UTC), expand_from="house.garden.beds")),
        config(task_entry(task={"worker_type": "w", "payload": {"a": [1, {"b": None}]}, "model_tier": "frontier"})),
        config(goal_entry(interval_seconds=0.001, goal={"instruction": "x", "context": {}, "priority": "critical"})),
    ],
)
def test_what_is_right_is_said_to_be(right: Mapping[str, Any]) -> None:
    assert problems(right) == []


def test_a_file_that_is_not_named_is_called_unknown() -> None:
    assert validate_scheduler_config(None) == ["scheduler config at <unknown>: expected dict, got NoneType"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "NoneType"), (5, "int"), (1.5, "float"), ("x", "str"), ([], "list"), (True, "bool"), (b"", "bytes")],
)
def test_what_is_no_dict_is_told_by_its_type(value: object, kind: str) -> None:
    assert problems(value) == [f"{FILE}expected dict, got {kind}"]
    assert of_entry(value) == [f"expected dict, got {kind}"]


FILES: list[tuple[dict[str, Any], str]] = [
    (config(name=...), "missing required key 'name'"),
    (config(schedules=...), "missing required key 'schedules'"),
    (config(name=5), "key 'name' expected str, got int"),
    (config(name=None), "key 'name' expected str, got NoneType"),
    (config(schedules={}), "key 'schedules' expected list, got dict"),
    (config(schedules=None), "key 'schedules' expected list, got NoneType"),
    (config(timezone=1), "key 'timezone' expected str, got int"),
    (
        config(timezone="Europe/Berln"),
        "key 'timezone' must be the IANA name of a time zone, got 'Europe/Berln': did you mean 'Europe/Berlin'?",
    ),
    (config(delivery="tcp"), "key 'delivery' must be 'jetstream' or 'core', got 'tcp'"),
    (config(stream="x"), "key 'stream' expected dict, got str"),
    (config(stream={"replicas": True}), "stream: key 'replicas' expected int, got bool"),
    (config(stream={"replicas": 6}), "stream: key 'replicas' must be less than or equal to 5, got 6"),
    (config(stream={"storage": "disk"}), "stream: key 'storage' must be 'file' or 'memory', got 'disk'"),
    (
        config(stream={"duplicate_window_seconds": 0}),
        "stream: key 'duplicate_window_seconds' must be greater than or equal to 10, got 0",
    ),
    (
        config(stream={"name": "a.b"}),
        "stream: key 'name' must be the name of a stream: no blank, dot, '*', '>' or slash, got 'a.b'",
    ),
    (config(stream={"replica": 3}), "stream: unknown key 'replica': did you mean 'replicas'?"),
    (config(schedule=[]), "unknown key 'schedule': did you mean 'schedules'?"),
    (
        config(xyz=1),
        "unknown key 'xyz': known keys: name, schedules, timezone, subject_prefix, delivery, stream",
    ),
    (cast("dict[str, Any]", {True: 1, **config()}), "key True is no text (bool): put it in quotes"),
]


@pytest.mark.parametrize(("wrong", "says"), FILES, ids=[says for _, says in FILES])
def test_a_file_that_is_wrong_is_told_why(wrong: object, says: str) -> None:
    assert problems(wrong) == [FILE + says]


@pytest.mark.parametrize("key", ["name", "subject_prefix"])
@pytest.mark.parametrize("text", ["", "a b", "a.b", "*", "a>", "\n", "a\x00", "\ud800", "$JS"])
def test_a_name_on_the_wire_is_one_token(key: str, text: str) -> None:
    [problem] = problems(config(**{key: text}))
    assert problem.startswith(f"{FILE}key '{key}' must be one token of a NATS subject")
    assert problem.isprintable()


ENTRIES: list[tuple[dict[str, Any], str]] = [
    (task_entry(name=...), "missing required key 'name'"),
    (task_entry(name=7), "key 'name' expected str, got int"),
    (task_entry(name=" "), "key 'name' must be printable text on one line, got ' '"),
    (task_entry(name="a\nb"), "key 'name' must be printable text on one line, got 'a\\nb'"),
    (task_entry(dispatch_type=...), "missing required key 'dispatch_type'"),
    (task_entry(dispatch_type="taks"), "'dispatch_type' must be 'goal' or 'task', got 'taks'"),
    (task_entry(dispatch_type=5), "'dispatch_type' must be 'goal' or 'task', got '5'"),
    (task_entry(dispatch_type=None), "'dispatch_type' must be 'goal' or 'task', got 'None'"),
    (task_entry(interval_seconds=5), "cannot specify both 'cron' and 'interval_seconds'"),
    (task_entry(cron=...), "must specify either 'cron' or 'interval_seconds'"),
    (task_entry(cron=None), "must specify either 'cron' or 'interval_seconds'"),
    (task_entry(cron=5), "key 'cron' expected str, got int"),
    (task_entry(cron="61 * * * *"), "invalid cron expression '61 * * * *': minute '61': 61 is not within 0-59"),
    (task_entry(cron="nonsense"), "invalid cron expression 'nonsense': 1 fields instead of 5 or 6"),
    (task_entry(cron=""), "invalid cron expression '': 0 fields instead of 5 or 6"),
    (
        task_entry(cron="0 0 30 2 *"),
        "invalid cron expression '0 0 30 2 *': no such day exists: day_of_month '30', month '2', day_of_week '*'",
    ),
    (task_entry(task=...), "dispatch_type 'task' requires a 'task' dict"),
    (task_entry(task=None), "dispatch_type 'task' requires a 'task' dict"),
    (task_entry(task="clean"), "dispatch_type 'task' requires a 'task' dict, got str"),
    (task_entry(task={}), "task config missing 'worker_type'"),
    (task_entry(task={"worker_type": 5}), "task: key 'worker_type' expected str, got int"),
    (goal_entry(goal=...), "dispatch_type 'goal' requires a 'goal' dict"),
    (goal_entry(goal=[]), "dispatch_type 'goal' requires a 'goal' dict, got list"),
    (goal_entry(goal={}), "goal config missing 'instruction'"),
    (goal_entry(goal={"instruction": ""}), "goal: key 'instruction' must be text, and not empty, got ''"),
    (task_entry(crom=1), "unknown key 'crom': did you mean 'cron'?"),
    (task_entry(timezone="Mars"), "key 'timezone' must be the IANA name of a time zone, got 'Mars'"),
    (task_entry(jitter_seconds=True), "key 'jitter_seconds' expected number, got bool"),
    (task_entry(jitter_seconds=-1), "key 'jitter_seconds' must be greater than or equal to 0, got -1"),
    (task_entry(jitter_seconds=float("inf")), "key 'jitter_seconds' must be a finite number, got inf"),
    (task_entry(misfire="always"), "key 'misfire' must be 'skip', 'run_once' or 'run_all', got 'always'"),
    (task_entry(mode="restart"), "key 'mode' must be 'single', 'queued' or 'parallel', got 'restart'"),
    (task_entry(enabled="yes"), "key 'enabled' expected bool, got str"),
    (task_entry(enabled=1), "key 'enabled' expected bool, got int"),
    (task_entry(max_fan_out=0), "key 'max_fan_out' must be greater than or equal to 1, got 0"),
    (task_entry(max_fan_out=1.5), "key 'max_fan_out' expected int, got float"),
    (task_entry(expand_timeout_seconds=0), "key 'expand_timeout_seconds' must be greater than 0, got 0"),
    (task_entry(start="soon"), "key 'start' must be a date or time, such as 2025-03-08"),
    (task_entry(start=5), "key 'start' must be a date or time, such as 2025-03-08"),
    (task_entry(end="1800-01-01"), "key 'end' must lie in the years 1900 to 2199, got '1800-01-01'"),
    (
        goal_entry(start="2025-03-09", end="2025-03-08"),
        "key 'end' must not be earlier than 'start', got '2025-03-08'",
    ),
    (
        task_entry(cron="0 0 1 * *", start=date(2025, 3, 2), end=date(2025, 3, 31)),
        "cron expression '0 0 1 * *' can never fire: it has no time between 'start' and 'end'",
    ),
    *(
        (
            task_entry(expand_from=path),
            f"key 'expand_from' must be a dotted path 'package.module.function', got '{path}'",
        )
        for path in ("beds", "a..b", ".a", "a.", "a b.c", "a.5", "a.class", "a/b.c", "")
    ),
]


@pytest.mark.parametrize(("wrong", "says"), ENTRIES, ids=[says for _, says in ENTRIES])
def test_an_entry_that_is_wrong_is_told_why(wrong: object, says: str) -> None:
    [problem] = of_entry(wrong)
    assert problem.startswith(says)


@pytest.mark.parametrize("value", [0, -1, 0.0009, float("nan"), float("inf"), True, False, "5", [], 10**30, 10**400])
def test_an_interval_is_a_positive_number(value: object) -> None:
    [problem] = of_entry(goal_entry(interval_seconds=value))
    assert problem.startswith("'interval_seconds' must be a positive number")
    assert len(problem) < 250


@pytest.mark.parametrize("key", ["payload", "context"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "key '{key}' expected dict, got list"),
        ("x", "key '{key}' expected dict, got str"),
        ({"day": date(2025, 3, 8)}, "{key}.day: JSON has no date: put 2025-03-08 in quotes"),
        ({"a": [{"b": float("nan")}]}, "{key}.a.0.b: JSON has no number nan"),
        ({"a": b"x"}, "{key}.a: JSON has no bytes"),
        ({"a": {1}}, "{key}.a: JSON has no set"),
        ({"a": "\ud800"}, "{key}.a: '\\ud800' is not valid text"),
        ({"\ud800": 1}, "{key}: key '\\ud800' is not valid text"),
        ({"a": 10**5000}, "{key}.a: a number of 16610 bits is too large"),
        ({"a": {1: 2}}, "{key}.a: key 1 is no text (int): put it in quotes"),
        ({"a": {None: 2}}, "{key}.a: key None is no text (NoneType): put it in quotes"),
    ],
)
def test_what_goes_onto_the_wire_is_json(key: str, value: object, says: str) -> None:
    of_table, table = (of_task, "task") if key == "payload" else (of_goal, "goal")
    assert of_table(**{key: value}) in (
        [f"{table}: {says.format(key=key)}"],
        [f"{table}.{says.format(key=key)}"],
    )


@pytest.mark.parametrize("of_table", [of_task, of_goal])
def test_a_priority_is_one_of_four(of_table: Any) -> None:  # noqa: ANN401 - either of them
    [problem] = of_table(priority="urgent")
    assert problem.endswith("key 'priority' must be 'low', 'normal', 'high' or 'critical', got 'urgent'")
    assert [of_table(priority=word) for word in ("low", "normal", "high", "critical")] == [[]] * 4


def test_a_tier_is_one_of_three() -> None:
    assert of_task(model_tier="huge") == [
        "task: key 'model_tier' must be 'local', 'standard' or 'frontier', got 'huge'"
    ]
    assert [of_task(model_tier=word) for word in ("local", "standard", "frontier")] == [[]] * 3


def test_unknown_keys_of_goals_and_tasks_are_refused_with_the_nearest() -> None:
    assert of_task(worker="x") == ["task: unknown key 'worker': did you mean 'worker_type'?"]
    assert of_goal(instructions="x") == ["goal: unknown key 'instructions': did you mean 'instruction'?"]


def test_a_name_that_is_taken_is_refused() -> None:
    found = problems(config(task_entry(name="a"), task_entry(name="b"), goal_entry(name="a"), goal_entry(name="a")))
    assert found == [
        f"{FILE}schedules[2]: duplicate name 'a': schedules[0] has it already",
        f"{FILE}schedules[3]: duplicate name 'a': schedules[0] has it already",
    ]


def test_all_problems_are_told_at_once_each_of_them_once() -> None:
    wrong = config(
        task_entry(cron="x", dispatch_type="y", enabled=2, task=5),
        9,
        goal_entry(name="z", interval_seconds=0, goal={"instruction": 1, "context": 2, "priority": 3}),
        name="a b",
        timezone="Nowhere",
    )
    found = problems(wrong)
    assert len(found) == len(set(found)) == 11
    assert [text.removeprefix(FILE).partition(":")[0] for text in found[2:]] == [
        *["schedules[0]"] * 4,
        "schedules[1]",
        *["schedules[2]"] * 4,
    ]


def test_the_zone_of_the_file_is_that_of_bounds_without_one() -> None:
    entry = task_entry(cron="30 0 8 3 *", start="2025-03-08T00:00", end="2025-03-07T15:15Z")
    assert problems(config(entry, timezone="Asia/Tokyo")) != []
    assert problems(config({**entry, "end": "2025-03-07T16:00Z"}, timezone="Asia/Tokyo")) == []


class Angry(str):
    """A text that answers nothing."""

    __slots__ = ()
    __hash__ = str.__hash__

    def _no(self, *_: object) -> NoReturn:
        raise RuntimeError("ask somebody else")

    __eq__ = __str__ = __repr__ = __len__ = __getitem__ = __format__ = strip = lower = encode = split = _no  # type: ignore[assignment]  # that is the point


class AngryDict(dict[Any, Any]):
    """A dict that answers nothing."""

    def _no(self, *_: object) -> NoReturn:
        raise RuntimeError("ask somebody else")

    items = keys = values = get = __iter__ = __getitem__ = __len__ = __contains__ = __repr__ = _no


class AngryList(list[Any]):
    """A list that answers nothing."""

    def _no(self, *_: object) -> NoReturn:
        raise RuntimeError("ask somebody else")

    __iter__ = __getitem__ = __len__ = __repr__ = _no


class AngryType(type):
    """The type of a type that answers nothing."""

    def __getattribute__(cls, name: str) -> NoReturn:
        raise RuntimeError(name)


class AngryObject(metaclass=AngryType):
    """Answers nothing, nor does its type."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(name)


def test_values_of_derived_classes_count_as_what_they_are_derived_from() -> None:
    entry = AngryDict({Angry(key): value for key, value in task_entry(name=Angry("nightly")).items()})
    assert problems(AngryDict(name=Angry("home"), schedules=AngryList([entry]))) == []


def test_objects_that_raise_whatever_they_are_asked_are_told_by_their_type() -> None:
    assert problems(AngryObject()) == [f"{FILE}expected dict, got AngryObject"]
    assert of_entry(AngryObject()) == ["expected dict, got AngryObject"]
    assert of_entry(task_entry(name=AngryObject())) == ["key 'name' expected str, got AngryObject"]
    assert of_task(payload={"a": AngryObject()}) == ["task.payload.a: JSON has no AngryObject"]


def test_what_holds_itself_is_refused() -> None:
    itself: list[Any] = []
    itself.append(itself)
    assert of_task(payload={"a": itself}) == ["task.payload.a.0: it holds itself"]
    around: dict[str, Any] = config()
    around["stream"] = around
    assert problems(around) == [f"{FILE}stream: it holds itself"]


def test_what_is_held_twice_is_not_refused() -> None:
    shared = {"a": [1, 2]}
    assert problems(config(task_entry(task={"worker_type": "w", "payload": {"x": shared, "y": shared}}))) == []


def test_what_is_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(2 * sys.getrecursionlimit()):
        deep = [deep]
    assert "lists and dicts more than 64 deep" in problems(config(deep))[0]


def test_what_grows_without_bounds_is_refused() -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(30):
        laughs = [laughs] * 10
    assert "more than 1000000 values" in problems(config(laughs))[0]


KEYS = st.sampled_from([*models.FileTable.model_fields, *models.EntryTable.model_fields, "instruction", "worker_type"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(categories=None)),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(),
    st.complex_numbers(),
    st.uuids(),
    st.builds(lambda: 10**5000),
    st.builds(lambda: AngryObject()),  # noqa: PLW0108 - its signature cannot be had
    st.builds(Angry, st.text()),
    st.sampled_from(["task", "goal", "UTC", "* * * * *", "core", "2025-03-08", "H H * * *", "a.b"]),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.one_of(KEYS, st.text(), st.integers(), st.none(), st.dates()), inner),
        st.dictionaries(KEYS, inner),
        st.builds(AngryDict, st.dictionaries(KEYS, inner)),
        st.builds(AngryList, st.lists(inner)),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A file that is right but for some values anywhere."""
    made = config(task_entry(), goal_entry(), {"a": 1}, stream={})
    tables = [made, *made["schedules"], made["schedules"][0]["task"], made["schedules"][1]["goal"], made["stream"]]
    for _ in range(draw(st.integers(1, 4))):
        table = draw(st.sampled_from(tables))
        table[draw(st.one_of(st.sampled_from([*table, "x"]), KEYS))] = draw(JUNK)
    return made


@given(value=st.one_of(JUNK, nearly_right()))
def test_the_validator_answers_whatever_it_is_given(value: object) -> None:
    found = problems(value)
    assert all(problem.startswith(FILE) and problem.isprintable() and len(problem) < 500 for problem in found)
    assert len(found) == len(set(found))


@given(path=st.one_of(st.text(), st.builds(Path, st.just("a/b"))))
def test_every_message_begins_with_the_place(path: Any) -> None:  # noqa: ANN401 - as users have it
    assert validate_scheduler_config(5, path) == [f"scheduler config at {path}: expected dict, got int"]


def test_the_schema_in_the_package_is_that_of_the_models() -> None:
    assert models.FILE.read_text("utf-8") == models.text(), "write it anew: make schema"


def test_the_schema_knows_the_keys_and_defaults_of_the_contract() -> None:
    schema = json.loads(models.text())
    entry, task, goal = (schema["$defs"][name] for name in ("EntryTable", "TaskTable", "GoalTable"))
    defaults = {
        key: value["default"]
        for table in (schema, entry, task, goal)
        for key, value in table["properties"].items()
        if value.get("default") not in (None, {})
    }
    assert defaults == {
        "timezone": "UTC",
        "subject_prefix": "heddle",
        "delivery": "jetstream",
        "jitter_seconds": 0,
        "misfire": "run_once",
        "mode": "single",
        "enabled": True,
        "max_fan_out": 1000,
        "expand_timeout_seconds": 30,
        "model_tier": "local",
        "priority": "normal",
    } | {key: schema["properties"][key]["default"] for key in ("stream",) if "default" in schema["properties"][key]}
    assert (schema["required"], entry["required"]) == (["name", "schedules"], ["name", "dispatch_type"])
    assert (task["required"], goal["required"]) == (["worker_type"], ["instruction"])
