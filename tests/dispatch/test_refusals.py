"""Servers that answer and do not take us."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from duly.core.clock import SECOND, SystemClock
from duly.dispatch.bus import BusError
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import NatsServer
from tests.dispatch.buses import connected, run, until
from tests.dispatch.conftest import free_ports

CLOCK = SystemClock()


class Guarded(NatsServer):
    """A server with more options."""

    more: tuple[str, ...] = ()

    def _options(self) -> Iterator[str]:
        yield from super()._options()
        yield from self.more


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """A server, not started."""
    server = Guarded(tmp_path / "guarded", port=free_ports(1)[0], jetstream=False)
    yield server
    server.kill()


def with_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}@")


@pytest.mark.parametrize("user", ["", "joe:wr0ng", "wr0ng"])
@pytest.mark.parametrize("wait", [False, True])
def test_a_server_that_refuses_the_password_ends_the_first_connect_at_once(
    guarded: Guarded, user: str, wait: bool
) -> None:
    guarded.more = ("--user", "joe", "--pass", "s3cret")
    guarded.start()

    async def main() -> None:
        bus = NatsBus(with_user(guarded.url, user) if user else guarded.url)
        begun = CLOCK.monotonic()
        with pytest.raises(BusError, match="refuses the user or the password, or wants some") as caught:
            await bus.connect(wait=wait)
        assert CLOCK.monotonic() - begun < SECOND
        assert "wr0ng" not in str(caught.value)
        assert not bus.connected
        await bus.close()

    run(main())


@pytest.mark.parametrize(
    ("options", "user"),
    [
        (("--user", "joe", "--pass", "a/b?[c]"), "joe:a%2Fb%3F%5Bc%5D"),
        (("--user", "joe", "--pass", "s3cret"), "joe:s3cret"),
        (("--auth", "to/ken"), "to%2Fken"),
    ],
)
def test_signs_in_a_password_are_written_as_in_other_addresses(
    guarded: Guarded, options: tuple[str, ...], user: str
) -> None:
    guarded.more = options
    guarded.start()

    async def main() -> None:
        async with connected(NatsBus(with_user(guarded.url, user))) as bus:
            assert bus.connected

    run(main())


def test_a_password_that_is_refused_later_is_told_once_until_it_is_taken_again(guarded: Guarded) -> None:
    guarded.more = ("--user", "joe", "--pass", "s3cret")
    guarded.start()

    async def main() -> None:
        async with connected(NatsBus(with_user(guarded.url, "joe:s3cret"))) as bus:
            for _ in range(2):
                guarded.stop()
                guarded.more = ("--user", "joe", "--pass", "other")
                with capture_logs() as logs:
                    guarded.start()
                    await until(lambda: [entry["event"] for entry in logs].count("bus.error") > 5)
                [told] = [entry for entry in logs if entry["event"] == "bus.refused"]
                assert told["log_level"] == "warning"
                assert "refuses the user or the password" in told["error"]
                guarded.stop()
                guarded.more = ("--user", "joe", "--pass", "s3cret")
                guarded.start()
                await bus.until_connected()

    run(main())


def test_a_server_without_tls_is_refused_where_the_address_asks_for_it(nats_url: str) -> None:
    async def main() -> None:
        bus = NatsBus(nats_url.replace("nats://", "tls://joe:s3cret@"))
        with pytest.raises(BusError, match="offers no TLS: configure it there, or use nats://") as caught:
            await bus.connect()
        assert "s3cret" not in str(caught.value)
        await bus.close()

    run(main())


@pytest.mark.parametrize("choice", [False, True])
def test_a_server_with_tls_is_spoken_to_in_tls_and_no_longer_once_it_has_none(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: bool
) -> None:
    certificate, key, settings = tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "tls.conf"
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    settings.write_text(f'allow_non_tls: {choice}\ntls {{ cert_file: "{certificate}", key_file: "{key}" }}\n')
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    guarded.more = ("-c", str(settings))
    guarded.start()

    async def main() -> None:
        async with connected(NatsBus(guarded.url.replace("nats://", "tls://"))) as bus:
            transport = bus.client._transport
            assert transport is not None
            assert transport._io_writer.get_extra_info("ssl_object") is not None  # type: ignore[attr-defined] # of TCP
            await bus.flush()
            guarded.stop()
            guarded.more = ()
            with capture_logs() as logs:
                await asyncio.to_thread(guarded.start)
                await until(lambda: any(entry["event"] == "bus.refused" for entry in logs))
            assert not bus.connected

    run(main())
