"""The parameters that all commands of a fleet take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

NatsUrl: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="--nats-url",
        help="Address of the server, or several with commas. Default: $NATS_URL, or nats://nats:4222.",
    ),
]
Embedded: TypeAlias = Annotated[
    bool,
    Parameter(
        name="--embedded",
        negative="",
        help="Start a nats-server of our own in the data directory, or use the one that runs there.",
    ),
]
DataDir: TypeAlias = Annotated[
    Path | None, Parameter(name="--data-dir", help="Where files are kept. Default: $DULY_DATA_DIR, or the user's.")
]
LogLevel: TypeAlias = Annotated[
    Literal["debug", "info", "warning", "error"], Parameter(name="--log-level", help="What is logged.")
]


def keep_files_in(data_dir: DataDir) -> None:
    """Have all parts of the process keep their files there; ``None``: where they would anyway."""
    if data_dir is not None:
        os.environ["DULY_DATA_DIR"] = str(data_dir)
