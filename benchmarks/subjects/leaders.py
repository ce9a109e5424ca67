"""``duly dispatch``, as a process of its own: on one server, and on a cluster."""

from typing import ClassVar


class Leader:
    """On a server that stores everything alone."""

    distribution: ClassVar[str | None] = "duly"
    replicas: ClassVar[int] = 1


class LeaderOfThree(Leader):
    """On a cluster of three servers that all keep stream, lease and positions."""

    replicas: ClassVar[int] = 3
