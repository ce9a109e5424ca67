"""Log records: to the console, to the ring, and into the ledger."""

import asyncio
import io
import json
import logging
import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from duly.core.context import CURRENT_EXECUTION_ID
from duly.history import LoggingService
from duly.history.log_pipeline import LogPipeline, LogSettings
from tests.embedded.waiting import eventually
from tests.history.file_room import FileRoom, until

ID = "01890000-0000-7000-8000-000000000001"
log = logging.getLogger("duly.test")


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class Gate(io.StringIO):
    """A console that is stuck until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()

    def write(self, text: str, /) -> int:
        self.begun.set()
        assert self.go.wait(10)
        return super().write(text)


def settings(**fields: Any) -> LogSettings:  # noqa: ANN401 - of the settings
    given: dict[str, Any] = {
        "log_format": "json",
        "level": "INFO",
        "stored_from": logging.INFO,
        "queue_max": 100,
        "ring_size": 10,
    }
    return LogSettings(**given | fields)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def pipeline(stream: io.StringIO) -> Iterator[LogPipeline]:
    pipeline = LogPipeline(settings(), stream)
    pipeline.open()
    yield pipeline
    pipeline.close()


@asynccontextmanager
async def logging_room(folder: Path, logs: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[FileRoom]:  # noqa: ANN401 - settings
    """While a database with a logging service runs."""
    room = FileRoom(folder / "duly.db", logs=logs or {}, **more)
    room.logs = room.house.add_child(LoggingService, database=room.database, stream=io.StringIO())  # type: ignore[attr-defined]
    await room.start()
    await service_of(room).initialize()
    try:
        yield room
    finally:
        await service_of(room).shutdown()
        await room.stop()


def service_of(room: FileRoom) -> LoggingService:
    service = room.logs  # type: ignore[attr-defined]
    assert isinstance(service, LoggingService)
    return service


def messages(room: FileRoom) -> list[str]:
    return [row["message"] for row in room.rows("log_records") if row["logger_name"] == "duly.test"]


def test_json_is_one_object_per_line(pipeline: LogPipeline, stream: io.StringIO) -> None:
    with bound_contextvars(app_key="porch", instance_index=0):
        log.warning("lamp %s", "on", extra={"source_tier": "app"})
    pipeline.drain()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"], line["app_key"]) == (
        "lamp on",
        "warning",
        "duly.test",
        "porch",
    )
    assert line["timestamp"].startswith("20")


def test_auto_is_coloured_text_on_a_terminal_and_json_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = {}
    for stream in (Terminal(), io.StringIO()):
        pipeline = LogPipeline(settings(log_format="auto"), stream)
        pipeline.open()
        log.info("hello")
        pipeline.close()
        shown[stream.isatty()] = stream.getvalue()
    assert "\x1b[" in shown[True]
    assert json.loads(shown[False])["event"] == "hello"


def test_no_color_takes_the_colours_away_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    pipeline = LogPipeline(settings(log_format="auto"), terminal)
    pipeline.open()
    log.info("hello")
    pipeline.close()
    assert "hello" in terminal.getvalue()
    assert "\x1b[" not in terminal.getvalue()


def test_text_has_short_times_and_says_the_instance_once(stream: io.StringIO) -> None:
    pipeline = LogPipeline(settings(log_format="console"), stream)
    pipeline.open()
    log.info("lamp on", extra={"app_key": "porch", "instance_name": "Porch.0", "instance_index": 0})
    pipeline.close()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[info +\] lamp on +\[duly\.test\]\n$", stream.getvalue())


def test_console_is_text_without_colour_where_there_is_no_terminal(stream: io.StringIO) -> None:
    pipeline = LogPipeline(settings(log_format="console"), stream)
    pipeline.open()
    try:
        raise ValueError("bad")  # noqa: TRY301 - to have a traceback
    except ValueError:
        log.exception("failed")
    pipeline.close()
    assert "failed" in stream.getvalue()
    assert "ValueError: bad" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_the_ring_keeps_the_newest_in_their_order(pipeline: LogPipeline) -> None:
    for number in range(25):
        log.info("%d", number)
    pipeline.drain()
    entries = pipeline.entries()
    assert [entry.message for entry in entries] == [str(number) for number in range(15, 25)]
    assert [entry.message for entry in pipeline.entries(after=entries[-3].seq)] == ["23", "24"]


def test_the_context_is_that_of_the_place_where_it_is_logged(pipeline: LogPipeline) -> None:
    async def main() -> None:
        CURRENT_EXECUTION_ID.set(ID)
        with bound_contextvars(app_key="porch", instance_name="front", instance_index=2):
            log.info("here")
            await asyncio.create_task(asyncio.to_thread(log.info, "in a thread of a task"))

    asyncio.run(main())
    log.info("outside")
    pipeline.drain()
    own = [
        (entry.execution_id, entry.app_key, entry.instance_name, entry.instance_index) for entry in pipeline.entries()
    ]
    assert own == [(ID, "porch", "front", 2)] * 2 + [(None, None, None, None)]


def test_a_full_queue_drops_counts_and_says_so_on_the_console_only(stream: io.StringIO) -> None:
    gate = Gate()
    pipeline = LogPipeline(settings(queue_max=3), gate)
    pipeline.open()
    log.info("first")
    assert gate.begun.wait(10)
    for number in range(10):
        log.info("%d", number)
    assert pipeline.dropped == 7
    gate.go.set()
    pipeline.close()
    lines = [json.loads(line)["event"] for line in gate.getvalue().splitlines()]
    assert [line for line in lines if "dropped" in line] == [
        "log records are dropped: number=7: raise logging.log_queue_max, unless the database cannot be written"
    ]
    assert [entry.message for entry in pipeline.entries()] == ["first", "0", "1", "2"]


def test_a_record_that_cannot_be_formatted_hurts_nobody(
    pipeline: LogPipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("duly"), "propagate", False)
    log.info("%d", "text")
    log.info("next")
    pipeline.drain()
    assert [entry.message for entry in pipeline.entries()] == ["next"]
    assert "Logging error" in capsys.readouterr().err


def test_a_console_that_is_closed_hurts_nobody(pipeline: LogPipeline, stream: io.StringIO) -> None:
    stream.close()
    log.info("one")
    pipeline.drain()
    assert [entry.message for entry in pipeline.entries()] == ["one"]


def test_batches_of_fifty_are_stored_at_once_and_fewer_after_a_pause(pipeline: LogPipeline) -> None:
    batches: list[int] = []

    def store(entries: Any) -> bool:  # noqa: ANN401 - a batch
        batches.append(len(entries))
        return True

    pipeline.store_with(store)
    for number in range(60):
        log.info("%d", number)
    eventually(lambda: sum(batches) == 60)
    assert batches == [50, 10]


def test_what_the_store_has_no_room_for_is_dropped(pipeline: LogPipeline) -> None:
    pipeline.store_with(lambda entries: False)
    log.info("one")
    pipeline.store_with(None)
    assert pipeline.dropped == 1


def test_what_storing_itself_logs_is_not_stored(pipeline: LogPipeline, stream: io.StringIO) -> None:
    stored: list[str] = []

    def store(entries: Any) -> bool:  # noqa: ANN401 - a batch
        stored.extend(entry.message for entry in entries)
        log.warning("no room")
        return True

    pipeline.store_with(store)
    log.info("one")
    pipeline.store_with(None)
    assert stored == ["one"]
    assert "no room" in stream.getvalue()


def test_records_from_before_the_database_are_stored_with_all_their_fields(tmp_path: Path) -> None:
    async def main() -> None:
        room = FileRoom(tmp_path / "duly.db")
        service = room.house.add_child(LoggingService, database=room.database, stream=io.StringIO())
        service.install()
        CURRENT_EXECUTION_ID.set(ID)
        with bound_contextvars(app_key="porch", instance_name="front", instance_index=2):
            log.error("early", extra={"source_tier": "app"})
        await room.start()
        await service.initialize()
        await service.shutdown()
        await room.database.flush()
        (row,) = (row for row in room.rows("log_records") if row["message"] == "early")
        await room.stop()
        service.close()
        assert (row["level"], row["logger_name"], row["execution_id"]) == ("ERROR", "duly.test", ID)
        assert (row["app_key"], row["instance_name"], row["instance_index"]) == ("porch", "front", 2)
        assert (row["source_tier"], row["session_id"]) == ("app", 1)
        assert row["func_name"] == "main"

    asyncio.run(main())


@pytest.mark.parametrize(("level", "expected"), [("INFO", ["i", "w", "e"]), ("ERROR", ["e"])])
def test_records_are_stored_from_the_persistence_level_on(tmp_path: Path, level: str, expected: list[str]) -> None:
    async def main() -> None:
        async with logging_room(tmp_path, {"log_level": "DEBUG", "log_persistence_level": level}) as room:
            log.debug("d")
            log.info("i")
            log.warning("w")
            log.error("e")
            await until(lambda: messages(room) == expected)

    asyncio.run(main())


def test_the_queue_is_emptied_before_the_database_closes(tmp_path: Path) -> None:
    async def main() -> None:
        async with logging_room(tmp_path) as room:
            for number in range(120):
                log.info("%d", number)
        assert messages(room) == [str(number) for number in range(120)]
        assert service_of(room).dropped == 0

    asyncio.run(main())


def test_a_write_that_is_refused_is_counted(tmp_path: Path) -> None:
    async def main() -> None:
        async with logging_room(tmp_path, write_queue_max=1) as room:
            begun, go = threading.Event(), threading.Event()

            def hold(db: sqlite3.Connection) -> None:
                begun.set()
                assert go.wait(10)

            held = room.database.issue(hold)
            await until(begun.is_set)
            log.info("one")
            await until(lambda: service_of(room).dropped >= 1)
            go.set()
            await held

    asyncio.run(main())


def test_after_the_stop_the_loggers_are_as_before(tmp_path: Path) -> None:
    logger = logging.getLogger("duly")
    before = (logger.level, list(logger.handlers))

    async def main() -> None:
        async with logging_room(tmp_path):
            assert len(logger.handlers) == len(before[1]) + 1

    asyncio.run(main())
    assert (logger.level, list(logger.handlers)) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "duly-log"]


def test_an_execution_id_that_is_none_hurts_nobody(pipeline: LogPipeline) -> None:
    former = CURRENT_EXECUTION_ID.set("of my own")
    log.warning("lamp")
    CURRENT_EXECUTION_ID.reset(former)
    pipeline.drain()
    assert [(entry.message, entry.execution_id) for entry in pipeline.entries()] == [("lamp", None)]


def test_a_store_that_fails_is_counted_and_does_not_end_the_thread(pipeline: LogPipeline, stream: io.StringIO) -> None:
    def fail(_: object) -> bool:
        raise ValueError("no store")

    pipeline.store_with(fail)
    log.warning("lamp")
    pipeline.drain()
    log.warning("door")
    pipeline.drain()
    assert pipeline.dropped == 2
    assert [entry.message for entry in pipeline.entries()] == ["lamp", "door"]
    assert "a log record is lost" in stream.getvalue()
    pipeline.store_with(None)


def test_log_records_that_a_locked_file_refuses_are_counted(tmp_path: Path) -> None:
    async def main() -> None:
        async with logging_room(tmp_path) as room:
            pipeline = service_of(room)._pipeline
            with closing(sqlite3.connect(tmp_path / "duly.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                log.warning("lamp")
                # The chores of the start may be before it, and each waits 5 s for the file.
                await until(lambda: pipeline.dropped, seconds=30)
                other.execute("ROLLBACK")

    asyncio.run(main())
