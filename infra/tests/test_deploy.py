"""`deploy.py` and `destroy.py` before they reach AWS."""

from __future__ import annotations

import io

import pytest

import deploy
import destroy
import stack
from stacks import Stack, text_of, variant

LIMITS = {"FunctionName": 64, "QueueName": 80, "Name": 64, "LogGroupName": 512, "AlarmName": 255}


def test_unknown_flags_go_to_sam_with_all_that_follows() -> None:
    given = ["--callbackctl", "c", "--stack=jobs", "QueueKind=fifo", "--tags", "a=b", "--yes"]
    options, for_sam = deploy.parse(given)
    assert (options.stack, options.parameters) == ("jobs", ["QueueKind=fifo"])
    assert for_sam == ["--tags", "a=b", "--yes"]
    assert not options.yes


def test_nothing_is_done_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit, match="YES=1"):
        destroy.main([])


@pytest.mark.parametrize(
    ("answer", "flag"), [([], "--confirm-changeset"), (["--yes"], "--no-confirm-changeset")]
)
def test_the_change_set_is_confirmed(
    answer: list[str], flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(stack, "sam", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(stack.Stack, "describe", lambda name: stack.Stack(name, "CREATE_COMPLETE"))
    monkeypatch.setattr(stack.Stack, "protect", lambda *_: None)
    monkeypatch.setattr(deploy, "report", lambda *_: None)
    options, for_sam = deploy.parse(["--callbackctl", "c", *answer, "--tags", "a=b"])
    deploy.deploy(stack.Stack("jobs"), "eu-central-1", options, for_sam)
    assert [call[0] for call in calls] == ["build", "deploy"]
    assert flag in calls[1]
    assert calls[1][-2:] == ("--tags", "a=b")


@pytest.mark.parametrize("deployed", [variant("standard"), variant("fifo-pipe-key")])
def test_the_longest_stack_name_makes_no_name_too_long(deployed: Stack) -> None:
    longest = "a" * 59
    assert deploy.STACK_NAME.fullmatch(longest)
    assert not deploy.STACK_NAME.fullmatch(f"{longest}a")
    room = [
        LIMITS[field] - len(text_of(value).replace("${AWS::StackName}", longest))
        for resource in deployed.resources.values()
        for field, value in resource.get("Properties", {}).items()
        if field in LIMITS
    ]
    # The name of the FIFO pipe is the one that sets the limit.
    assert min(room) >= 0
    assert (0 in room) == ("Pipe" in deployed.resources)
