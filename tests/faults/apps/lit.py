"""An app that imports a module of its directory."""

from lamps import COLOUR  # type: ignore[import-not-found] # found where the apps are
from noting import note  # type: ignore[import-not-found] # found where the apps are

from duly.apps import App


class Lit(App):
    """Notes what it has imported."""

    async def on_initialize(self) -> None:
        """Note it."""
        note(self, COLOUR)
