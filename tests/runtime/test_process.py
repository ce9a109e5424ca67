"""``duly run`` as a process: signals, exit codes, and what is left behind."""

import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.executor.plant import rows_of
from tests.runtime.ground import Ground

IN_TIME = 5.0
"""Seconds for what takes less than one on a machine that is not under load."""


def session(path: Path) -> tuple[str, str | None]:
    row = rows_of(path, "sessions")[-1]
    return row["status"], row["error_type"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_an_orderly_stop_with_code_0(ground: Ground, number: signal.Signals) -> None:
    with ground.process() as process:
        assert process.up().stop(number, IN_TIME) == 0
        assert f"stopped: {number.name}" in process.said
    assert session(ground.ledger) == ("success", None)


def test_a_second_signal_ends_it_at_once_and_the_next_start_finds_the_orphan(ground: Ground) -> None:
    ground.app(
        "slow", 'async def on_shutdown(self):\n    print("going", file=sys.stderr)\n    await asyncio.sleep(100)'
    )
    with ground.process() as process:
        process.up().send(signal.SIGTERM)
        process.until("going")
        assert process.stop(signal.SIGINT, IN_TIME) == 128 + signal.SIGINT
    assert session(ground.ledger) == ("running", None)
    (ground.apps / "slow.py").unlink()
    with ground.process() as process:
        process.up().stop()
        assert "the process did not stop as it should: sessions=1" in process.said
    assert [row["status"] for row in rows_of(ground.ledger, "sessions")] == ["unknown", "success"]


def test_a_signal_that_arrives_twice_at_once_is_one(ground: Ground) -> None:
    ground.app(
        "slow", 'async def on_shutdown(self):\n    print("going", file=sys.stderr)\n    await asyncio.sleep(0.5)'
    )
    with ground.process() as process:
        process.up().send(signal.SIGTERM)
        process.send(signal.SIGTERM)
        assert process.end() == 0


def test_a_second_signal_ends_it_also_while_the_event_loop_is_blocked(ground: Ground) -> None:
    ground.app("block", 'async def on_initialize(self):\n    print("inside", file=sys.stderr)\n    time.sleep(100)')
    with ground.process() as process:
        process.until("inside\n")
        process.send(signal.SIGTERM)
        process.until("the event loop is blocked")
        assert process.stop(signal.SIGTERM, IN_TIME) == 128 + signal.SIGTERM


def test_a_signal_during_the_start_is_a_stop(ground: Ground) -> None:
    ground.app(
        "slow", 'async def on_initialize(self):\n    print("inside", file=sys.stderr)\n    await asyncio.sleep(100)'
    )
    with ground.process() as process:
        process.until("inside\n")
        assert process.stop(seconds=IN_TIME) == 0
        assert " is running" not in process.said
    assert session(ground.ledger) == ("success", None)


def test_a_signal_while_apps_are_imported_is_a_stop_that_leaves_nothing(ground: Ground) -> None:
    (ground.apps / "slow.py").write_text(
        'import sys, time\nprint("inside", file=sys.stderr)\ntime.sleep(100)\n', "utf-8"
    )
    with ground.process() as process:
        process.until("inside\n")
        assert process.stop(seconds=IN_TIME) == 0
    assert not ground.data.exists()


def test_an_import_that_hangs_is_told(ground: Ground) -> None:
    ground.configure("[lifecycle]\napp_startup_timeout_seconds = 1")
    (ground.apps / "slow.py").write_text("import time\ntime.sleep(100)\n", "utf-8")
    with ground.process() as process:
        process.until("the configuration is still being checked after 1 s: the import of ")
        assert f"the import of {ground.apps / 'slow.py'} goes on" in process.said
        assert process.stop(seconds=IN_TIME) == 0


def test_an_import_that_hangs_fails_its_app_alone(ground: Ground) -> None:
    (ground.apps / "slow.py").write_text("import time\ntime.sleep(100)\n", "utf-8")
    ground.app("porch", "pass")
    settings = "run_app_precheck = false\n[lifecycle]\napp_startup_timeout_seconds = 1\n"
    ground.configure("\n".join([settings, *(table(name, filename=f"{name}.py") for name in ("slow", "porch"))]))
    with ground.process() as process:
        process.up()
        assert "apps: 1 running, 0 degraded, 1 failed, 0 blocked" in process.said
        (failed,) = [event["event"] for event in process.events if event["event"].startswith("app failed")]
        assert f"importing {ground.apps / 'slow.py'} did not end within 1 s" in failed
        assert process.stop(seconds=IN_TIME) == 0


@pytest.mark.parametrize(
    "body",
    [
        "async def on_initialize(self):\n    threading.Thread(target=time.sleep, args=(100,)).start()",
        """
        async def on_initialize(self):
            self.task = asyncio.create_task(self.cling())
        async def cling(self):
            while True:
                try:
                    await asyncio.sleep(100)
                except asyncio.CancelledError:
                    pass
        """,
    ],
    ids=["thread", "task"],
)
def test_code_of_an_app_that_does_not_end_neither_holds_up_the_end_nor_changes_its_code(
    ground: Ground, body: str
) -> None:
    ground.configure("[lifecycle]\ntask_cancellation_timeout_seconds = 1")
    ground.app("endless", body)
    with ground.process() as process:
        assert process.up().stop() == 0
        assert "stopped: SIGTERM" in process.said
        assert "code of apps goes on 5 s after the stop" in process.said
    assert session(ground.ledger) == ("success", None)


def test_code_of_an_app_that_does_not_end_has_no_more_than_what_is_left_of_the_limit_of_the_stop(
    ground: Ground,
) -> None:
    ground.configure("[lifecycle]\ntotal_shutdown_timeout_seconds = 2")
    ground.app(
        "endless",
        "async def on_initialize(self):\n    threading.Thread(target=time.sleep, args=(100,)).start()\n"
        "async def on_shutdown(self):\n    await asyncio.sleep(0.5)",
    )
    with ground.process() as process:
        assert process.up().stop() == 0
        found = re.search(r"code of apps goes on ([\d.]+) s after the stop", process.said)
        assert found is not None
        assert 0.5 <= float(found[1]) <= 1.5


def test_an_app_that_exits_in_its_stop_ends_nothing_else(ground: Ground) -> None:
    ground.app(
        "leaver",
        """
        async def before_shutdown(self):
            sys.exit(3)
        async def on_shutdown(self):
            sys.exit(4)
        async def after_shutdown(self):
            self.logger.info("the last hook")
        """,
    )
    with ground.process() as process:
        assert process.up().stop() == 0
        assert "the last hook" in process.said
        assert [event["event"].split()[-1] for event in process.events if "exception" in event] == [
            "before_shutdown",
            "on_shutdown",
        ]
    assert session(ground.ledger) == ("success", None)


def test_an_exit_in_a_task_of_an_app_is_a_stop(ground: Ground) -> None:
    ground.app(
        "leaver",
        """
        async def on_initialize(self):
            self.task = asyncio.create_task(self.leave())
        async def leave(self):
            await asyncio.sleep(0.1)
            sys.exit(3)
        """,
    )
    with ground.process() as process:
        assert process.end() == 0
        assert "stopped: SystemExit in a task" in process.said
    assert session(ground.ledger) == ("success", None)


def test_an_app_that_does_not_stop_is_forced_and_the_code_is_0(ground: Ground) -> None:
    ground.configure("[lifecycle]\napp_shutdown_timeout_seconds = 1")
    ground.app("slow", "async def on_shutdown(self):\n    await asyncio.sleep(100)")
    with ground.process() as process:
        assert process.up().stop() == 0
        assert "was forced to end" in process.said
    assert session(ground.ledger) == ("success", None)


def test_a_stop_that_is_forced_by_the_limit_of_the_whole_has_code_1_and_loses_no_record(ground: Ground) -> None:
    ground.configure("[lifecycle]\ntotal_shutdown_timeout_seconds = 2")
    ground.app(
        "slow",
        """
        async def on_initialize(self):
            await self.scheduler.run_in(self.say, 0.01)
        async def say(self):
            print("said", file=sys.stderr)
        async def on_shutdown(self):
            await asyncio.sleep(100)
        """,
    )
    with ground.process() as process:
        process.up().until("said\n")
        assert process.stop() == 1
    row = rows_of(ground.ledger, "sessions")[-1]
    assert (row["status"], row["dropped_overflow"], row["dropped_exhausted"], row["dropped_shutdown"]) == (
        "success",
        0,
        0,
        0,
    )
    assert [row["status"] for row in rows_of(ground.ledger)] == ["success"]


def test_a_second_process_on_the_same_file_ends_with_code_1_and_names_the_first(ground: Ground) -> None:
    with ground.process() as first:
        first.up()
        sessions = rows_of(ground.ledger, "sessions")
        with ground.process() as second:
            assert second.end() == 1
            assert f"{ground.ledger} is in use by the process with pid {first.pid}" in second.said
            assert "Traceback" not in second.said
        assert rows_of(ground.ledger, "sessions") == sessions
        assert first.stop() == 0


def test_a_ledger_of_a_later_version_ends_the_start_with_code_1_and_is_left_as_it_is(ground: Ground) -> None:
    with ground.process() as process:
        process.up().stop()
    with closing(sqlite3.connect(ground.ledger)) as db:
        db.execute("PRAGMA user_version = 999")
    before = ground.ledger.read_bytes()
    ground.app("porch", 'async def on_initialize(self):\n    print("inside", file=sys.stderr)')
    with ground.process() as process:
        assert process.end() == 1
        assert "999" in process.said
        assert "choose another database.path" in process.said
        assert '"level": "critical"' in process.said
        assert "inside\n" not in process.said
    assert ground.ledger.read_bytes() == before


def test_a_file_that_is_no_ledger_ends_the_start_with_code_1(ground: Ground) -> None:
    ground.data.mkdir()
    ground.ledger.write_text("not a database, but long enough to be looked at\n" * 100)
    with ground.process() as process:
        assert process.end() == 1
        assert str(ground.ledger) in process.said


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("base_ulr = 'x'", "base_ulr"),
        ("[database]\nretention_days = 0", "database.retention_days"),
        ("[lifecycle]\nstartup_timeout_seconds = -1", "lifecycle.startup_timeout_seconds"),
    ],
    ids=["unknown key", "out of range", "negative limit"],
)
def test_a_wrong_configuration_is_reported_with_code_2_and_nothing_is_made(ground: Ground, text: str, key: str) -> None:
    ground.configure(text)
    with ground.process() as process:
        assert process.end() == 2
        assert f"key    {key}\n" in process.said
        assert str(ground.toml) in process.said
    assert not ground.data.exists()
    assert not (ground.folder / "config").exists()


def test_all_problems_of_a_configuration_are_reported_together(ground: Ground) -> None:
    ground.configure("base_ulr = 'x'\n[database]\nretention_days = 0")
    with ground.process("--base-url", "nowhere") as process:
        assert process.end() == 2
        assert "configuration error (3 of 3)" in process.said
        assert "command line --base-url" in process.said


def test_a_file_named_on_the_command_line_that_is_not_there_is_reported(ground: Ground) -> None:
    ground.toml.unlink()
    with ground.process() as process:
        assert process.end() == 2
        assert str(ground.toml) in process.said


def test_an_app_that_fails_concerns_neither_the_others_nor_the_exit_code(ground: Ground) -> None:
    ground.app("bad", 'async def on_initialize(self):\n    raise ValueError("no")')
    ground.app("good", 'async def on_initialize(self):\n    print("inside", file=sys.stderr)')
    with ground.process() as process:
        process.up()
        assert "apps: 1 running, 0 degraded, 1 failed, 0 blocked" in process.said
        assert process.stop() == 0


def test_without_a_token_it_says_so_once_and_runs(ground: Ground) -> None:
    with ground.process() as process:
        process.up().stop()
        line = "no Home Assistant token: running without it; set DULY__TOKEN to connect"
        assert [event["level"] for event in process.events if event["event"] == line] == ["info"]
        told = [event["level"] for event in process.events if event["event"] == "no dashboard is served yet"]
        assert told == ["info"]


def test_the_environment_of_env_files_is_there_before_apps_are_imported(ground: Ground) -> None:
    (ground.folder / ".env").write_text("PORCH_LIGHT=on\n", "utf-8")
    (ground.apps / "porch.py").write_text(
        'import os, sys\nprint(os.environ["PORCH_LIGHT"], file=sys.stderr)\n', "utf-8"
    )
    with ground.process() as process:
        process.up().stop()
        assert "on\n" in process.said


def test_the_log_is_stored_with_the_session_from_its_first_line_on(ground: Ground) -> None:
    with ground.process() as process:
        process.up().stop()
    rows = rows_of(ground.ledger, "log_records")
    assert rows[0]["message"].startswith("files are not watched")
    assert " is running; apps: " in rows[-1]["message"]
    assert {row["session_id"] for row in rows} == {1}


def table(name: str, **fields: str) -> str:
    lines = "\n".join(f'{key} = "{value}"' for key, value in {"class_name": name.title(), **fields}.items())
    return f"[apps.{name}]\n{lines}"


@pytest.mark.parametrize(
    ("given", "key", "fix"),
    [
        ({"filename": "gone.py"}, "apps.porch.filename", "there is no such file"),
        ({"filename": "porch.py", "class_name": "Poach"}, "apps.porch.class_name", "there is no class Poach"),
    ],
    ids=["file", "class"],
)
def test_an_app_that_is_not_there_is_a_wrong_configuration(
    ground: Ground, given: dict[str, str], key: str, fix: str
) -> None:
    ground.configure(table("porch", **given))
    ground.app("porch", "pass")
    with ground.process() as process:
        assert process.end() == 2
        assert f"key    {key}\n" in process.said
        assert fix in process.said
        assert str(ground.apps) in process.said
    assert not ground.data.exists()


def test_a_configured_app_that_cannot_be_imported_fails_the_check_with_file_and_line(ground: Ground) -> None:
    ground.configure(table("porch", filename="porch.py"))
    (ground.apps / "porch.py").write_text("x = 1\ny = 1 / 0\n", "utf-8")
    with ground.process() as process:
        assert process.end() == 2
        assert f"{ground.apps / 'porch.py'}, line 2" in process.said
        assert "ZeroDivisionError: division by zero" in process.said
    assert not ground.data.exists()


def test_a_failed_check_may_be_allowed(ground: Ground) -> None:
    ground.configure(f"allow_startup_if_app_precheck_fails = true\n{table('porch', filename='gone.py')}")
    ground.app("good", "pass")
    with ground.process() as process:
        process.up()
        assert "apps: 1 running, 0 degraded, 1 failed, 0 blocked" in process.said
        assert process.stop() == 0


def test_a_directory_that_cannot_be_used_is_a_wrong_configuration(ground: Ground) -> None:
    ground.data.write_text("in the way")
    with ground.process() as process:
        assert process.end() == 2
        assert "key    data_dir\n" in process.said
