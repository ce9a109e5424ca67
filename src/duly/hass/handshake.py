"""How a connection begins: Home Assistant asks for the token, and takes it or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from duly.config import DulyConfig
from duly.hass.errors import HassAuthError
from duly.hass.transport import Socket


async def authenticate(socket: Socket, config: DulyConfig) -> str:
    """Show the token, and give the version of Home Assistant.

    Raises:
        HassAuthError: the token is refused.
        OSError: it was not taken within ``authentication_timeout_seconds``, the socket was closed, or something else
            than Home Assistant answers.
    """
    seconds = config.websocket.authentication_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(socket, config)
    except TimeoutError:
        raise TimeoutError(f"Home Assistant did not take the token within {seconds:g} s") from None


async def _exchange(socket: Socket, config: DulyConfig) -> str:
    await _expect(socket, "auth_required")
    await socket.send(json.dumps({"type": "auth", "access_token": config.token}))
    answer = await _expect(socket, "auth_ok", "auth_invalid")
    if answer["type"] == "auth_invalid":
        raise refused(config, str(answer.get("message", "it gave no reason")))
    return str(answer.get("ha_version", "of unknown version"))


async def _expect(socket: Socket, *types: str) -> Mapping[str, Any]:
    text = await socket.receive()
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or message.get("type") not in types:
        raise ConnectionError(
            f"what answers is not Home Assistant: it sent {text!r:.80} instead of {' or '.join(types)}"
        )
    return message


def refused(config: DulyConfig, reason: str) -> HassAuthError:
    """What is told of a token that Home Assistant does not take."""
    return HassAuthError(
        f"Home Assistant at {config.base_url} refuses the token {config.truncated_token}: {reason}; make a long-lived "
        f"access token as an administrator at {config.base_url.rstrip('/')}/profile/security and set it as `token`, "
        "or as DULY__TOKEN",
        base_url=config.base_url,
    )
