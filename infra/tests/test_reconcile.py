"""`infra/reconcile.yaml`, the schedule of `callbackctl reconcile`."""

from __future__ import annotations

import json

import pytest

from cfn import Values, load
from stacks import ACCOUNT, KEY, ROOT, Stack, references, source, text_of
from test_lint import lint
from test_permissions import statements

SOURCE = load(ROOT / "infra" / "reconcile.yaml")
VALUES: Values = {
    "QueueUrl": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/jobs",
    "LogGroupName": "/aws/lambda/jobs",
    "KmsKeyArn": KEY,
}


@pytest.fixture
def stack() -> Stack:
    return Stack.create(SOURCE, VALUES)


def test_lint(stack: Stack) -> None:
    lint(stack.source)


def test_roles(stack: Stack) -> None:
    """The project may publish, the timer may start it, and neither role has a wildcard."""
    found = {
        role: [pair for pair in statements(stack, role)] for role in stack.of_type("AWS::IAM::Role")
    }
    assert found["TimerRole"] == [(["codebuild:StartBuild"], [{"Fn::GetAtt": ["Project", "Arn"]}])]
    actions = [action for actions, _ in found["ProjectRole"] for action in actions]
    assert "sqs:SendMessage" in actions
    assert not [action for action in actions if "*" in action]
    assert not [resources for _, resources in found["ProjectRole"] if "*" in resources]


def test_the_vendors_key_is_a_secret(stack: Stack) -> None:
    for variable in stack.properties("Project")["Environment"]["EnvironmentVariables"]:
        is_key = variable["Name"].startswith("TENCENTCLOUD_")
        assert (variable.get("Type") == "SECRETS_MANAGER") == is_key


def test_the_timer_starts_the_project(stack: Stack) -> None:
    target = stack.properties("Timer")["Target"]
    assert target["Arn"]["Fn::Sub"].endswith(":codebuild:startBuild")
    assert target["RoleArn"] == {"Fn::GetAtt": ["TimerRole", "Arn"]}
    assert json.loads(text_of(target["Input"])) == {"ProjectName": "${Project}"}


def test_the_receivers_outputs_are_its_parameters(stack: Stack) -> None:
    outputs = set(source()["Outputs"]) & set(stack.source["Parameters"])
    assert outputs == {"QueueUrl", "VaultBucket", "LogGroupName"}
    used = set(references(stack.properties("Project")))
    assert outputs <= used
