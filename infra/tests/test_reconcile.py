"""`infra/reconcile.yaml` fits the function in `crates/reconcile-function`, and the receiver's stack."""

from __future__ import annotations

import re

import templates
from templates import ROOT

TEMPLATE = templates.load(ROOT / "infra" / "reconcile.yaml")
RECEIVER = templates.load(templates.TEMPLATE)
RESOURCES = TEMPLATE["Resources"]
SOURCE = (ROOT / "crates" / "reconcile-function" / "src" / "main.rs").read_text()


def test_variables() -> None:
    """The function has the variables that it reads, and those with defaults in `callbackctl`."""
    given = set(RESOURCES["Function"]["Properties"]["Environment"]["Variables"])
    read = set(re.findall(r'variable\("(\w+)"\)', SOURCE)) - {"AWS_LAMBDA_FUNCTION_NAME"}
    assert given == read | {"QUEUE_URL", "VAULT_BUCKET"}


def test_the_receivers_outputs_are_parameters() -> None:
    common = set(RECEIVER["Outputs"]) & set(TEMPLATE["Parameters"])
    assert common >= {"QueueUrl", "VaultBucket", "LogGroupName"}


def test_alarms_watch_metrics_of_the_function() -> None:
    alarms = [each for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {each["Properties"]["MetricName"] for each in alarms}
    assert watched == set(re.findall(r'"Name": "(\w+)"', SOURCE))


def test_no_permission_is_a_wildcard() -> None:
    [policy] = RESOURCES["Role"]["Properties"]["Policies"]
    text = str(policy["PolicyDocument"]["Statement"])
    assert "'*'" not in text
    assert not re.search(r"'\w+:\w*\*'", text)
