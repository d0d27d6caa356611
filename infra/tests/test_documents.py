"""Checks that all tests and commands that documents name exist."""

from __future__ import annotations

import re
import shlex
import subprocess

from templates import ROOT

# The changelog contains removed commands.
DOCUMENTS = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
DOCUMENTS += [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
FOLDERS = ("src", "crates", "tests", "infra", "fuzz/fuzz_targets")
CALLBACKCTL = ROOT / "target" / "debug" / "callbackctl"


def test_named_tests_exist() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
    names = {path.stem for path in files}
    for path in files:
        if path.suffix in (".rs", ".py"):
            names.update(re.findall(r"\b(?:fn|def) (\w+)", path.read_text()))
    # The name of a test, with or without its file. No other code span has three or more words with underscores.
    name = re.compile(r"`(?:[\w/.]+::?\s?)?([a-z0-9]+(?:_[a-z0-9]+){2,})`")
    found = {(path.name, test) for path in DOCUMENTS for test in name.findall(path.read_text())}
    assert found
    assert not {(document, test) for document, test in found if test not in names}


def named(program: str) -> set[str]:
    """Returns the arguments of a program in spans and blocks of code, and in the texts of alarms."""
    paths = [*DOCUMENTS, *ROOT.glob("infra/*.yaml")]
    text = "\n".join(path.read_text() for path in paths).replace("\\\n", " ")
    # Joins the lines of YAML texts.
    text = re.sub(r"\n {8,}", " ", text).replace("callbackctl -- ", "\ncallbackctl ")
    found = re.findall(rf"(?:^|[`/]){program} ([a-z][^`&|#\n]*)", text, re.MULTILINE)
    assert found
    return set(found)


def test_named_targets_exist() -> None:
    targets = {command.split()[0] for command in named("make")}
    assert targets <= set(re.findall(r"(?m)^([a-z0-9-]+):", (ROOT / "Makefile").read_text()))


def test_named_commands_exist() -> None:
    for command in named("callbackctl"):
        # An unknown option is an error even with `--help`.
        words = shlex.split(command.replace("NAME-APPID", "name-1").replace("--region R ", ""))
        subprocess.check_output([CALLBACKCTL, *words, "--help"])
