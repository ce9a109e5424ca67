"""What a change of files and settings means for the apps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duly.apps.loader import app_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from duly.config import AppManifest


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Keys of apps that are not what they were, each in one of the four; to be applied in this order."""

    orphans: frozenset[str] = frozenset()
    """Gone or disabled: to be stopped."""
    reimport_apps: frozenset[str] = frozenset()
    """With changed code: new instances of a new class."""
    reload_apps: frozenset[str] = frozenset()
    """With a changed manifest or configuration: new instances."""
    new_apps: frozenset[str] = frozenset()
    """To be started."""

    def __bool__(self) -> bool:
        return any((self.orphans, self.reimport_apps, self.reload_apps, self.new_apps))

    def without(self, keys: Collection[str]) -> ChangeSet:
        """The same, but for these apps: what they are stays."""
        return replace(
            self, reimport_apps=self.reimport_apps.difference(keys), reload_apps=self.reload_apps.difference(keys)
        )


def changes_between(
    old: Mapping[str, AppManifest],
    new: Mapping[str, AppManifest],
    changed_files: Collection[Path],
    reconfigured: Collection[str] = (),
) -> ChangeSet:
    """What leads from the old manifests to the new ones.

    ``changed_files`` are those of apps whose code has changed; ``reconfigured`` are keys of apps that get another
    configuration, though their manifests may be the same.
    """
    before, after = ({key for key, manifest in all_.items() if manifest.enabled} for all_ in (old, new))
    stay = before & after
    reimport = frozenset(key for key in stay if app_file(new[key]) in changed_files)
    return ChangeSet(
        orphans=frozenset(before - after),
        reimport_apps=reimport,
        reload_apps=frozenset(key for key in stay - reimport if key in reconfigured or old[key] != new[key]),
        new_apps=frozenset(after - before),
    )
