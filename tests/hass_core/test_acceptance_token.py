"""Tokens that are wrong, taken back, exchanged, or not there: rows 7 and 8. Duly runs as a process."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.filed import rows_of
from tests.faults.app_folder import AppFolder, let_pass
from tests.hass_core.home_assistant import HomeAssistant
from tests.runtime.ground import Ground

WRONG = "eyJhbGciOiJIUzI1NiJ9.wrong-but-long-enough-to-be-one.0123456789"
LIVELY = """
    async def on_initialize(self):
        await self.bus.on_state_change("light.lamp", handler=self.see)
        await self.scheduler.run_every(self.tick, seconds=1, name="tick")

    async def see(self):
        pass

    async def tick(self):
        try:
            await self.api.get_config()
        except Exception as error:
            self.logger.info("no answer: %s %s", type(error).__name__, error)
        else:
            self.logger.info("an answer")
"""


@pytest.fixture
def ground(tmp_path: Path) -> AppFolder:
    folder = tmp_path / "ground"
    folder.mkdir()
    return AppFolder(folder)


@pytest.fixture
def deaf_port() -> Iterator[socket.socket]:
    """A port that takes connections, of which nobody answers any."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def linked(home: HomeAssistant, token: str) -> str:
    return f'base_url = "{home.url}"\ntoken = "{token}"\nallow_reload_in_prod = true'


def refusals(home: HomeAssistant) -> int:
    """How often somebody has tried to get in with a wrong token."""
    return home.log.read_text("utf-8").count("Login attempt or request with invalid authentication")


def hides(ground: Ground, said: str, token: str) -> bool:
    """Whether a token is nowhere in full: in what was printed, or in what was stored."""
    stored = b"".join(file.read_bytes() for file in ground.data.rglob("*") if file.is_file())
    return token not in said and token.encode() not in stored


def test_a_wrong_token_at_the_start_ends_the_process_after_one_attempt(
    own_home_assistant: HomeAssistant, ground: AppFolder
) -> None:
    """Row 7."""
    home = own_home_assistant
    ground.app("lively", LIVELY)
    ground.configure(linked(home, WRONG))
    before = refusals(home)
    with ground.process() as process:
        assert process.end() == 1
        said = process.said + process.out
    assert refusals(home) - before == 1
    for part in (home.url, f"{WRONG[:6]}...{WRONG[-6:]}", "refuses the token", "DULY__TOKEN", "/profile/security"):
        assert part in said
    assert "Traceback" not in said
    assert hides(ground, said, WRONG)
    assert ground.sessions == ["failure"]


def test_a_token_that_is_taken_back_stops_the_link_alone_and_a_new_one_brings_it_back(
    own_home_assistant: HomeAssistant, ground: AppFolder
) -> None:
    """Row 8, revoked."""
    home = own_home_assistant
    ground.app("lively", LIVELY)
    first, second = home.remote.new_token("first"), home.remote.new_token("second")
    ground.configure(linked(home, first))
    with ground.process() as process:
        process.up().until("an answer")
        home.remote.revoke("first")
        process.until("refuses the token")
        assert refusals(home) == 1
        home.stop()
        home.start()
        ground.until_more("tick", 5)
        assert refusals(home) == 0  # its log is new
        errors = [event["event"] for event in process.events if event["level"] == "error"]
        assert ["refuses the token" in error for error in errors] == [True]
        process.until("it is rejected")
        answers = process.said.count("an answer")
        ground.configure(linked(home, second))
        process.until("again, after")
        ground.until_more("tick", 2)
        assert process.said.count("an answer") > answers
        assert process.stop() == 0
        assert hides(ground, process.said + process.out, first)
        assert hides(ground, process.said + process.out, second)
    assert set(ground.rows("tick", "status")) == {"success"}
    assert ground.sessions == ["success"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="this system does not tell the sockets of a process")
def test_without_a_token_apps_run_and_nothing_is_dialled(deaf_port: socket.socket, ground: AppFolder) -> None:
    """Row 8, no token."""
    ground.app("lively", LIVELY)
    ground.configure(f'base_url = "http://127.0.0.1:{deaf_port.getsockname()[1]}"')
    with ground.process() as process:
        process.up()
        ground.until_ran("tick", 3)
        let_pass(1)
        process.until("no answer: HassUnavailableError")
        assert "no Home Assistant token" in process.said
        (failure, *_) = (event["event"] for event in process.events if "no answer" in event["event"])
        assert "token" in failure.removeprefix("no answer: HassUnavailableError ")
        assert process.said.count("set DULY__TOKEN to connect") == 1
        assert sockets_of(process.pid) == 0
        assert process.stop() == 0
    dialled, _, _ = select.select([deaf_port], [], [], 0)
    assert dialled == []
    assert rows_of(ground.ledger, "name", "listeners") == ["see"]


def sockets_of(pid: int) -> int:
    """How many sockets of the network a process has open."""
    process = Path(f"/proc/{pid}")
    held = {str(file.readlink()) for file in (process / "fd").iterdir()}
    lines = (
        line.split() for name in ("tcp", "tcp6", "udp") for line in (process / "net" / name).read_text().splitlines()
    )
    return len({f"socket:[{fields[9]}]" for fields in lines} & held)
