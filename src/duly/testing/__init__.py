"""Drive Duly on virtual time, in our tests and in those of users.

``AppHarness`` runs apps, ``RecordingApi`` stands for Home Assistant. ``World`` plays jobs on the engine and keeps
their ledger; ``VirtualClock`` also serves an embedded ``Scheduler``; ``run_virtual`` runs a coroutine.
``duly.testing.strategies`` needs Hypothesis and is imported only by who uses it; pytest finds the fixtures by itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from duly.testing.clock import START, Host, VirtualClock
from duly.testing.ledger import Account, Row, discrepancies

if TYPE_CHECKING:
    from duly.testing.app_ledger import AppLedger, LedgerRow
    from duly.testing.engine_host import Script
    from duly.testing.harness import AppHarness
    from duly.testing.recorded_calls import ApiCall
    from duly.testing.recording_api import RecordingApi
    from duly.testing.virtual_loop import HarnessStuckError, VirtualLoop, run_virtual
    from duly.testing.world import World

__all__ = [
    "START",
    "Account",
    "ApiCall",
    "AppHarness",
    "AppLedger",
    "HarnessStuckError",
    "Host",
    "LedgerRow",
    "RecordingApi",
    "Row",
    "Script",
    "VirtualClock",
    "VirtualLoop",
    "World",
    "discrepancies",
    "run_virtual",
]

_LATER = {
    "ApiCall": "recorded_calls",
    "AppHarness": "harness",
    "AppLedger": "app_ledger",
    "HarnessStuckError": "virtual_loop",
    "LedgerRow": "app_ledger",
    "RecordingApi": "recording_api",
    "Script": "engine_host",
    "VirtualLoop": "virtual_loop",
    "World": "world",
    "run_virtual": "virtual_loop",
}
"""Where the names are that are loaded when first used, so that pytest starts fast."""


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
