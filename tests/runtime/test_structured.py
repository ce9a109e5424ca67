"""What is logged through structlog in a process of apps."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from duly.runtime.structured import send_to_logging


@pytest.fixture(autouse=True)
def _not_configured() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def test_an_event_becomes_a_record_with_its_name_and_its_values(caplog: pytest.LogCaptureFixture) -> None:
    send_to_logging()
    with caplog.at_level(logging.INFO, "duly.dispatch"):
        structlog.get_logger("duly.dispatch").info("bus.connected", url="nats://x", tries=2)
    [record] = caplog.records
    assert record.getMessage() == "bus.connected: url=nats://x tries=2"
    assert (record.name, record.levelname) == ("duly.dispatch", "INFO")


def test_an_exception_goes_along(caplog: pytest.LogCaptureFixture) -> None:
    send_to_logging()
    structlog.get_logger("duly.dispatch").error("bus.failed", exc_info=ValueError("no"))
    assert caplog.records[0].exc_info is not None


def test_below_its_level_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    send_to_logging()
    with caplog.at_level(logging.WARNING, "duly.dispatch"):
        structlog.get_logger("duly.dispatch").info("bus.connected")
    assert not caplog.records


def test_what_the_program_has_configured_stays() -> None:
    structlog.configure(processors=[])
    send_to_logging()
    assert structlog.get_config()["processors"] == []
