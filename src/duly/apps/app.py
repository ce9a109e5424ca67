"""What a user of Duly writes: an app, a part whose listeners, jobs, tasks and children end with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, final, get_args, get_origin

from whenever import ZonedDateTime

from duly.apps.app_config import AppConfig, ConfigT
from duly.apps.cache import AppCache
from duly.apps.errors import InvalidInheritanceError
from duly.bus.bus import Bus
from duly.core import clock as clocks
from duly.hass.api import Api, add_api
from duly.hass.state_manager import StateManager
from duly.lifecycle import Resource, ResourceRole
from duly.scheduler import AsyncScheduler

if TYPE_CHECKING:
    from asyncio import Event

    from duly.config import AppManifest
    from duly.lifecycle import Root, StatusChange

HOOKS = (
    "before_initialize",
    "on_initialize",
    "after_initialize",
    "before_shutdown",
    "on_shutdown",
    "after_shutdown",
)
"""What a user overrides; in ``AppSync`` with ``_sync`` behind it."""


class App(Resource, Generic[ConfigT]):
    """One instance of an app; the type argument is the class of its configuration. Guarded by the event loop.

    Override the hooks: ``before_``, ``on_`` and ``after_initialize``, ``before_``, ``on_`` and ``after_shutdown``.
    """

    role: ClassVar[ResourceRole] = ResourceRole.APP
    log_setting: ClassVar[str] = "apps"
    final_methods: ClassVar[dict[str, str]] = {"end_intake": "before_shutdown"}
    config_class: ClassVar[type[AppConfig]] = AppConfig
    """The type argument, also of a class between; made out when the class is."""
    api: Api
    states: StateManager
    bus: Bus
    scheduler: AsyncScheduler
    cache: AppCache

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _check(cls)
        cls.config_class = _config_class(cls, {}) or AppConfig

    def __init__(
        self, duly: Root, *, parent: Resource | None = None, manifest: AppManifest, app_config: ConfigT, index: int
    ) -> None:
        self.manifest = manifest
        self.app_config = app_config
        self._listener: Callable[[StatusChange], None] | None = None
        super().__init__(duly, parent=parent)
        self.app_key = manifest.app_key
        self.index = index
        self.logger.extra = {"source_tier": self.source_tier, **self.log_fields}
        self.api = add_api(self)
        self.states = self.add_child(StateManager)
        self.bus = self.add_child(Bus)
        self.scheduler = self.add_child(AsyncScheduler)
        self.cache = self.add_child(AppCache)

    def _own_name(self) -> str:
        return f"{self.manifest.app_key}/{self.instance_name}"

    @property
    def instance_name(self) -> str:
        """Its name among the instances of its key."""
        return self.app_config.instance_name

    @property
    def log_fields(self) -> Mapping[str, Any]:
        """Whose record it is, for log records made by it."""
        return {"app_key": self.app_key, "instance_name": self.instance_name, "instance_index": self.index}

    @property
    def config_log_level(self) -> str:
        """That of its configuration, else ``logging.apps``."""
        return self.app_config.log_level or super().config_log_level

    @property
    def waits_for_hass(self) -> bool:
        """Whether it has waited for the link or for states, and they did not come."""
        return bool(self.api.waits.unmet or self.states.waits.unmet)

    def link_anew(self) -> None:
        """Take the link to Home Assistant that there is now."""
        self.api.link_anew()
        self.states.link_anew()

    def tell_of_status(self, listener: Callable[[StatusChange], None] | None) -> None:
        """Let ``listener`` be told of every change of its status; ``None``: nobody any more."""
        self._listener = listener

    def now(self) -> ZonedDateTime:
        """The time, in the zone of the clock: that of the system, unless a test gives another."""
        clock = clocks.current()
        return clocks.zoned(clock.now(), clock.zone)

    @final
    async def end_intake(self) -> None:
        """Let nothing of it begin any more: its jobs and listeners are removed; runs in flight may finish."""
        for child in reversed(self.children):
            await child.end_intake()

    def _tell_root(self, change: StatusChange) -> None:
        super()._tell_root(change)
        if self._listener is not None and change.status is not change.previous_status:
            self._listener(change)

    async def _climb(self, stop: Event) -> None:
        try:
            await super()._climb(stop)
        except SystemExit as error:  # would end the loop, and with it all other apps
            raise RuntimeError(f"{self.unique_name} called sys.exit() in its start: raise an error instead") from error


_OF_INSTANCES = {
    "api", "app_config", "app_key", "bus", "cache", "children", "duly", "index", "logger", "manifest", "parent",
    "scheduler", "states", "task_bucket", "unique_name",
}  # fmt: skip
"""What every instance has, which would hide what a class has under that name."""
_FREE = {*HOOKS, *(f"{hook}_sync" for hook in HOOKS), "config_class", "depends_on", "final_methods"}
"""What a class of a user may have, though Duly defines it; ``depends_on`` is told of apart."""


def _check(cls: type[App[Any]]) -> None:
    """Refuse a class that would not be made or started as an app is."""
    for base in cls.__mro__[1 : cls.__mro__.index(App)]:
        if not issubclass(base, App) and "__init__" in vars(base):
            raise InvalidInheritanceError(
                f"{cls.__qualname__}: {base.__qualname__} has an __init__ of its own and stands before App, which "
                f"would not be set up: name App first, or set up in on_initialize() what {base.__qualname__} needs"
            )
    if taken := sorted(_names(cls, ours=False) & (_names(cls, ours=True) | _OF_INSTANCES) - _FREE):
        raise InvalidInheritanceError(
            f"{cls.__qualname__} defines {', '.join(taken)}, which every app has already: choose another name"
        )
    if cls.depends_on:
        raise InvalidInheritanceError(
            f"{cls.__qualname__} sets depends_on, which is for parts of Duly: remove it, apps start when all parts work"
        )


def _names(cls: type[App[Any]], *, ours: bool) -> set[str]:
    """What the classes of Duly, or those of the user, define below it; without what Python does."""
    classes = (base for base in cls.__mro__ if base.__module__.startswith("duly.") is ours and base is not object)
    return {name for base in classes for name in vars(base) if not name.startswith("__")}


def _config_class(cls: type, bound: Mapping[Any, Any]) -> type[AppConfig] | None:
    """The type argument with which ``cls`` derives from ``App``, in whichever base; ``None``: without one."""
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if not (isinstance(origin, type) and issubclass(origin, App)):
            continue
        arguments = [bound.get(argument, argument) for argument in get_args(base)]
        if origin is not App:
            found = _config_class(origin, dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False)))
        else:
            found = _as_config_class(cls, arguments[0]) if arguments else None
        if found is not None:
            return found
    return None


def _as_config_class(cls: type, argument: Any) -> type[AppConfig] | None:  # noqa: ANN401 - what stands in the brackets
    if isinstance(argument, type) and issubclass(argument, AppConfig):
        return argument
    if isinstance(argument, TypeVar):
        return argument.__bound__  # nobody has filled it in
    raise InvalidInheritanceError(
        f"{cls.__qualname__}: the type argument of App must be a class derived from AppConfig, not {argument!r}"
    )
