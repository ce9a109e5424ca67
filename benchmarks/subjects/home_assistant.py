"""A stand-in for Home Assistant, in which nothing happens, on loopback."""

from typing import Any

from aiohttp import WSMsgType, web


class HomeAssistant:
    """Answers as Home Assistant does in which nothing happens. Owned by the event loop."""

    def __init__(self) -> None:
        application = web.Application()
        application.router.add_get("/api/websocket", _serve)
        application.router.add_get("/{path:.*}", _get)
        self._runner = web.AppRunner(application)

    async def start(self) -> str:
        """Listen on loopback; give the address."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close connections."""
        await self._runner.cleanup()


async def _get(request: web.Request) -> web.Response:
    return web.json_response([] if request.path.endswith("/states") else {})


async def _serve(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_json({"type": "auth_required", "ha_version": "2026.9.0"})
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_json(_answer(message.json()))
    return socket


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    kind = asked["type"]
    if kind == "auth":
        return {"type": "auth_ok", "ha_version": "2026.9.0"}
    if kind == "ping":
        return {"id": asked["id"], "type": "pong"}
    known: dict[str, Any] = {"get_states": [], "get_config": {"state": "RUNNING"}}
    return {"id": asked["id"], "type": "result", "success": True, "result": known.get(kind)}
