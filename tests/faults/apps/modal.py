"""Jobs of every mode and every misfire policy, on triggers of two kinds."""

from duly.apps import App
from duly.core.policy import MisfireName, ModeName
from duly.core.trigger import TriggerProtocol
from duly.scheduler import Cron, Every

MODES: tuple[ModeName, ...] = ("single", "queued", "restart", "parallel")
MISFIRES: tuple[MisfireName, ...] = ("run_once", "run_all", "skip")


class Modal(App):
    """Counts what runs, in all lives of the process."""

    calls = 0

    async def on_initialize(self) -> None:
        """Schedule them."""
        triggers: dict[str, TriggerProtocol] = {"every": Every(seconds=47), "cron": Cron("*/5 * * * *")}
        for mode in MODES:
            for misfire in MISFIRES:
                for name, trigger in triggers.items():
                    await self.scheduler.schedule(
                        self.work, trigger, f"{name}-{mode}-{misfire}", mode=mode, misfire=misfire
                    )

    async def work(self) -> None:
        """Count the call."""
        type(self).calls += 1
