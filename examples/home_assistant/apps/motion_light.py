"""A light that goes on with motion, and off when there has been none for a while."""

from duly import App, AppConfig


class MotionLightConfig(AppConfig):
    """Which sensor, which light, and for how long."""

    motion: str
    """A binary sensor: ``on`` while something moves."""
    light: str
    hold_seconds: float = 120
    """How long there must be no motion before the light goes off."""
    brightness_percent: int = 80
    only_while: tuple[str, str] | None = None
    """An entity and the state that it must have, such as ``["sun.sun", "below_horizon"]``; none: always."""


class MotionLight(App[MotionLightConfig]):
    """The hold is kept by Duly: motion within it starts it again, a restart of Home Assistant does not lose it."""

    async def on_initialize(self) -> None:
        """Listen to the sensor; if it has been quiet for long when the app starts, the light goes off at once."""
        config = self.app_config
        await self.bus.on_state_change(config.motion, changed_to="on", handler=self.light_up)
        await self.bus.on_state_change(
            config.motion, changed_to="off", duration=config.hold_seconds, immediate=True, handler=self.go_dark
        )

    async def light_up(self) -> None:
        """Motion: on, unless it is not the time for it."""
        if self.is_wanted():
            brightness = self.app_config.brightness_percent
            await self.api.turn_on(self.app_config.light, domain="light", brightness_pct=brightness)

    async def go_dark(self) -> None:
        """No motion for the whole hold: off."""
        await self.api.turn_off(self.app_config.light, domain="light")

    def is_wanted(self) -> bool:
        """Whether the light may go on now."""
        if self.app_config.only_while is None:
            return True
        entity_id, wanted = self.app_config.only_while
        found = self.states.get(entity_id)
        return found is not None and found.state == wanted
