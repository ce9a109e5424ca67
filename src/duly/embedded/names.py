"""The names of jobs: unique among those that have not ended."""

from collections.abc import Container

from duly.core.arguments import callable_name
from duly.core.policy import IfExists
from duly.embedded.driver import Driver
from duly.embedded.job import ID_PREFIX, JobFunction, LiveJob, differences


class Names:
    """Names for jobs that are given none. Guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._suffixes: dict[str, int] = {}

    def free(self, func: JobFunction, taken: Container[str]) -> str:
        """The name of the function, with the next number if a job of that id is among those ``taken``."""
        base = callable_name(func)
        suffixes = self._suffixes
        if ID_PREFIX + base not in taken:
            suffixes.pop(base, None)
            return base
        number = suffixes.get(base, 1) + 1
        while ID_PREFIX + (name := f"{base}-{number}") in taken:
            number += 1
        suffixes[base] = number
        return name


def gives_way(driver: Driver, old: LiveJob, new: LiveJob, if_exists: IfExists, now: int) -> bool:
    """Whether the new job takes the name of the old one, which then is cancelled. The caller holds the lock.

    Raises:
        ValueError: the name is taken, or the old job is another than the new one.
    """
    if if_exists == "replace":
        driver.remove(old, now)
        return True
    if if_exists == "error":
        raise ValueError(
            f"a job named {old.name!r} already exists, names must be unique per scheduler: "
            "choose another, or pass if_exists='skip' or 'replace'"
        )
    changed = differences(old, new)
    if changed:
        raise ValueError(
            f"a job named {old.name!r} exists but its configuration changed ({', '.join(changed)}): "
            "pass if_exists='replace' to take the new one"
        )
    return False
