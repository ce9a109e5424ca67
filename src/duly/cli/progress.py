"""A bar for what takes longer than a second, on standard error."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from duly.core.clock import SECOND, current
from duly.ledger.progress import Progress as Tell


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """Give what is to be told of the progress inside; nothing is shown when standard error is piped."""
    console = Console(stderr=True, emoji=False)
    with LateProgress(console) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                for other in tasks.values():
                    bar.remove_task(other)
                tasks.clear()
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=total if total > 1 else None)

        yield tell


class LateProgress(Progress):
    """Shows itself after a second; never where standard error is piped."""

    def __init__(self, console: Console) -> None:
        self._clock = current()
        self._shown_from = self._clock.monotonic() + SECOND
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Nothing at first."""
        if self._clock.monotonic() >= self._shown_from:
            yield from super().get_renderables()
