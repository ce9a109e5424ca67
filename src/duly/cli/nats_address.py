"""Which server commands speak to, and the one of our own if there is to be one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from duly.cli.terminal import UsageError


def check_address(nats_url: str | None, *, embedded: bool) -> None:
    """Refuse flags that contradict each other, and addresses that are none.

    Raises:
        UsageError: both are given, or an address is malformed, also one of ``NATS_URL``.
    """
    if embedded and nats_url is not None:
        raise UsageError(["--embedded starts a server, --nats-url names another: give one of them"])
    if embedded:
        return
    from duly.dispatch.addresses import problems_of

    source = "NATS_URL" if not nats_url else "--nats-url"
    if problems := problems_of(_given(nats_url)):
        raise UsageError([f"{source}: {problem}" for problem in problems])


@contextmanager
def server_address(nats_url: str | None, *, embedded: bool) -> Iterator[list[str]]:
    """Where to connect: what is given, else ``NATS_URL``, else that of the contract; several are separated by commas.

    With ``embedded`` it is the server of the data directory, started if none runs there, and ended if it was.

    Raises:
        NatsServerError: it could not be started.
    """
    if not embedded:
        yield _given(nats_url)
        return
    from duly.dispatch.files import data_directory
    from duly.dispatch.server import join_or_start

    server = join_or_start(data_directory() / "nats")
    try:
        yield [server.url]
    finally:
        server.stop()


def _given(nats_url: str | None) -> list[str]:
    from duly.dispatch.addresses import DEFAULT_URL

    given = nats_url or os.environ.get("NATS_URL") or DEFAULT_URL
    return [url.strip() for url in given.split(",")]
