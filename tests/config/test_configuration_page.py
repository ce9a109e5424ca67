"""The TOML of the documents is right, and the list of all settings tells the defaults."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from duly.config import DulyConfig

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = [(page.name, text) for page in sorted(DOCS.glob("*.md")) for text in BLOCK.findall(page.read_text("utf-8"))]
DEFAULTS = (DOCS / "configuration.md").read_text("utf-8").split("<!-- defaults -->")[1]

NOT_FIXED = {
    *("config_dir", "data_dir", "config_file", "env_file", "token", "dev_mode"),
    *("database.path", "apps.directory", "apps.manifests", "apps.apps"),
}
"""Settings without a default that is the same everywhere, and what is no setting."""


def leaves(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def defaults(dev_mode: bool = False) -> dict[str, Any]:
    config = DulyConfig.hermetic(dev_mode=dev_mode)
    groups = {name for name in DulyConfig.model_fields if isinstance(getattr(config, name), BaseModel)}
    found = {name: getattr(config, name) for name in DulyConfig.model_fields if name not in groups}
    found |= {f"{group}.{name}": value for group in groups for name, value in getattr(config, group)}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
    return {key: value for key, value in plain.items() if key not in NOT_FIXED}


def listed() -> str:
    found = BLOCK.search(DEFAULTS)
    assert found
    return found[1]


@pytest.mark.parametrize("text", [text for _, text in SHOWN], ids=[f"{page}-{n}" for n, (page, _) in enumerate(SHOWN)])
def test_the_toml_of_a_page_is_accepted(place: Path, text: str) -> None:
    (place / "duly.toml").write_text(text, "utf-8")
    DulyConfig().set_validated_app_manifests()


def test_the_list_has_all_settings_with_their_defaults() -> None:
    written = leaves(tomllib.loads(listed())["duly"])
    del written["dev_mode"]
    assert written == defaults()


def test_the_list_has_the_defaults_of_dev_mode_where_they_differ() -> None:
    production, dev = defaults(), defaults(dev_mode=True)
    differing = {key: value for key, value in dev.items() if value != production[key]}
    del differing["lifecycle.resource_shutdown_timeout_seconds"]  # follows another one
    group, told = "", {}
    for line in listed().splitlines():
        if header := re.match(r"\[duly\.?(\w*)\]", line):
            group = f"{header[1]}." if header[1] else ""
        elif noted := re.match(r"(\w+) = .*\bdev: (\w+)", line):
            told[group + noted[1]] = tomllib.loads(f"value = {noted[2]}")["value"]
    assert told == differing
