"""Drive Duly on virtual time, in our tests and in those of users.

``World`` plays jobs on the engine and keeps their ledger; ``VirtualClock`` also serves an embedded ``Scheduler``.
``duly.testing.strategies`` needs Hypothesis and is imported only by who uses it; pytest finds the fixtures
``virtual_clock`` and ``world`` by itself.
"""

from duly.testing.clock import START, Host, VirtualClock
from duly.testing.engine_host import Script
from duly.testing.ledger import Account, Row, discrepancies
from duly.testing.world import World

__all__ = ["START", "Account", "Host", "Row", "Script", "VirtualClock", "World", "discrepancies"]
