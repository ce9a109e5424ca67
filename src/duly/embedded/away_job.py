"""A job whose runs are carried out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from duly.core.arguments import callable_name
from duly.core.run_executor import Call
from duly.embedded.job import JobFunction, LiveJob

if TYPE_CHECKING:
    from duly.core.run_executor import RunExecutor
    from duly.core.trigger import Chain, TriggerProtocol
    from duly.embedded.job import LiveRun
    from duly.embedded.options import Options


class AwayJob(LiveJob):
    """A job whose runs are carried out elsewhere: its function gives it a name, and is not called."""

    __slots__ = ("_executor",)

    def __init__(  # noqa: PLR0917 - as LiveJob
        self,
        executor: RunExecutor,
        key: str,
        chain: Chain,
        options: Options,
        func: JobFunction,
        trigger: TriggerProtocol,
    ) -> None:
        LiveJob.__init__(self, key, chain, options, func, trigger)
        self._executor = executor

    @property
    def executor(self) -> RunExecutor:
        """What carries out its runs."""
        return self._executor

    def call(self, run: LiveRun) -> Any:  # noqa: ANN401 - something to await, as the host does
        """Have an attempt carried out."""
        func = callable_name(self.func)
        return self._executor.execute(Call(self.name, run.slot, run.attempt, func, self.args, self.kwargs or {}))
