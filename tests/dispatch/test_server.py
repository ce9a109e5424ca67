"""A nats-server as a process of this machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duly.dispatch import server as module
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import NatsServer, NatsServerError, join_or_start
from tests.dispatch.buses import connected, run
from tests.embedded.waiting import eventually


def answers(url: str) -> bool:
    return bool(module._info(url))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # before, or while it was looked at
        return False
    return state != "Z"


def test_it_answers_when_it_has_started_and_no_more_when_it_has_stopped(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()
    server.start()
    url, pid = server.url, server.pid
    assert answers(url)
    assert alive(pid)
    server.stop()
    server.stop()
    assert not answers(url)
    assert not alive(pid)


def test_after_a_crash_it_has_its_port_again_and_what_it_stored(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()

    async def store() -> None:
        async with connected(NatsBus(server.url)) as bus:
            await bus.jetstream.add_stream(name="A", subjects=["a"])
            for _ in range(10):
                await bus.jetstream.publish("a", b"{}")

    async def count() -> int:
        async with connected(NatsBus(server.url)) as bus:
            return (await bus.jetstream.stream_info("A")).state.messages

    run(store())
    url = server.url
    server.kill()
    assert not answers(url)
    server.start()
    assert server.url == url
    assert run(count()) == 10
    server.kill()


def test_another_server_of_the_directory_has_the_same_port(tmp_path: Path) -> None:
    first = NatsServer(tmp_path)
    first.start()
    first.stop()
    second = NatsServer(tmp_path)
    second.start()
    assert second.url == first.url
    second.stop()


def test_a_port_that_was_taken_meanwhile_is_left_alone(tmp_path: Path, nats_server: NatsServer) -> None:
    (tmp_path / "port").write_text(nats_server.url.rpartition(":")[2])
    server = NatsServer(tmp_path)
    server.start()
    assert server.url != nats_server.url
    server.stop()


def test_a_server_that_cannot_start_tells_why(tmp_path: Path, nats_server: NatsServer) -> None:
    server = NatsServer(tmp_path / "other", port=int(nats_server.url.rpartition(":")[2]))
    with pytest.raises(NatsServerError, match="address already in use"):
        server.start()
    assert not server.owned


def test_without_the_program_it_tells_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BINARY", "no-such-server")
    with pytest.raises(NatsServerError, match=r"install duly\[nats-server\]"):
        NatsServer(tmp_path).start()


def test_what_was_not_started_has_no_url_and_no_process(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    with pytest.raises(RuntimeError, match="was not started"):
        _ = server.url
    with pytest.raises(RuntimeError, match="does not run"):
        _ = server.pid


def test_a_server_that_runs_is_joined_and_left_running(tmp_path: Path) -> None:
    first, second = join_or_start(tmp_path), join_or_start(tmp_path)
    assert (first.owned, second.owned) == (True, False)
    assert first.url == second.url
    second.stop()
    assert answers(first.url)
    first.stop()


def test_what_a_server_that_was_killed_left_behind_is_not_joined(tmp_path: Path) -> None:
    first = join_or_start(tmp_path)
    first.kill()
    second = join_or_start(tmp_path)
    assert second.owned
    assert second.url == first.url
    second.stop()


def test_another_server_on_the_port_of_a_dead_one_is_not_joined(tmp_path: Path, nats_server: NatsServer) -> None:
    tmp_path.joinpath("nats-server_1.ports").write_text(f'{{"nats": ["{nats_server.url}"]}}')
    server = join_or_start(tmp_path)
    assert server.owned
    server.stop()


STARTER = """
import sys
from pathlib import Path
from duly.dispatch.server import join_or_start
server = join_or_start(Path(sys.argv[1]))
print(server.pid, server.url, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, url = starter.stdout.readline().split()
        assert answers(url)
        os.kill(starter.pid, end)
        starter.wait()
    eventually(lambda: not alive(int(pid)))
    assert not answers(url)
