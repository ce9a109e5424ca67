"""The JSON text that rebuilds a built-in trigger's schedule."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import TimeDelta, ZonedDateTime

from duly.core.clock import SECOND, Zone, zoned
from duly.core.trigger import Chain, ProtocolChain, StoredType, TriggerProtocol, chain_of
from duly.embedded.triggers import CronTrigger, IntervalTrigger, OnceTrigger, cron, every
from duly.embedded.triggers import at as at_time
from duly.triggers import After, Cron, Daily, Dst, Every, Once
from duly.triggers.builtin import BuiltInChain
from duly.triggers.interval import Grid, SecondGrid
from duly.triggers.spec import chain_from_spec, spec_of
from duly.triggers.ticks import CronChain
from duly.triggers.zones import fixed_segments
from tests.profiles import examples
from tests.triggers.draws import ZONES, at, expressions

NOON = at("2025-03-29T12:00:00+01:00[Europe/Berlin]")
NOON_IN_BERLIN = zoned(NOON, "Europe/Berlin")
NAIVE = datetime(2025, 3, 29, 12)  # noqa: DTZ001 - wall-clock time in the zone of the scheduler
ZONES_AND_SYSTEM: st.SearchStrategy[Zone] = st.one_of(st.none(), st.sampled_from(ZONES))

SPECS: list[tuple[TriggerProtocol, dict[str, Any]]] = [
    (Every(minutes=5), {"chain": "second_grid", "step": 300 * SECOND, "start": None, "end": 7258118400 * SECOND - 1}),
    (
        Every(90, start=NOON_IN_BERLIN),
        {"chain": "second_grid", "step": 90 * SECOND, "start": NOON, "end": 7258118400 * SECOND - 1},
    ),
    (every(seconds=0.25), {"chain": "grid", "step": SECOND // 4, "start": None, "end": 7258118400 * SECOND - 1}),
    (
        IntervalTrigger(60, start_time=NAIVE, end_time=NAIVE + timedelta(hours=1)),
        {"chain": "grid", "step": 60 * SECOND, "start": NOON, "end": NOON + 3600 * SECOND},
    ),
    (After(1.5), {"chain": "delay", "delay": 3 * SECOND // 2}),
    (Once(NOON_IN_BERLIN), {"chain": "single", "at": NOON}),
    (OnceTrigger(NAIVE), {"chain": "single", "at": NOON}),
    (at_time("07:00"), {"chain": "next_time_of_day", "at": "07:00:00", "zone": "Europe/Berlin"}),
    (
        Daily("07:00", timezone="Asia/Beirut"),
        {
            "chain": "cron",
            "fields": "0 7 * * * 0",
            "day_or": True,
            "zone": "Asia/Beirut",
            "gap": "shift",
            "overlap": "first",
        },
    ),
    (
        Cron("*/5 * L * mon */20", day_or=False),
        {
            "chain": "cron",
            "fields": "*/5 * L * MON */20",
            "day_or": False,
            "zone": "Europe/Berlin",
            "gap": "skip",
            "overlap": "both",
        },
    ),
    (
        Cron("H H * * *", dst=Dst("after_gap", "second")).bind("porch"),
        {
            "chain": "cron",
            "fields": "12 19 * * * 0",
            "day_or": True,
            "zone": "Europe/Berlin",
            "gap": "after_gap",
            "overlap": "second",
        },
    ),
]
"""Bound to Berlin."""
CRON = SPECS[-1][1]
GRID = SPECS[0][1]


def moments() -> st.SearchStrategy[int]:
    return st.integers(at("2000-01-01T00:00:00Z[UTC]"), at("2037-12-31T00:00:00Z[UTC]"))


def wall_clocks() -> st.SearchStrategy[datetime]:
    """Naive, of a named zone, or with a bare offset."""
    zones: st.SearchStrategy[tzinfo | None] = st.one_of(
        st.none(), st.sampled_from(ZONES).map(ZoneInfo), st.just(UTC), st.just(timezone(timedelta(hours=-3)))
    )
    naive = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - the zone is drawn
    return st.builds(lambda moment, zone: moment.replace(tzinfo=zone), naive, zones)


def cron_triggers() -> st.SearchStrategy[TriggerProtocol]:
    dst = st.builds(Dst, st.sampled_from(["shift", "after_gap", "skip"]), st.sampled_from(["first", "second", "both"]))
    zone, either, name = st.one_of(st.none(), st.sampled_from(ZONES)), st.booleans(), st.text(max_size=5)
    return st.one_of(
        expressions().flatmap(lambda text: st.builds(_cron, st.just(text), zone, dst, either)),
        st.builds(
            lambda text, place, rule, job: Cron(text, timezone=place, dst=rule).bind(job),
            st.sampled_from(["H H * * *", "H/15 * * * * H", "H(0-9) 1-3 H * H"]),
            zone,
            dst,
            name,
        ),
        st.builds(CronTrigger, st.sampled_from(["*", "30", "*/7"]), st.sampled_from(["*", "1-3", "2"]), timezone=zone),
        st.builds(Daily, st.sampled_from(["00:00", "02:30", "07:00"]), timezone=zone, dst=dst),
    )


def _cron(expression: str, place: str | None, dst: Dst, day_or: bool) -> TriggerProtocol:
    """An expression of which no day exists is replaced."""
    try:
        return Cron(expression, timezone=place, dst=dst, day_or=day_or)
    except ValueError:
        return Cron("30 2 * * *", timezone=place, dst=dst, day_or=day_or)


def other_triggers() -> st.SearchStrategy[TriggerProtocol]:
    seconds = st.integers(1, 10**6)
    starts = st.one_of(st.none(), st.builds(zoned, moments(), st.sampled_from(ZONES)))
    bounds = st.tuples(wall_clocks(), st.integers(2, 10**4))
    return st.one_of(
        st.builds(Every, seconds, start=starts),
        st.builds(After, seconds.map(lambda number: number / 8)),
        st.builds(lambda number: After(timedelta=TimeDelta(nanoseconds=number)), st.integers(1, 10**16)),
        st.builds(Once, st.builds(zoned, moments(), st.sampled_from(ZONES))),
        st.builds(OnceTrigger, wall_clocks()),
        st.builds(at_time, st.times().map(lambda moment: moment.strftime("%H:%M:%S"))),
        st.builds(every, seconds.map(lambda number: number / 8)),
        st.builds(lambda step, start: IntervalTrigger(step, start_time=start), seconds, wall_clocks()),
        st.builds(
            lambda step, start: IntervalTrigger(step, start_time=start[0], end_time=start[0] + timedelta(start[1])),
            seconds,
            bounds,
        ),
    )


def rebuilt(trigger: TriggerProtocol, zone: Zone) -> Chain:
    text = spec_of(trigger, zone)
    assert text is not None
    return chain_from_spec(text)


def answers(chain: Chain, asked: list[tuple[int, int]]) -> list[object]:
    """What a chain says of moments: also from elements of its own."""
    assert chain.count is not None
    found: list[object] = []
    for begin, ahead in asked:
        first = chain.first(begin)
        found += [first, chain.next(begin, begin + ahead), chain.count(begin, begin + ahead)]
        if first is not None:
            found += [chain.next(first, first + ahead), chain.count(first, first + ahead)]
    return found


@given(
    trigger=st.one_of(cron_triggers(), other_triggers()),
    zone=ZONES_AND_SYSTEM,
    asked=st.lists(st.tuples(moments(), st.integers(0, 10**16)), min_size=1, max_size=4),
)
@settings(max_examples=examples())
def test_the_rebuilt_chain_answers_as_the_chain_of_the_trigger(
    trigger: TriggerProtocol, zone: Zone, asked: list[tuple[int, int]]
) -> None:
    assert answers(rebuilt(trigger, zone), asked) == answers(chain_of(trigger, zone), asked)


@given(trigger=st.one_of(cron_triggers(), other_triggers()), zone=ZONES_AND_SYSTEM)
def test_the_rebuilt_chain_has_the_same_spec(trigger: TriggerProtocol, zone: Zone) -> None:
    class Rebuilt(Every):
        def chain(self, zone: Zone) -> Any:  # noqa: ANN401 - any chain will do
            return rebuilt(trigger, zone)

    assert spec_of(Rebuilt(1), zone) == spec_of(trigger, zone)


@pytest.mark.parametrize(("trigger", "parts"), SPECS, ids=[trigger.trigger_id() for trigger, _ in SPECS])
def test_the_text_of_every_kind(trigger: TriggerProtocol, parts: dict[str, Any]) -> None:
    assert spec_of(trigger, "Europe/Berlin") == json.dumps(parts, separators=(",", ":"))


def test_jobs_of_the_same_cron_schedule_share_the_rebuilt_chain() -> None:
    trigger = Cron("0 7 * * *", timezone="Europe/Berlin")
    assert rebuilt(trigger, None) is trigger.chain("UTC")


@pytest.mark.parametrize("trigger", [cron("0 7 * * *"), at_time("07:00")], ids=repr)
def test_the_zone_of_the_system_stays_the_zone_of_the_system(trigger: TriggerProtocol) -> None:
    text = spec_of(trigger, None)
    assert text is not None
    assert json.loads(text)["zone"] is None
    assert spec_of(trigger, "UTC") != text


def test_a_chain_over_a_fixed_offset_is_rebuilt_with_it() -> None:
    class InPractice(Cron):
        def chain(self, zone: Zone) -> CronChain:
            return self.chain_over(fixed_segments(-19_800))

    asked = [(NOON, 10**16)]
    trigger = InPractice("0 7 * * *")
    assert answers(rebuilt(trigger, None), asked) == answers(trigger.chain(None), asked)


def test_a_very_long_interval_is_rebuilt() -> None:
    asked = [(NOON, 10**16)]
    assert answers(rebuilt(every(days=1e9), "UTC"), asked) == answers(every(days=1e9).chain("UTC"), asked)


class Sunrise:
    """A trigger of a user's."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime:
        return current_time

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> None:
        return None

    def trigger_label(self) -> str:
        return "sunrise"

    def trigger_detail(self) -> None:
        return None

    def trigger_db_type(self) -> StoredType:
        return "custom"

    def trigger_id(self) -> str:
        return "sunrise"


def test_a_trigger_of_a_users_own_has_no_spec() -> None:
    assert spec_of(Sunrise(), "UTC") is None


class WeekendGrid(SecondGrid):
    def next(self, previous: int, now: int) -> int | None:
        return None


class Weekend(Every):
    def chain(self, zone: Zone) -> WeekendGrid:
        return WeekendGrid(SECOND)


def test_a_built_in_with_arithmetic_of_a_users_own_has_no_spec() -> None:
    assert spec_of(Weekend(1), "UTC") is None


class Asked(Cron):
    def chain(self, zone: Zone) -> Any:  # noqa: ANN401 - not one of the built-in chains
        return ProtocolChain(self, zone)


def test_a_built_in_that_answers_through_methods_of_a_users_own_has_no_spec() -> None:
    assert spec_of(Asked("0 7 * * *"), "UTC") is None


class Winter(Cron):
    def chain(self, zone: Zone) -> CronChain:
        return super().chain("Etc/GMT-1")


def test_the_spec_says_what_the_engine_walks_not_what_arguments_say() -> None:
    text = spec_of(Winter("0 7 * * *"), "Europe/Berlin")
    assert text is not None
    assert json.loads(text)["zone"] == "Etc/GMT-1"


def test_the_bounds_of_a_grid_are_kept() -> None:
    start, end = NOON_IN_BERLIN.to_stdlib(), NOON_IN_BERLIN.add(hours=1).to_stdlib()
    grid = rebuilt(IntervalTrigger(minutes=7, start_time=start, end_time=end), None)
    assert isinstance(grid, Grid)
    assert (grid.step, grid.start, grid.end) == (420 * SECOND, NOON, NOON + 3600 * SECOND)


def test_what_is_rebuilt_can_be_counted_in_any_window_and_walked_back() -> None:
    chain: BuiltInChain = Daily("07:00").chain("Europe/Berlin")
    again = rebuilt(Daily("07:00"), "Europe/Berlin")
    assert isinstance(again, CronChain)
    assert (again.previous(NOON), again.between(0, NOON)) == (chain.previous(NOON), chain.between(0, NOON))


def changed(parts: dict[str, Any], **changes: object) -> str:
    return json.dumps({**parts, **changes})


KINDS = "grid, second_grid, single, delay, next_time_of_day, cron, cron_window"
DAMAGED = {
    "": "Expecting value: line 1 column 1 (char 0)",
    '{"chain":"grid"': "Expecting ',' delimiter",
    "[" * 100_000: "recursion",
    "[]": "it is no JSON object",
    "{}": "'chain' is missing",
    '{"chain":["grid"]}': f"'chain' must be one of {KINDS}, got ['grid']",
    '{"chain":"sun"}': f"'chain' must be one of {KINDS}, got 'sun'",
    '{"chain":"single"}': "'at' is missing",
    '{"chain":"single","at":1.5}': "'at' must be nanoseconds since 1970, got 1.5",
    '{"chain":"single","at":true}': "'at' must be nanoseconds since 1970, got True",
    f'{{"chain":"single","at":{1 << 63}}}': f"'at' must be nanoseconds since 1970, got {1 << 63}",
    '{"chain":"single","at":0,"until":1}': "unknown: 'until'",
    '{"chain":"delay","delay":"1"}': "'delay' must be a positive number of nanoseconds, got '1'",
    '{"chain":"next_time_of_day","at":7,"zone":null}': "'at' must be text, got 7",
    '{"chain":"next_time_of_day","at":"25:00","zone":null}': "hour must be in 0..23",
    '{"chain":"next_time_of_day","at":"07:00+01:00","zone":null}': "'at' must be a time without a zone",
    '{"chain":"next_time_of_day","at":"07:00","zone":3600}': "'zone' must be an IANA name or null, got 3600",
    changed(GRID, step=0): "'step' must be a positive number of nanoseconds, got 0",
    changed(GRID, step=SECOND + 1): "'step' must be whole seconds, got 1000000001 nanoseconds",
    changed(GRID, start="2025"): "'start' must be nanoseconds since 1970, got '2025'",
    changed(GRID, end=None): "'end' must be nanoseconds since 1970, got None",
    changed(CRON, fields="0 7 * * *"): "'fields' must be 6 fields of a cron expression, got '0 7 * * *'",
    changed(CRON, fields="0 7 * * * H"): "second 'H': 'H' is not a number",
    changed(CRON, fields="0 7 30 2 * 0"): "no such day exists",
    changed(CRON, day_or="yes"): "'day_or' must be true or false, got 'yes'",
    changed(CRON, zone="Europe/Atlantis"): "Europe/Atlantis",
    changed(CRON, zone=86_401): "'zone' must be an IANA name or null, got 86401",
    changed(CRON, zone=True): "'zone' must be an IANA name or null, got True",
    changed(CRON, gap="jump"): "'gap' must be one of shift, after_gap, skip, got 'jump'",
    changed(CRON, overlap=None): "'overlap' must be one of first, second, both, got None",
}


@pytest.mark.parametrize(("text", "problem"), DAMAGED.items(), ids=[f"{text[:60]}" for text in DAMAGED])
def test_damaged_text_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^no trigger can be rebuilt from .*: .*{re.escape(problem)}"):
        chain_from_spec(text)


@given(text=st.sampled_from([json.dumps(parts) for _, parts in SPECS]), data=st.data())
def test_text_that_was_cut_off_is_refused(text: str, data: st.DataObject) -> None:
    with pytest.raises(ValueError, match=r"^no trigger can be rebuilt"):
        chain_from_spec(text[: data.draw(st.integers(0, len(text) - 1))])
