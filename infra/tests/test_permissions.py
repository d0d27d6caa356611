"""Who may do what: each role, policy and resource policy allows what is listed here and no more."""

from __future__ import annotations

from typing import Any

from stacks import Stack, arn, statements, text_of

KEY = {"Ref": "KmsKeyArn"}
# Both kinds of queue: while QueueKind changes, and until the old queue is empty.
QUEUES = [arn("sqs", f"${{AWS::StackName}}-jobs{suffix}") for suffix in ("", ".fifo")]


def under_vault(*folders: str) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"${{Vault.Arn}}/{folder}/*"} for folder in folders]


def inline(stack: Stack, role: str) -> dict[tuple[str, ...], Any]:
    """Returns what a role allows, and checks that nothing else adds to it."""
    properties = stack.properties(role)
    assert "ManagedPolicyArns" not in properties
    boundary = (
        {"Ref": "PermissionsBoundaryArn"} if stack.parameters["PermissionsBoundaryArn"] else None
    )
    assert properties.get("PermissionsBoundary") == boundary
    [policy] = properties["Policies"]
    return statements(policy["PolicyDocument"])


def test_roles(stack: Stack) -> None:
    expected = {"FunctionRole", "DeployRole"} | (
        {"PipeRole"} if stack.parameters["EventBusArn"] else set()
    )
    assert set(stack.of_type("AWS::IAM::Role")) == expected


def test_function_role(stack: Stack) -> None:
    log = arn("logs", "log-group:/aws/lambda/${AWS::StackName}:*")
    expected: dict[tuple[str, ...], Any] = {
        ("sqs:SendMessage",): QUEUES,
        ("s3:PutObject",): under_vault("oversize", "quarantine", "spill"),
        ("logs:CreateLogStream", "logs:PutLogEvents"): log,
    }
    if stack.parameters["Tracing"] == "active":
        expected["xray:PutTelemetryRecords", "xray:PutTraceSegments"] = "*"
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt", "kms:GenerateDataKey"] = KEY
    assert inline(stack, "FunctionRole") == expected
    assert stack.properties("Function")["Role"] == {"Fn::GetAtt": ["FunctionRole", "Arn"]}


def test_deploy_role(stack: Stack) -> None:
    function = "function:${AWS::StackName}"
    shift = ("lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias")
    expected = {
        shift: [arn("lambda", function), arn("lambda", f"{function}:*")],
        ("cloudwatch:DescribeAlarms",): "*",
    }
    assert inline(stack, "DeployRole") == expected


def test_pipe_role(stack: Stack) -> None:
    if not stack.parameters["EventBusArn"]:
        return
    take = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    expected: dict[tuple[str, ...], Any] = {
        take: QUEUES,
        ("events:PutEvents",): {"Ref": "EventBusArn"},
    }
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt",] = KEY
    assert inline(stack, "PipeRole") == expected
    assert stack.properties("Pipe")["RoleArn"] == {"Fn::GetAtt": ["PipeRole", "Arn"]}
    [trust] = stack.properties("PipeRole")["AssumeRolePolicyDocument"]["Statement"]
    pipes = trust.get("Condition", {}).get("StringEquals", {}).get("aws:SourceArn", [])
    assert pipes == [arn("pipes", f"pipe/${{AWS::StackName}}{suffix}") for suffix in ("", "-fifo")]
    assert text_of(stack.properties("Pipe")["Name"]) in [
        text_of(pipe).split("/")[1] for pipe in pipes
    ]


def test_consumer_policy(stack: Stack) -> None:
    work = [
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
    ]
    expected: dict[tuple[str, ...], Any] = {
        tuple(f"sqs:{action}" for action in work): QUEUES,
        ("s3:DeleteObject", "s3:GetObject"): under_vault("oversize")[0],
    }
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt",] = KEY
    assert statements(stack.properties("ConsumerPolicy")["PolicyDocument"]) == expected


def test_who_may_call_the_function(stack: Stack) -> None:
    alias = {"Ref": "FunctionAliaslive"}
    url = [
        {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True, "Principal": "*"},
        {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE", "Principal": "*"},
    ]
    api = [
        {
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": arn("execute-api", "${HttpApi}/*/$default"),
        }
    ]
    found = sorted(
        stack.of_type("AWS::Lambda::Permission").values(), key=lambda each: each["Action"]
    )
    expected = url if stack.parameters["FrontDoor"] == "url" else api
    assert found == [{**permission, "FunctionName": alias} for permission in expected]


def test_plain_http_is_refused(stack: Stack) -> None:
    refused = {
        text_of(target)
        for kind, field in [
            ("SQS::QueuePolicy", "Queues"),
            ("S3::BucketPolicy", "Bucket"),
            ("SNS::TopicPolicy", "Topics"),
        ]
        for policy in stack.of_type(f"AWS::{kind}").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] in ("sqs:*", "s3:*", "sns:Publish")
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for target in (policy[field] if isinstance(policy[field], list) else [policy[field]])
    }
    kinds = ("AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::SNS::Topic")
    assert refused == {f"${{{name}}}" for kind in kinds for name in stack.of_type(kind)}


def test_alarms_may_publish(stack: Stack) -> None:
    [notify, _] = stack.properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert notify["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert notify["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
