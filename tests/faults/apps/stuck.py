"""An app whose thread does not come back."""

import threading

from duly.apps import AppSync


class Stuck(AppSync):
    """Waits in a worker thread."""

    def on_initialize_sync(self) -> None:
        """Schedule it."""
        self.scheduler.sync.run_every(self.wait, seconds=1, name="stuck")

    def wait(self) -> None:
        """Wait for nothing."""
        threading.Event().wait()
