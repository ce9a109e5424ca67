"""Cron text: what is accepted, what it means, what is refused."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.triggers import Cron, Daily
from duly.triggers.expression import field_texts, hashed_texts, local_times_of
from tests.triggers.draws import DAY, at, month_days, numbers, shown, walk, week_days
from tests.triggers.oracle import Oracle

START = at("2025-01-01T00:00:00+00:00[UTC]") - SECOND


def ticks(expression: str, number: int, zone: str = "UTC") -> list[str]:
    return shown(walk(Cron(expression).chain(zone), START, number), zone)


def dates(expression: str, number: int) -> list[str]:
    return [text[:5] for text in ticks(expression, number)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 9 * * *", ["01-01T09:30+00", "01-02T09:30+00"]),
        ("*/30 * * * *", ["01-01T00:00+00", "01-01T00:30+00", "01-01T01:00+00"]),
        ("5-35/15 7 * * *", ["01-01T07:05+00", "01-01T07:20+00", "01-01T07:35+00", "01-02T07:05+00"]),
        ("1,2,58-59 0 1 1 *", ["01-01T00:01+00", "01-01T00:02+00", "01-01T00:58+00", "01-01T00:59+00"]),
        ("0 0 1 FEB,dec *", ["02-01T00:00+00", "12-01T00:00+00"]),
        ("0 0 1 mar-May/2 *", ["03-01T00:00+00", "05-01T00:00+00"]),
        (" 0\t12  * *  * ", ["01-01T12:00+00"]),
    ],
)
def test_fields_take_values_ranges_steps_lists_and_names(expression: str, expected: list[str]) -> None:
    assert ticks(expression, len(expected)) == expected


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "0,7", "7-7"])
def test_sunday_is_0_7_and_its_name(sunday: str) -> None:
    assert dates(f"0 0 * * {sunday}", 2) == ["01-05", "01-12"]


def test_monday_to_friday_is_1_to_5() -> None:
    assert dates("0 0 * * 1-5", 5) == ["01-01", "01-02", "01-03", "01-06", "01-07"]


def test_a_range_of_names_may_end_with_sunday() -> None:
    assert dates("0 0 * * fri-sun", 4) == ["01-03", "01-04", "01-05", "01-10"]


def test_the_sixth_field_is_seconds_and_stands_last() -> None:
    chain = Cron("0 0 * * * 15,45").chain("UTC")
    assert [tick // SECOND % 60 for tick in walk(chain, START, 3)] == [15, 45, 15]


def test_with_five_fields_seconds_are_zero() -> None:
    assert walk(Cron("* * * * *").chain("UTC"), START, 1) == [START + SECOND]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 13 * 5", ["01-03", "01-10", "01-13", "01-17", "01-24", "01-31"]),
        ("0 0 13 * *", ["01-13", "02-13"]),
        ("0 0 * * 5", ["01-03", "01-10"]),
        ("0 0 */2 * 5", ["01-03", "01-17", "01-31", "02-07"]),
        ("0 0 ? * 5", ["01-03", "01-10"]),
        ("0 0 13 * ?", ["01-13", "02-13"]),
        ("0 0 13 * */5", ["04-13", "06-13"]),
    ],
)
def test_two_restricted_day_fields_add_up_and_a_star_restricts_nothing(expression: str, expected: list[str]) -> None:
    assert dates(expression, len(expected)) == expected


def test_without_day_or_two_restricted_day_fields_narrow_each_other() -> None:
    chain = Cron("0 0 13 * 5", day_or=False).chain("UTC")
    assert [text[:5] for text in shown(walk(chain, START, 1), "UTC")] == ["06-13"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 L-3 * *", ["01-28", "02-25", "03-28"]),
        ("0 0 LW * *", ["01-31", "02-28", "03-31", "04-30", "05-30"]),
        ("0 0 15W * *", ["01-15", "02-14", "03-14", "04-15", "05-15", "06-16"]),
        ("0 0 1W * *", ["01-01", "02-03", "03-03"]),
        ("0 0 31W * *", ["01-31", "03-31", "05-30", "07-31", "08-29"]),
        ("0 0 * * 5#3", ["01-17", "02-21", "03-21"]),
        ("0 0 * * Wed#5", ["01-29", "04-30", "07-30"]),
        ("0 0 * * 5L", ["01-31", "02-28", "03-28"]),
        ("0 0 * * sunl", ["01-26", "02-23"]),
        ("0 0 1,L * *", ["01-01", "01-31", "02-01", "02-28"]),
    ],
)
def test_l_w_and_sharp_name_days_of_the_month(expression: str, expected: list[str]) -> None:
    assert dates(expression, len(expected)) == expected


@given(month_day=month_days(), week_day=week_days(), month=numbers(1, 12), day_or=st.booleans())
def test_day_fields_mean_the_days_that_a_calendar_shows(
    month_day: str, week_day: str, month: str, day_or: bool
) -> None:
    expression = f"0 0 {month_day} {month} {week_day}"
    oracle = Oracle(expression, "UTC", day_or=day_or)
    every_day = (date(2023, 1, 1) + timedelta(days=n) for n in range(366 * 4))
    expected = [day for day in every_day if oracle.day_matches(day)]
    assume(expected)
    chain = Cron(expression, day_or=day_or).chain("UTC")
    start = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * SECOND
    found = walk(chain, start - SECOND, len(expected))
    assert [datetime.fromtimestamp(tick // SECOND, UTC).date() for tick in found] == expected


@pytest.mark.parametrize(
    ("macro", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_a_macro_stands_for_its_expression_and_keeps_its_text_as_id(macro: str, expression: str) -> None:
    assert ticks(macro, 3) == ticks(expression, 3)
    assert Cron(macro).trigger_id() == f"cron:{macro}"


BAD = [
    "", " ", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *",
    "* * * 13 *", "* * * * 8", "* * * * * 60", "-1 * * * *", "5-1 * * * *", "*/0 * * * *", "*/x * * * *",
    "5/15 * * * *", "1,,2 * * * *", "1, * * * *", "a * * * *", "* * * foo *", "* * * * foo", "@reboot", "@",
    "@daily *", "L * * * *", "* * W * *", "* * 0W * *", "* * 32W * *", "* * L-31 * *", "* * L- * *", "* * 1-L * *",
    "* * * * L", "* * * * 5#0", "* * * * 5#6", "* * * * #1", "* * * * 8#1", "* * * * 5#", "* * * * LW", "? * * * *",
    "* ? * * *", "* * * ? *", "* * ?/2 * *", "*/ * * * *", "1-2-3 * * * *", "1- * * * *", "+1 * * * *", "1_0 * * * *",
    "\u0661 * * * *", "\u0663\u0660 \u0662 * * *", "** * * * *", "*-5 * * * *", "H(5) * * * *", "H(5-2) * * * *",
    "H(0-60) * * * *", "H/0 * * * *", "H/61 * * * *", "H5 * * * *", "HW * * * *", "99999999999999999999 * * * *",
]  # fmt: skip


@pytest.mark.parametrize("expression", BAD)
def test_what_is_no_expression_is_refused_at_construction(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^Invalid cron expression: ") as caught:
        Cron(expression)
    assert str(caught.value).startswith(f"Invalid cron expression: {expression!r}: ")


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 31 2,4 ?",
        "0 0 30W 2 *",
        "0 0 L-29 2 *",
        "0 0 L-30 4 *",
        "0 0 */31 2 1#2",
    ],
)
def test_never_firing_expressions_are_refused_at_construction(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^Invalid cron expression: "):
        Cron(expression)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 2 1#5", "0 0 31 2-3 *", "0 0 L-28 2 *", "0 0 30 2 1"])
def test_rarely_firing_expressions_are_accepted_and_fire(expression: str) -> None:
    assert Cron(expression).chain("UTC").first(START) is not None


@given(month_day=month_days(), week_day=week_days(), month=numbers(1, 12), day_or=st.booleans())
def test_never_firing_is_found_exactly(month_day: str, week_day: str, month: str, day_or: bool) -> None:
    expression = f"0 0 {month_day} {month} {week_day}"
    oracle = Oracle(expression, "UTC", day_or=day_or)
    every_day = (date(2000, 1, 1) + timedelta(days=n) for n in range(28 * 366))
    fires = any(islice((day for day in every_day if oracle.day_matches(day)), 1))
    try:
        accepted = Cron(expression, day_or=day_or).chain("UTC").first(START) is not None
    except ValueError:
        accepted = False
    assert accepted == fires


@pytest.mark.parametrize("make", [Cron, Daily])
@pytest.mark.parametrize("value", [None, 5, b"* * * * *"])
def test_what_is_no_text_is_a_type_error(make: Callable[[object], object], value: object) -> None:
    with pytest.raises(TypeError):
        make(value)


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("61 * * * *", "minute '61': 61 is not within 0-59"),
        ("0 24 * * *", "hour '24': 24 is not within 0-23"),
        ("0 7", "2 fields instead of 5 or 6"),
        ("0 0 30 2 *", "no such day exists: day_of_month '30', month '2', day_of_week '*'"),
        ("\u0661 * * * *", "it is not written in ASCII"),
        (
            "@reboot",
            "unknown macro '@reboot', known: @hourly @daily @midnight @weekly @monthly @yearly @annually",
        ),
    ],
)
def test_the_error_says_once_what_is_wrong(expression: str, cause: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'Invalid cron expression: {expression!r}: {cause}')}$"):
        Cron(expression)


def test_h_is_stable_across_processes() -> None:
    assert hashed_texts(field_texts("H H H H H H"), "backup") == ("54", "17", "27", "8", "4", "5")


@given(st.text())
def test_h_stays_within_its_field_and_its_range(name: str) -> None:
    minute, hour, day, month, week_day, second = hashed_texts(field_texts("H H(2-4) H H H(mon-fri) H/20"), name)
    assert int(minute) in range(60)
    assert int(hour) in range(2, 5)
    assert int(day) in range(1, 29)
    assert int(month) in range(1, 13)
    assert int(week_day) in range(1, 6)
    start, _, rest = second.partition("-")
    assert int(start) in range(20)
    assert rest == "59/20"


def test_h_spreads_a_thousand_jobs_over_the_day() -> None:
    chosen = [hashed_texts(field_texts("H H * * *"), f"job-{n}")[:2] for n in range(1000)]
    per_hour = [sum(hour == str(wanted) for _, hour in chosen) for wanted in range(24)]
    assert min(per_hour) > 1000 / 24 / 2
    assert max(per_hour) < 1000 / 24 * 2
    assert len(set(chosen)) > 700


def test_h_over_n_runs_every_n_from_a_hashed_start() -> None:
    found = walk(Cron("H/15 * * * *", hash_id="x").chain("UTC"), START, 5)
    assert {b - a for a, b in pairwise(found)} == {900 * SECOND}


def test_bind_gives_each_name_its_own_time_and_keeps_the_id() -> None:
    trigger = Cron("H H * * *")
    first, second = trigger.bind("first"), trigger.bind("second")
    assert walk(first.chain("UTC"), START, 1) != walk(second.chain("UTC"), START, 1)
    assert first.trigger_id() == second.trigger_id() == trigger.trigger_id() == "cron:H H * * *"


def test_bind_leaves_the_original_alone() -> None:
    trigger = Cron("H H * * *")
    before = walk(trigger.chain("UTC"), START, 1)
    trigger.bind("name")
    assert walk(trigger.chain("UTC"), START, 1) == before


def test_unbound_the_expression_itself_is_hashed() -> None:
    assert walk(Cron("H H * * *").chain("UTC"), START, 1) == walk(
        Cron("H H * * *", hash_id="H H * * *").chain("UTC"), START, 1
    )


@pytest.mark.parametrize("trigger", [Cron("0 7 * * thu"), Cron("H 7 * * *", hash_id="mine"), Daily("07:00")])
def test_bind_changes_nothing_without_h_or_with_a_hash_id_of_its_own(trigger: Cron) -> None:
    assert trigger.bind("job") is trigger


def test_equal_expressions_share_one_schedule_and_one_chain() -> None:
    assert Cron("*/5 * * * *").chain("UTC") is Cron("*/5 * * * *").chain("UTC")
    assert local_times_of(field_texts("0 0 * * *"), True) is local_times_of(field_texts("@daily"), True)


def test_a_day_of_ticks_costs_no_more_than_looking_at_it() -> None:
    chain = Cron("* * * * * *").chain("UTC")
    assert chain.count(START, START + 365 * 100 * DAY * SECOND)[0] == 365 * 100 * DAY
