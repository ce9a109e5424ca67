"""Whether the classes that apps give for the states of domains go together: one app must not undo what another did."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from duly.core.errors import DulyError
from duly.states import AnyState, State
from duly.states.registry import class_of

if TYPE_CHECKING:
    from duly.lifecycle.logs import PartLogger

StateClass: TypeAlias = type[AnyState]


class RegistryValidationError(DulyError):
    """Classes are registered that do not go together; raised at the start with ``strict_lifecycle`` only."""


def check_registries(files: Collection[Path], logger: PartLogger, *, strict: bool) -> None:
    """Check what apps have registered, which are in these ``files``; what is wrong is a WARNING unless ``strict``.

    Raises:
        RegistryValidationError: something is wrong, and ``strict``.
    """
    problems = list(_problems(files))
    if problems and strict:
        raise RegistryValidationError("; ".join(problems))
    for problem in problems:
        logger.warning(problem)


def _problems(files: Collection[Path]) -> Iterator[str]:
    by_domain: dict[str, list[StateClass]] = {}
    for cls in _subclasses(State):
        if "domain" in vars(cls) and _file_of(cls) in files:
            by_domain.setdefault(vars(cls)["domain"], []).append(cls)
    for domain, classes in by_domain.items():
        used = class_of(domain)
        for cls in classes:
            if used is not None and used.__module__.startswith("duly."):
                yield (
                    f"{_name(cls)} is not used for the domain {domain!r}, which has {used.__name__}: "
                    f"derive it from that, or ask for states[{cls.__name__}] and leave out the domain"
                )
        for one, other in combinations(classes, 2):
            if not (issubclass(one, other) or issubclass(other, one)):
                yield f"{_name(one)} and {_name(other)} are both for the domain {domain!r}: share one, or derive it"


def _subclasses(cls: StateClass) -> Iterator[StateClass]:
    for derived in cls.__subclasses__():
        yield derived
        yield from _subclasses(derived)


def _file_of(cls: type) -> Path | None:
    """Where its module is from; ``None``: its module is in force no more, or was replaced."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return None if file is None or getattr(module, cls.__qualname__, None) is not cls else Path(file)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
