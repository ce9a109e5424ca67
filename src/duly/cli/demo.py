"""``duly demo``: the example apps, from a temporary copy that is all they touch."""

import shutil
import tomllib
from contextlib import chdir
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from duly.cli.ledger_file import using
from duly.cli.terminal import Failed, output
from duly.core.clock import current
from duly.ledger import doctor
from duly.ledger.diagnosis import many
from duly.ledger.file_info import file_info

if TYPE_CHECKING:
    from duly.config import DulyConfig


def show_demo() -> int:
    """Run until Ctrl-C, and say on standard output what became of the slots; the exit code of the run."""
    from duly.runtime.process import run

    console = output()
    with TemporaryDirectory(prefix="duly-demo-") as name:
        folder = Path(name).resolve()
        _copy_examples(folder)
        with chdir(folder):
            config = _settings(folder)
            ledger = config.ledger_path
            _introduce(console, folder, ledger)
            code = run(lambda: config)
        if ledger.is_file():
            _sum_up(console, ledger)
    return code


def _copy_examples(folder: Path) -> None:
    with as_file(files("duly.cli") / "examples") as packaged:
        source = packaged if packaged.is_dir() else Path(__file__).parents[3] / "examples"
        if not (source / "duly.toml").is_file():
            raise Failed(f"the example apps are missing: there is neither {packaged} nor {source}; install duly anew")
        shutil.copytree(source / "apps", folder / "apps", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / "duly.toml", folder)


def _settings(folder: Path) -> "DulyConfig":
    """Those of the examples and no others: what the environment says might lead out of the folder."""
    from duly.config import DulyConfig

    written = tomllib.loads((folder / "duly.toml").read_text("utf-8"))["duly"]
    return DulyConfig.hermetic(**{**written, "web_api": {"run": False}, "import_dot_env_files": False})


def _introduce(console: Console, folder: Path, ledger: Path) -> None:
    console.print(f"the example apps run from a copy in {folder}", markup=False, soft_wrap=True)
    console.print(f"  look:      duly history {ledger}", markup=False, soft_wrap=True)
    console.print("  change:    apps/*.py there, which are then loaded again", markup=False)
    console.print("  dashboard: none, this version serves none yet")
    console.print("  end:       Ctrl-C, which removes the copy")


def _sum_up(console: Console, ledger: Path) -> None:
    with using(ledger):
        statuses = file_info(ledger).executions
        report = doctor.examine(ledger, clock=current())
    parts = ", ".join(f"{count} {status}" for status, count in statuses.items()) or "nothing yet"
    verdict = "the ledger adds up" if report.ok else f"{many(len(report.diagnoses) + report.more, 'thing')} off"
    console.print(f"{many(report.recorded, 'slot')} of {report.expected} recorded ({parts}): {verdict}")
