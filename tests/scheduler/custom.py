"""Triggers as users write them."""

from typing import ClassVar, Literal

from whenever import ZonedDateTime


class Described:
    """What a trigger of a user's says of itself; when it is due, a subclass says."""

    word: ClassVar[str] = "custom"

    def trigger_label(self) -> str:
        return self.word

    def trigger_detail(self) -> str | None:
        return None

    def trigger_db_type(self) -> Literal["custom"]:
        return "custom"

    def trigger_id(self) -> str:
        return self.word


class Plain(Described):
    """Every so many seconds, as few users would write it: it knows nothing of chains."""

    word = "plain"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Plain({self.seconds})"

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        return current_time.add(seconds=self.seconds)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        following = previous_run.add(seconds=self.seconds)
        while following <= current_time:
            following = following.add(seconds=self.seconds)
        return following

    def trigger_id(self) -> str:
        return f"plain:{self.seconds}"
