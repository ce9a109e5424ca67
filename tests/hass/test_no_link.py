"""The link of a Duly without token."""

import asyncio

import pytest

from duly.hass.connection_state import ConnectionState
from duly.hass.errors import HassUnavailableError
from duly.hass.link import Link
from duly.hass.no_link import DisabledLink


def test_it_is_disabled_and_refuses_everything_naming_the_setting() -> None:
    async def main() -> None:
        link: Link = DisabledLink()
        assert (link.state, link.connected) == (ConnectionState.DISABLED, False)
        assert link.snapshot().state is ConnectionState.DISABLED
        for call in (link.command({"type": "ping"}), link.send({"type": "ping"}), link.wait_connected(1)):
            with pytest.raises(HassUnavailableError, match="`token`") as caught:
                await call
            assert (caught.value.state, caught.value.since) == (ConnectionState.DISABLED, None)

    asyncio.run(main())
