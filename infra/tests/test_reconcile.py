"""Tests the alarms and permissions of `infra/reconcile.yaml`. The acceptance test runs the function."""

from __future__ import annotations

import re

from templates import ROOT, load

RESOURCES = load(ROOT / "infra" / "reconcile.yaml")["Resources"]
SOURCE = (ROOT / "crates" / "reconcile-function" / "src" / "main.rs").read_text()


def test_alarms_watch_metrics_of_the_function() -> None:
    alarms = [each for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {each["Properties"]["MetricName"] for each in alarms}
    assert watched == set(re.findall(r'"Name": "(\w+)"', SOURCE))


def test_no_permission_is_a_wildcard() -> None:
    [policy] = RESOURCES["Role"]["Properties"]["Policies"]
    text = str(policy["PolicyDocument"]["Statement"])
    assert "'*'" not in text
    assert not re.search(r"'\w+:\w*\*'", text)
