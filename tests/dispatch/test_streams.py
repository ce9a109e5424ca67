"""Streams that are there are used, others are made."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from nats.js.api import RetentionPolicy, StorageType
from structlog.testing import capture_logs

from duly.dispatch import streams
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import Cluster, NatsServer
from duly.dispatch.streams import StreamError, StreamSettings, ensure_results_stream, ensure_stream
from duly.dispatch.subjects import Subjects
from tests.dispatch.buses import connected, freeze, run
from tests.dispatch.conftest import NatsCluster, free_ports

SUBJECTS = Subjects()
BOTH = [SUBJECTS.goals, SUBJECTS.tasks]


def test_a_stream_is_made_as_it_is_asked_for(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            settings = StreamSettings(
                name="WORK", duplicate_window=60, storage="memory", max_age=3_600, max_bytes=1_000_000
            )
            assert await ensure_stream(bus, SUBJECTS, settings) == "WORK"
            config = (await bus.jetstream.stream_info("WORK")).config
            assert config.subjects == BOTH
            assert (config.duplicate_window, config.storage, config.num_replicas) == (60, StorageType.MEMORY, 1)
            assert (config.max_age, config.max_bytes) == (3_600, 1_000_000)

    run(main())


def test_by_default_it_goes_by_the_prefix_and_is_kept_in_files(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            for _ in range(2):
                assert await ensure_stream(bus, SUBJECTS, StreamSettings()) == "HEDDLE"
            config = (await bus.jetstream.stream_info("HEDDLE")).config
            assert (config.duplicate_window, config.storage) == (120, StorageType.FILE)

    run(main())


def test_results_and_dead_letters_have_a_stream_of_their_own(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            settings = StreamSettings(name="WORK")
            assert await ensure_stream(bus, SUBJECTS, settings) == "WORK"
            for _ in range(2):
                assert await ensure_results_stream(bus, SUBJECTS, settings) == "HEDDLE_RESULTS"
            await bus.jetstream.publish(SUBJECTS.results("g1"), b"{}")
            await bus.jetstream.publish(SUBJECTS.dead_letters("q"), b"{}")

    run(main())


def test_many_replicas_may_make_it_at_once(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            settings = [StreamSettings(duplicate_window=60 + number % 2) for number in range(10)]
            names = await asyncio.gather(*(ensure_stream(bus, SUBJECTS, each) for each in settings))
            assert set(names) == {"HEDDLE"}

    run(main())


@pytest.mark.parametrize("pattern", [[">"], ["heddle.>"], ["heddle.*.incoming"], BOTH])
def test_a_stream_that_takes_the_subjects_is_used(nats_url: str, pattern: list[str]) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            no_ack = pattern == [">"]  # a stream of everything would acknowledge requests
            await bus.jetstream.add_stream(name="THEIRS", subjects=pattern, duplicate_window=120, no_ack=no_ack)
            assert await ensure_stream(bus, SUBJECTS, StreamSettings()) == "THEIRS"
            assert await ensure_stream(bus, SUBJECTS, StreamSettings(name="THEIRS")) == "THEIRS"

    run(main())


def test_a_stream_that_is_otherwise_is_left_so_and_what_differs_is_told(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await ensure_stream(bus, SUBJECTS, StreamSettings(storage="memory", duplicate_window=60))
            with capture_logs() as logs:
                await ensure_stream(bus, SUBJECTS, StreamSettings(replicas=3))
            assert {entry["setting"]: (entry["found"], entry["asked_for"]) for entry in logs} == {
                "replicas": (1, 3),
                "storage": ("memory", "file"),
                "duplicate_window": (60, 120),
            }
            assert (await bus.jetstream.stream_info("HEDDLE")).config.duplicate_window == 60

    run(main())


@pytest.mark.parametrize("retention", [RetentionPolicy.WORK_QUEUE, RetentionPolicy.INTEREST])
def test_a_stream_that_forgets_what_was_consumed_is_used_and_told_of(nats_url: str, retention: RetentionPolicy) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await bus.jetstream.add_stream(name="THEIRS", subjects=BOTH, duplicate_window=120, retention=retention)
            with capture_logs() as logs:
                assert await ensure_stream(bus, SUBJECTS, StreamSettings()) == "THEIRS"
            [told] = logs
            assert (told["event"], told["log_level"]) == ("bus.stream_forgets", "warning")
            assert (told["stream"], told["retention"], told["duplicate_window"]) == ("THEIRS", retention.value, 120)
            assert "may be published twice. Make the window longer" in told["message"]

    run(main())


def test_a_stream_that_forgets_too_soon_is_refused(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await bus.jetstream.add_stream(name="THEIRS", subjects=BOTH, duplicate_window=5)
            with pytest.raises(
                StreamError, match="the duplicate window of the stream THEIRS is 5 s: it has to be 10 s"
            ):
                await ensure_stream(bus, SUBJECTS, StreamSettings())
            with pytest.raises(StreamError, match="the duplicate window asked for is 5 s"):
                await ensure_stream(bus, SUBJECTS, StreamSettings(duplicate_window=5))

    run(main())


@pytest.mark.parametrize("name", [None, "THEIRS"])
def test_a_stream_that_takes_only_one_of_the_subjects_is_refused(nats_url: str, name: str | None) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await bus.jetstream.add_stream(name="THEIRS", subjects=[SUBJECTS.goals], duplicate_window=120)
            with pytest.raises(StreamError, match=f"takes {SUBJECTS.goals}, and not {SUBJECTS.tasks}"):
                await ensure_stream(bus, SUBJECTS, StreamSettings(name=name))

    run(main())


def test_a_name_beside_a_stream_that_has_the_subjects_is_refused(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await ensure_stream(bus, SUBJECTS, StreamSettings())
            with pytest.raises(StreamError, match=r"the stream OURS of .* could not be made: subjects overlap"):
                await ensure_stream(bus, SUBJECTS, StreamSettings(name="OURS"))

    run(main())


def test_more_replicas_than_servers_are_refused_at_once(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            with pytest.raises(StreamError, match="replicas > 1 not supported"):
                await ensure_stream(bus, SUBJECTS, StreamSettings(replicas=3))

    run(main())


def test_a_server_without_jetstream_is_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_SILENT_SECONDS", 0.2)
    server = NatsServer(tmp_path / "plain", jetstream=False)
    server.start()

    async def main() -> None:
        async with connected(NatsBus(server.url)) as bus:
            with pytest.raises(StreamError, match=r"the server runs without JetStream: start it with -js\. Without it"):
                await ensure_stream(bus, SUBJECTS, StreamSettings())

    try:
        run(main())
    finally:
        server.kill()


def test_where_another_server_of_the_cluster_may_have_jetstream_it_is_told_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_SILENT_SECONDS", 0.2)
    monkeypatch.setattr(streams, "_PATIENCE_SECONDS", 2.0)
    ports = tuple(free_ports(2))
    server = NatsServer(tmp_path / "plain", cluster=Cluster("duly", ports[0], ports), jetstream=False)
    server.start()

    async def main() -> None:
        async with connected(NatsBus(server.url)) as bus:
            with (
                capture_logs() as logs,
                pytest.raises(StreamError, match=r"does not answer \(nobody takes its requests.*: does the server run"),
            ):
                await ensure_stream(bus, SUBJECTS, StreamSettings())
            [told] = logs
            assert (told["event"], told["log_level"]) == ("bus.jetstream_silent", "warning")
            assert "None" not in told["error"]

    try:
        run(main())
    finally:
        server.kill()


def test_jetstream_that_hangs_is_told_of_in_words(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_SILENT_SECONDS", 0.0)
    monkeypatch.setattr(streams, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(streams, "_PATIENCE_SECONDS", 1.0)

    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            freeze(nats_server)
            with pytest.raises(StreamError, match=r"JetStream does not answer \(no answer within 0.2 s\)"):
                await ensure_stream(bus, SUBJECTS, StreamSettings())

    run(main())


def test_a_cluster_keeps_as_many_replicas_as_asked_for(nats_cluster: NatsCluster) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_cluster.urls)) as bus:
            settings = StreamSettings(replicas=3)
            name = await ensure_stream(bus, SUBJECTS, settings)
            assert (await bus.jetstream.stream_info(name)).config.num_replicas == 3
            assert await ensure_stream(bus, SUBJECTS, replace(settings, name=name)) == name

    run(main())
