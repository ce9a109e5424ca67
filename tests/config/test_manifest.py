"""What is known of an app before its file is imported."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from duly.config import AppManifest
from duly.config.manifest import is_reserved_key
from tests.config.build import build
from tests.config.kit import warnings


def manifest(**given: object) -> AppManifest:
    usual = {
        "app_key": "porch",
        "filename": "porch.py",
        "class_name": "Porch",
        "app_dir": "/srv/apps",
        "full_path": "/srv/apps/porch.py",
    }
    return build(AppManifest, **{**usual, **given})


def test_every_field_has_its_default() -> None:
    assert manifest().model_dump() == {
        "app_key": "porch",
        "enabled": True,
        "filename": "porch.py",
        "class_name": "Porch",
        "display_name": "Porch",
        "app_dir": Path("/srv/apps"),
        "app_config": [{"instance_name": "Porch.0"}],
        "auto_loaded": False,
        "full_path": Path("/srv/apps/porch.py"),
    }


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("filename", ["filename", "file_name"]),
        ("class_name", ["class_name", "class", "module", "module_name"]),
    ],
)
def test_a_field_has_other_names_of_which_the_first_present_wins(field: str, names: list[str]) -> None:
    whole = manifest().model_dump() | {"display_name": "x"}
    del whole[field]
    for place, name in enumerate(names):
        given = {other: f"{other}.py" for other in reversed(names[place:])}
        made = AppManifest.model_validate({**whole, **given})
        assert getattr(made, field) == f"{name}.py"
        assert made.model_extra == {}


@pytest.mark.parametrize("name", ["config", "app_config"])
def test_the_configuration_has_two_names(name: str) -> None:
    assert manifest(**{name: {"instance_name": "a", "delay": 5}}).app_config == [{"instance_name": "a", "delay": 5}]


def test_config_wins_over_app_config() -> None:
    made = manifest(config={"instance_name": "first"}, app_config={"instance_name": "second"})
    assert made.app_config == [{"instance_name": "first"}]


def test_numbers_for_text_become_text() -> None:
    made = manifest(filename=1, class_name=2, display_name=3.5)
    assert (made.filename, made.class_name, made.display_name) == ("1", "2", "3.5")


def test_its_repr() -> None:
    made = manifest(display_name="Porch light", enabled=False)
    assert repr(made) == "<AppManifest Porch light (Porch) - enabled=False file=porch.py>"


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("field", ["filename", "class_name", "app_dir"])
def test_a_required_field_that_is_missing_is_named(field: str, empty: object) -> None:
    with pytest.raises(ValueError, match=rf"app 'porch' lacks {field}: "):
        manifest(**{field: empty})


def test_all_required_fields_that_are_missing_are_listed() -> None:
    with pytest.raises(ValueError, match=r"lacks filename, class_name, app_dir: "):
        build(AppManifest, app_key="porch", full_path="/srv/apps/porch.py")


@pytest.mark.parametrize("field", ["app_key", "full_path"])
def test_key_and_full_path_are_required_too(field: str) -> None:
    whole = manifest().model_dump()
    del whole[field]
    with pytest.raises(ValidationError, match=rf"{field}\n  Field required"):
        AppManifest.model_validate(whole)


def test_a_relative_app_dir_counts_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert manifest(app_dir="here/../apps").app_dir == tmp_path / "apps"


def test_an_app_dir_that_is_a_file_gives_directory_and_file_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "attic.py"
    file.touch()
    made = manifest(app_dir=file, full_path=file / "porch.py")
    assert (made.app_dir, made.filename, made.full_path) == (tmp_path, "attic.py", file)
    assert warnings(caplog) == [
        f"app porch: app_dir {file} is a file, taken as its filename; name the directory instead"
    ]


@pytest.mark.parametrize("given", [None, ""])
def test_an_empty_display_name_is_that_of_the_class(given: str | None) -> None:
    assert manifest(display_name=given).display_name == "Porch"


@pytest.mark.parametrize(
    ("config", "made"),
    [
        (None, [{"instance_name": "Porch.0"}]),
        ({}, [{"instance_name": "Porch.0"}]),
        ([], [{"instance_name": "Porch.0"}]),
        ({"delay": 5}, [{"delay": 5, "instance_name": "Porch.0"}]),
        ({"instance_name": "x"}, [{"instance_name": "x"}]),
        ({"instance_name": ""}, [{"instance_name": "Porch.0"}]),
        (
            [{"instance_name": "x"}, {}, {"delay": 5}],
            [{"instance_name": "x"}, {"instance_name": "Porch.1"}, {"delay": 5, "instance_name": "Porch.2"}],
        ),
    ],
)
def test_every_instance_has_a_configuration_with_a_name(config: object, made: list[dict[str, Any]]) -> None:
    assert manifest(config=config).app_config == made


@pytest.mark.parametrize("config", [3, "x", False, [3], [[]]])
def test_a_configuration_is_a_table_or_a_list_of_tables(config: object) -> None:
    with pytest.raises(ValidationError, match="app_config"):
        manifest(config=config)


@pytest.mark.parametrize(
    ("config", "made", "fate"),
    [
        ({}, [{"delay": 5, "light": "x"}], "they are taken as if written there"),
        ([], [{"delay": 5, "light": "x"}], "they are taken as if written there"),
        ({"zone": 1}, [{"zone": 1, "delay": 5, "light": "x"}], "they are taken as if written there"),
        ({"delay": 1}, [{"delay": 1}], "they are ignored, since config says delay too"),
        ([{"zone": 1}], [{"zone": 1}], "they are ignored, since config is a list"),
        ([{}, {"delay": 1}], [{}, {"delay": 1}], "they are ignored, since config is a list"),
    ],
)
def test_extra_keys_belong_under_config(
    config: object, made: list[dict[str, Any]], fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    got = manifest(config=config, delay=5, light="x")
    named = [{**table, "instance_name": f"Porch.{index}"} for index, table in enumerate(made)]
    assert got.app_config == named
    assert got.model_extra == {"delay": 5, "light": "x"}
    assert warnings(caplog) == [f"app porch: delay, light belong under config; {fate}"]


@pytest.mark.parametrize(
    ("config", "fate"),
    [({}, "it is taken as if written there"), ([{"zone": 1}], "it is ignored, since config is a list")],
    ids=["taken", "ignored"],
)
def test_one_extra_key_belongs_under_config(config: object, fate: str, caplog: pytest.LogCaptureFixture) -> None:
    manifest(config=config, delay=5)
    assert warnings(caplog) == [f"app porch: delay belongs under config; {fate}"]


def test_an_app_dir_may_begin_with_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert manifest(app_dir="~/apps").app_dir == tmp_path.resolve() / "apps"


def test_the_nearest_known_key_is_suggested(caplog: pytest.LogCaptureFixture) -> None:
    manifest(enabld=False)
    assert "enabld (did you mean enabled?) belong" in warnings(caplog)[0]


def test_extra_keys_are_left_out_of_dumps() -> None:
    made = manifest(delay=5)
    assert "delay" not in made.model_dump()
    assert "delay" not in json.loads(made.model_dump_json())


def test_extra_keys_are_left_out_of_the_dump_of_what_holds_the_manifest() -> None:
    class Holder(BaseModel):
        app: AppManifest

    assert "delay" not in Holder(app=manifest(delay=5)).model_dump()["app"]


def test_extra_keys_are_dumped_if_asked_for() -> None:
    made = manifest(delay=5)
    assert made.model_dump(include={"delay", "filename"}) == {"filename": "porch.py", "delay": 5}
    assert json.loads(made.model_dump_json(include={"delay"})) == {"delay": 5}


@pytest.mark.parametrize("exclude", [{"app_dir", "full_path"}, {"app_dir": True, "full_path": True}])
def test_what_the_caller_excludes_is_left_out_too(exclude: set[str] | dict[str, bool]) -> None:
    made = manifest(delay=5)
    whole = made.model_dump(mode="json")
    rest = {key: value for key, value in whole.items() if key not in {"app_dir", "full_path"}}
    assert made.model_dump(mode="json", exclude=exclude) == rest
    assert json.loads(made.model_dump_json(exclude=exclude)) == rest


def test_it_validates_on_assignment(caplog: pytest.LogCaptureFixture) -> None:
    made = manifest(delay=5, config=[{}])
    caplog.clear()
    made.app_config = {"instance_name": "", "light": "x"}  # type: ignore[assignment]  # as a table is written
    made.app_dir = Path("/srv/x/../other")
    made.display_name = ""
    assert made.app_config == [{"instance_name": "Porch.0", "light": "x"}]
    assert made.app_dir == Path("/srv/other")
    assert made.display_name == "Porch"
    with pytest.raises(ValidationError):
        made.enabled = "maybe"  # type: ignore[assignment]  # refused at run time as well
    assert made.enabled is True
    assert warnings(caplog) == []


def test_what_is_given_stays_as_it_is() -> None:
    given = {
        "app_key": "porch",
        "file_name": "porch.py",
        "class": "Porch",
        "app_dir": "/srv",
        "full_path": "/srv/porch.py",
        "config": {"zones": [1]},
        "delay": 5,
    }
    before = copy.deepcopy(given)
    AppManifest.model_validate(given)
    assert given == before


@pytest.mark.parametrize(
    ("key", "reserved"),
    [
        ("__duly__", True),
        ("__duly__.x", True),
        ("__duly__.", True),
        ("__duly__other", False),
        ("duly", False),
        ("x.__duly__", False),
    ],
)
def test_some_keys_are_reserved(key: str, reserved: bool) -> None:
    assert is_reserved_key(key) is reserved
