"""The words of the ledger and the small integers that stand for them in its tables. A number is never given twice."""

from collections.abc import Mapping
from typing import Final


class Codes:
    """Words and their numbers, both ways. Immutable."""

    __slots__ = ("numbers", "words")

    def __init__(self, **numbers: int) -> None:
        self.numbers: Mapping[str, int] = numbers
        self.words: Mapping[int, str] = {number: word for word, number in numbers.items()}

    def word(self, number: int | None) -> str | None:
        """The word for ``number``; ``None`` for ``None``."""
        return None if number is None else self.words[number]

    def number(self, word: str | None) -> int | None:
        """The number for ``word``; ``None`` for ``None``.

        Raises:
            ValueError: no such word.
        """
        if word is None:
            return None
        try:
            return self.numbers[word]
        except KeyError:
            known = ", ".join(repr(each) for each in self.numbers)
            raise ValueError(f"must be one of {known}, got {word!r}") from None


STARTED: Final = 0
SUCCESS: Final = 1
INTERRUPTED: Final = 7

STATUS = Codes(
    started=STARTED,
    success=SUCCESS,
    error=2,
    timed_out=3,
    cancelled=4,
    skipped=5,
    missed=6,
    interrupted=INTERRUPTED,
)
REASON = Codes(overlap=1, paused=2, excluded=3, down=4, suspended=5, stalled=6)
KIND = Codes(handler=0, job=1)
TIER = Codes(app=0, framework=1)
TRIGGER_TYPE = Codes(interval=1, cron=2, once=3, after=4, custom=5)
MODE = Codes(single=0, restart=1, queued=2, parallel=3)
MISFIRE = Codes(skip=0, run_once=1, run_all=2)
SESSION_STATUS = Codes(running=0, success=1, failure=2, unknown=3)
