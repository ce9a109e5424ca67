"""Every relative link in the documents leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
EXTERNAL = re.compile(r"[a-z]+:")


def anchors(path: Path) -> set[str]:
    """The fragments that a page offers, as code hosts make them from its headings."""
    headings = re.findall(r"^#+ +(.*)$", CODE.sub(lambda m: m[0].strip("`"), path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken(document: Path) -> list[str]:
    """The links of ``document`` that lead nowhere."""
    links = [a or b for a, b in LINK.findall(CODE.sub("", document.read_text("utf-8")))]
    missing = []
    for link in (link for link in links if not EXTERNAL.match(link)):
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            missing.append(link)
    return missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    assert broken(document) == []
