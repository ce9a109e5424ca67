from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from duly.apps.changes import ChangeSet, changes_between
from duly.config import AppManifest
from tests.apps.stage import change


def manifests(*keys: str, **fields: Any) -> dict[str, AppManifest]:  # noqa: ANN401 - those of a manifest
    given = {"class_name": "Porch", "app_dir": Path("/srv/apps"), **fields}
    return {
        key: AppManifest.model_validate(
            {"app_key": key, "filename": f"{key}.py", "full_path": Path(f"/srv/apps/{key}.py"), **given}
        )
        for key in keys
    }


PORCH = manifests("porch")
OFF = manifests("porch", enabled=False)
SLOW = manifests("porch", config={"delay": 9})
FILE = Path("/srv/apps/porch.py")


@pytest.mark.parametrize(
    ("old", "new", "files", "changes"),
    [
        pytest.param(PORCH, PORCH, [], change(), id="nothing"),
        pytest.param(PORCH, {}, [], change(orphans={"porch"}), id="gone"),
        pytest.param(PORCH, OFF, [], change(orphans={"porch"}), id="disabled"),
        pytest.param(PORCH, {}, [FILE], change(orphans={"porch"}), id="gone and changed"),
        pytest.param({}, PORCH, [], change(new_apps={"porch"}), id="new"),
        pytest.param(OFF, PORCH, [], change(new_apps={"porch"}), id="enabled"),
        pytest.param({}, PORCH, [FILE], change(new_apps={"porch"}), id="new with a changed file"),
        pytest.param({}, OFF, [], change(), id="new and disabled"),
        pytest.param(OFF, {}, [], change(), id="disabled and gone"),
        pytest.param(PORCH, PORCH, [FILE], change(reimport_apps={"porch"}), id="code"),
        pytest.param(PORCH, SLOW, [], change(reload_apps={"porch"}), id="configuration"),
        pytest.param(PORCH, SLOW, [FILE], change(reimport_apps={"porch"}), id="code and configuration"),
        pytest.param(PORCH, manifests("porch", class_name="Other"), [], change(reload_apps={"porch"}), id="class"),
        pytest.param(PORCH, manifests("porch", filename="b.py"), [], change(reload_apps={"porch"}), id="file"),
        pytest.param(OFF, OFF, [FILE], change(), id="disabled and changed"),
        pytest.param(PORCH, PORCH, [Path("/srv/apps/other.py")], change(), id="other file"),
    ],
)
def test_what_has_changed_tells_what_is_to_be_done(
    old: dict[str, AppManifest], new: dict[str, AppManifest], files: Collection[Path], changes: ChangeSet
) -> None:
    assert changes_between(old, new, files) == changes


def test_an_app_that_is_told_something_else_is_reloaded() -> None:
    assert changes_between(PORCH, PORCH, [], {"porch"}) == change(reload_apps={"porch"})


def test_all_keys_of_a_changed_file_are_imported_anew() -> None:
    both = manifests("a", "b", filename="house.py")
    assert changes_between(both, both, [Path("/srv/apps/house.py")]) == change(reimport_apps={"a", "b"})


def test_an_empty_change_set_is_false() -> None:
    assert not ChangeSet()
    assert change(orphans={"a"})
    assert change(new_apps={"a"})
    assert change(reload_apps={"a"})
    assert change(reimport_apps={"a"})


def test_apps_that_stay_as_they_are_can_be_left_out() -> None:
    whole = change(reimport_apps={"a", "b"}, reload_apps={"c"}, orphans={"d"}, new_apps={"e"})
    assert whole.without({"a", "c"}) == change(reimport_apps={"b"}, orphans={"d"}, new_apps={"e"})
