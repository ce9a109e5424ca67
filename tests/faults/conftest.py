"""Schedulers that are checked when their test ends, and servers."""

from tests.dispatch.conftest import nats_cluster, nats_server, nats_url
from tests.embedded.conftest import make

__all__ = ["make", "nats_cluster", "nats_server", "nats_url"]
