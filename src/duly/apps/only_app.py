"""Running one app alone, while it is being developed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from duly.apps.app import App

AppT = TypeVar("AppT", bound="type[App[Any]]")

_MARK: Final = "_duly_only_app"


def only_app(cls: AppT) -> AppT:
    """Mark an app class: just this app runs, the others are blocked. Subclasses are not marked.

    Honoured in dev mode, or with ``allow_only_app_in_prod``.
    """
    setattr(cls, _MARK, cls)
    return cls


def is_only_app(cls: type[App[Any]]) -> bool:
    """Whether the class itself is marked."""
    return getattr(cls, _MARK, None) is cls


@dataclass(frozen=True, slots=True)
class Marks:
    """What the marks of all apps that are enabled come to."""

    keys: tuple[str, ...] = ()
    """Of the marked apps."""
    honoured: bool = False

    @property
    def only_app(self) -> str | None:
        """The app that is to run alone; ``None``: there is none, or more than one."""
        return self.keys[0] if self.honoured and len(self.keys) == 1 else None

    @property
    def conflict(self) -> str | None:
        """Why no app may run at all; ``None``: some may."""
        if not self.honoured or len(self.keys) <= 1:
            return None
        names = ", ".join(self.keys)
        return f"only_app marks {len(self.keys)} apps, so none is started: {names}; leave it on one of them"

    def block(self, app_key: str) -> bool:
        """Whether this app may not run."""
        return self.honoured and bool(self.keys) and app_key != self.only_app

    def tell(self, log: logging.LoggerAdapter[logging.Logger]) -> None:
        """Log what follows from them."""
        if self.conflict:
            log.error(self.conflict)
        elif self.only_app:
            log.warning("only_app: just %s runs, all other apps are blocked", self.only_app)
        elif self.keys:
            names = ", ".join(self.keys)
            log.warning("only_app is ignored outside dev mode: apps=%s; set allow_only_app_in_prod to honour it", names)
