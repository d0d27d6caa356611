"""The template's parameters, rules and suppressions."""

from __future__ import annotations

from cfn import broken_rules
from stacks import ACCOUNT, Stack


def test_parameters_are_described_and_checked(stack: Stack) -> None:
    template = stack.source
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
        # A default token would be public, so that anyone could send callbacks.
        assert ("Default" in parameter) == (name != "TokenDigests")


def test_rules(stack: Stack) -> None:
    def refused(region: str = "eu-central-1", **values: str) -> int:
        values = {**stack.parameters, "AWS::Region": region, **values}
        return len(broken_rules(stack.source, values))

    assert refused() == 0
    topic = f"arn:aws:sns:eu-central-1:{ACCOUNT}:alarms"
    assert refused(AlarmTopicArn=topic) == 1
    assert refused(AlarmTopicArn=topic, AlarmEmail="") == 0
    for region in ("ca-west-1", "ap-southeast-7", "il-central-1"):
        assert refused(region, FrontDoor="url") == 1
        assert refused(region, FrontDoor="http-api") == 0
    for region in ("cn-north-1", "cn-northwest-1"):
        assert refused(region, FrontDoor="url", Tracing="active") == 2
        assert refused(region, FrontDoor="http-api", Tracing="off") == 0


def test_every_suppression_has_a_reason(stack: Stack) -> None:
    """Users' pipelines run checkov, cfn-nag, cdk-nag and cfn-guard."""
    for name, resource in stack.resources.items():
        tools = resource.get("Metadata", {})
        for skip in tools.get("checkov", {}).get("skip", []):
            assert skip["comment"], name
        for tool in ("cfn_nag", "cdk_nag"):
            for rule in tools.get(tool, {}).get("rules_to_suppress", []):
                assert rule["reason"], name
        assert "guard" not in tools or tools["guard"]["Reason"], name
