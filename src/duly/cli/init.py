"""``duly init``: a first ``duly.toml`` and a first app, ready to run."""

import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from duly.cli.terminal import Failed, UsageError, output

_TEMPLATES: Mapping[str, str] = {"duly.toml": "duly.toml", "apps/hello.py": "hello.py"}
"""Which template each file is made of."""

_IGNORED = "*\n"
"""What keeps ``data`` out of a repository, whatever the rest of the project does."""


def make_project(
    directory: Annotated[
        Path, Parameter(name="DIR", show_default=False, help="A folder, which may be new. Default: here.")
    ] = Path(),
    /,
) -> None:
    """Say on standard output what was written, and what to do next.

    Raises:
        UsageError: something is there already; nothing was written.
        Failed: it cannot be written; what had been is taken back.
    """
    folder = files("duly.cli") / "templates"
    texts = {name: folder.joinpath(template).read_text("utf-8") for name, template in _TEMPLATES.items()}
    texts["data/.gitignore"] = _IGNORED
    _check(directory, [directory / name for name in texts])
    _write({directory / name: text for name, text in texts.items()})
    console = output()
    console.print(f"wrote {', '.join(str(directory / name) for name in texts)}", markup=False, soft_wrap=True)
    go = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    console.print(f"next: {go}duly run", markup=False, soft_wrap=True)
    console.print("      then change apps/hello.py and see it reload; ask duly history data/duly.db what ran")


def _check(directory: Path, paths: list[Path]) -> None:
    problems = [f"{path} exists: move it away, or name another folder" for path in paths if path.exists()]
    if directory.exists() and not directory.is_dir():
        problems = [f"{directory} is no folder: name another one"]
    if problems:
        raise UsageError(problems)


def _write(texts: Mapping[Path, str]) -> None:
    """All of them or none."""
    with ExitStack() as undo:
        for path, text in texts.items():
            try:
                for folder in reversed([each for each in path.parents if not each.exists()]):
                    folder.mkdir()
                    undo.callback(folder.rmdir)
                with path.open("x", encoding="utf-8") as file:
                    undo.callback(path.unlink)
                    file.write(text)
            except OSError as error:
                raise Failed(f"cannot write {path}: {error.strerror or error}") from error
        undo.pop_all()
