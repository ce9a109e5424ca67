"""A bus in a flood of events: nothing is lost, doubled or held up by others, memory is bounded, also over kills."""

import json
import os
import random
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from duly.core.clock import SystemClock
from duly.ledger.doctor import examine
from tests.executor.plant import rows_of
from tests.faults.crowded_bus import BURST, EVENTS, PLAIN, SPECIAL, TOPICS
from tests.faults.flooded_bus import ENDLESS, RECORDS
from tests.faults.processes import Child

SEED = 20_261_122
KILLS = 5

LATE = 0.5
"""Seconds that the loop may be late, but for one time in a hundred, on a machine under load."""
MEMORY = 50.0
"""MiB that the flood may take at any time; half of it is room for records, and its events would take 40 more."""
UNWRITTEN = 2 * 11 * RECORDS + 300
"""Outcomes that a kill may take along: those in the queue, those of the write under way, those that wait for room."""
NEWEST = 3 * UNWRITTEN
"""Calls among which these are: who has waited for room may have been overtaken."""

_PER_TOPIC = EVENTS // TOPICS
_OF_A_GLOB = EVENTS // 100
"""Events that fit a glob with two digits."""
_FIELDS = ("matched", "started", "pending", "suppressed", "dropped", "discarded", "predicate_errors")

_COUNTED = "SELECT listener_id, status, count(*) FROM executions GROUP BY listener_id, status"
_ENDLESS = """
    SELECT count(*) FROM executions JOIN listeners ON listeners.id = listener_id
    WHERE name = 'endless' AND status = 'started'
"""
_DOUBLE = """
    SELECT listener_id, trigger_context_id FROM executions GROUP BY listener_id, trigger_context_id HAVING count(*) > 1
"""


def environment() -> dict[str, str]:
    """Of a program that imports what tests import."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_a_hundred_thousand_events_to_ten_thousand_listeners_add_up_and_nobody_holds_up_others(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Child("crowded_bus.py", tmp_path, log=log, env=environment()) as child:
        told = json.loads(child.hear(60) or "{}")
        assert child.end() == 0, log.read_text()
    stats = {name: dict(zip(_FIELDS, numbers, strict=True)) for name, *numbers in told["stats"].values()}

    # whoever others are, every event came to its listener, in order
    assert (told["missing"], told["out_of_order"], told["lost"]) == (0, 0, 0)
    ran = {"matched": _PER_TOPIC, "started": _PER_TOPIC}
    plain = {name: each for name, each in stats.items() if name.startswith("plain")}
    assert len(plain) == PLAIN
    assert [name for name, each in plain.items() if each != dict.fromkeys(_FIELDS, 0) | ran] == []
    assert (told["dispatched"], told["listeners"]) == (EVENTS + BURST + 1, PLAIN + SPECIAL - 1)

    # matches add up, and have the rows that they must have
    for each in stats.values():
        ends = ("started", "pending", "suppressed", "dropped", "discarded")
        assert each["matched"] == sum(each[field] for field in ends)
        assert each["pending"] == 0
    written: dict[str, Counter[str]] = {name: Counter() for name in stats}
    for listener_id, status, number in rows(tmp_path / "duly.db", _COUNTED):
        written[told["stats"][str(listener_id)][0]][status] += number
    expected = {"picky": {"error": _OF_A_GLOB}, "failing": {"error": _OF_A_GLOB}}
    for name, each in stats.items():
        due = each["started"] + each["predicate_errors"]
        assert written[name] == Counter(expected.get(name, {"success": due}))
        assert written[name].total() == due

    # each of those that are not like the others has had what it was to have
    assert stats["picky"]["started"] == 0
    assert stats["stuck"]["suppressed"] == _OF_A_GLOB - 1
    assert (stats["latest"]["matched"], stats["rare"]["started"]) == (EVENTS, 1)
    assert (stats["echo"]["matched"], told["echoes_in_order"]) == (BURST, True)
    assert min(stats["slow"][field] for field in ("started", "dropped", "discarded")) > 0
    assert told["dropped_matches"] == sum(each["dropped"] for each in stats.values())
    for warning in (
        "were dropped, as too many wait for a handler: listener=<Listener 'slow'",
        "filter of a listener raised",
    ):
        assert log.read_text().count(warning) == 1

    assert told["late"] < LATE
    assert told["memory"] < MEMORY


def test_a_flood_that_is_killed_leaves_no_row_twice_and_what_ran_is_interrupted(tmp_path: Path) -> None:
    chance, log, witness = random.Random(SEED), tmp_path / "log", tmp_path / "witness"
    former: dict[str, dict[str, Any]] = {}
    for life in range(KILLS + 1):
        last = life == KILLS
        with Child("flooded_bus.py", tmp_path, witness, 0.5 * last, log=log, env=environment()) as child:
            assert child.hear(30) == "runs", log.read_text()
            if last:
                assert child.hear() == "0"
                assert child.end() == 0
            else:
                child.live_for(chance.uniform(0, 0.5))
        copy = copied(tmp_path / "duly.db", tmp_path / f"{life}.db")
        assert rows(copy, _DOUBLE) == [], f"seed {SEED}, after kill {life + 1}"
        now = {row["execution_id"]: row for row in rows_of(copy)}
        assert {each: now[each]["status"] for each in former} == {
            each: "interrupted" if row["status"] == "started" else row["status"] for each, row in former.items()
        }
        new = [row for each, row in now.items() if each not in former]
        if last:
            assert {row["status"] for row in new} == {"success", "cancelled"}
        else:
            assert {row["status"] for row in new} == {"success", "started"}
            assert rows(copy, _ENDLESS) == [(ENDLESS,)]
        quick = {row["id"] for row in rows_of(copy, "listeners") if row["name"].startswith("quick")}
        stored = {
            row["trigger_context_id"] for row in new if row["status"] == "success" and row["listener_id"] in quick
        }
        assert_only_some_of_the_newest_are_missing(stored, witness, last=last)
        former = now
    assert all(
        (row["duration_ms"], row["error_type"]) == (0, None)
        for row in rows_of(tmp_path / "duly.db")
        if row["status"] == "interrupted"
    )
    assert examine(tmp_path / "duly.db", clock=SystemClock()).diagnoses == ()


def copied(path: Path, copy: Path) -> Path:
    """The file as it is: whoever opens it may change it."""
    for end in ("", "-wal"):
        if Path(f"{path}{end}").exists():
            shutil.copyfile(f"{path}{end}", f"{copy}{end}")
    return copy


def assert_only_some_of_the_newest_are_missing(stored: set[str], witness: Path, *, last: bool) -> None:
    """Of the calls of a life the ledger has all but some of the newest, and no other; all of the last life."""
    called = witness.read_text().split()
    witness.write_text("")
    assert len(set(called)) == len(called)
    assert stored <= set(called)
    assert len(called) - len(stored) <= (0 if last else UNWRITTEN)
    assert stored >= set(called[:-NEWEST])
