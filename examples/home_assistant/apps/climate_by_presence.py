"""A thermostat that follows who is at home."""

from typing import Annotated

from pydantic import Field

from duly import App, AppConfig


class ClimateConfig(AppConfig):
    """Whose presence, which thermostat, and which temperatures."""

    people: Annotated[list[str], Field(min_length=1)]
    """Persons, device trackers, or switches: ``home`` and ``on`` mean that they are there."""
    thermostat: str
    comfort: float = 21.0
    away: float = 16.5
    leave_after_seconds: float = 600
    """How long somebody must be gone to count as gone: who takes out the rubbish does not."""


class ClimateByPresence(App[ClimateConfig]):
    """Warm as soon as the first comes, cool when the last has been gone for a while."""

    async def on_initialize(self) -> None:
        """Listen to everybody, and set what is right for now once the states are known."""
        config = self.app_config
        for number, person in enumerate(config.people):
            await self.bus.on_state_change(
                person, changed_to=is_home, immediate=True, handler=self.follow, name=f"{number} comes"
            )
            await self.bus.on_state_change(
                person,
                changed_to=is_away,
                duration=config.leave_after_seconds,
                immediate=True,
                handler=self.follow,
                name=f"{number} is gone",
            )
        await self.bus.on_websocket_connected(handler=self.follow)

    async def follow(self) -> None:
        """Set the temperature that is right for who is there, unless it is set already."""
        somebody = any(is_home(state.state) for each in self.app_config.people if (state := self.states.get(each)))
        wanted = self.app_config.comfort if somebody else self.app_config.away
        thermostat = self.states.climate.get(self.app_config.thermostat)
        if thermostat is not None and thermostat.attributes.temperature == wanted:
            return
        await self.api.call_service(
            "climate", "set_temperature", {"entity_id": self.app_config.thermostat}, temperature=wanted
        )
        self.logger.info("%s: %.1f °C", "somebody is here" if somebody else "nobody is here", wanted)


def is_home(state: object) -> bool:
    """Whether it says that somebody is there."""
    return state in {"home", "on"}


def is_away(state: object) -> bool:
    """Whether it says that somebody is not there; a tracker that is unavailable says nothing."""
    return state in {"not_home", "off"}
