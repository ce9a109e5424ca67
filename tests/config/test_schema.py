"""The JSON Schema of the settings file."""

import functools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from duly.config import DulyConfig
from duly.config import schema as made
from duly.config.schema import FILE, text
from tests.config.json_schema import violations

schema = functools.cache(made.schema)

FULL = Path(__file__).with_name("full.toml")


def refused(settings: str) -> list[str]:
    return violations(tomllib.loads(settings), schema(), schema())


def settings_of(table: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = table["properties"]
    return found


def test_the_file_in_the_package_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run `make schema`"


def test_a_file_with_every_key_is_accepted() -> None:
    assert refused(FULL.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("settings", ["", "[duly]", 'base_url = "http://ha:8123"', "[hassette]\nany = 1"])
def test_what_duly_reads_is_accepted(settings: str) -> None:
    assert refused(settings) == []


@pytest.mark.parametrize(
    "settings",
    [
        'scheduler.job_timeout_seconds = "none"',
        "scheduler.job_timeout_seconds = 5",
        'logging.log_level = "debug"',
        "lifecycle.run_sync_timeout_seconds = 0.5",
        'ha_token = "x"',
        'apps.apps.porch = { file_name = "porch.py", class = "Porch" }',
        'apps.porch = { filename = "porch.py", module = "Porch", config = [{ delay = 1 }, {}], extra = 1 }',
    ],
)
def test_all_spellings_are_accepted(settings: str) -> None:
    assert refused(settings) == refused(f"[duly]\n{settings}") == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("base_ulr = 1", ".base_ulr: unknown"),
        ("webapi.port = 1", ".webapi: unknown"),
        ("web_api.prot = 1", ".web_api.prot: unknown"),
        ('web_api.port = "high"', ".web_api.port: type"),
        ("web_api.port = 70000", ".web_api.port: maximum"),
        ("database.retention_days = 0", ".database.retention_days: minimum"),
        ("web_api.cors_origins = 3", ".web_api.cors_origins: type"),
        ('verify_ssl = "maybe"', ".verify_ssl: type"),
        ("scheduler.job_timeout_seconds = 0", ".scheduler.job_timeout_seconds: anyOf"),
        ("scheduler.max_delay_seconds = 0", ".scheduler.max_delay_seconds: exclusiveMinimum"),
        ('logging.log_format = "xml"', ".logging.log_format: enum"),
        ('logging.api = "loud"', ".logging.api: enum"),
        ("apps.manifests = {}", ".apps.manifests: anyOf"),
        ('apps.porch = { filename = "porch.py" }', ".apps.porch: anyOf"),
        ("apps.colour = 3", ".apps.colour: type"),
    ],
)
def test_what_duly_refuses_is_refused(settings: str, problem: str) -> None:
    assert problem in refused(settings)


def test_every_setting_is_there() -> None:
    table = schema()["$defs"]["duly"]
    for name, field in DulyConfig.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            assert settings_of(settings_of(table)[name]).keys() == group.model_fields.keys() - {"manifests"}
    assert settings_of(table).keys() - DulyConfig.model_fields.keys() == {"ha_token", "home_assistant_token"}
    assert DulyConfig.model_fields.keys() <= settings_of(table).keys()


@pytest.mark.parametrize(
    ("group", "key", "default"),
    [
        ("lifecycle", "startup_timeout_seconds", 10),
        ("websocket", "total_timeout_seconds", 40),
        ("lifecycle", "resource_shutdown_timeout_seconds", 10),
        ("scheduler", "max_delay_seconds", 30),
        ("web_api", "cors_origins", ["http://localhost:3000", "http://localhost:5173"]),
    ],
)
def test_defaults_are_those_of_production(group: str, key: str, default: object) -> None:
    table = settings_of(schema()["$defs"]["duly"])
    assert settings_of(table[group])[key]["default"] == default


@pytest.mark.parametrize("path", ["config_dir", "data_dir", "apps.directory", "dev_mode"])
def test_defaults_of_one_machine_are_left_out(path: str) -> None:
    table = schema()["$defs"]["duly"]
    for name in path.split("."):
        table = settings_of(table)[name]
    assert "default" not in table


def test_a_key_is_described_by_its_documentation() -> None:
    port = settings_of(settings_of(schema()["$defs"]["duly"])["web_api"])["port"]
    assert port["description"] == "0 is any free port."


def test_it_is_plain_json() -> None:
    assert json.loads(text()) == schema()
