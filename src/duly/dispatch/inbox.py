"""What a scheduler answers when it is asked: its state, and what people want of its entries."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from duly.core.clock import NEVER
from duly.core.policy import Misfire
from duly.dispatch.fleet import LeadershipLostError
from duly.dispatch.live_entry import LiveEntry
from duly.dispatch.messages import slot_text
from duly.ledger import executions
from duly.ledger.jobs import job_named
from duly.ledger.reader import LedgerReader

if TYPE_CHECKING:
    from duly.dispatch.dispatcher import Dispatcher
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.term import Term
    from duly.ledger.executions import Execution

log = structlog.get_logger("duly.dispatch")

Answer = Mapping[str, Any]

_COMING = 10
_LINES = 20
_MOST = 1_000
_NAMED = 10
_LONGEST_SHOWN = 100


class BadRequestError(Exception):
    """The message cannot be dealt with; the text tells its sender why."""


class Inbox:
    """Answers for the replica that leads; the others are silent, so that a request has one answer. Stateless."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._actions: Final[dict[str, Callable[[Term, Answer], Awaitable[dict[str, Any]]]]] = {
            "health": self._health,
            "list": self._list,
            "next": self._next,
            "fire": self._fire,
            "pause": self._pause,
            "resume": self._resume,
            "history": self._history,
        }

    async def answer(self, data: Answer) -> dict[str, Any] | None:
        """The answer to a message; ``None``: it is for another replica to give."""
        term = self._dispatcher.term
        if term is None:
            return None
        action = data.get("action")
        act = self._actions.get(action) if isinstance(action, str) else None
        try:
            if act is None:
                known = ", ".join(self._actions)
                raise BadRequestError(f"'action' must be one of {known}, got {_shown(action)}")  # noqa: TRY301 - answered below
            return {"ok": True, "action": action, **await act(term, data)}
        except BadRequestError as error:
            log.debug("scheduler.bad_request", data=dict(data), error=str(error))
            return {"ok": False, "action": None if act is None else action, "error": str(error)}
        except LeadershipLostError as error:
            return {"ok": False, "action": action, "error": f"{error}; ask again"}

    # --- what there is -----------------------------------------------------------------------------------------------

    async def _health(self, term: Term, _data: Answer) -> dict[str, Any]:
        return {
            "actor": self._dispatcher.actor_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "leader": True,
            "fence": term.leadership.fence,
            "entries": len(term.entries),
            "in_flight": term.in_flight,
            "ledger": str(self._dispatcher.book.path),
        }

    async def _list(self, term: Term, _data: Answer) -> dict[str, Any]:
        live = term.entries
        entries = self._dispatcher.file.entries
        return {"entries": [_described(entry, live.get(entry.name)) for entry in entries]}

    async def _next(self, term: Term, data: Answer) -> dict[str, Any]:
        count = _number(data, "count", _COMING)
        wanted = [self._live(term, data)] if "name" in data else list(term.entries.values())
        coming = sorted((slot, live.name) for live in wanted for slot in islice(_slots(live), count))
        return {"slots": [{"name": name, "slot": slot_text(slot)} for slot, name in coming[:count]]}

    async def _history(self, _term: Term, data: Answer) -> dict[str, Any]:
        limit = _number(data, "limit", _LINES)
        return {"executions": await asyncio.to_thread(self._past, data.get("name"), limit)}

    def _past(self, name: object, limit: int) -> list[dict[str, Any]]:
        book, clock = self._dispatcher.book, self._dispatcher.clock
        with LedgerReader(book.path, clock=clock) as reader:
            job = None if name is None else reader.read(job_named, self._dispatcher.actor_id, 0, str(name))
            if job is None and name is not None:
                raise BadRequestError(f"no slot of an entry {_shown(name)} is recorded in {book.path}")
            wanted = executions.ExecutionFilter(job_id=None if job is None else job.id)
            return [_line(each) for each in reader.read(executions.page, wanted, limit=limit).rows]

    # --- what people want --------------------------------------------------------------------------------------------

    async def _fire(self, term: Term, data: Answer) -> dict[str, Any]:
        fired = await term.fire(self._live(term, data))
        if fired.error is not None:
            raise BadRequestError(f"nothing, or not all, was dispatched: {fired.error}")
        return {"dispatched": len(fired.ids), "ids": list(fired.ids)}

    async def _pause(self, term: Term, data: Answer) -> dict[str, Any]:
        live = self._live(term, data)
        await self._dispatcher.pause(live)
        return {"name": live.name, "paused": True}

    async def _resume(self, term: Term, data: Answer) -> dict[str, Any]:
        live = self._live(term, data)
        word = data.get("catch_up", Misfire.SKIP.value)
        if word not in list(Misfire):
            known = ", ".join(each.value for each in Misfire)
            raise BadRequestError(f"'catch_up' must be one of {known}, got {_shown(word)}")
        await self._dispatcher.resume(live, Misfire(cast("str", word)))
        return {"name": live.name, "paused": False}

    def _live(self, term: Term, data: Answer) -> LiveEntry:
        name = data.get("name")
        live = term.entries.get(name) if isinstance(name, str) else None
        if live is None:
            known = ", ".join(map(_shown, islice(term.entries, _NAMED))) or "none"
            more = ", and more" if len(term.entries) > _NAMED else ""
            raise BadRequestError(
                f"'name' must be the name of an enabled entry, got {_shown(name)}: there are {known}{more}"
            )
        return live


def _slots(live: LiveEntry) -> Iterator[int]:
    slot: int | None = live.pending
    while slot is not None and slot != NEVER:
        yield slot
        slot = live.chain.next(slot, slot)


def _described(entry: ScheduleEntry, live: LiveEntry | None) -> dict[str, Any]:
    pending = NEVER if live is None else live.pending
    return {
        "name": entry.name,
        "cron": entry.cron,
        "interval_seconds": entry.interval_seconds,
        "dispatch_type": entry.dispatch_type,
        "mode": entry.mode,
        "misfire": entry.misfire,
        "enabled": entry.enabled,
        "paused": live is not None and live.paused,
        "next": None if pending == NEVER else slot_text(pending),
        "open": 0 if live is None else len(live.open),
    }


def _line(execution: Execution) -> dict[str, Any]:
    return {
        "name": execution.name,
        "slot": None if execution.scheduled_ts is None else slot_text(execution.scheduled_ts),
        "status": execution.status,
        "reason": execution.reason,
        "slots": execution.tick_count,
        "started": slot_text(execution.execution_start_ts),
        "duration_ms": execution.duration_ns / 1e6,
        "error": execution.error_message,
    }


def _number(data: Answer, key: str, default: int) -> int:
    value = data.get(key, default)
    if type(value) is not int or not 1 <= value <= _MOST:
        raise BadRequestError(f"{key!r} must be a whole number from 1 to {_MOST}, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """A value of a message in an answer, at a length that suits one."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
