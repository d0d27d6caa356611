"""Tests that the template matches the function, raises alarms on failures, and restricts access."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from templates import ROOT, TEMPLATE, load

SOURCE = load(TEMPLATE)
PARAMETERS, RESOURCES = SOURCE["Parameters"], SOURCE["Resources"]
# The interface of the function. A Rust test compares it with the function.
CONTRACT = json.loads((ROOT / "infra" / "contract.json").read_text())
METRICS = CONTRACT["metrics"]
ALARMS = {
    name: each["Properties"]
    for name, each in RESOURCES.items()
    if each["Type"] == "AWS::CloudWatch::Alarm"
}
# In these cases, only Tencent has the job, so the texts must name `callbackctl reconcile`.
LOSING = {"ErrorsAlarm", "ThrottlesAlarm", "VaultFailuresAlarm", "SilenceAlarm"}


def properties(name: str) -> dict[str, Any]:
    return RESOURCES[name]["Properties"]


def text_of(node: Any) -> str:
    """Returns a text, or the text of an `Fn::Sub`."""
    text = node.get("Fn::Sub", "") if isinstance(node, dict) else node
    return text if isinstance(text, str) else text[0]


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Yields the statements of all policies in a part of the template."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        node = list(node.values())
    for item in node if isinstance(node, list) else []:
        yield from statements(item)


def test_the_function_gets_what_it_reads() -> None:
    function, size = properties("Function"), PARAMETERS["QueueMaxBytes"]
    assert set(function["Environment"]["Variables"]) < set(CONTRACT["variables"])
    assert {"min": size["MinValue"], "max": size["MaxValue"]} == CONTRACT["queueMaxBytes"]
    assert properties("Jobs")["MaximumMessageSize"] == size["MaxValue"]
    assert sum(CONTRACT["millis"].values()) < function["Timeout"] * 1000
    assert properties("HttpApiIntegration")["TimeoutInMillis"] > function["Timeout"] * 1000
    # At higher levels, Lambda discards the lines with metrics.
    assert function["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    # A default would be known to anyone.
    assert "Default" not in PARAMETERS["TokenDigests"]


def test_the_vault_expires_after_every_pointer() -> None:
    rules = properties("Vault")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule for rule in rules if "ExpirationInDays" in rule}
    assert sorted(expiring) == [f"{folder}/" for folder in CONTRACT["vault"]]
    jobs, dead = (properties(name)["MessageRetentionPeriod"] for name in ("Jobs", "DeadJobs"))
    # The retention of both queues, twice because of a redrive.
    assert expiring["oversize/"]["ExpirationInDays"] >= 2 * (jobs + dead) / 86400


def test_every_failure_raises_an_alarm_that_says_what_to_do() -> None:
    watched = {alarm["MetricName"] for alarm in ALARMS.values()}
    assert watched >= {*METRICS["errors"], "AuthFailures", "Errors", "Throttles"}
    assert watched >= {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}
    for name, alarm in ALARMS.items():
        if alarm["Namespace"] == METRICS["namespace"]:
            assert alarm["MetricName"] in METRICS["names"]
            assert {each["Name"] for each in alarm["Dimensions"]} <= {*METRICS["dimensions"]}
        assert (alarm["TreatMissingData"] == "breaching") == (name == "SilenceAlarm")
        # It notifies when it is raised, and when it returns to OK.
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert "AlarmTopic" in json.dumps(alarm["AlarmActions"])
        text = text_of(alarm["AlarmDescription"])
        assert 100 < len(text) < 900
        assert ("`callbackctl reconcile --bucket" in text) == (name in LOSING)


def test_the_dashboard_uses_metrics_that_exist() -> None:
    body = text_of(properties("Dashboard")["DashboardBody"])
    # Replaces variables by a number, except those of CloudWatch.
    text = re.sub(r"\$\{(?!!)[^}]*\}", "1", body)
    assert json.loads(text)
    ours = re.findall(rf'\["{METRICS["namespace"]}", "(\w+)"', text)
    assert set(ours) < {*METRICS["names"]}


def test_no_permission_reaches_beyond_the_stack() -> None:
    allowed = [each for each in statements(RESOURCES) if each["Effect"] == "Allow"]
    for each in allowed:
        if "Resource" in each and not str(each["Action"]).startswith("['xray:"):
            own = ("${AWS::StackName}", "${Vault.Arn}/", "KmsKeyArn")
            texts = map(
                json.dumps, each["Resource"] if isinstance(each["Resource"], list) else [each]
            )
            assert all(any(part in text for part in own) for text in texts), each
    actions = json.dumps([each["Action"] for each in statements(properties("FunctionRole"))])
    for action in ("ReceiveMessage", "GetObject", "DeleteMessage", "*"):
        assert action not in actions


def test_only_the_function_url_is_public() -> None:
    for each in statements(RESOURCES):
        assert each["Effect"] == "Deny" or each.get("Principal") != "*"
    for name, resource in RESOURCES.items():
        if (
            resource["Type"] == "AWS::Lambda::Permission"
            and resource["Properties"]["Principal"] == "*"
        ):
            assert {"FunctionUrlAuthType", "InvokedViaFunctionUrl"} & set(resource["Properties"]), (
                name
            )


def test_plain_http_is_refused() -> None:
    for name in ("QueuePolicy", "VaultPolicy"):
        [statement] = statements(properties(name))
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert properties("QueuePolicy")["Queues"] == [{"Ref": "Jobs"}, {"Ref": "DeadJobs"}]


def test_the_access_log_keeps_the_token_out() -> None:
    line = properties("HttpApiStage")["AccessLogSettings"]["Format"].lower()
    for word in ("path", "query", "routekey", "requestoverride", "error"):
        assert word not in line
