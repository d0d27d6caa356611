"""Checks the documents: that every file they link to is there, and every test that they name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
CODE = [path for folder in ("src", "tests", "infra") for path in (ROOT / folder).rglob("*.*")]


def main() -> int:
    defined = {name for path in CODE if path.suffix in (".rs", ".py") for name in functions(path)}
    problems = [problem for document in DOCUMENTS for problem in check(document, defined)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(DOCUMENTS)} documents, {len(problems)} problems")
    return 1 if problems else 0


def functions(path: Path) -> list[str]:
    return re.findall(r"\b(?:fn|def) (\w+)", path.read_text())


def check(document: Path, defined: set[str]) -> Iterator[str]:
    name = document.relative_to(ROOT)
    text = document.read_text()
    for link in re.findall(r"\]\(([^)\s#]+)", text):
        if "://" not in link and not (document.parent / link).exists():
            yield f"{name}: nothing is at {link}"
    # A test's name, alone or after its file; three words at least, which nothing else in backticks has.
    for test in re.findall(r"`(?:[\w/.]+::?\s?)?([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if test not in defined and not (ROOT / "tests" / "cases" / f"{test}.xml").exists():
            yield f"{name}: no test is called {test}"


if __name__ == "__main__":
    sys.exit(main())
