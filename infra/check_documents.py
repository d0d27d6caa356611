"""Checks the documents: that every file and heading they link to is there, and every test and
target of make that they name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
CODE = [path for folder in ("src", "crates", "tests", "infra") for path in (ROOT / folder).rglob("*.*")]


def main() -> int:
    tests = {name for path in CODE if path.suffix in (".rs", ".py") for name in functions(path)}
    for folder, pattern in (("tests/cases", "*/*.xml"), ("fuzz/fuzz_targets", "*.rs")):
        tests |= {path.stem for path in (ROOT / folder).glob(pattern)}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    problems = [
        f"{document.relative_to(ROOT)}: {problem}"
        for document in DOCUMENTS
        for problem in check(document, tests, targets)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(DOCUMENTS)} documents, {len(problems)} problems")
    return 1 if problems else 0


def functions(path: Path) -> list[str]:
    return re.findall(r"\b(?:fn|def) (\w+)", path.read_text())


def check(document: Path, tests: set[str], targets: set[str]) -> Iterator[str]:
    text = document.read_text()
    for link, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", text):
        file = document.parent / link if link else document
        if "://" in link:
            continue
        if not file.exists():
            yield f"nothing is at {link}"
        elif anchor and anchor not in anchors(file):
            yield f"{file.name} has no heading for #{anchor}"
    # A test's name, alone or after its file; three words at least, which nothing else in backticks has.
    for test in re.findall(r"`(?:[\w/.]+::?\s?)?([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if test not in tests:
            yield f"no test is called {test}"
    # In backticks, or at the start of a line of shell.
    for target in re.findall(r"(?:`|^)make ([a-z][\w-]*)", text, re.MULTILINE):
        if target not in targets:
            yield f"make has no target {target}"


def anchors(document: Path) -> set[str]:
    """What its headings are linked by: their words in lower case, with hyphens between."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(main())
