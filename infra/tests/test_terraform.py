"""`infra/terraform` has the facts of the template's standard variant.

This needs neither Terraform nor its provider, which no package registry has.
"""

from __future__ import annotations

import re
from typing import Any

import hcl2

from stacks import CONTRACT, ROOT, variant
from test_permissions import statements

TEXT = (ROOT / "infra" / "terraform" / "main.tf").read_text()
STACK = variant("standard")


def plain(node: Any) -> Any:
    """Removes the quotes that the parser leaves on names and texts."""
    if isinstance(node, dict):
        return {plain(key): plain(value) for key, value in node.items() if key[:2] != "__"}
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


def test_every_reference_has_a_target() -> None:
    for kind, name in re.findall(r"(?<!data\.)\b(aws_\w+)\.(\w+)\.", TEXT):
        assert f"{kind}.{name}" in RESOURCES
    for kind, used in [("variable", r"\bvar\.(\w+)"), ("locals", r"\blocal\.(\w+)")]:
        assert {name for block in PARSED[kind] for name in block} == set(re.findall(used, TEXT))


def test_the_function_is_the_templates() -> None:
    ours, theirs = RESOURCES["aws_lambda_function.callback"], STACK.properties("Function")
    assert (ours["memory_size"], ours["timeout"]) == (theirs["MemorySize"], theirs["Timeout"])
    # Without it the alias, and so the callback URL, would stay at the first version.
    assert ours["publish"] is True
    variables = ours["environment"][0]["variables"]
    assert sorted(variables) == CONTRACT["variables"]
    assert variables["QUEUE_MAX_BYTES"] == STACK.parameters["QueueMaxBytes"]
    assert variables["PUBLISH_BUDGET_MS"] == STACK.parameters["PublishBudgetMs"]
    levels, expected = ours["logging_config"][0], theirs["LoggingConfig"]
    assert levels["application_log_level"] == expected["ApplicationLogLevel"]
    assert levels["system_log_level"] == expected["SystemLogLevel"]


def test_the_url_belongs_to_the_alias() -> None:
    for name in ("aws_lambda_function_url.live", "aws_lambda_permission.live"):
        assert RESOURCES[name]["qualifier"] == "${aws_lambda_alias.live.name}"
    actions = re.findall(r'"(\w+)"', RESOURCES["aws_lambda_permission.live"]["for_each"])
    theirs = STACK.of_type("AWS::Lambda::Permission").values()
    assert {f"lambda:{each}" for each in actions} == {each["Action"] for each in theirs}


def test_the_queues_and_the_vault_keep_as_long() -> None:
    for theirs, ours in [("Jobs", "jobs"), ("DeadJobs", "dead_jobs")]:
        queue, expected = RESOURCES[f"aws_sqs_queue.{ours}"], STACK.properties(theirs)
        assert queue["max_message_size"] == expected["MaximumMessageSize"]
        assert queue["message_retention_seconds"] == expected["MessageRetentionPeriod"]
    rules = STACK.properties("Vault")["LifecycleConfiguration"]["Rules"]
    for rule in [rule for rule in rules if "ExpirationInDays" in rule]:
        old = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        assert LOCALS["vault"][rule["Id"]] == [rule["ExpirationInDays"], old]
    assert sorted(LOCALS["vault"]) == CONTRACT["vault"]


def test_the_alarms_are_the_templates() -> None:
    expected: dict[str, dict[str, int]] = {}
    for alarm in STACK.of_type("AWS::CloudWatch::Alarm").values():
        limit = alarm["Threshold"]
        if isinstance(limit, dict):
            limit = int(STACK.parameters[limit["Ref"]])
        expected.setdefault(alarm["Namespace"], {})[alarm["MetricName"]] = limit
    assert LOCALS["alarms"] == expected


def test_the_policies_allow_the_same_actions() -> None:
    for ours, theirs in [
        ("aws_iam_role_policy.function", "FunctionRole"),
        ("aws_iam_policy.consumer", "ConsumerPolicy"),
    ]:
        found = set(re.findall(r'"((?:sqs|s3|logs|kms|xray):\w+)"', str(RESOURCES[ours]["policy"])))
        assert found == {action for actions, _ in statements(STACK, theirs) for action in actions}
