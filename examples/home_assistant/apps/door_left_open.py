"""A message when a door has been open for too long, again and again until it is shut."""

from duly import App, AppConfig, D
from duly.states import BinarySensorState


class DoorConfig(AppConfig):
    """Which doors, how long is too long, and how to tell."""

    doors: list[str]
    """Binary sensors: ``on`` means open."""
    minutes: float = 5
    again_after_minutes: float = 15
    notify: str = "persistent_notification.create"
    """The service that is called with ``title`` and ``message``."""


class DoorLeftOpen(App[DoorConfig]):
    """One job per open door, so the ledger says when each message was due and what became of it."""

    async def on_initialize(self) -> None:
        """Listen to every door; one that has been open for long when the app starts is told of at once."""
        self.told: set[str] = set()
        """Doors of which a message was sent."""
        for door in self.app_config.doors:
            await self.bus.on_state_change(
                door,
                changed_to="on",
                duration=self.app_config.minutes * 60,
                immediate=True,
                handler=self.left_open,
                name=f"{door} left open",
            )
            await self.bus.on_state_change(door, changed_to="off", handler=self.shut, name=f"{door} shut")

    async def left_open(self, door: D.EntityId, state: D.StateNew[BinarySensorState]) -> None:
        """Tell, and go on telling."""
        name = state.friendly_name or door
        await self.tell(door, name)
        await self.scheduler.run_every(
            self.tell,
            minutes=self.app_config.again_after_minutes,
            name=f"remind of {door}",
            group=door,
            if_exists="replace",
            args=(door, name),
        )

    async def tell(self, door: str, name: str) -> None:
        """Send the message."""
        self.told.add(door)
        since = self.states[door].last_changed
        minutes = 0.0 if since is None else (self.now() - since).total("minutes")
        await self.notify(f"{name} is open", f"It has been open for {minutes:.0f} minutes.")

    async def shut(self, door: D.EntityId, state: D.StateNew[BinarySensorState]) -> None:
        """No more messages; if there were any, one that all is well."""
        self.scheduler.cancel_group(door)
        if door in self.told:
            self.told.discard(door)
            await self.notify(f"{state.friendly_name or door} is shut", "All is well.")

    async def notify(self, title: str, message: str) -> None:
        """Call the service."""
        domain, _, service = self.app_config.notify.partition(".")
        await self.api.call_service(domain, service, title=title, message=message)
