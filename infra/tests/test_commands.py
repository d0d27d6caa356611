"""Every command that a document, an alarm or a message names exists, with its flags and variables."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name

from templates import ROOT, TEMPLATE, load

MAKEFILE = (ROOT / "Makefile").read_text()
# The changelog names commands of the past.
FILES = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
FILES += [path for folder in ("docs", "examples") for path in (ROOT / folder).glob("*.md")]
FILES += [*(ROOT / "infra").glob("*.yaml"), ROOT / "infra" / "deploy.py"]


def code(text: str) -> Iterator[str]:
    """Yields what is in backticks, and each line of shell without its comment."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s#.*", "", line)
    rest = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))


def commands() -> Iterator[tuple[str, str]]:
    for path in FILES:
        for line in code(path.read_text()):
            # `cargo run` has two hyphens before the arguments.
            line = line.replace("callbackctl -- ", "callbackctl ")
            if found := re.search(r"\b(make|callbackctl|aws) [a-z][^&|]*", line):
                yield path.name, found[0]


@functools.cache
def help_of(*command: str) -> str:
    program = ROOT / "target" / "debug" / "callbackctl"
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_callbackctl(words: list[str]) -> None:
    path: list[str] = []
    while "\nCommands:\n" in help_of(*path) and words and words[0].isalpha():
        path.append(words.pop(0))
    flags = {word for word in words if word.startswith("--")}
    assert flags <= set(re.findall(r"--[a-z-]+", help_of(*path)))


def check_aws(words: list[str]) -> None:
    service, operation, *rest = words
    model = botocore.session.get_session().get_service_model(service)
    [name] = [each for each in model.operation_names if xform_name(each, "-") == operation]
    members = model.operation_model(name).input_shape.members
    known = {f"--{xform_name(member, '-')}" for member in members} | {"--query", "--output"}
    # A flag without a value, and its opposite.
    known |= {flag.replace("--", "--no-", 1) for flag in known}
    assert {word for word in rest if word.startswith("--")} <= known


def check_make(words: list[str]) -> None:
    for word in words:
        name, is_variable, value = word.partition("=")
        pattern = rf"\b{name}\b" if is_variable else rf"(?m)^{name}:"
        assert re.search(pattern, MAKEFILE), word
        if name == "PARAMETERS":
            assert {*re.findall(r"(\w+)=", value)} <= {*load(TEMPLATE)["Parameters"], "NAME"}


CHECKS = {"make": check_make, "callbackctl": check_callbackctl, "aws": check_aws}


@pytest.mark.parametrize(("where", "command"), list(commands()))
def test_the_command_exists(where: str, command: str) -> None:
    program, *words = shlex.split(command)
    CHECKS[program](words)
