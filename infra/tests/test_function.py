"""The function, its versions and its front door."""

from __future__ import annotations

import json
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from stacks import CONTRACT, Stack, references, text_of

# Properties of the function as a whole, not of a version.
NOT_VERSIONED = {"Code", "ReservedConcurrentExecutions", "Role", "Tags"}


def schema(kind: str) -> dict[str, Any]:
    """Returns CloudFormation's own schema of a resource type."""
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema


def test_contract(stack: Stack) -> None:
    function = stack.properties("Function")
    assert sorted(function["Environment"]["Variables"]) == CONTRACT["variables"]
    parameters, millis = stack.source["Parameters"], CONTRACT["millis"]
    size, budget = parameters["QueueMaxBytes"], parameters["PublishBudgetMs"]
    assert {"min": size["MinValue"], "max": size["MaxValue"]} == CONTRACT["queueMaxBytes"]
    assert budget["Default"] == millis["publish"]
    assert budget["MaxValue"] + millis["vault"] + millis["answer"] <= function["Timeout"] * 1000
    for queue in stack.of_type("AWS::SQS::Queue").values():
        assert queue["MaximumMessageSize"] == size["MaxValue"]


def test_log(stack: Stack) -> None:
    logging = stack.properties("Function")["LoggingConfig"]
    # Lambda drops metrics above INFO. Its own lines contain none.
    assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert logging["SystemLogLevel"] == "WARN"
    assert logging["LogGroup"] == {"Ref": "FunctionLog"}
    name = text_of(stack.properties("FunctionLog")["LogGroupName"])
    assert f":log-group:{name}:*" in json.dumps(stack.properties("FunctionRole"))


def test_a_changed_parameter_publishes_a_version(stack: Stack) -> None:
    """SAM ignores the values of parameters (aws/serverless-application-model, issues 1640, 3820).

    A version's description is create-only, so that a change of it replaces the version.
    """
    assert "/properties/Description" in schema("AWS::Lambda::Version")["createOnlyProperties"]
    template, function = stack.transformed, stack.transformed["Resources"]["Function"]["Properties"]
    versioned = {key: value for key, value in function.items() if key not in NOT_VERSIONED}
    # The queue's URL changes with its name.
    used = {*references([versioned, template["Resources"]["Jobs"]["Properties"]["QueueName"]])}
    used |= {name for each in used for name in references(template["Conditions"].get(each))}
    [(name, version)] = stack.of_type("AWS::Lambda::Version").items()
    assert used & set(template["Parameters"]) <= set(references(version["Description"]))
    alias = stack.properties("FunctionAliaslive")
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [name, "Version"]}


def test_gradual_deployment(stack: Stack) -> None:
    """An update policy on the alias is what makes CodeDeploy shift the traffic."""
    alias, groups = stack.resources["FunctionAliaslive"], "AWS::CodeDeploy::DeploymentGroup"
    if stack.parameters["GradualDeployment"] == "off":
        assert "UpdatePolicy" not in alias
        assert not stack.of_type(groups)
        return
    update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    [(name, group)] = stack.of_type(groups).items()
    assert update["DeploymentGroupName"] == {"Ref": name}
    alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert alarms == ["ErrorsAlarm", "SpilledAlarm", "VaultFailuresAlarm"]
    assert group["AlarmConfiguration"]["Enabled"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeployRole", "Arn"]}
    assert "Canary10Percent5Minutes" in str(group["DeploymentConfigName"])


def test_front_door(stack: Stack) -> None:
    """Both front doors call the alias, so that no deployment replaces the callback URL."""
    alias, timeout = {"Ref": "FunctionAliaslive"}, stack.properties("Function")["Timeout"]
    urls = stack.of_type("AWS::Lambda::Url")
    integrations = stack.of_type("AWS::ApiGatewayV2::Integration")
    assert bool(urls) == (stack.parameters["FrontDoor"] == "url") != bool(integrations)
    for url in urls.values():
        # The vendor cannot sign requests for AWS.
        assert (url["AuthType"], url["TargetFunctionArn"]) == ("NONE", alias)
    for integration in integrations.values():
        assert integration["IntegrationUri"] == alias
        assert integration["PayloadFormatVersion"] == "2.0"
        assert integration["TimeoutInMillis"] > timeout * 1000


def test_the_access_log_keeps_the_token_out(stack: Stack) -> None:
    for stage in stack.of_type("AWS::ApiGatewayV2::Stage").values():
        line = stage["AccessLogSettings"]["Format"]
        assert "status" in json.loads(line)
        for word in ("path", "query", "routekey", "requestoverride", "error"):
            assert word not in line.lower()


def test_replaced_resources_have_another_name(stack: Stack) -> None:
    """CloudFormation creates the replacement first: with the same name, the creation would fail."""
    other = {"standard": "fifo", "fifo": "standard"}[stack.parameters["QueueKind"]]
    changed = Stack.create(stack.source, {**stack.parameters, "QueueKind": other})
    for name, resource in stack.resources.items():
        before = resource.get("Properties", {})
        after = changed.resources.get(name, resource).get("Properties", {})
        rules = schema(resource["Type"])
        create_only = [path.split("/")[2] for path in rules.get("createOnlyProperties", [])]
        identifier = rules["primaryIdentifier"][0].split("/")[-1]
        fixed = {"QueueUrl": "QueueName"}.get(identifier, identifier)
        if fixed in before and any(differs(before, after, field) for field in create_only):
            assert differs(before, after, fixed), f"{name} is replaced and keeps its {fixed}"


def differs(before: dict[str, Any], after: dict[str, Any], field: str) -> bool:
    # A reference to the queue then means another queue.
    return before.get(field) != after.get(field) or "Jobs" in references(before.get(field))
