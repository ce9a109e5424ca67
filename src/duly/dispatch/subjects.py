"""The names on the wire: subjects, streams, buckets, message ids. All of them are made here.

``prefix`` is the first token of every subject of a fleet. Several schedulers and workers share it, and with it the
stream of goals and tasks; what one scheduler keeps for itself goes by its name as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from zlib import crc32

DEFAULT_PREFIX: Final = "heddle"
"""With it an existing Heddle fleet is spoken to unchanged."""

_TOKEN = re.compile(r"[^\s.*>]+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def is_token(text: str) -> bool:
    """Whether a text is one token of a subject: not empty, no blank, no dot, ``*`` or ``>``."""
    return _TOKEN.fullmatch(text) is not None and text.isprintable()


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects and streams of the fleet that goes by ``prefix``."""

    prefix: str = DEFAULT_PREFIX

    @property
    def goals(self) -> str:
        """Where goals are published."""
        return f"{self.prefix}.goals.incoming"

    @property
    def tasks(self) -> str:
        """Where tasks are published."""
        return f"{self.prefix}.tasks.incoming"

    @property
    def reload(self) -> str:
        """Where all schedulers of the fleet are told to read their files again."""
        return f"{self.prefix}.control.reload"

    @property
    def stream(self) -> str:
        """The stream of goals and tasks, unless the file of schedules names another."""
        return name_of(self.prefix.upper())

    @property
    def results_stream(self) -> str:
        """The stream of results and dead letters."""
        return f"{self.stream}_RESULTS"

    @property
    def all_results(self) -> str:
        """What matches every subject of results."""
        return f"{self.prefix}.results.*"

    @property
    def all_dead_letters(self) -> str:
        """What matches every subject of dead letters."""
        return f"{self.prefix}.dead_letters.*"

    def inbox(self, scheduler: str) -> str:
        """Where the scheduler of that name is asked."""
        return f"{self.prefix}.scheduler.{scheduler}"

    def claim(self, scheduler: str) -> str:
        """Where a scheduler without replicas claims its name."""
        return f"{self.inbox(scheduler)}.claim"

    def handover(self, scheduler: str) -> str:
        """Where a leader that stops tells the other replicas."""
        return f"{self.inbox(scheduler)}.handover"

    def results(self, goal_id: str | None) -> str:
        """Where the result of a task is published; ``None``: the task belongs to no goal."""
        return f"{self.prefix}.results.{_token(goal_id) if goal_id else 'default'}"

    def dead_letters(self, queue: str) -> str:
        """Where tasks go that a queue of workers gives up."""
        return f"{self.prefix}.dead_letters.{queue}"

    def bucket(self, scheduler: str) -> str:
        """The key-value bucket of the scheduler of that name: its lease and its positions."""
        return name_of(f"duly_{self.prefix}_{scheduler}")


def name_of(text: str) -> str:
    """A text as the name of a stream, a bucket or a consumer; different texts give different names."""
    plain = _NOT_IN_NAMES.sub("_", text)
    return plain if plain == text else f"{plain}_{crc32(text.encode()):08x}"


def pull(stream: str, consumer: str) -> str:
    """Where a consumer of a stream is asked for messages."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"


def _token(text: str) -> str:
    """A text as one token of a subject."""
    return text if is_token(text) else name_of(text)
