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

from cfn import load
from check_documents import DOCUMENTS
from stacks import ROOT, source, text_of

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE)
# In DEPLOY_FLAGS besides the template's parameters: a placeholder, and a tag.
OTHERS = {"NAME", "team"}


def texts() -> Iterator[tuple[str, str]]:
    # The changelog names commands of the past.
    documents = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
    for path in [*documents, *(ROOT / "infra").glob("de*.py")]:
        yield path.name, path.read_text()
    for template in (source(), load(ROOT / "infra" / "reconcile.yaml")):
        for name, resource in template["Resources"].items():
            yield name, text_of(resource.get("Properties", {}).get("AlarmDescription", ""))


def code(text: str) -> Iterator[str]:
    """Yields what is in backticks, and each line of shell without its comment."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s#.*", "", line)
    rest = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))


def commands() -> Iterator[tuple[str, str]]:
    for where, text in texts():
        for line in code(text):
            # `cargo run` has two hyphens before the arguments.
            line = line.replace("callbackctl -- ", "callbackctl ")
            if found := re.search(r"\b(make|callbackctl|aws) [a-z][^&|]*", line):
                yield where, found[0]


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
    flags = {word for word in rest if word.startswith("--")}
    assert flags <= {f"--{xform_name(member, '-')}" for member in members}


def check_make(words: list[str]) -> None:
    for word in words:
        name, is_variable, value = word.partition("=")
        assert re.search(rf"\b{name}=?\b", MAKEFILE) if is_variable else name in TARGETS
        if name == "DEPLOY_FLAGS":
            assert {*re.findall(r"(\w+)=", value)} <= {*source()["Parameters"], *OTHERS}


CHECKS = {"make": check_make, "callbackctl": check_callbackctl, "aws": check_aws}


@pytest.mark.parametrize(("where", "command"), list(commands()))
def test_the_command_exists(where: str, command: str) -> None:
    program, *words = shlex.split(command)
    CHECKS[program](words)


WRONG = [
    *("make deploi", "make deploy COLOUR=blue", "make deploy DEPLOY_FLAGS='Colour=blue'"),
    *("callbackctl redo", "callbackctl vault drop KEY", "callbackctl replay --colour"),
    *("aws sqs start-move", "aws sqs start-message-move-task --source"),
]


@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_command_is_noticed(command: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        test_the_command_exists("here", command)
