"""``OnBusinessDays``: slots on free days are left out or moved, and the trigger law holds."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Date, ZonedDateTime

from duly.calendars import Holidays
from duly.core.clock import SECOND, nanoseconds, zoned
from duly.core.trigger import ProtocolChain
from duly.embedded.scheduler import Scheduler
from duly.embedded.triggers import every
from duly.sun import Sun
from duly.testing import VirtualClock
from duly.triggers import After, Cron, Daily, Every, OnBusinessDays, Once, Workdays
from duly.triggers.builtin import BuiltInTrigger
from duly.triggers.business import Otherwise
from tests.triggers.draws import ZONES, walk, walk_back, walk_until
from tests.triggers.draws import at as moment_of

CHRISTMAS = Workdays(["2025-12-25", "2025-12-26"])
BEGIN = moment_of("2025-12-22T00:00+01:00[Europe/Berlin]")
START = zoned(BEGIN - 100 * SECOND, "UTC")
DAY = 86_400 * SECOND
FIXED: list[BuiltInTrigger] = [
    Daily("09:00"),
    Daily("02:30", timezone="America/New_York"),
    Cron("*/90 6,18 * * *"),
    Cron("0 12 1,15,25 * *"),
    Every(hours=7, start=START),
    Sun("sunset", latitude=52.5, longitude=13.4),
]
FLOATING: list[BuiltInTrigger] = [Every(hours=5), every(hours=3, seconds=0.5)]
CALENDARS = [
    CHRISTMAS,
    Workdays(weekend=["fri", "sat"]),
    Workdays(weekend=()),
    Workdays(["2025-12-22"], weekend=["sun"]),
]


def shown(trigger: BuiltInTrigger, since: int = BEGIN, number: int = 6, zone: str = "Europe/Berlin") -> list[str]:
    return [zoned(slot, zone).format_iso()[5:16] for slot in walk(trigger.chain(zone), since, number)]


# --- what becomes of slots on free days ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [
        ("skip", ["12-22T09:00", "12-23T09:00", "12-24T09:00", "12-29T09:00", "12-30T09:00", "12-31T09:00"]),
        ("next", ["12-22T09:00", "12-23T09:00", "12-24T09:00", "12-29T09:00", "12-30T09:00", "12-31T09:00"]),
    ],
)
def test_a_daily_job_runs_on_business_days(otherwise: Otherwise, expected: list[str]) -> None:
    assert shown(OnBusinessDays(Daily("09:00"), CHRISTMAS, otherwise)) == expected


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [
        ("skip", ["01-01T08:00", "04-01T08:00", "05-01T08:00"]),
        ("next", ["01-01T08:00", "02-02T08:00", "03-02T08:00", "04-01T08:00", "05-01T08:00"]),
        ("previous", ["01-01T08:00", "01-30T08:00", "02-27T08:00", "04-01T08:00", "05-01T08:00"]),
    ],
)
def test_the_first_of_the_month_is_left_out_or_moved(otherwise: Otherwise, expected: list[str]) -> None:
    trigger = OnBusinessDays(Cron("0 8 1 * *"), (), otherwise)
    assert shown(trigger, moment_of("2025-12-31T00:00Z[UTC]"), len(expected)) == expected


def test_slots_that_coincide_run_once() -> None:
    trigger = OnBusinessDays(Cron("0 9,10 * * *"), CHRISTMAS, "previous")
    assert shown(trigger, BEGIN + 2 * DAY, 4) == ["12-24T09:00", "12-24T10:00", "12-29T09:00", "12-29T10:00"]


def test_different_times_of_free_days_gather_on_one_business_day_in_order() -> None:
    trigger = OnBusinessDays(Every(hours=7, start=zoned(BEGIN, "UTC")), Workdays(), "next")
    saturday = moment_of("2025-12-27T00:00+01:00[Europe/Berlin]")
    got = shown(trigger, saturday, 12)
    assert all(slot.startswith("12-29") for slot in got[:10])
    assert got == sorted(got)


def test_a_single_run_moves_too_and_left_out_it_is_never_due() -> None:
    once = Once(ZonedDateTime(2199, 12, 28, 9, tz="Europe/Berlin"))  # a Saturday
    now = zoned(BEGIN, "Europe/Berlin")
    moved = OnBusinessDays(once, (), "next").first_run_time(now)
    assert moved == ZonedDateTime(2199, 12, 30, 9, tz="Europe/Berlin")
    assert OnBusinessDays(once, (), "previous").first_run_time(now) == ZonedDateTime(
        2199, 12, 27, 9, tz="Europe/Berlin"
    )
    assert OnBusinessDays(once).first_run_time(now) is None


def test_an_interval_without_a_start_keeps_its_grid_over_free_days() -> None:
    chain = OnBusinessDays(Every(hours=5), CHRISTMAS).chain("Europe/Berlin")
    slots = walk(chain, BEGIN, 40)
    assert all((slot - BEGIN) % (5 * 3600 * SECOND) == 0 for slot in slots)


def test_days_are_those_of_the_zone() -> None:
    late = Daily("23:30", timezone="America/New_York")  # Sunday there is Monday in Berlin
    sunday = moment_of("2025-12-21T12:00-05:00[America/New_York]")
    assert shown(OnBusinessDays(late), sunday, 1, "America/New_York") == ["12-22T23:30"]
    assert shown(OnBusinessDays(late, timezone="Europe/Berlin"), sunday, 1, "America/New_York") == ["12-21T23:30"]


@pytest.mark.parametrize(
    ("zone", "friday", "expected"),
    [  # free days before a business day on which clocks change: the time moves to it, and in a gap forward
        ("Europe/Berlin", "2025-03-28T12:00+01:00", ["03-30T03:30", "03-31T02:30"]),
        ("America/New_York", "2025-03-07T12:00-05:00", ["03-09T03:30", "03-10T02:30"]),
        ("Australia/Lord_Howe", "2025-10-03T12:00+10:30", ["10-05T02:30", "10-06T02:30"]),
        ("Europe/Dublin", "2025-10-24T12:00+01:00", ["10-26T02:30", "10-27T02:30"]),
        ("UTC", "2025-03-28T12:00+00:00", ["03-30T02:30", "03-31T02:30"]),
    ],
)
def test_moved_times_follow_the_wall_clock_when_clocks_change(zone: str, friday: str, expected: list[str]) -> None:
    trigger = OnBusinessDays(Daily("02:30"), Workdays(weekend=["sat"]), "next")
    assert shown(trigger, moment_of(f"{friday}[{zone}]"), 2, zone) == expected


def test_where_midnight_is_left_out_the_day_begins_behind_the_gap() -> None:
    trigger = OnBusinessDays(Daily("00:00"), Workdays(weekend=["sat"]), "next")
    assert shown(trigger, moment_of("2025-03-28T12:00+02:00[Asia/Beirut]"), 2, "Asia/Beirut") == [
        "03-30T01:00",
        "03-31T00:00",
    ]


# --- the trigger law -------------------------------------------------------------------------------------------------


@given(
    trigger=st.sampled_from([*FIXED, *FLOATING]),
    calendar=st.sampled_from(CALENDARS),
    otherwise=st.sampled_from(["skip", "next", "previous"]),
    zone=st.sampled_from(ZONES),
    begin=st.integers(BEGIN - 300 * DAY, BEGIN + 300 * DAY),
    index=st.integers(0, 12),
    ahead=st.integers(-SECOND, 6 * DAY),
    data=st.data(),
)
def test_it_obeys_the_trigger_law(
    trigger: BuiltInTrigger,
    calendar: Workdays,
    otherwise: Otherwise,
    zone: str,
    begin: int,
    index: int,
    ahead: int,
    data: st.DataObject,
) -> None:
    if trigger in FLOATING:
        otherwise = "skip"
    wrapped = OnBusinessDays(trigger, calendar, otherwise)
    chain = wrapped.chain(zone)
    first = chain.first(begin)
    assert first is not None
    assert first > begin
    elements = [first, *walk(chain, first, 20)]
    previous = elements[min(index, len(elements) - 1)]
    now = min(previous + ahead, elements[-1] - 1)
    assert chain.next(previous, now) == next((e for e in elements if e > max(previous, now)), None)
    until = data.draw(st.integers(previous, elements[-1]))
    passed = [e for e in elements if previous < e <= until]
    assert chain.count(previous, until) == (len(passed), passed[-1] if passed else previous)
    assert walk_back(chain, elements[-1], elements[0] - 1) == elements[-2::-1]
    assert chain.between(begin, elements[-1]) == len(elements)
    asked = ProtocolChain(wrapped, zone)
    assert asked.next(previous, now) == chain.next(previous, now)
    own = getattr(trigger, "timezone", None) or zone
    assert all(calendar.is_business_day(zoned(slot, own).date()) for slot in elements)


@given(trigger=st.sampled_from(FIXED), otherwise=st.sampled_from(["next", "previous"]), begin=st.integers(0, 300))
def test_every_slot_of_the_trigger_is_there_on_its_day_or_on_the_business_day_beside(
    trigger: BuiltInTrigger, otherwise: Otherwise, begin: int
) -> None:
    zone = getattr(trigger, "timezone", None) or "Europe/Berlin"
    since = BEGIN + begin * DAY
    moved = set(
        walk_until(OnBusinessDays(trigger, CHRISTMAS, otherwise).chain(zone), since - 20 * DAY, since + 20 * DAY)
    )
    step, expected = 1 if otherwise == "next" else -1, set()
    chain = trigger.chain(zone)
    first = chain.first(since - 30 * DAY)
    assert first is not None
    for slot in (first, *walk_until(chain, first, since + 30 * DAY)):
        day = zoned(slot, zone).date()
        free = not CHRISTMAS.is_business_day(day)
        while not CHRISTMAS.is_business_day(day):
            day = day.add(days=step)
        wall = zoned(slot, zone).time()
        expected.add(nanoseconds(day.at(wall).assume_tz(zone)) if free else slot)
    assert moved == {slot for slot in expected if since - 20 * DAY < slot <= since + 20 * DAY}


def test_where_there_is_no_business_day_nothing_is_ever_due() -> None:
    def never(day: Date) -> bool:
        return False

    assert OnBusinessDays(Daily("09:00"), never).chain("UTC").first(BEGIN) is None
    assert OnBusinessDays(Daily("09:00"), never, "next").chain("UTC").first(BEGIN) is None


def test_counting_years_is_cheap() -> None:
    chain = OnBusinessDays(Cron("* * * * *")).chain("UTC")
    monday = moment_of("2025-01-06T00:00Z[UTC]")
    assert chain.count(monday, monday + 7 * 520 * DAY - 1)[0] == 520 * 5 * 1440 - 1


# --- calendars -------------------------------------------------------------------------------------------------------


def test_a_calendar_may_be_a_collection_a_function_or_a_calendar() -> None:
    def only_mondays(day: Date) -> bool:
        return day.day_of_week().value == 1

    since = moment_of("2025-12-24T12:00Z[UTC]")
    assert shown(OnBusinessDays(Daily("09:00"), [date(2025, 12, 25), Date(2025, 12, 26)]), since, 1) == ["12-29T09:00"]
    assert shown(OnBusinessDays(Daily("09:00"), only_mondays), since, 2) == ["12-29T09:00", "01-05T09:00"]
    assert shown(OnBusinessDays(Daily("09:00"), Holidays("DE")), since, 1) == ["12-29T09:00"]


def test_holidays_know_parts_of_countries_their_weekends_and_days_of_ones_own() -> None:
    epiphany = Date(2026, 1, 6)
    assert Holidays("DE").is_business_day(epiphany)
    assert not Holidays("DE", "BY").is_business_day(epiphany)
    for also in ("2026-01-07", Date(2026, 1, 7), date(2026, 1, 7)):
        assert not Holidays("DE", also=[also]).is_business_day(Date(2026, 1, 7))
    with pytest.raises(TypeError, match="a holiday must be a date or text such as '2025-12-25', got 3"):
        Holidays("DE", also=[3])  # type: ignore[list-item]  # wrong on purpose
    friday = Date(2026, 1, 9)
    assert (Holidays("IL").is_business_day(friday), Holidays("DE").is_business_day(friday)) == (False, True)


def test_identities_are_stable() -> None:
    trigger = OnBusinessDays(Daily("09:00"), Holidays("DE", "BY", also=["2026-01-07"]), "next", timezone="UTC")
    assert trigger.trigger_id() == "business:holidays:DE-BY/2026-01-07;next;UTC;cron:0 9 * * *"
    assert OnBusinessDays(Daily("09:00")).trigger_id() == "business:sat+sun;skip;cron:0 9 * * *"
    assert (trigger.trigger_label(), trigger.trigger_detail()) == ("daily", "09:00 on business days")


def test_an_h_is_that_of_the_job() -> None:
    bound = OnBusinessDays(Cron("H H * * *")).bind("report")
    assert bound.trigger.chain("UTC").next(0, 0) == Cron("H H * * *").bind("report").chain("UTC").next(0, 0)


def test_an_embedded_scheduler_runs_it() -> None:
    clock = VirtualClock(zoned(BEGIN, "Europe/Berlin"))
    runs: list[int] = []
    with Scheduler(clock=clock) as scheduler:
        scheduler.schedule(lambda: runs.append(1), name="report", trigger=OnBusinessDays(Daily("09:00"), CHRISTMAS))
        clock.advance(7 * 86_400)
    assert len(runs) == 3


# --- wrong arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"trigger": "09:00"}, TypeError, "'trigger' must be one of Duly's triggers, got '09:00'"),
        ({"otherwise": "later"}, ValueError, "'otherwise' must be one of 'skip', 'next', 'previous', got 'later'"),
        ({"calendar": 7}, TypeError, "must be a calendar, a collection of holidays or a function, got 7"),
        ({"calendar": lambda _: True}, TypeError, "a function with a name"),
        ({"calendar": ["soon"]}, ValueError, "soon"),
        ({"calendar": [7]}, TypeError, "a holiday must be a date or text such as '2025-12-25', got 7"),
        ({"timezone": "Mars/Olympus"}, ValueError, "Mars/Olympus"),
        ({"trigger": Every(60), "otherwise": "next"}, ValueError, "give it a start, or use otherwise='skip'"),
        ({"trigger": After(60), "otherwise": "previous"}, ValueError, "which hang on each other"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, object], error: type[Exception], text: str) -> None:
    given: dict[str, object] = {"trigger": Daily("09:00")} | arguments
    with pytest.raises(error, match=text):
        OnBusinessDays(**given)  # type: ignore[arg-type]  # wrong on purpose


def test_workdays_leave_a_day_and_know_their_names() -> None:
    with pytest.raises(ValueError, match="must be of 'mon', 'tue'"):
        Workdays(weekend=["saturday"])  # type: ignore[list-item]  # wrong on purpose
    with pytest.raises(ValueError, match="must leave a business day"):
        Workdays(weekend=["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


@pytest.mark.parametrize(("country", "subdiv"), [("XX", None), ("DE", "XX")])
def test_unknown_places_are_told(country: str, subdiv: str | None) -> None:
    with pytest.raises(ValueError, match="XX"):
        Holidays(country, subdiv)
