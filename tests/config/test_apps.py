"""The section of apps: its settings, and the tables beside them."""

import copy
import logging
from typing import Any

import pytest
from pydantic import ValidationError

from duly.config import AppsConfig

PORCH = {"filename": "porch.py", "class_name": "Porch"}
ATTIC = {"file_name": "attic.py", "module": "Attic"}


def read(section: object) -> AppsConfig:
    return AppsConfig.model_validate(section)


def problems_of(section: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        read(section)
    found = [(".".join(map(str, problem["loc"])), problem["type"]) for problem in caught.value.errors()]
    return [problem for problem in found if problem[1] != "default_factory_not_called"]


@pytest.mark.parametrize(
    "section",
    [
        {"porch": PORCH, "attic": ATTIC},
        {"apps": {"porch": PORCH, "attic": ATTIC}},
        {"porch": PORCH, "apps": {"attic": ATTIC}},
    ],
)
def test_a_table_under_another_key_defines_an_app(section: dict[str, Any]) -> None:
    assert read(section).apps == {"porch": PORCH, "attic": ATTIC}


def test_settings_and_apps_stand_side_by_side() -> None:
    group = read({"autodetect": False, "porch": PORCH, "exclude_dirs": ["x"]})
    assert (group.autodetect, group.exclude_dirs, list(group.apps)) == (False, ("x",), ["porch"])


def test_apps_keep_their_order() -> None:
    section = dict.fromkeys(("z", "a", "m"), PORCH)
    assert list(read(section).apps) == ["z", "a", "m"]


@pytest.mark.parametrize("value", [3, "x", True, [PORCH]])
def test_another_key_that_is_no_table_is_unknown(value: object) -> None:
    assert problems_of({"porch": value}) == [("porch", "extra_forbidden")]


@pytest.mark.parametrize(
    "name", ["autodetect", "directory", "exclude_dirs", "extend_exclude_dirs", "apps", "manifests"]
)
@pytest.mark.parametrize("nested", [False, True])
def test_an_app_cannot_have_the_name_of_a_setting(name: str, nested: bool) -> None:
    section = {"apps": {name: PORCH}} if nested else {name: PORCH}
    with pytest.raises(ValidationError) as caught:
        read(section)
    (found,) = caught.value.errors()
    assert found["loc"] == (("apps", name) if nested else (name,))
    assert found["msg"] == (
        f"app name '{name}' conflicts with a reserved field"
        " (apps, autodetect, directory, exclude_dirs, extend_exclude_dirs, manifests): rename the app"
    )


@pytest.mark.parametrize("value", [{}, {"x": PORCH}, 3])
def test_nothing_can_be_set_under_manifests(value: object) -> None:
    assert problems_of({"manifests": value}) == [("manifests", "app_name_reserved")]


def test_what_stands_in_place_of_nested_apps_has_the_wrong_type() -> None:
    assert problems_of({"apps": 3, "porch": PORCH}) == [("apps", "dict_type")]


def test_an_app_under_both_spellings_is_a_duplicate() -> None:
    section = {"porch": PORCH, "apps": {"porch": ATTIC, "attic": ATTIC}}
    assert problems_of(section) == [("porch", "app_duplicate")]


def test_what_is_no_table_among_nested_apps_has_the_wrong_type() -> None:
    assert problems_of({"apps": {"porch": 3, "attic": ATTIC}}) == [("apps.porch", "dict_type")]


def test_all_problems_are_reported_together() -> None:
    section = {
        "autodetect": "maybe",
        "directory": PORCH,
        "colour": "red",
        "porch": PORCH,
        "apps": {"porch": PORCH, "attic": 3},
    }
    assert sorted(problems_of(section)) == [
        ("apps.attic", "dict_type"),
        ("autodetect", "bool_parsing"),
        ("colour", "extra_forbidden"),
        ("directory", "app_name_reserved"),
        ("porch", "app_duplicate"),
    ]


@pytest.mark.parametrize(
    "table", [{}, {"filename": "x.py"}, {"class": "X"}, {"filename": "", "class_name": "X"}, {"enabled": False}]
)
def test_an_incomplete_table_is_left_out(table: dict[str, Any]) -> None:
    assert read({"half": table, "porch": PORCH}).apps == {"porch": PORCH}


def test_one_warning_names_all_that_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    read({"half": {}, "porch": PORCH, "third": {"class": "X"}})
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "apps left out, since each needs filename and class_name: half, third; add what is missing")
    ]


def test_what_is_given_stays_as_it_is() -> None:
    section = {"porch": {**PORCH, "config": {"delay": 5}}, "half": {}, "apps": {"attic": ATTIC}}
    before = copy.deepcopy(section)
    read(section)
    assert section == before
