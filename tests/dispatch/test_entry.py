"""Entries: their slots, their policies, their identity."""

import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.core.policy import GRACE, Misfire, Mode, Policy
from duly.dispatch.entry import ScheduleEntry, moment_of
from duly.triggers.spec import chain_from_spec
from tests.triggers.draws import at, shown, walk

NOON = at("2025-03-29T12:00:00+01:00[Europe/Berlin]")
HOUR = 3600 * SECOND


def cron_entry(cron: str, **options: Any) -> ScheduleEntry:  # noqa: ANN401 - any option
    return ScheduleEntry("nightly", cron, None, "task", task_config={"worker_type": "w"}, **options)


def every(seconds: float, **options: Any) -> ScheduleEntry:  # noqa: ANN401 - as above
    return ScheduleEntry("often", None, seconds, "task", task_config={"worker_type": "w"}, **options)


def slots(entry: ScheduleEntry, now: int, number: int) -> list[int]:
    """The first slots of an entry that starts ``now``."""
    first = entry.chain().first(now)
    return [] if first is None else [first, *walk(entry.chain(), first, number - 1)]


def test_an_entry_is_made_as_the_contract_says() -> None:
    entry = ScheduleEntry("a", "* * * * *", None, "goal", {"instruction": "x"}, None, "a.b", 5.0)
    assert (entry.goal_config, entry.task_config, entry.expand_from, entry.next_fire) == (
        {"instruction": "x"},
        None,
        "a.b",
        5.0,
    )
    assert ScheduleEntry("a", "* * * * *", None, "goal").next_fire == 0.0


@pytest.mark.parametrize("seconds", [0.001, 0.25, 1, 86_400, 1e9])
def test_an_interval_first_fires_one_interval_after_the_start_then_on_its_grid(seconds: float) -> None:
    step, now = round(seconds * SECOND), NOON + 123_456_789
    assert slots(every(seconds), now, 3) == [now + step, now + 2 * step, now + 3 * step]


def test_an_interval_keeps_its_grid_over_a_gap() -> None:
    chain, first = every(3).chain(), NOON + 3 * SECOND
    assert chain.next(first, first + 10 * SECOND) == first + 12 * SECOND


def test_the_grid_of_an_interval_hangs_on_its_start_whenever_it_is_first_asked() -> None:
    entry = every(7, start=NOON)
    assert slots(entry, NOON - HOUR, 2) == [NOON, NOON + 7 * SECOND]
    assert slots(entry, NOON + SECOND, 2) == [NOON + 7 * SECOND, NOON + 14 * SECOND]


def test_an_interval_has_no_slot_after_its_end() -> None:
    assert slots(every(7, end=NOON + 15 * SECOND), NOON, 5) == [NOON + 7 * SECOND, NOON + 14 * SECOND]
    assert every(7, end=NOON).chain().first(NOON) is None


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["03-30T03:30+02", "03-31T02:30+02"]),
        ("0 12 * * * 30", ["03-29T12:00+01", "03-30T12:00+02"]),
    ],
)
def test_a_cron_goes_by_the_clocks_of_its_zone(cron: str, expected: list[str]) -> None:
    assert shown(slots(cron_entry(cron, timezone="Europe/Berlin"), NOON, 2), "Europe/Berlin") == expected


def test_a_cron_without_a_zone_goes_by_utc() -> None:
    assert slots(cron_entry("0 12 * * *"), NOON, 1) == [NOON + HOUR]


def test_a_cron_has_slots_from_its_start_to_its_end_inclusive() -> None:
    found = slots(cron_entry("*/20 * * * *", start=NOON, end=NOON + HOUR), NOON - HOUR, 9)
    assert found == [NOON + index * HOUR // 3 for index in range(4)]


def test_a_hash_in_a_cron_depends_on_the_name_of_the_entry() -> None:
    first, second = cron_entry("H H * * *"), ScheduleEntry("other", "H H * * *", None, "goal")
    assert first.chain().first(NOON) != second.chain().first(NOON)
    assert first.trigger_id == second.trigger_id
    assert first.spec != second.spec


@pytest.mark.parametrize(
    "entry",
    [
        cron_entry("30 2 * * *", timezone="Europe/Berlin"),
        cron_entry("H * * * *"),
        cron_entry("*/20 * * * * 5", start=NOON, end=NOON + HOUR),
        cron_entry("*/20 * * * *", end=NOON + HOUR),
        every(0.25),
        every(7, start=NOON),
        every(7, start=NOON, end=NOON + HOUR),
    ],
)
def test_every_chain_counts_and_is_rebuilt_from_its_spec(entry: ScheduleEntry) -> None:
    assert entry.spec is not None
    chain, rebuilt = entry.chain(), chain_from_spec(entry.spec)
    first = chain.first(NOON)
    assert first is not None
    assert rebuilt.first(NOON) == first
    assert chain.count is not None
    assert rebuilt.count is not None
    assert rebuilt.count(first, first + 10 * HOUR) == chain.count(first, first + 10 * HOUR)


IDS = {
    "cron:0 7 * * *;timezone=UTC": cron_entry("0 7 * * *"),
    "cron:0 7 * * *;timezone=Asia/Tokyo": cron_entry("0 7 * * *", timezone="Asia/Tokyo"),
    "cron:0 7 * * *;timezone=UTC;start=2025-03-29T11:00:00Z": cron_entry("0 7 * * *", start=NOON),
    "every:0.25": every(0.25),
    "every:90;end=2025-03-29T11:00:00Z": every(90, end=NOON),
}


@pytest.mark.parametrize(("text", "entry"), IDS.items(), ids=list(IDS))
def test_the_identity_of_a_schedule_names_all_that_makes_its_slots(text: str, entry: ScheduleEntry) -> None:
    assert entry.trigger_id == text


def test_equal_schedules_have_equal_identities_in_every_process() -> None:
    code = (
        "from duly.dispatch.entry import ScheduleEntry as E\n"
        "e = E('nightly', 'H 7 * * *', None, 'task', timezone='Asia/Tokyo', end=5)\nprint(e.trigger_id, e.spec)"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    here = cron_entry("H 7 * * *", timezone="Asia/Tokyo", end=5)
    assert printed.strip() == f"{here.trigger_id} {here.spec}"


def test_an_interval_is_the_same_in_every_zone() -> None:
    here, there = every(60, timezone="Asia/Tokyo"), every(60.0)
    assert (here.trigger_id, here.spec, here.zone) == (there.trigger_id, there.spec, there.zone)
    assert cron_entry("* * * * *", timezone="Asia/Tokyo").zone == "Asia/Tokyo"


def test_the_next_slot_is_no_part_of_what_an_entry_is() -> None:
    first, second = every(60), every(60)
    second.set_next_fire(NOON + SECOND // 2)
    assert second.next_fire == NOON / SECOND + 0.5
    assert first == second
    second.set_next_fire(None)
    assert second.next_fire == 0


def test_options_become_the_policy() -> None:
    assert every(1).policy() == Policy(Mode.SINGLE, Misfire.RUN_ONCE, grace=GRACE, jitter=0)
    policy = every(1, mode="parallel", misfire="run_all", jitter_seconds=1.5).policy()
    assert (policy.mode, policy.misfire, policy.jitter) == (Mode.PARALLEL, Misfire.RUN_ALL, 3 * SECOND // 2)


def test_an_entry_without_a_schedule_has_no_slots() -> None:
    with pytest.raises(ValueError, match="'a' has neither cron nor interval_seconds"):
        ScheduleEntry("a", None, None, "goal").chain()


@pytest.mark.parametrize(
    ("given", "last", "expected"),
    [
        (date(2025, 3, 30), False, "2025-03-30T00:00:00+01:00[Europe/Berlin]"),
        (date(2025, 3, 30), True, "2025-03-30T23:59:59.999999999+02:00[Europe/Berlin]"),
        (datetime(2025, 3, 30, 2, 30), False, "2025-03-30T03:30:00+02:00[Europe/Berlin]"),  # noqa: DTZ001 - as YAML has it
        (datetime(2025, 3, 30, 2, 30), True, "2025-03-30T03:30:00+02:00[Europe/Berlin]"),  # noqa: DTZ001 - as above
        (datetime(2025, 3, 30, 2, 30, tzinfo=UTC), False, "2025-03-30T04:30:00+02:00[Europe/Berlin]"),
    ],
)
def test_a_bound_is_meant_on_the_clocks_of_the_zone(given: date, last: bool, expected: str) -> None:
    assert moment_of(given, "Europe/Berlin", last=last) == at(expected)
