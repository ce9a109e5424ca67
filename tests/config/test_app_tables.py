"""From app tables, and what detection has found, to manifests."""

import copy
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from duly.config import AppManifest, AppsConfig
from duly.config.app_tables import AppFinder, manifests_of

PORCH = {"filename": "porch.py", "class_name": "Porch"}


@dataclass
class Found:
    key: str
    filename: str
    class_name: str


@dataclass
class Finder:
    """Finds what it is told to, and keeps what it was asked."""

    found: list[Found]
    asked: list[tuple[Path, Collection[str], Collection[Path]]] = field(default_factory=list)

    def __call__(self, directory: Path, exclude_dirs: Collection[str], configured: Collection[Path], /) -> list[Found]:
        self.asked.append((directory, exclude_dirs, configured))
        return self.found


def manifests(directory: Path, finder: AppFinder | None = None, /, **section: object) -> dict[str, AppManifest]:
    return manifests_of(AppsConfig.model_validate({"directory": directory, **section}), finder)


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_a_table_becomes_a_manifest(tmp_path: Path) -> None:
    table = {**PORCH, "display_name": "Porch light", "enabled": False, "config": {"delay": 5}}
    assert manifests(tmp_path, porch=table)["porch"].model_dump() == {
        "app_key": "porch",
        "enabled": False,
        "filename": "porch.py",
        "class_name": "Porch",
        "display_name": "Porch light",
        "app_dir": tmp_path,
        "app_config": [{"delay": 5, "instance_name": "Porch.0"}],
        "auto_loaded": False,
        "full_path": tmp_path / "porch.py",
    }


@pytest.mark.parametrize(
    ("written", "filename"),
    [("porch", "porch.py"), ("rooms/climate", "rooms/climate.py"), ("porch.pyw", "porch.pyw"), (5, "5.py")],
)
def test_a_file_name_without_suffix_gets_one(written: object, filename: str, tmp_path: Path) -> None:
    made = manifests(tmp_path, porch={**PORCH, "filename": written})["porch"]
    assert (made.filename, made.full_path) == (filename, tmp_path / filename)


@pytest.mark.parametrize("written", [".", "/", ".."])
def test_a_file_name_that_names_no_file_is_left_to_the_loader(written: str, tmp_path: Path) -> None:
    assert manifests(tmp_path, porch={**PORCH, "filename": written}).keys() == {"porch"}


@pytest.mark.parametrize("empty", [{}, {"app_dir": ""}, {"app_dir": None}])
def test_an_app_is_in_the_app_directory_unless_it_says_otherwise(empty: dict[str, Any], tmp_path: Path) -> None:
    assert manifests(tmp_path, porch={**PORCH, **empty})["porch"].app_dir == tmp_path


def test_an_app_can_have_a_directory_of_its_own(tmp_path: Path) -> None:
    made = manifests(tmp_path, porch={**PORCH, "app_dir": str(tmp_path / "other")})["porch"]
    assert (made.app_dir, made.full_path) == (tmp_path / "other", tmp_path / "other" / "porch.py")


def test_the_full_path_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    made = manifests(tmp_path, porch={**PORCH, "app_dir": str(tmp_path / "linked" / ".." / "linked")})["porch"]
    assert made.full_path == tmp_path / "real" / "porch.py"


def test_an_app_dir_that_is_the_file_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "porch.py"
    file.touch()
    made = manifests(tmp_path, porch={**PORCH, "app_dir": str(file)})["porch"]
    assert (made.app_dir, made.filename, made.full_path) == (tmp_path, "porch.py", file)


@pytest.mark.parametrize(
    ("config", "names"),
    [({}, ["Porch.0"]), ({"delay": 1}, ["Porch.0"]), ([{}, {"instance_name": "x"}], ["Porch.0", "x"])],
)
def test_there_is_an_instance_for_each_configuration(config: object, names: list[str], tmp_path: Path) -> None:
    made = manifests(tmp_path, porch={**PORCH, "config": config})["porch"]
    assert [table["instance_name"] for table in made.app_config] == names


def test_extra_keys_become_configuration(tmp_path: Path) -> None:
    made = manifests(tmp_path, porch={**PORCH, "delay": 5})["porch"]
    assert made.app_config == [{"delay": 5, "instance_name": "Porch.0"}]


@pytest.mark.parametrize("name", ["app_key", "full_path"])
def test_a_table_cannot_say_what_is_made(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = manifests(tmp_path, porch={**PORCH, name: "x"})["porch"]
    assert (made.app_key, made.full_path) == ("porch", tmp_path / "porch.py")
    assert messages(caplog) == [(logging.WARNING, f"app porch: {name} cannot be set and is ignored: remove it")]


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"enabled": "maybe"}, "enabled"),
        ({"filename": True}, "filename"),
        ({"filename": ["x"]}, "filename"),
        ({"app_dir": 5}, "app_dir"),
        ({"config": 3}, "app_config"),
        ({"display_name": ["x"]}, "display_name"),
    ],
)
def test_a_bad_value_is_reported_at_its_place(table: dict[str, Any], place: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        manifests(tmp_path, porch={**PORCH, **table})
    assert [found["loc"] for found in caught.value.errors()] == [("apps", "porch", place)]


def test_bad_values_of_all_apps_are_reported_together(tmp_path: Path) -> None:
    finder = Finder([])
    with pytest.raises(ValidationError) as caught:
        manifests(tmp_path, finder, a={**PORCH, "enabled": 7}, b=PORCH, c={**PORCH, "enabled": 8}, __duly__=PORCH)
    assert [found["loc"] for found in caught.value.errors()] == [
        ("apps", "a", "enabled"),
        ("apps", "c", "enabled"),
        ("apps", "__duly__"),
    ]
    assert finder.asked == []


def test_found_apps_come_after_the_configured_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    finder = Finder([Found("apps.house.attic.Attic", "house/attic.py", "Attic")])
    made = manifests(tmp_path, finder, z=PORCH)
    assert list(made) == ["z", "apps.house.attic.Attic"]
    assert made["apps.house.attic.Attic"].model_dump() == {
        "app_key": "apps.house.attic.Attic",
        "enabled": True,
        "filename": "house/attic.py",
        "class_name": "Attic",
        "display_name": "Attic",
        "app_dir": tmp_path,
        "app_config": [{"instance_name": "Attic.0"}],
        "auto_loaded": True,
        "full_path": tmp_path / "house/attic.py",
    }
    assert messages(caplog) == [(logging.INFO, f"app apps.house.attic.Attic found in {tmp_path}/house/attic.py")]


def test_an_app_that_was_found_before_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    attic, cellar = Found("attic", "a.py", "Attic"), Found("cellar", "c.py", "Cellar")
    apps = AppsConfig.model_validate({"directory": tmp_path})
    for found in ([attic], [attic, cellar], [Found("attic", "b.py", "Attic")]):
        apps.manifests = manifests_of(apps, Finder(found))
    assert messages(caplog) == [
        (logging.INFO, f"app attic found in {tmp_path}/a.py"),
        (logging.DEBUG, f"app attic found in {tmp_path}/a.py"),
        (logging.INFO, f"app cellar found in {tmp_path}/c.py"),
        (logging.INFO, f"app attic found in {tmp_path}/b.py"),
    ]


def test_the_finder_is_told_where_to_look_and_what_is_configured(tmp_path: Path) -> None:
    finder = Finder([])
    manifests(tmp_path, finder, porch={**PORCH, "enabled": False}, exclude_dirs=["drafts"])
    assert finder.asked == [(tmp_path, ("drafts",), {tmp_path / "porch.py"})]


def test_a_configured_app_wins_over_a_found_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = manifests(tmp_path, Finder([Found("porch", "other.py", "Other")]), porch=PORCH)
    assert made["porch"].filename == "porch.py"
    assert messages(caplog) == [
        (logging.DEBUG, "app porch is configured: the one found in other.py does not count"),
    ]


def test_nothing_is_looked_for_without_autodetect(tmp_path: Path) -> None:
    finder = Finder([Found("attic", "attic.py", "Attic")])
    assert manifests(tmp_path, finder, autodetect=False) == {}
    assert finder.asked == []


def test_nothing_is_found_without_a_finder(tmp_path: Path) -> None:
    assert manifests(tmp_path, porch=PORCH).keys() == {"porch"}


def test_a_missing_directory_gives_no_apps_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    finder = Finder([])
    assert manifests(tmp_path / "none", finder) == {}
    assert finder.asked == []
    assert messages(caplog) == [
        (logging.WARNING, f"app directory {tmp_path}/none does not exist, or is closed: no apps are looked for")
    ]


def test_directories_that_the_system_refuses_to_look_for_are_as_if_they_were_missing(tmp_path: Path) -> None:
    closed = tmp_path / ("x" * 300)
    assert manifests(closed, Finder([])) == {}
    assert manifests(tmp_path, porch={**PORCH, "app_dir": closed})["porch"].app_dir == closed


@pytest.mark.parametrize("key", ["__duly__", "__duly__.x"])
@pytest.mark.parametrize("found", [False, True])
def test_a_reserved_key_is_refused(key: str, found: bool, tmp_path: Path) -> None:
    configured, finder = ({}, Finder([Found(key, "porch.py", "Porch")])) if found else ({key: PORCH}, None)
    with pytest.raises(ValidationError) as caught:
        manifests(tmp_path, finder, **configured)
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("apps", key)
    assert problem["type"] == "app_key_reserved"
    assert problem["msg"] == (
        f"app key '{key}' of {tmp_path}/porch.py is reserved, as is all that begins with '__duly__.': rename the app"
    )


@pytest.mark.parametrize("key", ["", "  ", "house/porch", "/"])
def test_a_key_that_is_blank_or_has_a_slash_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        manifests(tmp_path, **{key: PORCH})
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("apps", key)
    assert problem["msg"] == (
        f"app key '{key}' of {tmp_path}/porch.py must not be blank or contain '/': rename the app"
    )


def test_a_key_that_only_looks_like_a_reserved_one_is_allowed(tmp_path: Path) -> None:
    assert manifests(tmp_path, __duly__other=PORCH).keys() == {"__duly__other"}


def test_tables_stay_as_they_are(tmp_path: Path) -> None:
    apps = AppsConfig.model_validate({"directory": tmp_path, "porch": {**PORCH, "delay": 1, "config": {"a": [1]}}})
    before = copy.deepcopy(apps.apps)
    manifests_of(apps, None)
    assert apps.apps == before


def test_a_file_may_be_below_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = manifests(tmp_path, porch={**PORCH, "app_dir": "~/mine"})["porch"]
    assert made.full_path == tmp_path.resolve() / "mine/porch.py"


def test_a_home_directory_that_nobody_has_is_the_only_problem_of_its_app(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        manifests(tmp_path, porch={**PORCH, "app_dir": "~nobody-at-all/mine"})
    [problem] = caught.value.errors()
    assert problem["loc"] == ("apps", "porch", "app_dir")
    assert "~nobody-at-all is no home directory that is known: write the path in full" in problem["msg"]
