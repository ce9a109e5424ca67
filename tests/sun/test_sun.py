"""``Sun``: almanacs, astral day by day, the poles, the date line, changes of clocks, and the trigger law."""

from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from astral import Observer
from astral import sun as astral_sun
from hypothesis import given
from hypothesis import strategies as st
from whenever import TimeDelta, ZonedDateTime

from duly.core.clock import SECOND, nanoseconds, zoned
from duly.core.trigger import ProtocolChain
from duly.embedded.scheduler import Scheduler
from duly.sun import Sun
from duly.sun.chain import SunChain
from duly.sun.trigger import Polar, SunEvent
from duly.testing import VirtualClock
from tests.triggers.draws import ZONES, walk

PLACES = {
    "Berlin": (52.52, 13.405, "Europe/Berlin"),
    "New York": (40.71, -74.01, "America/New_York"),
    "Lord Howe": (-31.55, 159.08, "Australia/Lord_Howe"),
    "Dublin": (53.35, -6.26, "Europe/Dublin"),
    "Beirut": (33.89, 35.5, "Asia/Beirut"),
    "Auckland": (-36.85, 174.76, "Pacific/Auckland"),
    "Kiritimati": (1.87, -157.43, "Pacific/Kiritimati"),
    "Apia": (-13.83, -171.76, "Pacific/Apia"),
    "Quito": (-0.18, -78.47, "America/Guayaquil"),
    "Tromso": (69.65, 18.96, "Europe/Oslo"),
    "Longyearbyen": (78.22, 15.63, "Arctic/Longyearbyen"),
}
DAILY: tuple[SunEvent, ...] = ("dawn", "sunrise", "noon", "sunset", "dusk")
RISING = ("dawn", "sunrise")
DAY = 86_400 * SECOND


def sun(event: SunEvent, place: str, **options: object) -> Sun:
    latitude, longitude, zone = PLACES[place]
    given: dict[str, Any] = {"timezone": zone, **options}
    return Sun(event, latitude=latitude, longitude=longitude, **given)


def chain(event: SunEvent, place: str, **options: object) -> SunChain:
    return sun(event, place, **options).chain("UTC")


def slots(chain: SunChain, since: date, days: int) -> list[int]:
    begin = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp()) * SECOND
    return [slot for slot in walk(chain, begin, days + 2) if slot <= begin + days * DAY]


def shown(trigger: Sun, since: str, number: int = 1) -> list[str]:
    moment = ZonedDateTime.parse_iso(since)
    begin = nanoseconds(moment)
    return [zoned(slot, moment.tz_id).format_iso()[:16] for slot in walk(trigger.chain(moment.tz_id), begin, number)]


@pytest.mark.parametrize(
    ("event", "place", "since", "expected"),
    [  # to the minute, from public almanacs
        ("sunrise", "Berlin", "2025-06-21T00:00+02:00[Europe/Berlin]", "2025-06-21T04:43"),
        ("sunset", "Berlin", "2025-06-21T00:00+02:00[Europe/Berlin]", "2025-06-21T21:32"),
        ("sunrise", "New York", "2025-12-21T00:00-05:00[America/New_York]", "2025-12-21T07:16"),
        ("sunset", "New York", "2025-12-21T00:00-05:00[America/New_York]", "2025-12-21T16:31"),
        ("sunrise", "Auckland", "2025-12-21T00:00+13:00[Pacific/Auckland]", "2025-12-21T05:58"),
        ("sunset", "Auckland", "2025-12-21T00:00+13:00[Pacific/Auckland]", "2025-12-21T20:39"),
        ("sunrise", "Quito", "2025-03-20T00:00-05:00[America/Guayaquil]", "2025-03-20T06:17"),
    ],
)
def test_it_says_what_almanacs_say(event: SunEvent, place: str, since: str, expected: str) -> None:
    (got,) = shown(sun(event, place), since)
    difference = datetime.fromisoformat(got) - datetime.fromisoformat(expected)
    assert abs(difference) <= timedelta(minutes=1)


def by_astral(event: str, place: str, since: date, days: int) -> list[float]:
    latitude, longitude, zone = PLACES[place]
    observer, found = Observer(latitude, longitude, 0), []
    for number in range(-2, days + 2):
        try:
            moment = getattr(astral_sun, event)(observer, date=since + timedelta(days=number), tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        found.append(moment.timestamp())
    return sorted(found)


@pytest.mark.parametrize("place", [name for name in PLACES if name not in {"Tromso", "Longyearbyen"}])
@pytest.mark.parametrize("event", ["dawn", "sunrise", "sunset", "dusk"])
def test_it_agrees_with_astral_on_every_day_of_a_year(event: SunEvent, place: str) -> None:
    since = date(2025, 1, 1)
    expected = by_astral(event, place, since, 366)
    got = slots(chain(event, place), since, 365)
    assert len(got) == 365
    for slot in got:
        nearest = expected[max(0, bisect(expected, slot / SECOND) - 1) :][:2]
        assert min(abs(slot / SECOND - moment) for moment in nearest) < 2


@pytest.mark.parametrize("event", ["dawn", "sunrise", "sunset", "dusk"])
def test_near_the_pole_it_has_the_days_that_astral_has_but_where_it_is_a_matter_of_minutes(event: SunEvent) -> None:
    since = date(2025, 1, 1)
    expected = by_astral(event, "Tromso", since, 365)
    got = [slot / SECOND for slot in slots(chain(event, "Tromso"), since, 365)]
    assert abs(len(got) - len(expected)) <= 6
    edges = [edge for pair in pairwise(got) if pair[1] - pair[0] > 10 * 86_400 for edge in pair]
    for slot in got:
        if min(abs(slot - edge) for edge in edges) > 5 * 86_400:
            assert min(abs(slot - moment) for moment in expected) < 60


@pytest.mark.parametrize("place", PLACES)
def test_noon_and_midnight_come_once_a_day_everywhere(place: str) -> None:
    assert len(slots(chain("noon", place), date(2025, 1, 1), 365)) in {364, 365, 366}
    assert len(slots(chain("midnight", place), date(2025, 1, 1), 365)) in {364, 365, 366}


@pytest.mark.parametrize("place", PLACES)
def test_the_events_of_a_day_are_in_order(place: str) -> None:
    found = [slots(chain(event, place, polar="nearest"), date(2025, 1, 3), 363) for event in DAILY]
    noons = found[2]
    for index, event in enumerate(DAILY):
        for noon in noons[1:-1]:
            near = [slot for slot in found[index] if abs(slot - noon) <= DAY * 0.53]
            assert any(slot <= noon for slot in near) if event in RISING else any(slot >= noon for slot in near)


def test_in_polar_night_and_polar_day_nothing_runs() -> None:
    rises = sun("sunrise", "Tromso")
    assert shown(rises, "2025-12-10T00:00+01:00[Europe/Oslo]")[0][:7] == "2026-01"
    assert shown(rises, "2025-06-01T00:00+02:00[Europe/Oslo]")[0][:7] == "2025-07"


def test_with_nearest_it_runs_at_noon_in_polar_night_and_at_midnight_in_polar_day() -> None:
    rises, sets = sun("sunrise", "Tromso", polar="nearest"), sun("sunset", "Tromso", polar="nearest")
    noon, midnight = sun("noon", "Tromso"), sun("midnight", "Tromso")
    winter, summer = "2025-12-10T00:00+01:00[Europe/Oslo]", "2025-06-10T02:00+02:00[Europe/Oslo]"
    assert shown(rises, winter, 5) == shown(noon, winter, 5) == shown(sets, winter, 5)
    assert shown(rises, summer, 5) == shown(midnight, summer, 5) == shown(sets, summer, 5)


@pytest.mark.parametrize("event", ["dawn", "sunrise", "sunset", "dusk"])
@pytest.mark.parametrize("place", ["Tromso", "Longyearbyen"])
def test_with_nearest_there_is_one_run_a_day_and_it_never_jumps(event: SunEvent, place: str) -> None:
    found = slots(chain(event, place, polar="nearest"), date(2025, 1, 1), 365)
    assert len(found) in {364, 365, 366}
    assert all(abs(after - before - DAY) < 3 * 3600 * SECOND for before, after in pairwise(found))


def test_an_offset_moves_it() -> None:
    since = "2025-06-21T00:00+02:00[Europe/Berlin]"
    assert shown(sun("sunset", "Berlin", offset=-1800), since) == ["2025-06-21T21:02"]
    assert shown(sun("sunset", "Berlin", offset=TimeDelta(hours=3)), since)[0] == "2025-06-21T00:32"


def test_limits_bound_what_the_offset_gave_on_the_day_of_the_event() -> None:
    since = "2025-06-21T01:00+02:00[Europe/Berlin]"
    assert shown(sun("sunrise", "Berlin", not_before="06:30"), since, 2) == ["2025-06-21T06:30", "2025-06-22T06:30"]
    assert shown(sun("sunset", "Berlin", not_after="21:00:30"), since) == ["2025-06-21T21:00"]
    late = sun("sunset", "Berlin", offset=4 * 3600, not_after="23:00")
    assert shown(late, since, 2) == ["2025-06-21T23:00", "2025-06-22T23:00"]
    assert shown(sun("sunset", "Berlin", not_after="22:00"), since) == ["2025-06-21T21:32"]


@pytest.mark.parametrize(
    ("zone", "since", "expected"),
    [  # from the day before a change of clocks to the day after
        ("Europe/Berlin", "2025-03-28T12:00+01:00", ["2025-03-29T02:30", "2025-03-30T03:30", "2025-03-31T02:30"]),
        ("America/New_York", "2025-03-07T12:00-05:00", ["2025-03-08T02:30", "2025-03-09T03:30", "2025-03-10T02:30"]),
        ("Australia/Lord_Howe", "2025-10-03T12:00+10:30", ["2025-10-04T02:30", "2025-10-05T02:30", "2025-10-06T02:30"]),
        ("Europe/Dublin", "2025-10-24T12:00+01:00", ["2025-10-25T02:30", "2025-10-26T02:30", "2025-10-27T02:30"]),
        ("UTC", "2025-03-28T12:00+00:00", ["2025-03-29T02:30", "2025-03-30T02:30", "2025-03-31T02:30"]),
    ],
)
def test_a_limit_is_a_time_on_the_wall_clock_when_clocks_change(zone: str, since: str, expected: list[str]) -> None:
    latitude, longitude, _ = {place[2]: place for place in PLACES.values()}.get(zone, (0.0, 0.0, ""))
    always_bounded = Sun("sunrise", latitude=latitude, longitude=longitude, not_after="02:30")
    assert shown(always_bounded, f"{since}[{zone}]", 3) == expected


def test_a_limit_at_midnight_where_midnight_is_left_out_is_the_first_moment_of_the_day() -> None:
    bounded = sun("midnight", "Beirut", offset=-3600, not_before="00:00")
    got = shown(bounded, "2025-03-28T12:00+02:00[Asia/Beirut]", 3)
    assert got == ["2025-03-29T00:00", "2025-03-30T01:00", "2025-03-31T00:00"]


@given(
    event=st.sampled_from(["dawn", "sunrise", "noon", "sunset", "dusk", "midnight"]),
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    zone=st.sampled_from(ZONES),
    offset=st.integers(-86_400, 86_400),
    limits=st.sampled_from([(None, None), ("06:30", None), (None, "22:15"), ("05:00", "21:00")]),
    polar=st.sampled_from(["skip", "nearest"]),
    begin=st.integers(1_700_000_000, 1_900_000_000),
    index=st.integers(0, 12),
    ahead=st.integers(-SECOND, 10 * DAY),
    data=st.data(),
)
def test_it_obeys_the_trigger_law(
    event: SunEvent,
    latitude: float,
    longitude: float,
    zone: str,
    offset: int,
    limits: tuple[str | None, str | None],
    polar: Polar,
    begin: int,
    index: int,
    ahead: int,
    data: st.DataObject,
) -> None:
    trigger = Sun(
        event,
        latitude=latitude,
        longitude=longitude,
        offset=offset,
        not_before=limits[0],
        not_after=limits[1],
        polar=polar,
    )
    chain = trigger.chain(zone)
    first = chain.first(begin * SECOND)
    if first is None:
        return
    assert first > begin * SECOND
    elements = [first, *walk(chain, first, 20)]
    assert not any(slot % SECOND for slot in elements)
    previous = elements[min(index, len(elements) - 1)]
    now = min(previous + ahead, elements[-1] - 1)
    assert chain.next(previous, now) == next((e for e in elements if e > max(previous, now)), None)
    until = data.draw(st.integers(previous, elements[-1]))
    passed = [e for e in elements if previous < e <= until]
    assert chain.count(previous, until) == (len(passed), passed[-1] if passed else previous)
    assert chain.previous(elements[-1]) == (elements[-2] if len(elements) > 1 else chain.previous(first))
    asked = ProtocolChain(trigger, zone)
    assert (asked.first(begin * SECOND), asked.next(previous, now)) == (first, chain.next(previous, now))


def test_where_the_event_never_comes_there_is_no_run() -> None:
    assert Sun("dusk", latitude=0, longitude=0, twilight=80).chain("UTC").first(0) is not None
    assert Sun("sunrise", latitude=90, longitude=0, twilight=6).chain("UTC").count(0, 365 * DAY)[0] <= 2


def test_counting_ten_years_takes_no_longer_than_looking_at_their_days() -> None:
    begin = 1_700_000_000 * SECOND
    number, last = chain("sunset", "Berlin").count(begin, begin + 3650 * DAY)
    assert number == 3650
    assert begin + 3649 * DAY < last <= begin + 3650 * DAY


def test_chains_end_before_the_year_2200() -> None:
    last = chain("noon", "Berlin").previous(nanoseconds(ZonedDateTime.parse_iso("2300-01-01T00:00Z[UTC]")))
    assert last is not None
    assert zoned(last, "UTC").year == 2199
    assert chain("noon", "Berlin").next(last, last) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"event": "sunup"}, "'event' must be one of 'dawn', 'sunrise', 'noon', 'sunset', 'dusk', 'midnight'"),
        ({"latitude": 91}, "'latitude' must lie between -90 and 90, got 91"),
        ({"longitude": float("nan")}, "'longitude' must lie between -180 and 180, got nan"),
        ({"elevation": 20_000}, "'elevation' must lie between"),
        ({"offset": 90_000}, "'offset' must lie between"),
        ({"not_before": "6"}, "'not_before' must be 'HH:MM' or 'HH:MM:SS', got '6'"),
        ({"not_after": "24:00"}, "'not_after' must be"),
        ({"not_before": "09:00", "not_after": "08:00"}, "'not_before' must not be later than 'not_after'"),
        ({"twilight": "nice"}, "'twilight' must be one of"),
        ({"polar": "clamp"}, "'polar' must be one of 'skip', 'nearest', got 'clamp'"),
        ({"timezone": "Europe/Atlantis"}, "Europe/Atlantis"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, object], text: str) -> None:
    given: dict[str, object] = {"event": "sunset", "latitude": 52, "longitude": 13} | arguments
    with pytest.raises(ValueError, match=text):
        Sun(**given)  # type: ignore[arg-type]  # wrong on purpose


def test_what_is_no_number_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="'latitude' must be a number, got '52'"):
        Sun("sunset", latitude="52", longitude=13)  # type: ignore[arg-type]  # wrong on purpose


def test_its_identity_names_what_differs_from_the_defaults() -> None:
    assert Sun("sunset", latitude=52.5, longitude=13).trigger_id() == "sun:sunset;lat=52.5;lon=13"
    full = Sun("dusk", latitude=52.5, longitude=13, offset=-90, not_after="22:00", twilight="nautical", polar="nearest")
    expected = "sun:dusk;lat=52.5;lon=13;offset=-90;not_after=22:00:00;twilight=12.0;polar=nearest"
    assert full.trigger_id() == expected
    assert (full.trigger_label(), full.trigger_detail(), full.trigger_db_type()) == ("sun", "dusk -90s", "custom")


def test_an_embedded_scheduler_runs_it() -> None:
    clock = VirtualClock(ZonedDateTime(2025, 6, 20, 12, tz="Europe/Berlin"))
    runs: list[str] = []
    with Scheduler(clock=clock) as scheduler:
        scheduler.schedule(lambda: runs.append("down"), name="sunset", trigger=sun("sunset", "Berlin"))
        clock.advance(36 * 3600)
    assert runs == ["down", "down"]
