"""``duly check``: whether ``duly run`` would start, and every app with it; or whether a file of schedules is right.

Nothing is started, nothing is written.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from duly.cli.arguments import Json
from duly.cli.progress import progress_bar
from duly.cli.schedule_file import check_schedules, is_schedule_file
from duly.cli.settings import names_config_file, read_config
from duly.cli.terminal import UsageError, complain, output
from duly.ledger.diagnosis import many

if TYPE_CHECKING:
    from duly.config import AppManifest
    from duly.config.problems import Problem

_TOML = ".toml"


@dataclass(slots=True)
class Answer:
    """What was found; filled while it is looked for."""

    settings: list[Path] = field(default_factory=list)
    """The files that were read."""
    apps: list["AppManifest"] = field(default_factory=list)
    problems: list["Problem"] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_settings(
    path: Annotated[
        Path | None,
        Parameter(name="PATH", help="A folder, as if started there, a TOML file, or schedules.yaml. Default: here."),
    ] = None,
    /,
    *,
    json: Json = False,
) -> int:
    """Answer on standard output, problems on standard error; the exit code, 2 if there are any."""
    if path is not None and is_schedule_file(path):
        return check_schedules(path, json=json)
    folder, file = _place(path)
    answer = Answer()
    place = chdir(folder) if folder else nullcontext()
    with place, redirect_stdout(sys.stderr), _noting(answer.warnings), progress_bar() as tell:
        tell("importing the apps", 0, 1)
        _look(file, answer)
    console = output()
    if json:
        console.print_json(data=_json(answer))
    else:
        _print(console, answer)
    return 2 if answer.problems else 0


def _place(path: Path | None) -> tuple[Path | None, Path | None]:
    """The folder to look from, and the file to read."""
    if path is None or path.is_dir():
        return path, None
    problem = None
    if not path.is_file():
        problem = f"there is no {path}: give a folder, a TOML file, or schedules.yaml"
    elif path.suffix != _TOML:
        problem = f"{path} is no TOML file: give that of the settings, the folder that it is in, or schedules.yaml"
    elif names_config_file():
        problem = f"the settings are named twice: leave out --config-file or {path}"
    if problem:
        raise UsageError([problem])
    return None, path


def _look(file: Path | None, answer: Answer) -> None:
    from duly.apps.loader import AppLoader
    from duly.apps.precheck import check_all
    from duly.config.errors import ConfigurationError
    from duly.runtime.preparation import check, with_more

    with closing(AppLoader()) as loader:
        try:
            config = read_config(file)
        except ConfigurationError as error:
            answer.problems = with_more(error, loader, check_all).problems
            return
        answer.settings = sorted(config.toml_files | config.env_files)
        try:
            check(config, loader, check_all)
        except ConfigurationError as error:
            answer.problems = error.problems
        answer.apps = list(config.apps.manifests.values())


class _Warnings(logging.Handler):
    """Keeps what is warned of, for one thread; errors are told as problems."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it once."""
        if record.levelno == logging.WARNING:
            self.found[record.getMessage()] = None


@contextmanager
def _noting(warnings: list[str]) -> Iterator[None]:
    """Add to ``warnings`` what Duly warns of inside."""
    log, handler = logging.getLogger("duly"), _Warnings()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        warnings.extend(handler.found)


def _print(console: Console, answer: Answer) -> None:
    from duly.config.errors import ConfigurationError

    for warning in answer.warnings:
        complain("warning:", "bold yellow", warning)
    if answer.problems:
        sys.stderr.write(f"{ConfigurationError(answer.problems)}\n")
        return
    console.print("no problems", style="bold green")
    console.print(
        f"  settings: {', '.join(map(str, answer.settings)) or 'defaults, no file'}", markup=False, soft_wrap=True
    )
    console.print(f"  apps:     {', '.join(map(_app_text, answer.apps)) or 'none'}", markup=False, soft_wrap=True)


def _app_text(app: "AppManifest") -> str:
    if not app.enabled:
        return f"{app.app_key} (off)"
    instances = len(app.app_config)
    return app.app_key if instances == 1 else f"{app.app_key} ({many(instances, 'instance')})"


def _json(answer: Answer) -> dict[str, object]:
    return {
        "ok": not answer.problems,
        "settings": [str(path) for path in answer.settings],
        "apps": [
            {
                "app_key": app.app_key,
                "file": str(app.full_path),
                "class_name": app.class_name,
                "enabled": app.enabled,
                "auto_loaded": app.auto_loaded,
                "instances": [str(config["instance_name"]) for config in app.app_config],
            }
            for app in answer.apps
        ],
        "problems": [asdict(problem) for problem in answer.problems],
        "warnings": answer.warnings,
    }
