"""hassette, beside a stand-in for Home Assistant: it runs no app without one to connect to."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from aiohttp import WSMsgType, web
from hassette import Hassette, HassetteConfig
from whenever import Instant

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import Job

_APP = """
from hassette import App, AppConfig

class Benchmark(App[AppConfig]):
    pass
"""
_PATIENCE_SECONDS = 30


class HassetteApp:
    """An app of hassette, with its defaults but for web interface, file watcher and messages, which are off."""

    distribution: ClassVar[str | None] = "hassette"
    asynchronous: ClassVar[bool] = True

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self._home = _HomeAssistant()
        self._hassette: Any = None
        self._running: asyncio.Task[None] | None = None
        self._scheduler: Any = None
        self._reader: sqlite3.Connection | None = None
        self._bursts = 0

    async def start(self) -> None:
        """Connect, and wait until the app is there."""
        url = await self._home.start()
        folder = Path(self._folder.name)
        folder.joinpath("benchmark.py").write_text(_APP)
        self._hassette = Hassette(_settings(folder, url))
        self._hassette.wire_services()
        self._running = asyncio.create_task(self._hassette.run_forever())
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not self._hassette.is_ready() or self._hassette.get_app("benchmark") is None:  # noqa: ASYNC110 - not ours
                await asyncio.sleep(0.05)
        self._scheduler = self._hassette.get_app("benchmark").scheduler
        self._reader = sqlite3.connect(folder / "hassette.db")

    async def stop(self) -> None:
        """Shut down, and delete the file."""
        if self._reader is not None:
            self._reader.close()
        with suppress(Exception):
            await self._hassette.shutdown()
        if self._running is not None:
            await asyncio.wait([self._running], timeout=_PATIENCE_SECONDS)
        await self._home.stop()
        self._folder.cleanup()

    async def hourly(self, count: int) -> list[Any]:
        """Register through ``run_every``."""
        run_every = self._scheduler.run_every
        return [await run_every(noop.coroutine, hours=1, name=f"job-{index}") for index in range(count)]

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel by job."""
        for job in handles:
            self._scheduler.remove_job(job)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs."""
        at = Instant.from_timestamp(due).to_tz("UTC")
        self._bursts += 1
        for index in range(count):
            await self._scheduler.run_once(job, at, name=f"job-{self._bursts}-{index}")

    def stored(self) -> int:
        """Executions of jobs in its file."""
        assert self._reader is not None, "not started"
        found = self._reader.execute("SELECT count(*) FROM executions WHERE job_id IS NOT NULL AND source_tier = 'app'")
        return int(found.fetchone()[0])


def _settings(folder: Path, url: str) -> Any:  # noqa: ANN401 - a class of the library
    return HassetteConfig(
        token="none",  # noqa: S106 - the stand-in takes any
        base_url=url,
        config_dir=folder,
        data_dir=folder,
        import_dot_env_files=False,
        web_api={"run": False},
        file_watcher={"watch_files": False},
        logging={"log_level": "CRITICAL"},
        database={"path": folder / "hassette.db"},
        apps={
            "directory": folder,
            "apps": {
                "benchmark": {
                    "filename": "benchmark.py",
                    "class_name": "Benchmark",
                    "config": [{"instance_name": "one"}],
                }
            },
        },
    )


class _HomeAssistant:
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
