"""What tests ask of Home Assistant past Duly: a second way in, so that nothing is proved by what it proves."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import aiohttp

Json = Any

OWNER = {"name": "Test", "username": "test", "password": "test", "language": "en"}
PATIENCE = 10


class Remote:
    """Home Assistant at ``url``; never through a proxy. Blocks: in async tests, call it in a thread."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def rest(self, path: str, body: Json = None) -> Json:
        """The answer to a GET of ``path``, or to a POST of ``body``."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        if not self.token:
            del headers["Authorization"]
        data = None if body is None else json.dumps(body).encode()
        return self._open(urllib.request.Request(self.url + path, data, headers))  # noqa: S310 - loopback

    def _open(self, request: urllib.request.Request) -> Json:
        with self._opener.open(request, timeout=PATIENCE) as response:
            return json.load(response)

    def command(self, **message: Json) -> Json:
        """The result of one command over a WebSocket of its own."""

        async def exchange() -> Json:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0) as socket,
            ):
                await socket.receive_json()  # auth_required
                await socket.send_json({"type": "auth", "access_token": self.token})
                await socket.receive_json()  # auth_ok
                await socket.send_json({"id": 1, **message})
                return await socket.receive_json()

        answer = asyncio.run(exchange())
        if not answer.get("success"):
            raise AssertionError(answer)
        return answer["result"]

    # --- tokens

    def onboard(self) -> None:
        """Create the owner of a new home, and go on with a long-lived token of theirs."""
        client_id = f"{self.url}/"
        code = self.rest("/api/onboarding/users", {"client_id": client_id, **OWNER})["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
        data = urllib.parse.urlencode(form).encode()
        self.token = self._open(urllib.request.Request(f"{self.url}/auth/token", data))["access_token"]  # noqa: S310 - as above
        self.token = self.new_token("tests")

    def new_token(self, name: str) -> str:
        """Another long-lived token of the owner."""
        return str(self.command(type="auth/long_lived_access_token", client_name=name, lifespan=3650))

    def revoke(self, name: str) -> None:
        """Take back the token of that name: its connections are closed at once, and it is refused from then on."""
        (token_id,) = [
            token["id"] for token in self.command(type="auth/refresh_tokens") if token["client_name"] == name
        ]
        self.command(type="auth/delete_refresh_token", refresh_token_id=token_id)

    # --- states and services

    def state(self, entity_id: str) -> str:
        """The state of an entity, as text."""
        return str(self.rest(f"/api/states/{entity_id}")["state"])

    def set_state(self, entity_id: str, state: str, **attributes: Json) -> None:
        """Put a state; an entity that nobody else owns is created."""
        self.rest(f"/api/states/{entity_id}", {"state": state, "attributes": attributes})

    def call(self, domain: str, service: str, **data: Json) -> None:
        """Call a service, and wait until it has been carried out."""
        self.rest(f"/api/services/{domain}/{service}", data)

    def fire(self, event_type: str, **data: Json) -> None:
        """Fire an event."""
        self.rest(f"/api/events/{event_type}", data)
