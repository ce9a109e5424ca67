"""Without an extra, what needs it says which one."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "package", "extra"), [("duly.sun", "astral", "sun"), ("duly.calendars", "holidays", "holidays")]
)
def test_a_missing_package_is_told_with_the_extra_that_brings_it(module: str, package: str, extra: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\ntry: import {module}\nexcept ModuleNotFoundError as e: print(e)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told == f"{module} needs {package}, which is not installed: pip install 'duly[{extra}]'\n"


def test_neither_is_loaded_by_duly_itself() -> None:
    program = "import sys, duly, duly.triggers; print(*{'astral', 'holidays'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []
