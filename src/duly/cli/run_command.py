"""``duly run``: the apps."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from duly.cli.settings import Misconfigured, read_config

if TYPE_CHECKING:
    from duly.config import DulyConfig

Switch: TypeAlias = bool | str | None
"""Other words than those for yes and no are left to the settings, which tell all that is wrong at once."""


def run_apps(
    *,
    token: Annotated[str | None, Parameter(name=["--token", "-t"], help="Access token of Home Assistant.")] = None,
    base_url: Annotated[
        str | None, Parameter(name=["--base-url", "-u", "--url"], help="Address of Home Assistant.")
    ] = None,
    verify_ssl: Annotated[
        Switch, Parameter(name="--verify-ssl", metavar="", help="Check the certificates of Home Assistant.")
    ] = None,
    dev_mode: Annotated[
        Switch, Parameter(name="--dev-mode", metavar="", help="Longer time limits, reload of changed apps.")
    ] = None,
) -> int:
    """Run the apps until the process is asked to stop (SIGTERM or Ctrl-C); a second signal ends it at once.

    Exit codes: 0 stopped as asked, 1 failed, 2 the configuration is not right, 128 + signal ended at once.
    """
    from duly.runtime.process import run

    flags = {"token": token, "base_url": base_url, "verify_ssl": verify_ssl, "dev_mode": dev_mode}
    return run(lambda: _load(flags))


def _load(flags: dict[str, Any]) -> "DulyConfig":
    """The settings; if they cannot be used, all that is wrong is told, with the apps."""
    from duly.apps.loader import AppLoader
    from duly.config.errors import ConfigurationError
    from duly.runtime.preparation import with_more

    with _messages():
        try:
            return read_config(**flags)
        except ConfigurationError as error:
            with closing(AppLoader()) as loader:
                raise Misconfigured(str(with_more(error, loader))) from None


class _Line(logging.Formatter):
    """A message as commands write it."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


@contextmanager
def _messages() -> Iterator[None]:
    """Show on standard error what is logged inside, where no settings say how yet."""
    from duly.config.dev_mode import level_before_load

    log, handler = logging.getLogger("duly"), logging.StreamHandler()
    handler.setFormatter(_Line())
    before = log.level
    log.setLevel(level_before_load())
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
