"""Files and functions stay small; exceptions are listed in pyproject.toml, and that list only shrinks."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LIMITS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["duly"]["limits"]


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Qualified name and length in lines of every function below ``node``."""
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}".lstrip(".")
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, (child.end_lineno or child.lineno) - child.lineno + 1
        yield from functions(child, name)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_stays_within_its_limits(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LIMITS["files"].get(name, LIMITS["file-lines"])
    too_long = {
        f"{name}::{function}": lines
        for function, lines in functions(ast.parse(text))
        if lines > LIMITS["functions"].get(f"{name}::{function}", LIMITS["function-lines"])
    }
    assert not too_long


def test_every_listed_function_still_needs_its_exception() -> None:
    lengths = {
        f"{path.relative_to(ROOT).as_posix()}::{name}": lines
        for path in SOURCES
        for name, lines in functions(ast.parse(path.read_text("utf-8")))
    }
    assert [name for name in LIMITS["functions"] if lengths.get(name, 0) <= LIMITS["function-lines"]] == []
