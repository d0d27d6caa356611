"""`infra/terraform` is read as HCL, and has the same facts as the template's standard variant.

No registry here has Terraform or its provider's schema: this is what can be checked without.
"""

from __future__ import annotations

import re
from typing import Any

import hcl2

from stacks import CONTRACT, ROOT, statements, variant

TEXT = (ROOT / "infra" / "terraform" / "main.tf").read_text()


def plain(node: Any) -> Any:
    """Takes the quotes away that the parser leaves on names and texts."""
    if isinstance(node, dict):
        return {
            plain(key): plain(value) for key, value in node.items() if not str(key).startswith("__")
        }
    if isinstance(node, list):
        return [plain(item) for item in node]
    return node.strip('"') if isinstance(node, str) else node


PARSED = plain(hcl2.loads(TEXT))
RESOURCES = {
    f"{kind}.{name}": body
    for block in PARSED["resource"]
    for kind, named in block.items()
    for name, body in named.items()
}
LOCALS = PARSED["locals"][0]
STACK = variant("standard")


def test_every_reference_is_to_something() -> None:
    for kind, name in re.findall(r"\b(aws_\w+)\.(\w+)\.", TEXT.replace("data.aws_", "data_aws_")):
        assert f"{kind}.{name}" in RESOURCES
    declared = {name for block in PARSED["variable"] for name in block}
    assert declared == set(re.findall(r"\bvar\.(\w+)", TEXT))


def test_the_function_is_the_templates() -> None:
    ours, theirs = RESOURCES["aws_lambda_function.callback"], STACK.properties("Function")
    for field, name in [
        ("Handler", "handler"),
        ("Runtime", "runtime"),
        ("MemorySize", "memory_size"),
        ("Timeout", "timeout"),
    ]:
        assert ours[name] == theirs[field]
    assert ours["publish"] is True
    variables = ours["environment"][0]["variables"]
    assert sorted(variables) == CONTRACT["variables"]
    parameters = STACK.source["Parameters"]
    assert int(variables["QUEUE_MAX_BYTES"]) == parameters["QueueMaxBytes"]["Default"]
    assert int(variables["PUBLISH_BUDGET_MS"]) == parameters["PublishBudgetMs"]["Default"]
    logging = ours["logging_config"][0]
    assert logging["application_log_level"] == theirs["LoggingConfig"]["ApplicationLogLevel"]
    assert logging["system_log_level"] == theirs["LoggingConfig"]["SystemLogLevel"]


def test_the_url_belongs_to_the_alias() -> None:
    for name in (
        "aws_lambda_function_url.live",
        "aws_lambda_permission.url",
        "aws_lambda_permission.invoke",
    ):
        assert RESOURCES[name]["qualifier"] == "${aws_lambda_alias.live.name}"
    assert RESOURCES["aws_lambda_permission.invoke"]["invoked_via_function_url"] is True


def test_the_queues_are_the_templates() -> None:
    fields = {
        "MaximumMessageSize": "max_message_size",
        "MessageRetentionPeriod": "message_retention_seconds",
        "ReceiveMessageWaitTimeSeconds": "receive_wait_time_seconds",
    }
    for theirs, ours in [("Jobs", "jobs"), ("DeadJobs", "dead_jobs")]:
        for field, name in fields.items():
            assert RESOURCES[f"aws_sqs_queue.{ours}"].get(name) == STACK.properties(theirs).get(
                field
            )


def test_the_vault_expires_as_in_the_template() -> None:
    rules = STACK.properties("Vault")["LifecycleConfiguration"]["Rules"]
    assert LOCALS["vault"] == {
        rule["Id"]: [
            rule["ExpirationInDays"],
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
        ]
        for rule in rules
        if "ExpirationInDays" in rule
    }


def test_the_alarms_are_the_templates() -> None:
    parameters = {name: each.get("Default") for name, each in STACK.source["Parameters"].items()}

    def threshold(value: Any) -> int:
        return parameters[value["Ref"]] if isinstance(value, dict) else value

    assert LOCALS["alarms"] == {
        alarm["AlarmName"]["Fn::Sub"].split("}-")[1]: [
            alarm["Namespace"],
            alarm["MetricName"],
            alarm["Statistic"],
            threshold(alarm["Threshold"]),
        ]
        for alarm in STACK.of_type("AWS::CloudWatch::Alarm").values()
    }


def test_the_policies_allow_the_same_actions() -> None:
    function = STACK.properties("FunctionRole")["Policies"][0]["PolicyDocument"]
    consumer = STACK.properties("ConsumerPolicy")["PolicyDocument"]
    for name, policy in [
        ("aws_iam_role_policy.function", function),
        ("aws_iam_policy.consumer", consumer),
    ]:
        found = set(re.findall(r'"((?:sqs|s3|logs|kms|xray):\w+)"', str(RESOURCES[name]["policy"])))
        assert found == {action for actions in statements(policy) for action in actions}
