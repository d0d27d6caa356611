"""Each role may do what its code needs, on the stack's own resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stacks import CONTRACT, Stack, listed, references, text_of

# The actions of each role and policy; those of `kms` with a key only, those of `xray` if traced.
ACTIONS = {
    "FunctionRole": {
        *("sqs:SendMessage", "s3:PutObject", "logs:CreateLogStream", "logs:PutLogEvents"),
        *("kms:GenerateDataKey", "kms:Decrypt"),
        *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    },
    "DeployRole": {
        *("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
        "cloudwatch:DescribeAlarms",
    },
    "PipeRole": {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("events:PutEvents", "kms:Decrypt"),
    },
    "ConsumerPolicy": {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
        *("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        *("s3:GetObject", "s3:DeleteObject", "kms:Decrypt"),
    },
}
# AWS cannot limit these to resources.
UNLIMITED = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:DescribeAlarms"}
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def statements(stack: Stack, name: str) -> Iterator[tuple[list[str], list[Any]]]:
    """Yields the actions and resources of each statement of a role or a policy."""
    properties = stack.properties(name)
    # Nothing else may add permissions.
    assert "ManagedPolicyArns" not in properties
    for policy in properties.get("Policies", [properties]):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            yield listed(statement["Action"]), listed(statement["Resource"])


def holders(stack: Stack) -> set[str]:
    return set(stack.of_type("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"))


def test_actions(stack: Stack) -> None:
    parameters = stack.parameters
    has_bus = bool(parameters["EventBusArn"])
    assert holders(stack) == set(ACTIONS) - (set() if has_bus else {"PipeRole"})
    unused = () if parameters["KmsKeyArn"] else ("kms:",)
    unused += () if parameters["Tracing"] == "active" else ("xray:",)
    for name in holders(stack):
        found = {action for actions, _ in statements(stack, name) for action in actions}
        needed = {action for action in ACTIONS[name] if not action.startswith(unused)}
        assert found == needed, name


def test_resources(stack: Stack) -> None:
    """No resource is a wildcard, and permissions for SQS cover both kinds of queue.

    While QueueKind changes, the old version and the old workers still use the old queue.
    """
    queues = {f"${{AWS::StackName}}-jobs{suffix}" for suffix in ("", ".fifo")}
    for name in holders(stack):
        for actions, resources in statements(stack, name):
            texts = {text_of(resource) for resource in resources}
            if "*" in texts:
                assert set(actions) <= UNLIMITED
                continue
            own = {"AWS::StackName", "Vault", "KmsKeyArn", "EventBusArn"}
            assert all(own & set(references(resource)) for resource in resources), name
            if actions[0].startswith("sqs:"):
                assert {text.split("AccountId}:")[-1] for text in texts} == queues
            if actions[0].startswith("s3:"):
                folders = {text.split("/")[1] for text in texts if text.endswith("/*")}
                expected = {"oversize"} if name == "ConsumerPolicy" else set(CONTRACT["vault"])
                assert folders == expected - {"replayed"}


def test_roles(stack: Stack) -> None:
    boundary = {"PermissionsBoundaryArn"} if stack.parameters["PermissionsBoundaryArn"] else set()
    for role in stack.of_type("AWS::IAM::Role").values():
        assert set(references(role.get("PermissionsBoundary"))) == boundary
    assert stack.properties("Function")["Role"] == {"Fn::GetAtt": ["FunctionRole", "Arn"]}
    for pipe in stack.of_type("AWS::Pipes::Pipe").values():
        assert pipe["RoleArn"] == {"Fn::GetAtt": ["PipeRole", "Arn"]}
        # Without it, other pipes could use the role (confused deputy).
        [trust] = stack.properties("PipeRole")["AssumeRolePolicyDocument"]["Statement"]
        arns = map(text_of, trust["Condition"]["StringEquals"]["aws:SourceArn"])
        assert text_of(pipe["Name"]) in [arn.split(":pipe/")[1] for arn in arns]


def test_who_may_call_the_function(stack: Stack) -> None:
    """A function URL needs both permissions since October 2025 (Lambda's guide, "Control access")."""
    alias = {"FunctionName": {"Ref": "FunctionAliaslive"}}
    found = sorted(stack.of_type("AWS::Lambda::Permission").values(), key=lambda p: p["Action"])
    if stack.parameters["FrontDoor"] == "url":
        assert found == [
            {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True, "Principal": "*"}
            | alias,
            {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE", "Principal": "*"}
            | alias,
        ]
    else:
        [api] = found
        assert "HttpApi" in references(api["SourceArn"])
        assert api["FunctionName"] == alias["FunctionName"]


def test_plain_http_is_refused(stack: Stack) -> None:
    refused = {
        text_of(target)
        for policy in stack.of_type(
            "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"
        ).values()
        for statement in policy["PolicyDocument"]["Statement"]
        if (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        and statement["Condition"] == TLS_ONLY
        for target in policy.get("Queues") or policy.get("Topics") or [policy.get("Bucket")]
    }
    kept = stack.of_type("AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::SNS::Topic")
    assert refused == {f"${{{name}}}" for name in kept}


def test_alarms_may_publish(stack: Stack) -> None:
    [notify, _] = stack.properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert notify["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert "aws:SourceAccount" in notify["Condition"]["StringEquals"]
