"""The root of a Duly that runs apps, and the process it runs in."""

from duly.runtime.duly import Duly
from duly.runtime.registries import RegistryValidationError
from duly.runtime.snapshot import DropCounters, DulySnapshot, OffPart, PartSnapshot

__all__ = ["DropCounters", "Duly", "DulySnapshot", "OffPart", "PartSnapshot", "RegistryValidationError"]
