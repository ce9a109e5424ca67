"""Imports that do not end."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from duly.apps.load_errors import AppImportError
from duly.apps.loader import AppLoader
from tests.apps.folder import Folder
from tests.embedded.waiting import eventually

HANGS = "import threading\nthreading.current_thread().begun.set()\nthreading.current_thread().over.wait()"


class Importing(threading.Thread):
    """Loads an app whose module waits until it is let go."""

    def __init__(self, loader: AppLoader, apps: Folder, filename: str) -> None:
        super().__init__()
        self.begun, self.over = threading.Event(), threading.Event()
        self.failure: BaseException | None = None
        self._load: Callable[[], object] = lambda: loader.load(apps.manifest(filename))

    def run(self) -> None:
        try:
            self._load()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.failure = error


@pytest.fixture
def hanging(loader: AppLoader, apps: Folder) -> Iterator[Importing]:
    """The import of ``slow.py``, which needs ``helpers.py`` that has ended, goes on."""
    apps.write("helpers.py", "")
    apps.app("slow.py", before=f"import helpers\n{HANGS}")
    thread = Importing(loader, apps, "slow.py")
    thread.start()
    thread.begun.wait()
    yield thread
    thread.over.set()
    thread.join()


def test_others_can_be_loaded_once_it_is_given_up(loader: AppLoader, apps: Folder, hanging: Importing) -> None:
    assert hanging.begun.is_set()
    apps.app("porch.py", before="import helpers")
    assert loader.give_up(apps.manifest("slow.py"), 0)
    assert loader.load(apps.manifest("porch.py")).__name__ == "Porch"
    assert loader.importing is None


def test_it_is_not_given_up_before_its_time_or_for_another(loader: AppLoader, apps: Folder, hanging: Importing) -> None:
    assert hanging.begun.is_set()
    assert not loader.give_up(apps.manifest("slow.py"), 1000)
    assert not loader.give_up(apps.manifest("porch.py"), 0)
    assert loader.importing == apps.directory / "slow.py"


def test_until_it_ends_its_file_cannot_be_imported_which_is_told(
    loader: AppLoader, apps: Folder, hanging: Importing
) -> None:
    assert loader.give_up(apps.manifest("slow.py"), 0)
    with pytest.raises(AppImportError, match=r"the import of .*slow\.py still goes on"):
        loader.load(apps.manifest("slow.py"))
    with loader.stage({apps.directory / "slow.py"}) as staged:
        assert "still goes on" in str(staged.errors[apps.directory / "slow.py"])
    assert hanging.is_alive()


def test_when_it_ends_it_leaves_nothing_and_the_file_can_be_imported_anew(
    loader: AppLoader, apps: Folder, hanging: Importing
) -> None:
    assert loader.give_up(apps.manifest("slow.py"), 0)
    hanging.over.set()
    hanging.join()
    assert hanging.failure is not None
    assert "apps.slow" not in sys.modules
    apps.app("slow.py", before="x = 2")
    assert sys.modules[loader.load(apps.manifest("slow.py")).__module__].x == 2


def test_one_that_waits_for_it_goes_on(loader: AppLoader, apps: Folder, hanging: Importing) -> None:
    assert hanging.begun.is_set()
    apps.app("porch.py", before="threading = __import__('threading')\nthreading.current_thread().begun.set()")
    waiting = Importing(loader, apps, "porch.py")
    waiting.start()
    assert loader.give_up(apps.manifest("slow.py"), 0)
    waiting.join()
    assert (waiting.begun.is_set(), waiting.failure) == (True, None)
    eventually(lambda: loader.importing is None)
