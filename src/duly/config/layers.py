"""Settings from several sources on top of each other, and which source each value came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from duly.config.app_section import RESERVED_NAMES, is_app, unnest_apps
from duly.config.manifest import ALIASES, by_field
from duly.config.problems import KeyPath, Problem, dotted, shown

_APP_KEYS = 2
"""How many keys lead to an app: ``apps`` and its own."""

_USUAL = {field: aliases[0] for field, aliases in ALIASES.items()}
"""By field of an app: the name that most write."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written."""

    place: str
    written: KeyPath
    """The key path as written there."""
    line: int | None = None
    undo: str = "remove the line"
    """How to go back to the default."""

    @property
    def text(self) -> str:
        """The place, with the line if it is known."""
        return self.place if self.line is None else f"{self.place}, line {self.line}"

    def problem(self, value: object, fix: str) -> Problem:
        """What is wrong with the value that was written here."""
        return Problem(self.place, dotted(self.written), shown(self.written, value), fix, self.line)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says: nested tables in Duly's names."""

    values: Mapping[str, Any]
    locate: Callable[[KeyPath], Origin]
    """The origin of a key path in ``values``."""


@dataclass(slots=True)
class Stack:
    """Layers merged key by key, the first one on top; filled by the load that makes it, and left alone from then on."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _owners: dict[KeyPath, Layer] = field(default_factory=dict, compare=False)

    def put_below(self, layer: Layer) -> bool:
        """Add what no layer so far has set; whether there was anything of that."""
        before = len(self._owners)
        self._merge(self.values, layer, layer.values, ())
        return len(self._owners) > before

    def origin(self, path: KeyPath) -> Origin | None:
        """Where a value was written, else the table around it; ``None`` if no source has set it."""
        whole = path = self.as_written(path)
        while path:
            if path in self._owners:
                return self._owners[path].locate(whole)
            path = path[:-1]
        return None

    def as_written(self, path: KeyPath) -> KeyPath:
        """The path as it is in ``values``, where a key of an app may have several names."""
        if path[0] != "apps" or len(path) <= _APP_KEYS:
            return path
        return (*path[:2], _USUAL.get(str(path[2]), path[2]), *path[3:])

    def or_default(self, path: KeyPath) -> Origin:
        """Where a value was written, or that it was not."""
        return self.origin(path) or Origin("default", path)

    def has(self, path: KeyPath) -> bool:
        """Whether a source has set exactly this."""
        return path in self._owners

    def _merge(self, into: dict[str, Any], layer: Layer, values: Mapping[str, Any], above: KeyPath) -> None:
        for key, value in values.items():
            path = (*above, key)
            if key not in into:
                into[key] = {} if isinstance(value, Mapping) else value
                self._owners[path] = layer
            if isinstance(value, Mapping) and isinstance(into[key], dict):
                self._merge(into[key], layer, value, path)
            elif isinstance(value, list) and isinstance(into[key], dict) and _is_app_config(path):
                self._refuse_mixture(path, layer.locate(path), into[key])

    def _refuse_mixture(self, path: KeyPath, instances: Origin, table: Mapping[str, Any]) -> None:
        """Single values over a list of instances would hide them all."""
        where = f"{dotted(instances.written)} is a list of instances in {instances.text}"
        for key, value in table.items():
            fix = f"{where}: set {key} in each of them there"
            self.problems.append(self.or_default((*path, key)).problem(value, fix))


def _is_app_config(path: KeyPath) -> bool:
    return len(path) == _APP_KEYS + 1 and path[0] == "apps" and path[2] in ALIASES["app_config"]


def under_one_root(upper: Layer, lower: Layer) -> tuple[list[Problem], list[str]]:
    """What a file says twice, under its root table and outside: problems, and keys for which the upper layer holds."""
    problems: list[Problem] = []
    keys: list[str] = []
    for path in _shared(upper.values, lower.values, ()):
        if _is_app(path):
            problems.append(duplicate(upper.locate(path), lower.locate(path)))
        else:
            keys.append(dotted(path))
    return problems, keys


def _shared(one: Mapping[str, Any], other: Mapping[str, Any], above: KeyPath) -> Iterator[KeyPath]:
    """Apps, and what is no table, in both."""
    for key in one.keys() & other.keys():
        path = (*above, key)
        if isinstance(one[key], Mapping) and isinstance(other[key], Mapping) and not _is_app(path):
            yield from _shared(one[key], other[key], path)
        else:
            yield path


def _is_app(path: KeyPath) -> bool:
    return len(path) == _APP_KEYS and path[0] == "apps" and path[1] not in RESERVED_NAMES


def duplicate(one: Origin, other: Origin, *, remedy: str = "rename") -> Problem:
    """What is wrong with a key that is defined in two places of a file; ``remedy`` is what to do with one of them."""
    first, second = sorted((one, other), key=lambda origin: origin.line or 0)
    fix = f"defined in line {first.line} and in line {second.line}: {remedy} one of the two"
    return Problem(second.place, dotted(second.written), None, fix, second.line)


def unnested(layer: Layer) -> Layer:
    """The same with all apps directly below ``apps``, and usually named, so that layers meet under one spelling."""
    section = layer.values.get("apps")
    if not isinstance(section, Mapping):
        return layer
    apps = unnest_apps(section)
    moved = apps.keys() - section.keys()

    def locate(path: KeyPath) -> Origin:
        return layer.locate(("apps", *path) if path[:1] == ("apps",) and moved.intersection(path[1:2]) else path)

    return usually_named(Layer({**layer.values, "apps": apps}, locate))


def usually_named(layer: Layer) -> Layer:
    """The same with the usual one of the names that a key of an app may have."""
    section = layer.values.get("apps")
    if not isinstance(section, Mapping):
        return layer

    def locate(path: KeyPath) -> Origin:
        if path[:1] != ("apps",) or len(path) <= _APP_KEYS or not is_app(app := str(path[1]), section.get(app)):
            return layer.locate(path)
        names = next((names for names in ALIASES.values() if names[0] == path[2]), ())
        written = next((name for name in names if name in section[app]), path[2])
        return layer.locate((*path[:2], written, *path[3:]))

    apps = {key: _usual(value) if is_app(key, value) else value for key, value in section.items()}
    return Layer({**layer.values, "apps": apps}, locate)


def _usual(table: Mapping[str, Any]) -> dict[str, Any]:
    return {_USUAL.get(key, key): value for key, value in by_field(table).items()}
