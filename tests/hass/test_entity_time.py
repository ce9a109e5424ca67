"""``EntityTime``: jobs that are due when an entity says, whatever it comes to say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from whenever import TimeDelta

from duly.apps import App, AppConfig
from duly.hass import EntityTime
from duly.testing import AppHarness
from duly.testing.app_ledger import LedgerRow
from duly.testing.given_home import Value

WAKE = "input_datetime.wake"
START = "2025-06-20 06:00"
DAILY = {"state": "07:00:00", "attributes": {"has_date": False, "has_time": True, "timestamp": 25200}}


class AlarmConfig(AppConfig):
    """What the alarm follows, and the options of its job."""

    entity_id: str = WAKE
    attribute: str | None = None
    offset: float = 0
    work: float = 0
    options: dict[str, Any] = Field(default_factory=dict)


class Alarm(App[AlarmConfig]):
    """Rings when an entity says."""

    async def on_initialize(self) -> None:
        self.rings: list[str] = []
        config = self.app_config
        when = EntityTime(config.entity_id, config.attribute, config.offset)
        options = {"timeout_disabled": True} | config.options
        self.job = await self.scheduler.schedule(self.ring, when, "ring", **options)

    async def ring(self) -> None:
        self.rings.append(self.now().format_iso()[:19])
        await asyncio.sleep(self.app_config.work)


def shown(rows: list[LedgerRow]) -> list[tuple[str, str | None, str, int]]:
    """Status, reason, slot and count of each."""
    return [
        (row.status, row.reason, "" if row.first is None else row.first.format_iso()[:16], row.count) for row in rows
    ]


def alarm(states: dict[str, Any] | None = None, **config: Any) -> AppHarness[Alarm]:  # noqa: ANN401 - of its settings
    return AppHarness(Alarm, config, start=START, timezone="Europe/Berlin", states=states or {})


async def by_hand(app: Alarm) -> None:
    await app.scheduler.run_job_now(app.job)


def dormant(h: AppHarness[Alarm]) -> bool:
    assert h.app.job in h.scheduler.list_jobs()
    return h.app.job.next_run.year >= 2199


# --- what an entity says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "attribute", "expected"),
    [
        (DAILY, None, ["2025-06-20T07:00:00", "2025-06-21T07:00:00"]),
        ("07:30", None, ["2025-06-20T07:30:00", "2025-06-21T07:30:00"]),
        ("05:00:30", None, ["2025-06-21T05:00:30"]),
        ("2025-06-20 07:00:00", None, ["2025-06-20T07:00:00"]),
        ("2025-06-21", None, ["2025-06-21T00:00:00"]),
        ("2025-06-20T05:15:00+00:00", None, ["2025-06-20T07:15:00"]),
        ("2025-06-20T05:15:00.600+00:00", None, ["2025-06-20T07:15:01"]),
        (
            {
                "state": "2025-06-20 07:00:00",
                "attributes": {"has_date": True, "has_time": True, "timestamp": 1750399200},
            },
            None,
            ["2025-06-20T08:00:00"],
        ),
        (
            {
                "state": "2025-06-20 07:00:00",
                "attributes": {"has_date": True, "has_time": True, "timestamp": float("inf")},
            },
            None,
            ["2025-06-20T07:00:00"],
        ),
        (
            {"state": "below_horizon", "attributes": {"next_rising": "2025-06-20T05:00:00.123456+00:00"}},
            "next_rising",
            ["2025-06-20T07:00:00"],
        ),
    ],
    ids=repr,
)
def test_a_job_runs_when_the_entity_says(state: Value, attribute: str | None, expected: list[str]) -> None:
    with alarm({WAKE: state}, attribute=attribute) as h:
        assert h.app.job.next_run.format_iso()[:19] == expected[0]
        h.advance(days=1, hours=4)
        assert h.app.rings == expected


@pytest.mark.parametrize(
    "state",
    ["unknown", "unavailable", "off", "", "soon", "2025-06-20 05:59:59", "2025-06-19", "25:00", None],
)
def test_without_a_time_to_come_the_job_is_live_with_nothing_due_and_wakes_when_there_is_one(state: str | None) -> None:
    with alarm({} if state is None else {WAKE: state}) as h:
        assert dormant(h)
        assert h.advance(days=3) == []
        h.change_state(WAKE, "07:00")
        assert not dormant(h)
        h.advance(days=1)
        assert h.app.rings == ["2025-06-23T07:00:00"]


def test_an_offset_moves_it_also_over_midnight() -> None:
    with alarm({WAKE: "00:10"}, offset=-1800) as h:
        h.advance(days=1)
        assert h.app.rings == ["2025-06-20T23:40:00"]
    with alarm({WAKE: "2025-06-20 07:00:00"}, offset=-1800) as h:
        h.advance(days=1)
        assert h.app.rings == ["2025-06-20T06:30:00"]


# --- changes ---------------------------------------------------------------------------------------------------------


def test_a_change_arms_the_job_anew_at_once_and_the_handle_stays() -> None:
    with alarm({WAKE: DAILY}) as h:
        job, db_id = h.app.job, h.app.job.db_id
        h.advance(minutes=30)
        h.change_state(WAKE, "06:45:00")
        assert job.next_run.format_iso()[:16] == "2025-06-20T06:45"
        h.advance(hours=3)
        h.change_state(WAKE, "22:00:00")
        h.advance(hours=20)
        assert h.app.rings == ["2025-06-20T06:45:00", "2025-06-20T22:00:00"]
        assert (h.scheduler.list_jobs(), job.db_id) == ([job], db_id)


def test_each_arming_is_a_schedule_of_its_own_and_the_ledger_adds_up() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.change_state(WAKE, "06:45:00")
        h.change_state(WAKE, "off")
        h.change_state(WAKE, "06:50:00")
        rows = h.advance(days=2)
        assert shown(rows) == [
            ("success", None, "2025-06-20T06:50", 1),
            ("success", None, "2025-06-21T06:50", 1),
        ]
        h.ledger.assert_conserved()


def test_what_changes_nothing_about_the_time_arms_nothing() -> None:
    with alarm({WAKE: DAILY}) as h:
        fire_at = h.app.job.fire_at
        h.change_state(WAKE, "07:00:00", icon="mdi:alarm", has_date=False, has_time=True, timestamp=25200)
        assert h.app.job.fire_at is fire_at


def test_a_cancelled_job_follows_no_more() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.run(h.app.job.cancel)
        h.change_state(WAKE, "06:45:00")
        assert h.advance(days=1) == []
        assert h.scheduler.list_jobs() == []


# --- what stays ------------------------------------------------------------------------------------------------------


def test_a_slot_stays_when_the_time_that_it_hangs_on_has_come_and_the_entity_moves_on() -> None:
    sun = {"state": "below_horizon", "attributes": {"next_rising": "2025-06-20T05:00:00+00:00"}}
    with alarm({"sun.sun": sun}, entity_id="sun.sun", attribute="next_rising", offset=1800) as h:
        h.advance_to("2025-06-20 07:00:00")
        h.change_state("sun.sun", "above_horizon", next_rising="2025-06-21T05:01:00+00:00")
        h.advance(days=1, hours=2)
        assert h.app.rings == ["2025-06-20T07:30:00", "2025-06-21T07:31:00"]


def test_home_assistant_may_be_ahead_by_seconds() -> None:
    sun = {"state": "below_horizon", "attributes": {"next_rising": "2025-06-20T05:00:00+00:00"}}
    with alarm({"sun.sun": sun}, entity_id="sun.sun", attribute="next_rising") as h:
        h.advance_to("2025-06-20 06:59:57")
        h.change_state("sun.sun", "above_horizon", next_rising="2025-06-21T05:01:00+00:00")
        h.advance(days=1, hours=2)
        assert h.app.rings == ["2025-06-20T07:00:00", "2025-06-21T07:01:00"]


def test_home_assistant_may_be_behind_and_no_slot_runs_twice() -> None:
    sun = {"state": "below_horizon", "attributes": {"next_rising": "2025-06-20T05:00:00+00:00"}}
    with alarm({"sun.sun": sun}, entity_id="sun.sun", attribute="next_rising") as h:
        h.advance_to("2025-06-20 07:00:02")
        h.change_state("sun.sun", "below_horizon", elevation=-0.1)
        assert dormant(h)
        h.change_state("sun.sun", "above_horizon", next_rising="2025-06-21T05:01:00+00:00")
        h.advance(days=1, hours=1)
        assert h.app.rings == ["2025-06-20T07:00:00", "2025-06-21T07:01:00"]


def test_a_time_that_is_withdrawn_before_it_comes_does_not_run() -> None:
    with alarm({WAKE: "2025-06-20 07:00:00"}) as h:
        h.advance_to("2025-06-20 06:59:54")
        h.change_state(WAKE, "unavailable")
        h.advance(hours=1)
        assert h.app.rings == []


def test_a_change_while_a_run_is_in_flight_is_taken_at_once_and_its_slot_is_accounted_for() -> None:
    with alarm({WAKE: "07:00"}, work=7200) as h:
        h.advance_to("2025-06-20 07:30")
        h.change_state(WAKE, "08:00")
        rows = h.advance_to("2025-06-20 10:00")
        assert sorted(shown(rows)) == [
            ("skipped", "overlap", "2025-06-20T08:00", 1),
            ("success", None, "2025-06-20T07:00", 1),
        ]
        h.ledger.assert_conserved()
        h.advance_to("2025-06-21 08:00:01")
        assert h.app.rings[-1] == "2025-06-21T08:00:00"


def test_slots_that_wait_their_turn_keep_it_when_the_time_changes() -> None:
    with alarm({WAKE: "07:00"}, work=7200, options={"mode": "queued"}) as h:
        h.advance_to("2025-06-20 07:30")
        h.change_state(WAKE, "08:00")
        h.advance_to("2025-06-20 08:30")
        h.change_state(WAKE, "unavailable")
        h.advance_to("2025-06-20 12:00")
        assert h.app.rings == ["2025-06-20T07:00:00", "2025-06-20T09:00:00"]
        h.ledger.assert_conserved()


# --- pauses ----------------------------------------------------------------------------------------------------------


def test_a_paused_job_stays_paused_over_changes() -> None:
    with alarm({WAKE: "07:00"}) as h:
        h.run(h.scheduler.pause_job, h.app.job)
        h.change_state(WAKE, "06:30")
        h.advance(hours=2)
        h.run(h.scheduler.resume_job, h.app.job)
        h.advance(days=1)
        assert h.app.rings == ["2025-06-21T06:30:00"]
        h.ledger.assert_conserved()


def test_a_job_with_nothing_due_can_be_paused_resumed_and_run_by_hand() -> None:
    with alarm({WAKE: "off"}) as h:
        h.run(h.scheduler.pause_job, h.app.job)
        h.change_state(WAKE, "07:00")
        h.advance(hours=2)
        assert h.app.rings == []
        h.run(h.scheduler.resume_job, h.app.job)
        h.change_state(WAKE, "off")
        h.run(by_hand(h.app))
        assert len(h.app.rings) == 1


# --- down time -------------------------------------------------------------------------------------------------------


def test_a_slot_that_passed_while_the_process_was_down_goes_through_misfire_though_the_entity_has_moved_on() -> None:
    sun = {"state": "below_horizon", "attributes": {"next_rising": "2025-06-20T05:00:00+00:00"}}
    with alarm({"sun.sun": sun}, entity_id="sun.sun", attribute="next_rising") as h:
        h.crash()
        h.set_state("sun.sun", "above_horizon", next_rising="2025-06-21T05:01:00+00:00")
        h.restart(after=TimeDelta(hours=3))
        assert h.app.rings == ["2025-06-20T09:00:00"]
        h.advance(days=1)
        assert h.app.rings == ["2025-06-20T09:00:00", "2025-06-21T07:01:00"]
        h.ledger.assert_conserved()


def test_with_misfire_skip_it_is_missed() -> None:
    with alarm({WAKE: "2025-06-20 07:00:00"}, options={"misfire": "skip"}) as h:
        h.crash()
        h.restart(after=TimeDelta(hours=3))
        rows = h.advance(hours=1)
        assert h.app.rings == []
        assert [shown([row])[0][:2] for row in [*h.ledger.rows(), *rows]][:1] == [("missed", "down")]


def test_a_daily_time_goes_on_over_a_restart() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.advance(hours=2)
        h.stop()
        h.restart(after=TimeDelta(hours=1))
        h.advance(days=1)
        assert h.app.rings == ["2025-06-21T07:00:00"]
        h.ledger.assert_conserved()


def test_while_home_assistant_is_away_what_it_said_last_holds() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.disconnect()
        h.advance(hours=2)
        assert h.app.rings == ["2025-06-20T07:00:00"]
        h.set_state(WAKE, "09:00:00")
        h.connect()
        h.advance(hours=2)
        assert h.app.rings == ["2025-06-20T07:00:00", "2025-06-20T09:00:00"]


def test_also_after_a_restart_until_home_assistant_tells_otherwise() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.disconnect()
        h.crash()
        h.set_state(WAKE, "09:00:00")
        h.restart(after=TimeDelta(minutes=1))
        assert h.app.job.next_run.format_iso()[:16] == "2025-06-20T07:00"
        h.advance(hours=1, minutes=30)
        assert h.app.rings == ["2025-06-20T07:00:00"]
        h.connect()
        assert h.app.job.next_run.format_iso()[:16] == "2025-06-20T09:00"


def test_a_job_with_nothing_due_goes_on_over_a_restart() -> None:
    with alarm({WAKE: "off"}) as h:
        for _ in range(3):
            h.stop()
            h.restart(after=TimeDelta(hours=1))
            assert dormant(h)
        h.change_state(WAKE, "09:30")
        h.advance(days=1)
        assert h.app.rings == ["2025-06-20T09:30:00"]
        h.ledger.assert_conserved()


def test_a_reload_of_the_app_takes_its_time_along() -> None:
    with alarm({WAKE: DAILY}) as h:
        h.advance(hours=2)
        h.reload({"offset": 0, "work": 1})
        h.advance(days=1)
        assert h.app.rings == ["2025-06-21T07:00:00"]
        h.reload({"offset": 60})
        h.advance(days=1)
        assert h.app.rings == ["2025-06-22T07:01:00"]
        h.ledger.assert_conserved()


# --- whatever happens ------------------------------------------------------------------------------------------------

TIMES = ["06:30", "07:00", "12:00:30", "2025-06-20 08:00:00", "2025-06-21 01:00:00", "2025-06-20T09:00:00+00:00"]
ACTS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from([*TIMES, "off", "unavailable", None])),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 600, 1800, 3600, 20_000])),
    st.tuples(st.sampled_from(["pause", "resume", "away", "back", "crash", "restart", "reload"]), st.just(0)),
)


def act(h: AppHarness[Alarm], kind: str, what: Any) -> None:  # noqa: ANN401 - of the act
    match kind:
        case "say":
            h.change_state(WAKE, what)
        case "wait":
            h.advance(seconds=what)
        case "pause":
            h.run(h.scheduler.pause_job, h.app.job)
        case "resume":
            h.run(h.scheduler.resume_job, h.app.job)
        case "away":
            h.disconnect()
        case "back":
            h.connect()
        case "crash" | "restart":
            h.crash() if kind == "crash" else h.stop()
            h.restart(after=TimeDelta(minutes=20))
        case "reload":
            h.reload({"offset": -1800, "work": 700})


@given(acts=st.lists(ACTS, max_size=12), mode=st.sampled_from(["single", "queued", "parallel", "restart"]))
@settings(max_examples=30)
def test_whatever_happens_no_slot_runs_twice_and_the_ledger_adds_up(acts: list[tuple[str, Any]], mode: str) -> None:
    with alarm({WAKE: DAILY}, work=700, options={"mode": mode}) as h:
        for kind, what in acts:
            act(h, kind, what)
        if h.app.job in h.scheduler.list_jobs():
            h.run(h.scheduler.resume_job, h.app.job)
        h.connect()
        h.change_state(WAKE, "23:00")
        h.advance(days=2)
        settled = [row for row in h.ledger.rows("ring") if row.first is not None]
        slots = [row.first for row in settled]
        assert len(slots) == len(set(slots))
        assert [row for row in settled[-2:] if row.ran]
        h.ledger.assert_conserved()


# --- arguments -------------------------------------------------------------------------------------------------------


def test_its_identity_names_what_differs_from_the_defaults() -> None:
    assert EntityTime(WAKE).trigger_id() == "entity:input_datetime.wake"
    full = EntityTime("sun.sun", "next_rising", TimeDelta(minutes=-30), timezone="Europe/Berlin")
    assert full.trigger_id() == "entity:sun.sun;attribute=next_rising;offset=-1800;timezone=Europe/Berlin"
    assert (full.trigger_label(), full.trigger_detail()) == ("entity", "sun.sun next_rising -1800s")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"entity_id": "wake"}, ValueError, "'entity_id' must be like 'input_datetime.wake', got 'wake'"),
        ({"attribute": ""}, TypeError, "'attribute' must be the name of one, or None, got ''"),
        ({"offset": "1h"}, TypeError, "'offset' must be seconds or a whenever.TimeDelta, got '1h'"),
        ({"offset": float("inf")}, ValueError, "'offset' must be at most a year, got inf"),
        ({"timezone": "Mars/Olympus"}, ValueError, "Mars/Olympus"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        EntityTime(**({"entity_id": WAKE} | arguments))


def test_an_entity_that_does_not_exist_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with alarm({WAKE: DAILY}, entity_id="input_datetime.wakeup") as h:
        h.change_state(WAKE, "08:00:00")
        h.advance(days=1)
        assert dormant(h)
    assert caplog.text.count("entity:input_datetime.wakeup: there is no such entity") == 1
