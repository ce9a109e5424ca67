"""A folder of app files, and a loader of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.apps.loader import AppLoader
from tests.apps.folder import Folder, loading


@pytest.fixture
def apps(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "apps")


@pytest.fixture
def loader() -> Iterator[AppLoader]:
    with loading() as made:
        yield made
