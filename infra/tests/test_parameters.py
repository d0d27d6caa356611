"""The template's parameters, rules and outputs."""

from __future__ import annotations

import re

from cfn import broken_rules
from stacks import ROOT, Stack, references

# What `deploy.py`, `e2e.py` and the documents name.
OUTPUTS = {
    "CallbackUrl",
    "FunctionName",
    "LogGroupName",
    "QueueUrl",
    "QueueArn",
    "DeadLetterQueueUrl",
    "DeadLetterQueueArn",
    "VaultBucket",
    "ConsumerPolicyArn",
    "DashboardName",
}


def test_parameters_are_described_checked_and_used(stack: Stack) -> None:
    template = stack.source
    used = set(
        references(
            {key: part for key, part in template.items() if key not in ("Parameters", "Rules")}
        )
    )
    used |= set(references(template["Mappings"]))
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
        assert ("Default" in parameter) == (name != "TokenDigests")
        assert name in used


def test_outputs(stack: Stack) -> None:
    assert set(stack.transformed["Outputs"]) >= OUTPUTS
    text = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"`((?:\w+)(?:Url|Arn|Bucket|GroupName|DashboardName))`", text))
    assert named <= OUTPUTS | set(stack.source["Parameters"])


def test_rules(stack: Stack) -> None:
    def refused(**values: str) -> int:
        region = values.pop("region", "eu-central-1")
        return len(
            broken_rules(stack.source, {**stack.parameters, "AWS::Region": region, **values})
        )

    assert refused() == 0
    topic = "arn:aws:sns:eu-central-1:111122223333:alarms"
    assert refused(AlarmTopicArn=topic) == 1
    assert refused(AlarmTopicArn=topic, AlarmEmail="") == 0
    for region in ("ca-west-1", "ap-southeast-7", "il-central-1"):
        assert refused(region=region, FrontDoor="url") == 1
        assert refused(region=region, FrontDoor="http-api") == 0
    for region in ("cn-north-1", "cn-northwest-1"):
        assert refused(region=region, FrontDoor="url", Tracing="active") == 2
        assert refused(region=region, FrontDoor="http-api", Tracing="off") == 0
