"""Where settings come from, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from duly.config.app_section import unnest_apps, without_apps_of
from duly.config.environment import Variables, of_files, of_process
from duly.config.errors import ConfigurationError
from duly.config.layers import Layer, Origin, Stack, under_one_root, unnested, usually_named
from duly.config.migration import Migrated, migrate
from duly.config.problems import KeyPath, Problem, dotted
from duly.config.toml_file import TomlFile, read_toml
from duly.directories import in_container

PREFIX = "DULY__"

_TOKEN_VARIABLES = dict.fromkeys(("HA_TOKEN", "HOME_ASSISTANT_TOKEN", "TOKEN"), "token")

TOKEN_KEYS = ("token", "ha_token", "home_assistant_token")

_DIRECTORY_VARIABLES = {"DULY_CONFIG_DIR": "config_dir", "DULY_DATA_DIR": "data_dir"}

_HASSETTE_PREFIX = "HASSETTE__"

_HASSETTE_VARIABLES = {"HASSETTE_CONFIG_DIR": "config_dir", "HASSETTE_DATA_DIR": "data_dir"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a configuration is read from, so that it can be read again."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Of the command line, by field."""
    config_file: Path | None = None
    """The only TOML file, if one was asked for."""
    env_file: Path | None = None
    """The only ``.env`` file, if one was asked for."""
    places: tuple[Path, ...] = ()
    """Directories in which files are looked for, those that win last; none for a hermetic configuration."""

    dev_mode: bool | None = None
    """What holds where no source says so; ``None``: what the process looks like."""

    @property
    def hermetic(self) -> bool:
        """Whether the arguments are all there is."""
        return not self.places

    @property
    def toml_files(self) -> tuple[Path, ...]:
        """Those that exist, of which the last counts."""
        return self._existing(self.config_file, "duly.toml")

    @property
    def env_files(self) -> tuple[Path, ...]:
        """Those that exist; for a name in several the last counts."""
        return self._existing(self.env_file, ".env")

    @property
    def hassette_files(self) -> tuple[Path, ...]:
        """Those that exist, of which the last counts."""
        return () if self.config_file else self._existing(None, "hassette.toml")

    def _existing(self, given: Path | None, name: str) -> tuple[Path, ...]:
        candidates = (given,) if given else tuple(place / name for place in self.places)
        last_first = dict.fromkeys(path for path in reversed(candidates) if _is_there(path))
        return tuple(reversed(last_first))


def _is_there(path: Path) -> bool:
    """Whether there is such a file; also if that is not ours to see, so that who reads it tells why."""
    try:
        return path.exists()
    except OSError:
        return True


def search_places() -> tuple[Path, ...]:
    """Directories in which files are looked for, those that win last."""
    here = Path.cwd()
    return (in_container("config"), here, here / "config")


@dataclass(slots=True)
class Loaded:
    """Everything that the sources say; filled by the load that makes it, and left alone from then on."""

    stack: Stack = field(default_factory=Stack)
    problems: list[Problem] = field(default_factory=list)
    """Of sources that could not be read."""
    warnings: list[str] = field(default_factory=list)
    hassette_files: tuple[Path, ...] = ()
    """Those that were used."""
    dotenv: Variables = field(default_factory=lambda: Variables({}))
    """What ``.env`` files say."""

    def attempt(self, read: Callable[[], T]) -> T | None:
        """What ``read`` gives; ``None``, with its problems noted, if it fails."""
        try:
            return read()
        except ConfigurationError as error:
            self.problems += error.problems
            return None


def load(sources: Sources, settings: type[BaseModel]) -> Loaded:
    """Read all sources; ``settings`` is the model of the root."""
    loaded = Loaded()
    stack = loaded.stack
    stack.put_below(Layer(sources.flags, _of_flag))
    stack.put_below(unnested(Layer(sources.arguments, _of_argument)))
    if sources.hermetic:
        return loaded
    for flag, path in (("config-file", sources.config_file), ("env-file", sources.env_file)):
        if path and not _is_there(path):
            loaded.problems.append(_missing(flag, path))
    loaded.dotenv = loaded.attempt(lambda: of_files(sources.env_files)) or loaded.dotenv
    if unread := loaded.dotenv.unread:
        loaded.warnings.append(f"left out, since it is no NAME=value: {'; '.join(unread)}; correct or remove it")
    environments = [of_process(), loaded.dotenv]
    for variables in environments:
        if layer := variables.layer(PREFIX, _TOKEN_VARIABLES):
            stack.put_below(unnested(layer))
    file = _chosen(sources.toml_files, loaded)
    if file is not None:
        for layer in _of_file(file, "duly", loaded):
            stack.put_below(layer)
    if layer := environments[0].layer(None, _DIRECTORY_VARIABLES):
        stack.put_below(layer)
    _put_hassette_below(loaded, sources, settings, environments, file)
    return loaded


def _of_flag(path: KeyPath) -> Origin:
    return Origin(f"command line --{str(path[0]).replace('_', '-')}", path, undo="leave the flag out")


def _of_argument(path: KeyPath) -> Origin:
    return Origin(f"argument {path[0]} of DulyConfig", path, undo="leave the argument out")


def _missing(flag: str, path: Path) -> Problem:
    fix = f"there is no file {path}: correct the path, or leave the flag out to search the usual places"
    return Problem(f"command line --{flag}", None, str(path), fix)


def _chosen(files: tuple[Path, ...], loaded: Loaded) -> TomlFile | None:
    """The last of several files, with a warning that names the others."""
    if not files:
        return None
    *ignored, used = files
    if ignored:
        names = ", ".join(map(str, ignored))
        loaded.warnings.append(f"{used} is used, and ignored are: {names}; keep one of them")
    return loaded.attempt(lambda: read_toml(used))


def _of_file(file: TomlFile, root: str, loaded: Loaded) -> Iterator[Layer]:
    """What a file says in its root table, then what it says outside."""
    inside = loaded.attempt(lambda: file.under(root))
    layers = [unnested(_with_token(layer)) for layer in (inside, file.outside()) if layer is not None]
    if len(layers) > 1:
        problems, keys = under_one_root(*layers)
        loaded.problems += problems
        if keys:
            loaded.warnings.append(
                f"{file.path}: {', '.join(sorted(keys))} is set in [{root}] and outside of it; the value in [{root}]"
                " holds: remove the other"
            )
    yield from layers


def _with_token(layer: Layer) -> Layer:
    """The token under its own name, whichever of its names was written."""
    written = next((name for name in TOKEN_KEYS if name in layer.values), None)
    if written is None:
        return layer
    values = {key: value for key, value in layer.values.items() if key not in TOKEN_KEYS}
    return Layer(
        {**values, "token": layer.values[written]},
        lambda path: layer.locate((written, *path[1:]) if path[:1] == ("token",) else path),
    )


def _put_hassette_below(
    loaded: Loaded,
    sources: Sources,
    settings: type[BaseModel],
    environments: list[Variables],
    file: TomlFile | None,
) -> None:
    """Fill what is not set with what was written for Hassette, and warn of it."""
    own = loaded.stack.values.get("apps", {})
    own_apps = dict(own) if isinstance(own, Mapping) else {}
    used: dict[str, None] = {}
    strange: list[str] = []
    for name, path, layer in _hassette_layers(loaded, sources, environments, file):
        migrated = migrate(layer.values, settings)
        if loaded.stack.put_below(_translated(migrated, layer, own_apps)) or migrated.not_understood:
            used[name] = None
            strange += migrated.not_understood
            loaded.hassette_files += (path,) if path else ()
    if used:
        rest = f"; not understood and ignored: {', '.join(strange)}" if strange else ""
        loaded.warnings.append(
            f"settings for Hassette are used from {', '.join(used)}{rest}; move them to [duly] or {PREFIX}…"
        )


def _hassette_layers(
    loaded: Loaded, sources: Sources, environments: list[Variables], file: TomlFile | None
) -> Iterator[tuple[str, Path | None, Layer]]:
    """What was written for Hassette, by what to call it, with the file if it is one; the highest first."""
    for variables in environments:
        if layer := variables.layer(_HASSETTE_PREFIX, _HASSETTE_VARIABLES):
            yield ", ".join(variables.names(_HASSETTE_PREFIX, _HASSETTE_VARIABLES)), None, layer
    if file is not None and "hassette" in file.values and (layer := loaded.attempt(lambda: file.under("hassette"))):
        yield f"[hassette] in {file.path}", file.path, layer
    old = _chosen(sources.hassette_files, loaded)
    if old is not None:
        yield from ((str(old.path), old.path, layer) for layer in _of_file(old, "hassette", loaded))


def _translated(migrated: Migrated, layer: Layer, own_apps: Mapping[str, Any]) -> Layer:
    """A layer in Duly's names, without the apps that Duly's own sources define."""

    def locate(path: KeyPath) -> Origin:
        return layer.locate(_as_written(migrated, path))

    values = dict(migrated.values)
    if isinstance(section := values.get("apps"), Mapping):
        values["apps"] = without_apps_of(own_apps, unnest_apps(section))
    return usually_named(Layer(values, locate))


def _as_written(migrated: Migrated, path: KeyPath) -> KeyPath:
    for length in range(len(path), 0, -1):
        above = dotted(path[:length])
        if (written := migrated.origins.get(above, above)) != above:
            return (*written.split("."), *path[length:])
    return path
