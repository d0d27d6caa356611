"""Every test that a document names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
FOLDERS = ("src", "crates", "tests", "infra", "fuzz/fuzz_targets")


def test_named_tests_exist() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
    names = {path.stem for path in files}
    for path in files:
        if path.suffix in (".rs", ".py"):
            names.update(re.findall(r"\b(?:fn|def) (\w+)", path.read_text()))
    # A test's name, alone or after its file. Nothing else in backticks has three words or more.
    name = re.compile(r"`(?:[\w/.]+::?\s?)?([a-z0-9]+(?:_[a-z0-9]+){2,})`")
    found = {(path.name, test) for path in DOCUMENTS for test in name.findall(path.read_text())}
    assert found
    assert not {(document, test) for document, test in found if test not in names}
