"""The Python in the documents runs as printed.

The ```` ```python ```` blocks of one page run one after the other in one namespace, in an empty folder; blocks with
``>>>`` are checked against the output they show.
"""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(path: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page, each with the number of lines before it."""
    text = path.read_text("utf-8")
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in BLOCK.finditer(text)]


def run(path: Path) -> None:
    """Run all blocks of a page; an error shows the line of the page."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(path):
        if ">>> " not in code:
            exec(compile("\n" * line + code, str(path), "exec"), namespace)  # noqa: S102 - our own documents
            continue
        example = doctest.DocTestParser().get_doctest(code, namespace, path.name, str(path), line)
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=OPTIONS)
        runner.run(example, out=report.append, clear_globs=False)
        assert not report, "".join(report)
        namespace.update(example.globs)


DOCUMENTS = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if blocks(path)]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_of_a_page_runs_as_printed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(path)
