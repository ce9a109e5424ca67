"""The job of the apps' scheduler: its fields, what it refuses, how two of them compare."""

import math
import weakref
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly.core.clock import nanoseconds
from duly.core.scheduled_job import CONFIGURATION, ScheduledJob
from duly.core.trigger import TriggerProtocol
from duly.triggers import After, Cron, Every, Once
from tests.core.away import Away

NOON = ZonedDateTime(2025, 6, 1, 12, tz="Europe/Berlin")


async def sweep() -> None:
    """Do nothing."""


async def mop(*_: object) -> None:
    """Do nothing."""


class Broom:
    """A callable without a name of its own."""

    def __call__(self) -> None:
        """Do nothing."""

    def complain(self, context: object) -> None:
        """Do nothing."""


def job(**given: Any) -> ScheduledJob:  # noqa: ANN401 - fields of the job
    wanted: dict[str, Any] = {"owner_id": "porch", "next_run": NOON, "job": sweep}
    return ScheduledJob(**wanted | given)


# Fields


FIELDS = {
    "app_key": "",
    "instance_index": 0,
    "trigger": None,
    "group": None,
    "jitter": None,
    "timeout": None,
    "timeout_disabled": False,
    "mode": "single",
    "misfire": "run_once",
    "retries": 0,
    "retry_delay": 1.0,
    "retry_backoff": 2.0,
    "executor": None,
    "args": (),
    "kwargs": {},
    "error_handler": None,
    "db_id": None,
    "source_location": "",
    "registration_source": "",
    "source_tier": "app",
    "_scheduler": None,
    "app_error_handler_resolver": None,
    "_dequeued": False,
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_not_given_has_its_default(name: str) -> None:
    assert getattr(job(), name) == FIELDS[name]


def test_the_fields_stand_in_this_order() -> None:
    assert [field.name for field in fields(ScheduledJob)] == [
        "sort_index", "owner_id", "next_run", "fire_at", "job", "app_key", "instance_index", "trigger", "group",
        "jitter", "timeout", "timeout_disabled", "name", "name_auto", "mode", "misfire", "retries", "retry_delay",
        "retry_backoff", "executor", "args", "kwargs", "error_handler", "db_id", "source_location",
        "registration_source", "source_tier", "_scheduler", "app_error_handler_resolver", "_dequeued",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["sort_index", "fire_at", "app_error_handler_resolver"])
def test_a_computed_field_cannot_be_passed(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        job(**{name: None})


@pytest.mark.parametrize("name", ["owner_id", "next_run", "job"])
def test_a_required_field_must_be_passed(name: str) -> None:
    given: dict[str, Any] = {"owner_id": "porch", "next_run": NOON, "job": sweep}
    del given[name]
    with pytest.raises(TypeError, match=name):
        ScheduledJob(**given)


@pytest.mark.parametrize(
    ("nanosecond", "second"),
    [(0, 0), (499_999_999, 0), (500_000_000, 0), (500_000_001, 1), (1_500_000_000, 2)],
)
def test_next_run_is_rounded_halves_to_the_even_second(nanosecond: int, second: int) -> None:
    assert job(next_run=NOON.add(nanoseconds=nanosecond)).next_run == NOON.add(seconds=second)


def test_fire_at_and_sort_index_follow_from_next_run() -> None:
    made = job(next_run=NOON.add(nanoseconds=700_000_000))
    assert made.fire_at == made.next_run == NOON.add(seconds=1)
    assert made.sort_index == (nanoseconds(made.next_run), id(made))


def test_arguments_are_copied() -> None:
    args, kwargs = [1], {"a": 2}
    made = job(args=args, kwargs=kwargs)
    args.append(3)
    kwargs["b"] = 4
    assert (made.args, made.kwargs) == ((1,), {"a": 2})


def test_two_jobs_do_not_share_their_keyword_arguments() -> None:
    assert job().kwargs is not job().kwargs


# Refused


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, True, "5"])
def test_a_timeout_that_is_no_positive_number_is_refused(timeout: object) -> None:
    with pytest.raises(ValueError, match="timeout must be a positive number"):
        job(timeout=timeout)


def test_a_timeout_beside_timeout_disabled_is_refused() -> None:
    with pytest.raises(ValueError, match="Cannot specify both 'timeout' and 'timeout_disabled=True'"):
        job(timeout=5, timeout_disabled=True)


def test_timeout_disabled_alone_is_taken() -> None:
    assert job(timeout_disabled=True).timeout_disabled


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("jitter", -1, "jitter must be non-negative"),
        ("jitter", math.nan, "jitter must be non-negative"),
        ("jitter", math.inf, "jitter must be non-negative"),
        ("mode", "serial", "mode must be one of 'single', 'restart', 'queued', 'parallel'"),
        ("misfire", "later", "misfire must be one of"),
        ("retries", -1, "retries must be a whole number"),
        ("retries", 1.5, "retries must be a whole number"),
        ("retry_delay", -1, "retry_delay must be non-negative"),
        ("retry_backoff", 0, "retry_backoff must be a positive number"),
    ],
)
def test_an_option_of_the_policy_out_of_its_range_is_refused(option: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        job(**{option: value})


# Names


@pytest.mark.parametrize(
    ("called", "trigger", "name"),
    [
        (sweep, None, "sweep"),
        (sweep, Every(minutes=1), "sweep:every:60"),
        (sweep, Cron("H H * * *"), "sweep:cron:H H * * *"),
        (partial(sweep), After(5), "sweep:after:5"),
        (partial(partial(sweep)), None, "sweep"),
        (Broom(), Every(1), "Broom:every:1"),
        (Broom().complain, None, "complain"),
    ],
    ids=["function", "with trigger", "hashed cron", "partial", "partial of partial", "object", "method"],
)
def test_a_job_without_name_is_named_after_callable_and_trigger(
    called: Callable[..., Any], trigger: TriggerProtocol | None, name: str
) -> None:
    made = job(job=called, trigger=trigger)
    assert (made.name, made.name_auto) == (name, True)


def test_a_name_that_is_given_stays() -> None:
    made = job(name="tidy", trigger=Every(1))
    assert (made.name, made.name_auto) == ("tidy", False)


# Comparison


def test_jobs_sort_by_when_they_are_due() -> None:
    late, early = job(next_run=NOON.add(seconds=1), name="a"), job(name="b")
    assert sorted([late, early]) == [early, late]
    assert early < late


def test_two_jobs_are_never_equal() -> None:
    assert job() != job()


def test_a_job_equals_itself() -> None:
    one = job()
    assert one == one  # noqa: PLR0124 - what is asked


def test_the_hash_stays_when_the_schedule_goes_on() -> None:
    made = job()
    seen = {made}
    made.set_next_run(NOON.add(days=1))
    assert made in seen


def test_a_job_can_be_referenced_weakly() -> None:
    made = job()
    assert weakref.ref(made)() is made


def test_the_text_of_a_job_is_its_name_and_owner() -> None:
    assert repr(job(name="tidy", owner_id="porch.Scheduler")) == "ScheduledJob(name='tidy', owner_id=porch.Scheduler)"


DIFFERENCES = {
    "job": mop,
    "trigger": Every(2),
    "group": "floor",
    "jitter": 1.0,
    "timeout": 9.0,
    "timeout_disabled": True,
    "args": (1,),
    "kwargs": {"a": 1},
    "error_handler": mop,
    "mode": "queued",
    "misfire": "skip",
    "retries": 2,
    "retry_delay": 5.0,
    "retry_backoff": 1.0,
    "executor": Away(),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_field_of_the_configuration_makes_a_difference(name: str) -> None:
    one, other = job(trigger=Every(1)), job(**{"trigger": Every(1), name: DIFFERENCES[name]})
    assert one.diff_fields(other) == [name]
    assert not one.matches(other)


def test_differences_are_listed_in_order() -> None:
    given = {name: value for name, value in DIFFERENCES.items() if name != "timeout_disabled"}
    wanted = [name for name in CONFIGURATION if name != "timeout_disabled"]
    assert job(trigger=Every(1)).diff_fields(job(**given)) == wanted


def test_the_order_of_differences_is_this() -> None:
    assert list(CONFIGURATION) == list(DIFFERENCES)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "other"},
        {"owner_id": "other"},
        {"app_key": "other"},
        {"instance_index": 7},
        {"next_run": NOON.add(days=1)},
        {"db_id": 7},
        {"source_location": "porch.py:1"},
        {"source_tier": "framework"},
        {"_dequeued": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_who_it_is_and_how_it_stands_make_no_difference(other: dict[str, Any]) -> None:
    assert job().matches(job(**other))


def test_triggers_are_the_same_if_their_ids_are() -> None:
    assert job(trigger=Every(60)).matches(job(trigger=Every(minutes=1, start=NOON)))


def test_a_trigger_differs_from_none() -> None:
    assert job(trigger=Every(60)).diff_fields(job()) == ["trigger"]


def test_once_on_another_day_is_another_trigger() -> None:
    one, other = Once(NOON.add(years=50)), Once(NOON.add(years=51))
    assert job(trigger=one).diff_fields(job(trigger=other)) == ["trigger"]


def test_error_handlers_compare_by_identity() -> None:
    class Equal:
        def __call__(self, context: object) -> None:
            """Do nothing."""

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment] # not needed here

    one, other = Equal(), Equal()
    assert one == other
    assert job(error_handler=one).diff_fields(job(error_handler=other)) == ["error_handler"]


def test_a_method_of_one_object_is_the_same_error_handler() -> None:
    broom, other = Broom(), Broom()
    assert job(error_handler=broom.complain).matches(job(error_handler=broom.complain))
    assert not job(error_handler=broom.complain).matches(job(error_handler=other.complain))


# What it does


def test_only_the_first_registration_gives_the_id() -> None:
    made = job()
    made.mark_registered(3)
    made.mark_registered(4)
    assert made.db_id == 3


def test_the_resolver_is_stored() -> None:
    made = job()
    broom = Broom()
    made.set_app_error_handler_resolver(lambda: broom.complain)
    assert made.app_error_handler_resolver is not None
    assert made.app_error_handler_resolver() == broom.complain


def test_a_job_of_no_scheduler_cannot_be_cancelled() -> None:
    with pytest.raises(RuntimeError, match="not registered with a Scheduler"):
        job().cancel()


def test_cancelling_asks_the_scheduler() -> None:
    class Owner:
        def __init__(self) -> None:
            self.cancelled: list[ScheduledJob] = []

        def cancel_job(self, job: ScheduledJob) -> None:
            self.cancelled.append(job)

        def list_jobs(self) -> list[ScheduledJob]:
            return []

    owner = Owner()
    made = job(_scheduler=owner)
    made.cancel()
    assert owner.cancelled == [made]


def test_setting_the_next_run_rounds_and_moves_all_three() -> None:
    made = job()
    made.set_next_run(NOON.add(days=1, nanoseconds=600_000_000))
    assert made.next_run == made.fire_at == NOON.add(days=1, seconds=1)
    assert made.sort_index == (nanoseconds(made.next_run), id(made))


def test_what_is_shown_keeps_jitter_apart_from_the_nominal_time() -> None:
    made, slot = job(), nanoseconds(NOON.add(days=1))
    made.show(slot, slot + 250_000_000)
    assert made.next_run == NOON.add(days=1)
    assert made.fire_at == NOON.add(days=1, nanoseconds=250_000_000)
    assert made.sort_index == (slot + 250_000_000, id(made))
    assert made.next_run.tz_id == "Europe/Berlin"


def test_the_policy_says_what_the_options_say() -> None:
    policy = job(
        mode="queued", misfire="skip", jitter=0.5, retries=2, retry_delay=0.25, retry_backoff=3, timeout=4
    ).policy(grace=7)
    assert (policy.mode, policy.misfire, policy.jitter, policy.grace) == ("queued", "skip", 500_000_000, 7)
    assert (policy.retries, policy.retry_delay, policy.retry_backoff) == (2, 250_000_000, 3.0)
    assert policy.max_runs is None
