"""`infra/reconcile.yaml`: the schedule of `callbackctl reconcile`."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import pytest

from cfn import Values, load
from stacks import ACCOUNT, KEY, ROOT, Stack, arn, statements
from test_lint import findings

SOURCE = load(ROOT / "infra" / "reconcile.yaml")
VALUES: Values = {
    "QueueUrl": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jobs",
    "LogGroupName": "/aws/lambda/jobs",
    "KmsKeyArn": KEY,
}
BROKEN = [
    ("Resources/ProjectRole/Properties/Policies/0/PolicyDocument/Statement/2/Resource", "*"),
    ("Resources/ProjectRole/Properties/Policies/0/PolicyDocument/Statement/4/Action", "logs:*"),
    ("Resources/TimerRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource", "*"),
    ("Resources/Timer/Properties/Target/Arn", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"),
    ("Resources/Project/Properties/Environment/EnvironmentVariables/2/Type", "PLAINTEXT"),
]


def test_lint() -> None:
    assert findings(json.dumps(SOURCE)) == []


def check(source: dict[str, Any]) -> None:
    stack = Stack.of(source, VALUES)
    [project] = stack.properties("ProjectRole")["Policies"]
    allowed = statements(project["PolicyDocument"])
    queue = [
        arn("sqs", "${Name}")["Fn::Sub"],
        {"Name": {"Fn::Select": [4, {"Fn::Split": ["/", {"Ref": "QueueUrl"}]}]}},
    ]
    assert allowed["sqs:SendMessage",] == {"Fn::Sub": queue}
    received = (
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:PutLogEvents",
    )
    assert allowed[received] == arn("logs", "log-group:${LogGroupName}:*")
    assert "*" not in [resource for resource in allowed.values() if isinstance(resource, str)]
    [timer] = stack.properties("TimerRole")["Policies"]
    assert statements(timer["PolicyDocument"]) == {
        ("codebuild:StartBuild",): {"Fn::GetAtt": ["Project", "Arn"]}
    }
    assert stack.properties("Timer")["Target"]["Arn"]["Fn::Sub"].endswith(":codebuild:startBuild")
    for variable in stack.properties("Project")["Environment"]["EnvironmentVariables"]:
        assert (variable.get("Type") == "SECRETS_MANAGER") == variable["Name"].startswith(
            "TENCENTCLOUD_"
        )


def test_reconcile() -> None:
    check(SOURCE)


@pytest.mark.parametrize(("path", "value"), BROKEN)
def test_a_broken_template_is_noticed(path: str, value: str) -> None:
    broken = jsonpatch.apply_patch(SOURCE, [{"op": "replace", "path": f"/{path}", "value": value}])
    with pytest.raises((AssertionError, KeyError, TypeError)):
        check(broken)
