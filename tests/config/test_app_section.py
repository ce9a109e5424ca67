"""One section for settings and apps."""

from typing import Any

import pytest

from duly.config.app_section import unnest_apps, without_apps_of

PORCH = {"filename": "porch.py", "class_name": "Porch"}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ({"apps": {"porch": PORCH}}, {"porch": PORCH}),
        ({"autodetect": False, "apps": {"porch": PORCH}}, {"autodetect": False, "porch": PORCH}),
        ({"porch": PORCH}, {"porch": PORCH}),
        ({"apps": 3}, {"apps": 3}),
        ({"apps": {"porch": 3, "attic": PORCH}}, {"apps": {"porch": 3}, "attic": PORCH}),
        ({"apps": {"directory": PORCH}}, {"apps": {"directory": PORCH}}),
        ({"porch": PORCH, "apps": {"porch": PORCH}}, {"porch": PORCH, "apps": {"porch": PORCH}}),
    ],
)
def test_apps_come_under_one_spelling(written: dict[str, Any], plain: dict[str, Any]) -> None:
    assert unnest_apps(written) == plain


def test_an_app_of_dulys_own_is_taken_from_there_entirely() -> None:
    own = {"porch": {"enabled": False}, "autodetect": True}
    migrated = {"porch": PORCH, "attic": PORCH, "autodetect": False, "directory": "/srv"}
    assert without_apps_of(own, migrated) == {"attic": PORCH, "autodetect": False, "directory": "/srv"}
