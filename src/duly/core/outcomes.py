"""How a slot ends. One enum, one place that tells what an exception means.

A slot that nobody has decided yet has no outcome. The others, and what leads to them::

    due ─┬─ started ─┬─ success | error | timed_out | cancelled      how the run ended
         │           └─ interrupted                                  the process died, or stopped, before the end
         ├─ skipped    deliberately not run: overlap, paused, excluded
         ├─ missed     nobody could run it in time: down, suspended, stalled
         └─ cancelled  its job was removed before it began
"""

from dataclasses import dataclass
from enum import StrEnum
from traceback import format_exception

from duly.core.errors import DulyError


class Outcome(StrEnum):
    """The closed set of ends."""

    SUCCESS = "success"
    ERROR = "error"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"
    INTERRUPTED = "interrupted"


class Reason(StrEnum):
    """Why a slot was not run."""

    OVERLAP = "overlap"
    PAUSED = "paused"
    EXCLUDED = "excluded"
    DOWN = "down"
    SUSPENDED = "suspended"
    STALLED = "stalled"

    @property
    def outcome(self) -> Outcome:
        """How a slot ends for this reason."""
        return Outcome.MISSED if self in _NOBODY_COULD else Outcome.SKIPPED


_NOBODY_COULD = (Reason.DOWN, Reason.SUSPENDED, Reason.STALLED)


@dataclass(frozen=True, slots=True)
class Failure:
    """What an exception of a run means for the ledger."""

    outcome: Outcome
    error_type: str | None
    error_message: str | None
    known: bool = False
    """Whether it is one of Duly's own errors: in an app it points at the set-up, not at a fault in code."""

    def wants_traceback(self, *, framework: bool) -> bool:
        """Whether the traceback helps who reads of it; ``framework``: the code is not an app's."""
        return self.outcome is Outcome.ERROR and (framework or not self.known)


def classify(error: BaseException, *, cancelled: type[BaseException] | tuple[()] = ()) -> Failure:
    """Tell the outcome of a run that raised ``error``.

    ``cancelled`` is the class by which the host's runs learn that they are cancelled (``asyncio.CancelledError``);
    by default none is. A time-out without a text gets one, so that the ledger never shows an empty message for it.
    """
    if isinstance(error, cancelled):
        return Failure(Outcome.CANCELLED, None, None)
    if isinstance(error, TimeoutError):
        return Failure(Outcome.TIMED_OUT, "TimeoutError", text_of(error) or "execution timed out")
    return Failure(Outcome.ERROR, type(error).__name__, text_of(error), isinstance(error, DulyError))


def text_of(error: BaseException) -> str:
    """Its text; a stand-in if its class, a user's, cannot give one."""
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - its class is a user's, and the ledger must have a line all the same
        return "<exception str() failed>"


LONGEST_TRACEBACK = 8192
"""Characters that are kept of a traceback."""


def traceback_of(error: BaseException) -> str:
    """The complete traceback; a stand-in if its class, or a note of it, a user's, cannot give one."""
    try:
        return "".join(format_exception(error))
    except BaseException:  # noqa: BLE001 - as in ``text_of``
        return f"{type(error).__name__}: {text_of(error)}\n<the traceback cannot be formatted>\n"


def cut_traceback(text: str) -> str:
    """A traceback as it is kept."""
    return text if len(text) <= LONGEST_TRACEBACK else text[:LONGEST_TRACEBACK] + "\n... [truncated]"
