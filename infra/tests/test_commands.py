"""Every command that a document or an alarm names exists, with its flags and parameters."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from templates import ROOT, TEMPLATE, load

MAKEFILE = (ROOT / "Makefile").read_text()
CALLBACKCTL = ROOT / "target" / "debug" / "callbackctl"
# The changelog names commands of the past.
FILES = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
FILES += [
    path for name in ("docs/*.md", "examples/*.md", "infra/*.yaml") for path in ROOT.glob(name)
]


def commands() -> Iterator[str]:
    """Yields what is in backticks or a line of a block of shell, without its comment."""
    for path in FILES:
        text = path.read_text().replace("\\\n", " ").replace("callbackctl -- ", "callbackctl ")
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
            text += "".join(f" `{line.split(' #')[0]}` " for line in block.splitlines())
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text):
            if found := re.search(r"\b(make|callbackctl) [a-z][^&|]*", " ".join(span.split())):
                yield found[0]


@functools.cache
def help_of(*command: str) -> str:
    return subprocess.check_output([CALLBACKCTL, *command, "--help"], text=True)


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_the_command_exists(command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        for name, is_variable, value in (word.partition("=") for word in words):
            assert re.search(rf"\b{name}\b" if is_variable else rf"(?m)^{name}:", MAKEFILE)
            parameters = re.findall(r"(\w+)=", value) if name == "PARAMETERS" else []
            assert set(parameters) <= set(load(TEMPLATE)["Parameters"])
        return
    path: list[str] = []
    while "\nCommands:\n" in help_of(*path) and words and words[0].isalpha():
        path.append(words.pop(0))
    flags = {word for word in words if word.startswith("--")}
    assert flags <= set(re.findall(r"--[a-z-]+", help_of(*path)))
