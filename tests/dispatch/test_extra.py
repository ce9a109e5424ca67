"""What ``duly[nats]`` brings is enough for dispatch, whatever else is installed where the tests run."""

import subprocess
import sys

OF_APPS = {"dotenv", "fastapi", "jinja2", "pydantic_settings", "uvicorn", "watchfiles"}
MODULES = (
    "duly.cli.dispatch",
    "duly.cli.nats_address",
    "duly.cli.structured_logs",
    "duly.cli.worker",
    "duly.dispatch.files",
    "duly.dispatch.nats_executor",
    "duly.dispatch.scheduler_actor",
    "duly.dispatch.durable",
    "duly.dispatch.server",
    "duly.dispatch.tasks",
    "duly.dispatch.worker",
)


def test_dispatch_loads_nothing_that_only_apps_need() -> None:
    program = f"import sys, {', '.join(MODULES)}; print(*{OF_APPS!r} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []
