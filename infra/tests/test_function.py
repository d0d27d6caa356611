"""The function, its versions and what stands before it."""

from __future__ import annotations

import json
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from stacks import CONTRACT, Stack, references, text_of

REGION = "eu-central-1"
# Properties that belong to the function as a whole, and not to a version of it.
NOT_VERSIONED = {"Code", "ReservedConcurrentExecutions", "Role", "Tags"}


def test_variables(stack: Stack) -> None:
    assert sorted(stack.properties("Function")["Environment"]["Variables"]) == CONTRACT["variables"]


def test_limits(stack: Stack) -> None:
    parameters, millis = stack.source["Parameters"], CONTRACT["millis"]
    size, budget = parameters["QueueMaxBytes"], parameters["PublishBudgetMs"]
    assert {"min": size["MinValue"], "max": size["MaxValue"]} == CONTRACT["queueMaxBytes"]
    assert budget["Default"] == millis["publish"]
    timeout = stack.properties("Function")["Timeout"] * 1000
    assert budget["MaxValue"] + millis["vault"] + millis["answer"] <= timeout
    for queue in stack.of_type("AWS::SQS::Queue").values():
        assert queue["MaximumMessageSize"] == size["MaxValue"]


def test_log(stack: Stack) -> None:
    logging = stack.properties("Function")["LoggingConfig"]
    # Metrics are lines without a level, which Lambda takes for INFO. Lambda's own lines carry none.
    assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert logging["SystemLogLevel"] == "WARN"
    assert logging["LogGroup"] == {"Ref": "FunctionLog"}
    name = text_of(stack.properties("FunctionLog")["LogGroupName"])
    [policy] = stack.properties("FunctionRole")["Policies"]
    assert f":log-group:{name}:*" in json.dumps(policy)


def test_tracing(stack: Stack) -> None:
    mode = {"active": "Active", "off": "PassThrough"}[stack.parameters["Tracing"]]
    assert stack.properties("Function")["TracingConfig"] == {"Mode": mode}


def test_a_changed_parameter_publishes_a_version(stack: Stack) -> None:
    """SAM ignores parameters' values (aws/serverless-application-model, issues 1640 and 3820).

    The description is create-only by CloudFormation's schema of AWS::Lambda::Version, so that a change
    of it replaces the version, and the alias follows.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(
        "eu-central-1", "AWS::Lambda::Version"
    ).schema
    assert "/properties/Description" in schema["createOnlyProperties"]
    template, function = stack.transformed, stack.transformed["Resources"]["Function"]["Properties"]
    used = set(
        references({key: value for key, value in function.items() if key not in NOT_VERSIONED})
    )
    # The queue's URL changes with what replaces the queue.
    used |= set(references(template["Resources"]["Jobs"]["Properties"]["QueueName"]))
    used |= {name for each in used for name in references(template["Conditions"].get(each))}
    [version] = stack.of_type("AWS::Lambda::Version").values()
    description = version["Description"]
    assert used & set(template["Parameters"]) <= set(references(description))
    assert {"Fn::GetAtt": [name_of_version(stack), "Version"]} == stack.properties(
        "FunctionAliaslive"
    )["FunctionVersion"]


def name_of_version(stack: Stack) -> str:
    [name] = stack.of_type("AWS::Lambda::Version")
    return name


def test_gradual_deployment(stack: Stack) -> None:
    is_gradual = stack.parameters["GradualDeployment"] == "canary"
    assert ("UpdatePolicy" in stack.resources["FunctionAliaslive"]) == is_gradual
    if is_gradual:
        group = stack.properties("FunctionDeploymentGroup")
        alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert alarms == ["ErrorsAlarm", "SpilledAlarm", "VaultFailuresAlarm"]
        assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeployRole", "Arn"]}
        assert "Canary10Percent5Minutes" in str(group["DeploymentConfigName"])


def test_front_door(stack: Stack) -> None:
    """Whatever it is, it calls the alias, so that it survives every deployment."""
    alias = {"Ref": "FunctionAliaslive"}
    if stack.parameters["FrontDoor"] == "url":
        assert stack.properties("FunctionUrl") == {
            "AuthType": "NONE",
            "InvokeMode": "BUFFERED",
            "TargetFunctionArn": alias,
        }
        assert not stack.of_type("AWS::ApiGatewayV2::Api")
    else:
        integration = stack.properties("HttpApiIntegration")
        assert (integration["IntegrationUri"], integration["PayloadFormatVersion"]) == (
            alias,
            "2.0",
        )
        assert integration["TimeoutInMillis"] > stack.properties("Function")["Timeout"] * 1000
        assert not stack.of_type("AWS::Lambda::Url")


def test_the_access_log_keeps_the_token_out(stack: Stack) -> None:
    for stage in stack.of_type("AWS::ApiGatewayV2::Stage").values():
        line = stage["AccessLogSettings"]["Format"]
        assert "status" in json.loads(line)
        for word in ("path", "query", "routeKey", "requestOverride", "error"):
            assert word not in line.lower().replace("errorcode", "")


def test_replaced_resources_have_another_name(stack: Stack) -> None:
    """CloudFormation creates a replacement before it deletes the old one: one name would clash."""
    other = {"standard": "fifo", "fifo": "standard"}[stack.parameters["QueueKind"]]
    changed = Stack.of(stack.source, {**stack.parameters, "QueueKind": other})
    for name, resource in stack.resources.items():
        before = resource.get("Properties", {})
        after = changed.resources.get(name, resource).get("Properties", {})
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource["Type"]).schema
        create_only = [path.split("/")[2] for path in schema.get("createOnlyProperties", [])]
        identifier = schema["primaryIdentifier"][0].split("/")[-1]
        fixed = {"QueueUrl": "QueueName"}.get(identifier, identifier)
        if fixed in before and any(differs(before, after, field) for field in create_only):
            assert differs(before, after, fixed), f"{name} is replaced and keeps its {fixed}"


def differs(before: dict[str, Any], after: dict[str, Any], field: str) -> bool:
    # A reference to the queue is to another queue then.
    return before.get(field) != after.get(field) or "Jobs" in references(before.get(field))
