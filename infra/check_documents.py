"""Checks that every file, heading and test that the documents name exists."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
CODE = [
    path for folder in ("src", "crates", "tests", "infra") for path in (ROOT / folder).rglob("*.*")
]


def main() -> int:
    tests = {name for path in CODE if path.suffix in (".rs", ".py") for name in functions(path)}
    for folder, pattern in (("tests/cases", "*/*.xml"), ("fuzz/fuzz_targets", "*.rs")):
        tests |= {path.stem for path in (ROOT / folder).glob(pattern)}
    problems = [
        f"{document.relative_to(ROOT)}: {problem}"
        for document in DOCUMENTS
        for problem in check(document, tests)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(DOCUMENTS)} documents, {len(problems)} problems")
    return 1 if problems else 0


def functions(path: Path) -> list[str]:
    return re.findall(r"\b(?:fn|def) (\w+)", path.read_text())


def check(document: Path, tests: set[str]) -> Iterator[str]:
    text = document.read_text()
    for link, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", text):
        file = document.parent / link if link else document
        if "://" in link:
            continue
        if not file.exists():
            yield f"{link} does not exist"
        elif anchor and anchor not in anchors(file):
            yield f"{file.name} has no heading for #{anchor}"
    # A test's name, alone or after its file. Nothing else in backticks has three words or more.
    for test in re.findall(r"`(?:[\w/.]+::?\s?)?([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if test not in tests:
            yield f"no test is called {test}"


def anchors(document: Path) -> set[str]:
    """Returns the anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(main())
