"""What the workers do: ``duly worker --queue example --embedded tasks``."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from duly.dispatch import TaskMessage, task


@task("measure_disk", retries=2, timeout=10)
async def measure_disk(payload: dict[str, Any], message: TaskMessage) -> dict[str, Any]:
    """How much is free; what is returned is published as the result."""
    usage = await asyncio.to_thread(shutil.disk_usage, payload["path"])
    return {"free_gb": round(usage.free / 1e9, 1), "slot": message.metadata["slot"]}


@task("count_files", retries=1)
def count_files(payload: dict[str, Any]) -> dict[str, Any]:
    """How many files a folder has; plain functions run in threads."""
    names = [path.name for path in Path(payload["path"]).iterdir() if path.is_file()]
    return {"path": payload["path"], "files": sum(payload["hidden"] or not name.startswith(".") for name in names)}
