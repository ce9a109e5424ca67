"""Files that cannot be used and messages that nobody understands change nothing, however many there are."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from duly.core.clock import SECOND, SystemClock
from duly.dispatch.nats_bus import NatsBus
from tests.dispatch.troupe import task
from tests.embedded.waiting import eventually
from tests.faults.dispatch_account import NAME
from tests.faults.dispatch_fleet import DispatchFleet, Stopwatch
from tests.faults.test_dispatch_under_fire import assert_once

WANTED = [task("steady", interval_seconds=0.5)]
BAD = [
    "",
    "[",
    "null",
    "- a list",
    "name: fire",
    "name: other\nschedules: []",
    "name: fire\nsubject_prefix: other\nschedules: []",
    "name: fire\ndelivery: core\nschedules: []",
    "name: fire\nschedules: [{name: x}]",
    "name: fire\nschedules: [{name: x, cron: '99 * * * *', dispatch_type: goal, goal: {instruction: y}}]",
    "name: fire\nschedules: &a [*a]",
    "\x00",
    "name: fire\nschedules: []\nunknown: 1",
    "!!python/object/apply:os.system ['false']",
]
MALFORMED = [
    b"", b"null", b"[]", b"1", b'"reload"', b"{", b"\xff\xfe", b"{}", b'{"action": null}', b'{"action": {}}',
    b'{"action": []}', b'{"action": "explode"}', b'{"action": "fire"}', b'{"action": "fire", "name": 1}',
    b'{"action": "next", "count": 1e99}', b'{"action": "next", "count": -1}', b'{"action": "history", "name": []}',
    b'{"action": "history", "limit": NaN}', b'{"action": "resume", "name": "steady", "catch_up": {}}',
    b'{"action": "pause", "name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 50_000, b"x" * 900_000,
]  # fmt: skip


async def _publish(bus: NatsBus, subjects: Sequence[str]) -> None:
    for subject in subjects:
        for data in MALFORMED:
            await bus.client.publish(subject, data)
            await bus.client.publish(subject, data, reply="nobody.listens")
    await bus.flush()


def test_bad_files_and_malformed_messages_change_nothing(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet:
        fleet.start("a", "b")
        name = fleet.leader()
        fleet.until_more(2)
        good = fleet.config.read_text("utf-8")
        for number, text in enumerate(BAD, 1):
            fleet.put_file(text)
            fleet.reload()
            _until_failed(fleet, name, number)
        fleet.config.unlink()
        fleet.reload()
        _until_failed(fleet, name, len(BAD) + 1)
        subjects = 3 * [fleet.subjects.reload, fleet.subjects.inbox(NAME), fleet.subjects.handover(NAME)]
        fleet.on_bus(lambda bus: _publish(bus, subjects))
        assert fleet.ask({"action": "list"})["entries"][0]["name"] == "steady"
        assert fleet.leader() == name
        gaps = _gaps(fleet, "steady")
        assert gaps == pytest.approx([0.5] * len(gaps))
        fleet.put_file(good.replace("steady", "changed"))
        fleet.reload()
        fleet[name].until("scheduler.config_reloaded")
        fleet.until_more(2)
        fleet.put_file(good)
        fleet.reload()
        fleet.until_more(4)
        end = SystemClock().now()
        fleet.stop()
        assert_once(fleet, [*WANTED, *[each | {"name": "changed"} for each in WANTED]], end - 20 * SECOND)
        said = fleet.said
    assert not [line for line in said if line["level"] == "error" and line["event"] != "scheduler.reload_failed"]


def _until_failed(fleet: DispatchFleet, name: str, times: int) -> None:
    """Wait until so many reloads have failed."""
    eventually(lambda: fleet[name].err.count("scheduler.reload_failed") >= times, 20, pause=0.05)


def _gaps(fleet: DispatchFleet, entry: str) -> list[float]:
    """Seconds between the slots that were published."""
    slots = [datetime.fromisoformat(each.slot).timestamp() for each in fleet.stored() if each.entry == entry]
    return [later - earlier for earlier, later in pairwise(slots)]


def test_a_reload_every_two_seconds_leaves_an_interval_of_three_alone(tmp_path: Path, nats_url: str) -> None:
    wanted = [task("three", interval_seconds=3), task("same", interval_seconds=7.5)]
    with DispatchFleet(tmp_path, [nats_url], wanted) as fleet:
        fleet.start("a", "b")
        fleet.leader()
        watch = Stopwatch()
        for number in range(1, 7):
            watch.until(2 * number)
            fleet.write([*wanted, task(f"new-{number}", cron="0 0 1 1 *")])
            fleet.reload()
        watch.until(13)
        fleet.stop()
        assert _gaps(fleet, "three") == pytest.approx([3.0] * 3)
        assert len(fleet.events("scheduler.config_reloaded")) == 12
