"""What commands that dispatch or work log on standard error."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, structlog
from duly.cli.structured_logs import log_to_stderr

log_to_stderr("info")
structlog.get_logger("duly.dispatch").info("worker.running", queue="emails")
logging.getLogger("duly.ledger").error("records are lost")
print("goes on")
"""


def test_what_cannot_be_written_ends_nobodys_work() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=full, check=False)
    assert ended.stdout == b"goes on\n"


def test_events_are_lines_of_json_where_there_is_no_terminal() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    running, lost = ended.stderr.splitlines()
    assert b'"event": "worker.running"' in running
    assert b'"queue": "emails"' in running
    assert b'"logger": "duly.ledger"' in lost
