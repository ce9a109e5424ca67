"""The way of log records: from where they are made, through one bounded queue, to one thread, and on.

The thread shows each record on the console, keeps it in a ring for the live view, and hands it over to be stored, in
batches. Whoever logs only makes the entry and puts it into the queue: it never waits, and what has no room is counted.
What the thread itself logs goes to the console alone.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TextIO, TypeAlias

from duly.core.clock import SystemClock
from duly.core.once_per import OncePer
from duly.history.log_entries import LogEntry, entry_of_log
from duly.history.log_format import LogFormat, formatter
from duly.ledger.records import storable

Store: TypeAlias = Callable[[Sequence[LogEntry]], bool]
"""Takes a batch to be stored; False: there was no room. ``RuntimeError``: not now."""

_BATCH = 50
_PAUSE = 0.2
_SECONDS_BETWEEN_WARNINGS = 30
_LOGGER = "duly"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What becomes of log records."""

    log_format: LogFormat
    level: str
    """The general level."""
    stored_from: int
    """The lowest level that is stored."""
    queue_max: int
    ring_size: int


class LogPipeline(logging.Handler):
    """Owns queue, ring and thread, from ``open`` to ``close``. ``emit`` may be called from any thread.

    ``_guard`` guards ring and counter; the rest belongs to the thread.
    """

    def __init__(self, settings: LogSettings, stream: TextIO) -> None:
        super().__init__()
        self.dropped = 0
        """Records that were not stored, or not even shown, for lack of room."""
        self._settings = settings
        self._stream = stream
        self._formatter = formatter(settings.log_format, stream)
        self._clock = SystemClock()
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._guard = threading.Lock()
        self._ring: deque[LogEntry] = deque(maxlen=settings.ring_size)
        self._unstored: deque[LogEntry] = deque()
        self._store: Store | None = None
        self._told = 0
        self._warnings = OncePer(_SECONDS_BETWEEN_WARNINGS)
        self._former_level = logging.NOTSET
        self._thread: threading.Thread | None = None

    # For everybody

    @property
    def is_open(self) -> bool:
        """Whether records come here."""
        return self._thread is not None

    def open(self) -> None:
        """Take the records of all loggers below ``duly``."""
        logger = logging.getLogger(_LOGGER)
        self._former_level = logger.level
        logger.setLevel(self._settings.level)
        self._thread = threading.Thread(target=self._serve, name="duly-log", daemon=True)
        self._thread.start()
        logger.addHandler(self)

    def close(self) -> None:
        """Show what waits, take no more, and end. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None:
            logger = logging.getLogger(_LOGGER)
            logger.removeHandler(self)
            logger.setLevel(self._former_level)
            self._queue.put(_END)
            thread.join()
        super().close()

    def store_with(self, store: Store | None) -> None:
        """Have records stored from now on, those included that have waited for it; ``None``: no more."""
        self._pass(_Change(store))

    def drain(self) -> None:
        """Wait until what was logged before is shown, and handed over to be stored."""
        self._pass(_Change(None, keeps=True))

    def entries(self, after: int = 0) -> list[LogEntry]:
        """The newest records, oldest first, with numbers above ``after``."""
        with self._guard:
            return [entry for entry in self._ring if entry.seq > after]

    def count_dropped(self, number: int) -> None:
        """Records were lost after they had been handed over."""
        with self._guard:
            self.dropped += number

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit it, without the lock of the base, which would make those who log wait for each other."""
        passed: object = self.filter(record)  # from Python 3.12 on a filter may give another record
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record into the queue if there is room."""
        try:
            shown = _Shown(entry_of_log(record))
        except Exception:  # noqa: BLE001 - arguments of a user's that cannot be formatted
            self.handleError(record)
            return
        if threading.current_thread() is self._thread:
            self._show(shown.entry)
        elif self._queue.qsize() >= self._settings.queue_max:
            self.count_dropped(1)
        else:
            self._queue.put(shown)

    def _pass(self, change: _Change) -> None:
        if self._thread is None:
            self._store = self._store if change.keeps else change.store
            return
        self._queue.put(change)
        change.done.wait()

    # The thread

    def _serve(self) -> None:
        while True:
            item: _Item | None = None
            with suppress(Empty):
                item = self._queue.get(timeout=_PAUSE if self._unstored and self._store is not None else None)
            try:
                self._work(item)
            except Exception as error:  # noqa: BLE001 - one record must not take those behind it along
                self._say(f"a log record is lost: {error!r}")
            if item is _END:
                return

    def _work(self, item: _Item | None) -> None:
        """Take an item; ``None``: none has come for a while."""
        if isinstance(item, _Change):
            try:
                store = self._store
                if not item.keeps:
                    self._store = item.store
                self._hand_over(store)
            finally:
                item.done.set()
        elif isinstance(item, _Shown):
            self._take(item.entry)
        else:
            self._hand_over()
        self._tell_drops()

    def _take(self, entry: LogEntry) -> None:
        with self._guard:
            self._ring.append(entry)
        self._show(entry)
        if entry.level < self._settings.stored_from:
            return
        if len(self._unstored) >= self._settings.queue_max:
            self.count_dropped(1)
            return
        self._unstored.append(entry)
        if len(self._unstored) >= _BATCH:
            self._hand_over()

    def _hand_over(self, store: Store | None = None) -> None:
        store = store or self._store
        while store is not None and self._unstored:
            batch = [self._unstored.popleft() for _ in range(min(_BATCH, len(self._unstored)))]
            try:
                if not store(batch):
                    self.count_dropped(len(batch))
            except RuntimeError:  # the database does not run: they wait for it
                self._unstored.extendleft(reversed(batch))
                return
            except Exception:
                self.count_dropped(len(batch))
                raise

    def _show(self, entry: LogEntry) -> None:
        record = logging.LogRecord(entry.logger_name, entry.level, "", entry.lineno or 0, entry.message, None, None)
        record.entry = entry
        with suppress(OSError, ValueError):  # a console that has gone, or a stream that is closed
            self._stream.write(f"{storable(self._formatter.format(record))}\n")
            self._stream.flush()

    def _tell_drops(self) -> None:
        number = self.dropped - self._told
        if not number or not self._warnings.due(self._clock.monotonic()):
            return
        self._told = self.dropped
        advice = "raise logging.log_queue_max, unless the database cannot be written"
        self._say(f"log records are dropped: number={number}: {advice}")

    def _say(self, text: str) -> None:
        """On the console alone."""
        self._show(entry_of_log(logging.LogRecord("duly.LoggingService", logging.WARNING, "", 0, text, None, None)))


@dataclass(frozen=True, slots=True)
class _Shown:
    entry: LogEntry


class _Change:
    """From here on store so; ``done`` when all before is handed over."""

    def __init__(self, store: Store | None, *, keeps: bool = False) -> None:
        self.store = store
        self.keeps = keeps
        """Whether the store stays what it is."""
        self.done = threading.Event()


class _End:
    """The last item."""


_END = _End()
_Item: TypeAlias = _Shown | _Change | _End
