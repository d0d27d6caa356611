"""Checks `infra/template.yaml`: by cfn-lint, as written and as SAM transforms it, and by assertions
of our own for what no linter sees. Nothing leaves the machine.

With `--self-test` the template is broken in memory, once for each assertion, which must see it.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# SAM asks for a region; nothing is called there.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

import cfnlint.api
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"

KEY = "arn:aws:kms:eu-central-1:111122223333:key/0123abcd-0000-0000-0000-000000000000"
BUS = "arn:aws:events:eu-central-1:111122223333:event-bus/jobs"
VARIANTS = {
    "standard": {"QueueKind": "standard", "KmsKeyArn": ""},
    "standard with a key": {"QueueKind": "standard", "KmsKeyArn": KEY},
    "fifo": {"QueueKind": "fifo", "KmsKeyArn": ""},
    "fifo with a key": {"QueueKind": "fifo", "KmsKeyArn": KEY},
    "with a pipe": {"QueueKind": "standard", "KmsKeyArn": "", "EventBusArn": BUS},
    "with a pipe and a key": {"QueueKind": "fifo", "KmsKeyArn": KEY, "EventBusArn": BUS},
}
# What the other parameters are set to, so that every resource is looked at.
PARAMETERS = {"TokenDigests": "0" * 64, "AlarmEmail": "someone@example.com"}

# AWS's metrics that alarms and the dashboard may use, with their dimensions.
AWS_METRICS = {
    "AWS/Lambda": (
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
        {"FunctionName"},
    ),
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        },
        {"QueueName"},
    ),
    "AWS/S3": ({"BucketSizeBytes", "NumberOfObjects"}, {"BucketName", "StorageType"}),
}

NOTHING = {"Ref": "AWS::NoValue"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="break the template once for each assertion, and see that each fails",
    )
    source = load()
    if parser.parse_args().self_test:
        return self_test(source)
    problems = list(lint_source(TEMPLATE.read_text()))
    for variant in VARIANTS:
        stack = Stack.of(source, variant)
        problems += lint_transformed(stack, variant)
        for assertion in ASSERTIONS:
            problems += [
                f"{variant}: {assertion.name}: {problem}" for problem in assertion.check(stack)
            ]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    print(
        f"{TEMPLATE.relative_to(ROOT)}: cfn-lint and {len(ASSERTIONS)} assertions, {len(VARIANTS)} variants: good"
    )
    return 0


def self_test(source: dict[str, Any]) -> int:
    blind = []
    unknown = copy.deepcopy(source)
    unknown["Resources"]["Jobs"]["Properties"]["Colour"] = "blue"
    cases: list[tuple[str, Callable[[], list[str]]]] = [
        ("lint as written", lambda: list(lint_source(json.dumps(unknown)))),
        ("lint as transformed", lambda: list(lint_transformed(Stack.of(unknown, "fifo"), "fifo"))),
    ]
    for assertion in ASSERTIONS:
        cases += [(f"{assertion.name}: {name}", run) for name, run in assertion.broken(source)]
    for name, run in cases:
        problems = run()
        if problems:
            print(f"{name}\n    {problems[0]}")
        else:
            blind.append(name)
    for name in blind:
        print(f"{name}: the broken template was not noticed", file=sys.stderr)
    if blind:
        return 1
    print(f"{len(cases)} broken templates, each noticed")
    return 0


# The template -----------------------------------------------------------------------------------


def load() -> dict[str, Any]:
    """The template as JSON would have it."""
    return json.loads(json.dumps(yaml_parse(TEMPLATE.read_text())))


class NoManagedPolicies:
    """The template names no policy of AWS's, so that nobody must be asked for them."""

    def load(self) -> dict[str, str]:
        return {}


@dataclass
class Stack:
    """The template, transformed by SAM, its conditions decided."""

    source: dict[str, Any]
    transformed: dict[str, Any]
    parameters: dict[str, str]
    resources: dict[str, Any] = field(init=False)

    @classmethod
    def of(cls, source: dict[str, Any], variant: str) -> Stack:
        defaults = {
            name: str(parameter["Default"])
            for name, parameter in source["Parameters"].items()
            if "Default" in parameter
        }
        parameters = {**defaults, **PARAMETERS, **VARIANTS[variant]}
        fragment = copy.deepcopy(source)
        # `sam deploy` puts the code there.
        fragment["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/code"
        transformed = transform(fragment, dict(parameters), NoManagedPolicies())
        return cls(source, json.loads(json.dumps(transformed)), parameters)

    def __post_init__(self) -> None:
        self.resources = {
            name: self.decide(resource)
            for name, resource in self.transformed["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def decide(self, node: Any) -> Any:
        """The same without `Fn::If`, and without what it leaves out."""
        if isinstance(node, list):
            decided = [self.decide(item) for item in node]
            return [item for item in decided if item != NOTHING]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Fn::If"}:
            condition, yes, no = node["Fn::If"]
            return self.decide(yes if self.holds(condition) else no)
        fields = {key: self.decide(value) for key, value in node.items()}
        return {key: value for key, value in fields.items() if value != NOTHING}

    def holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            condition = self.transformed["Conditions"][condition]
        [(function, value)] = condition.items()
        match function:
            case "Condition":
                return self.holds(value)
            case "Fn::Not":
                return not self.holds(value[0])
            case "Fn::And":
                return all(self.holds(part) for part in value)
            case "Fn::Or":
                return any(self.holds(part) for part in value)
            case "Fn::Equals":
                left, right = (
                    self.parameters[side["Ref"]] if isinstance(side, dict) else str(side)
                    for side in value
                )
                return left == right
        raise ValueError(f"expected a condition, but found {function}")


def references(node: Any) -> Iterator[str]:
    """Every name that `Ref` or `Fn::Sub` refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from re.findall(r"\$\{([A-Za-z0-9:]+)", text)
            yield from references(value)


def text_of(node: Any) -> str:
    """The text of a name: itself, or that of its `Fn::Sub`."""
    if isinstance(node, dict):
        node = node.get("Fn::Sub", "")
    return node if isinstance(node, str) else node[0]


# cfn-lint ---------------------------------------------------------------------------------------


def lint_source(text: str) -> Iterator[str]:
    for match in cfnlint.api.lint(text):
        yield f"template.yaml:{match.linenumber}: {match.rule.id} {match.message}"


def lint_transformed(stack: Stack, variant: str) -> Iterator[str]:
    """Lints what SAM makes, with its conditions, and what a stack of this variant is made of."""
    decided = {
        "AWSTemplateFormatVersion": stack.transformed["AWSTemplateFormatVersion"],
        "Resources": {
            name: {key: value for key, value in resource.items() if key != "Condition"}
            for name, resource in stack.resources.items()
        },
        "Outputs": stack.transformed["Outputs"],
    }
    used = set(references(decided))
    decided["Parameters"] = {
        name: {
            **parameter,
            **({"Default": stack.parameters[name]} if parameter["Type"] == "String" else {}),
        }
        for name, parameter in stack.transformed["Parameters"].items()
        if name in used
    }
    for template in (stack.transformed, decided):
        for match in cfnlint.api.lint(json.dumps(template)):
            place = "/".join(map(str, match.path or []))
            yield f"{variant}: transformed: {place}: {match.rule.id} {match.message}"


# What the code says -----------------------------------------------------------------------------


def code(file: str) -> str:
    """A file of the function without its tests."""
    return (ROOT / "src" / file).read_text().split("#[cfg(test)]")[0]


def found(pattern: str, text: str) -> set[str]:
    """All that a pattern finds; nothing means that the code was changed and the pattern was not."""
    names = set(re.findall(pattern, text))
    if not names:
        raise ValueError(f"expected {pattern} in the code, but found none")
    return names


def variables_read() -> set[str]:
    """The variables that `config/mod.rs` reads, without AWS's and TLS's own."""
    names = found(r'"([A-Z]+(?:_[A-Z0-9]+)+)"', code("config/mod.rs"))
    return {name for name in names if not name.startswith(("AWS_", "SSL_"))}


def metrics_written() -> dict[str, tuple[set[str], set[str]]]:
    """The namespace, the metrics and the dimensions that the function writes."""
    metrics, telemetry = code("metrics.rs"), code("telemetry.rs")
    [namespace] = found(r'const NAMESPACE: &str = "(\w+)"', metrics)
    [function_name] = found(r'const FUNCTION_NAME: &str = "(\w+)"', metrics)
    names = found(r'\("([A-Z]\w+)", (?:Amount::\w+\(|[a-z]+\))', telemetry)
    names |= found(r'Some\("([A-Z]\w+)"\)', code("outcome.rs"))
    dimensions = found(r'(?<=[\[ ])\("([a-z]\w+)", ', telemetry)
    return {namespace: (names, {function_name} | dimensions)}


def metrics_of_errors() -> set[str]:
    return found(r'Level::ERROR,\s+Some\("(\w+)"\)', code("outcome.rs"))


def vault_prefixes() -> set[str]:
    vault = code("vault/mod.rs")
    names = found(r'Self::\w+ => "(\w+)"', vault) | found(
        r'"(\w+)/\{key\}"', code("vault/operator.rs")
    )
    return {f"{name}/" for name in names}


def millis_after_publishing() -> int:
    """What an invocation needs after the publish budget: for the vault and to answer."""
    [vault] = found(
        r"const BUDGET: Duration = Duration::from_millis\((\d+)\)", code("vault/mod.rs")
    )
    [answer] = found(
        r"const ANSWER_MARGIN: Duration = Duration::from_millis\((\d+)\)", code("handler.rs")
    )
    return int(vault) + int(answer)


def metric_problem(namespace: str, metric: str, dimensions: set[str]) -> str | None:
    known = {**AWS_METRICS, **metrics_written()}
    if namespace not in known:
        return f"expected one of the namespaces {sorted(known)}, but found {namespace}"
    metrics, known_dimensions = known[namespace]
    if metric not in metrics:
        return f"expected a metric of {namespace}, but found {metric}"
    if not dimensions or not dimensions <= known_dimensions:
        return f"{metric}: expected dimensions of {sorted(known_dimensions)}, but found {sorted(dimensions)}"
    return None


# Our own assertions -----------------------------------------------------------------------------

Break = Callable[[dict[str, Any]], Any]


@dataclass
class Assertion:
    """What must hold of a stack, and what breaks it."""

    check: Callable[[Stack], Iterator[str]]
    breaks: list[Break]

    @property
    def name(self) -> str:
        return self.check.__name__.replace("_", " ")

    def broken(self, source: dict[str, Any]) -> Iterator[tuple[str, Callable[[], list[str]]]]:
        for break_it in self.breaks:

            def run(break_it: Break = break_it) -> list[str]:
                template = copy.deepcopy(source)
                break_it(template)
                return [
                    problem
                    for variant in VARIANTS
                    for problem in self.check(Stack.of(template, variant))
                ]

            yield break_it.__name__.replace("_", " "), run


ASSERTIONS: list[Assertion] = []


def assertion(
    *breaks: Break,
) -> Callable[[Callable[[Stack], Iterator[str]]], Callable[[Stack], Iterator[str]]]:
    def register(check: Callable[[Stack], Iterator[str]]) -> Callable[[Stack], Iterator[str]]:
        ASSERTIONS.append(Assertion(check, list(breaks)))
        return check

    return register


def properties(template: dict[str, Any], resource: str) -> dict[str, Any]:
    return template["Resources"][resource]["Properties"]


def statements(policy: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    """Each statement's actions, and what they are allowed on."""
    found = {}
    for statement in policy["Statement"]:
        actions = statement["Action"]
        found[tuple(sorted([actions] if isinstance(actions, str) else actions))] = statement[
            "Resource"
        ]
    return found


def arn(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


def under(resource: str, *prefixes: str) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"${{{resource}.Arn}}/{prefix}/*"} for prefix in prefixes]


def url_asks_for_aws_login(template: dict[str, Any]) -> None:
    properties(template, "Function")["FunctionUrlConfig"]["AuthType"] = "AWS_IAM"


def one_permission_more(template: dict[str, Any]) -> None:
    template["Resources"]["Another"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "Function"},
            "Principal": "*",
        },
    }


@assertion(url_asks_for_aws_login, one_permission_more)
def anyone_may_call_the_url_and_only_the_url(stack: Stack) -> Iterator[str]:
    expected = [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "Function"},
            "InvokedViaFunctionUrl": True,
            "Principal": "*",
        },
        {
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionName": {"Ref": "Function"},
            "FunctionUrlAuthType": "NONE",
            "Principal": "*",
        },
    ]
    permissions = sorted(
        stack.of_type("AWS::Lambda::Permission").values(), key=lambda p: p["Action"]
    )
    if permissions != expected:
        yield f"expected the two permissions of a URL, but found {json.dumps(permissions)}"
    for name, url in stack.of_type("AWS::Lambda::Url").items():
        if url.get("AuthType") != "NONE":
            yield f"{name}: expected AuthType NONE, but found {url.get('AuthType')}"


def role_may_receive(template: dict[str, Any]) -> None:
    policy = properties(template, "FunctionRole")["Policies"][0]["PolicyDocument"]
    policy["Statement"][0]["Action"] = ["sqs:SendMessage", "sqs:ReceiveMessage"]


def role_writes_anywhere(template: dict[str, Any]) -> None:
    policy = properties(template, "FunctionRole")["Policies"][0]["PolicyDocument"]
    policy["Statement"][1]["Resource"] = {"Fn::Sub": "${Vault.Arn}/*"}


def role_has_a_policy_of_aws(template: dict[str, Any]) -> None:
    properties(template, "FunctionRole")["ManagedPolicyArns"] = [
        "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    ]


def function_has_another_role(template: dict[str, Any]) -> None:
    properties(template, "Function")["Role"] = "arn:aws:iam::111122223333:role/admin"


@assertion(
    role_may_receive, role_writes_anywhere, role_has_a_policy_of_aws, function_has_another_role
)
def the_role_may_do_nothing_more(stack: Stack) -> Iterator[str]:
    log = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/${AWS::StackName}:*"
    expected = {
        ("sqs:SendMessage",): arn("Jobs"),
        ("s3:PutObject",): under("Vault", "oversize", "quarantine", "spill"),
        ("logs:CreateLogStream", "logs:PutLogEvents"): {"Fn::Sub": log},
        ("xray:PutTelemetryRecords", "xray:PutTraceSegments"): "*",
    }
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt", "kms:GenerateDataKey"] = {"Ref": "KmsKeyArn"}
    roles = stack.of_type("AWS::IAM::Role")
    names = {"FunctionRole", "PipeRole"} if stack.parameters["EventBusArn"] else {"FunctionRole"}
    if set(roles) != names:
        yield f"expected the roles {sorted(names)}, but found {sorted(roles)}"
    if stack.of_type("AWS::Lambda::Function")["Function"]["Role"] != arn("FunctionRole"):
        yield "expected the function to have FunctionRole"
    role = roles["FunctionRole"]
    if role.get("ManagedPolicyArns"):
        yield f"expected no managed policies, but found {role['ManagedPolicyArns']}"
    [policy] = role["Policies"]
    allowed = statements(policy["PolicyDocument"])
    if allowed != expected:
        yield f"expected {expected}, but found {allowed}"


def consumers_may_purge(template: dict[str, Any]) -> None:
    properties(template, "ConsumerPolicy")["PolicyDocument"]["Statement"][0]["Action"].append(
        "sqs:PurgeQueue"
    )


def consumers_read_the_quarantine(template: dict[str, Any]) -> None:
    policy = properties(template, "ConsumerPolicy")["PolicyDocument"]
    policy["Statement"][1]["Resource"] = {"Fn::Sub": "${Vault.Arn}/*"}


@assertion(consumers_may_purge, consumers_read_the_quarantine)
def consumers_may_work_and_nothing_more(stack: Stack) -> Iterator[str]:
    work = (
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    )
    expected = {work: arn("Jobs"), ("s3:GetObject",): under("Vault", "oversize")[0]}
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt",] = {"Ref": "KmsKeyArn"}
    allowed = statements(
        stack.of_type("AWS::IAM::ManagedPolicy")["ConsumerPolicy"]["PolicyDocument"]
    )
    if allowed != expected:
        yield f"expected {expected}, but found {allowed}"


def the_pipe_is_always_there(template: dict[str, Any]) -> None:
    del template["Resources"]["Pipe"]["Condition"]
    del template["Resources"]["PipeRole"]["Condition"]


def the_pipe_is_there_unless_told(template: dict[str, Any]) -> None:
    template["Parameters"]["EventBusArn"]["Default"] = BUS


@assertion(the_pipe_is_always_there, the_pipe_is_there_unless_told)
def there_is_no_pipe_by_default(stack: Stack) -> Iterator[str]:
    if stack.source["Parameters"]["EventBusArn"]["Default"]:
        yield "EventBusArn: expected to be empty by default"
    expected = {"Pipe"} if stack.parameters["EventBusArn"] else set()
    found = set(stack.of_type("AWS::Pipes::Pipe"))
    if found != expected:
        yield f"expected the pipes {sorted(expected)}, but found {sorted(found)}"


def the_pipe_may_send(template: dict[str, Any]) -> None:
    policy = properties(template, "PipeRole")["Policies"][0]["PolicyDocument"]
    policy["Statement"][0]["Action"].append("sqs:SendMessage")


def the_pipe_puts_on_any_bus(template: dict[str, Any]) -> None:
    policy = properties(template, "PipeRole")["Policies"][0]["PolicyDocument"]
    policy["Statement"][1]["Resource"] = "*"


def the_pipe_cannot_decrypt(template: dict[str, Any]) -> None:
    properties(template, "PipeRole")["Policies"][0]["PolicyDocument"]["Statement"].pop()


def another_pipe_may_be_it(template: dict[str, Any]) -> None:
    policy = properties(template, "PipeRole")["AssumeRolePolicyDocument"]
    del policy["Statement"][0]["Condition"]


def the_pipe_has_another_role(template: dict[str, Any]) -> None:
    properties(template, "Pipe")["RoleArn"] = {"Fn::GetAtt": ["FunctionRole", "Arn"]}


@assertion(
    the_pipe_may_send,
    the_pipe_puts_on_any_bus,
    the_pipe_cannot_decrypt,
    another_pipe_may_be_it,
    the_pipe_has_another_role,
)
def the_pipe_may_do_nothing_more(stack: Stack) -> Iterator[str]:
    take = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    expected = {take: arn("Jobs"), ("events:PutEvents",): {"Ref": "EventBusArn"}}
    if stack.parameters["KmsKeyArn"]:
        expected["kms:Decrypt",] = {"Ref": "KmsKeyArn"}
    for pipe in stack.of_type("AWS::Pipes::Pipe").values():
        if pipe["RoleArn"] != arn("PipeRole"):
            yield f"expected the pipe to have PipeRole, but found {pipe['RoleArn']}"
        role = stack.of_type("AWS::IAM::Role")["PipeRole"]
        [policy] = role["Policies"]
        allowed = statements(policy["PolicyDocument"])
        if allowed != expected:
            yield f"expected {expected}, but found {allowed}"
        if role.get("ManagedPolicyArns"):
            yield f"expected no managed policies, but found {role['ManagedPolicyArns']}"
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        source = trust.get("Condition", {}).get("StringEquals", {}).get("aws:SourceArn")
        if not text_of(source or "").endswith(f":pipe/${{{pipe['Name']['Ref']}}}"):
            yield f"expected PipeRole for this pipe alone, but found {trust}"


def the_pipe_deletes_pointers(template: dict[str, Any]) -> None:
    properties(template, "Pipe")["SourceParameters"]["FilterCriteria"]["Filters"].pop()


def the_pipe_asks_for_another_type(template: dict[str, Any]) -> None:
    [by_type, _] = properties(template, "Pipe")["SourceParameters"]["FilterCriteria"]["Filters"]
    by_type["Pattern"] = by_type["Pattern"].replace("com.tencent.ci.", "com.tencent.cos.")


def one_job_takes_others_along(template: dict[str, Any]) -> None:
    properties(template, "Pipe")["SourceParameters"]["SqsQueueParameters"]["BatchSize"] = 10


@assertion(the_pipe_deletes_pointers, the_pipe_asks_for_another_type, one_job_takes_others_along)
def the_pipe_loses_nothing(stack: Stack) -> Iterator[str]:
    [prefix] = found(r'format!\(\s*"(com\.[a-z.]+)\{', code("event.rs"))
    expected = [
        {"body": {"type": [{"prefix": prefix}]}},
        {"messageAttributes": {"ExtendedPayloadSize": {"dataType": ["Number"]}}},
    ]
    for pipe in stack.of_type("AWS::Pipes::Pipe").values():
        parameters = pipe["SourceParameters"]
        filters = [json.loads(f["Pattern"]) for f in parameters["FilterCriteria"]["Filters"]]
        if filters != expected:
            yield f"expected the filters {expected}, but found {filters}"
        if parameters["SqsQueueParameters"] != {"BatchSize": 1}:
            yield f"expected batches of 1, but found {parameters['SqsQueueParameters']}"


def a_variable_is_missing(template: dict[str, Any]) -> None:
    del properties(template, "Function")["Environment"]["Variables"]["VAULT_BUCKET"]


def a_variable_that_nothing_reads(template: dict[str, Any]) -> None:
    properties(template, "Function")["Environment"]["Variables"]["QUEUE_NAME"] = "jobs"


@assertion(a_variable_is_missing, a_variable_that_nothing_reads)
def variables_are_those_that_the_configuration_reads(stack: Stack) -> Iterator[str]:
    set_here = set(stack.of_type("AWS::Lambda::Function")["Function"]["Environment"]["Variables"])
    if set_here != variables_read():
        yield f"config/mod.rs reads {sorted(variables_read())}, but the template sets {sorted(set_here)}"


def both_encryptions(template: dict[str, Any]) -> None:
    properties(template, "DeadJobs")["SqsManagedSseEnabled"] = True


def no_encryption(template: dict[str, Any]) -> None:
    del properties(template, "Jobs")["SqsManagedSseEnabled"]


@assertion(both_encryptions, no_encryption)
def a_queue_has_one_encryption(stack: Stack) -> Iterator[str]:
    expected = {"KmsMasterKeyId"} if stack.parameters["KmsKeyArn"] else {"SqsManagedSseEnabled"}
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        kinds = {kind for kind in ("KmsMasterKeyId", "SqsManagedSseEnabled") if kind in queue}
        if kinds != expected:
            yield f"{name}: expected {expected}, but found {kinds}"


def vault_forgets_the_key(template: dict[str, Any]) -> None:
    del properties(template, "Vault")["BucketEncryption"]


def log_forgets_the_key(template: dict[str, Any]) -> None:
    del properties(template, "FunctionLog")["KmsKeyId"]


@assertion(vault_forgets_the_key, log_forgets_the_key)
def the_key_is_used_for_vault_and_log(stack: Stack) -> Iterator[str]:
    has_key = bool(stack.parameters["KmsKeyArn"])
    key = {"Ref": "KmsKeyArn"} if has_key else None
    vault = stack.of_type("AWS::S3::Bucket")["Vault"].get("BucketEncryption")
    if not vault:
        yield "Vault: expected its encryption, but found none"
    else:
        [rule] = vault["ServerSideEncryptionConfiguration"]
        encryption = rule["ServerSideEncryptionByDefault"]
        if encryption.get("KMSMasterKeyID") != key:
            yield f"Vault: expected the key {key}, but found {encryption.get('KMSMasterKeyID')}"
        expected = "aws:kms" if has_key else "AES256"
        if encryption["SSEAlgorithm"] != expected:
            yield f"Vault: expected {expected}, but found {encryption['SSEAlgorithm']}"
    log = stack.of_type("AWS::Logs::LogGroup")["FunctionLog"]
    if log.get("KmsKeyId") != key:
        yield f"FunctionLog: expected the key {key}, but found {log.get('KmsKeyId')}"


def fifo_is_false(template: dict[str, Any]) -> None:
    properties(template, "Jobs")["FifoQueue"] = {"Fn::If": ["IsFifo", True, False]}


def dead_letter_queue_of_the_other_kind(template: dict[str, Any]) -> None:
    properties(template, "DeadJobs")["FifoQueue"] = NOTHING


def fifo_without_its_ending(template: dict[str, Any]) -> None:
    properties(template, "Jobs")["QueueName"] = {"Fn::Sub": "${AWS::StackName}-jobs"}


@assertion(fifo_is_false, dead_letter_queue_of_the_other_kind, fifo_without_its_ending)
def fifo_is_true_or_absent_and_in_the_name(stack: Stack) -> Iterator[str]:
    is_fifo = stack.parameters["QueueKind"] == "fifo"
    expected = True if is_fifo else None
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        if queue.get("FifoQueue") is not expected:
            yield f"{name}: expected FifoQueue {expected}, but found {queue.get('FifoQueue')}"
        if text_of(queue["QueueName"]).endswith(".fifo") != is_fifo:
            yield f"{name}: expected a name for {stack.parameters['QueueKind']}, but found {queue['QueueName']}"


def another_name_for_the_jobs(template: dict[str, Any]) -> None:
    properties(template, "Jobs")["QueueName"] = {"Fn::Sub": "${AWS::StackName}-tasks"}


def anyone_redrives(template: dict[str, Any]) -> None:
    properties(template, "DeadJobs")["RedriveAllowPolicy"] = {"redrivePermission": "allowAll"}


@assertion(another_name_for_the_jobs, anyone_redrives)
def dead_jobs_come_from_the_jobs_alone(stack: Stack) -> Iterator[str]:
    queues = stack.of_type("AWS::SQS::Queue")
    name = text_of(queues["Jobs"]["QueueName"])
    expected = {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [
            {"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}"}
        ],
    }
    if queues["DeadJobs"]["RedriveAllowPolicy"] != expected:
        yield f"expected {expected}, but found {queues['DeadJobs']['RedriveAllowPolicy']}"
    if queues["Jobs"]["RedrivePolicy"]["deadLetterTargetArn"] != arn("DeadJobs"):
        yield "Jobs: expected DeadJobs as the dead-letter queue"


def a_queue_takes_plain_http(template: dict[str, Any]) -> None:
    del template["Resources"]["DeadJobsPolicy"]


def the_vault_takes_plain_http(template: dict[str, Any]) -> None:
    statement = properties(template, "VaultPolicy")["PolicyDocument"]["Statement"][0]
    statement["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}


@assertion(a_queue_takes_plain_http, the_vault_takes_plain_http)
def plain_http_is_refused(stack: Stack) -> Iterator[str]:
    policies = [
        *((policy["Queues"], policy) for policy in stack.of_type("AWS::SQS::QueuePolicy").values()),
        *(
            ([policy["Bucket"]], policy)
            for policy in stack.of_type("AWS::S3::BucketPolicy").values()
        ),
    ]
    refusing = set()
    for targets, policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            if (
                statement["Effect"] == "Deny"
                and statement["Principal"] == "*"
                and statement["Action"] in ("sqs:*", "s3:*")
                and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            ):
                refusing |= {target["Ref"] for target in targets}
    for name in [*stack.of_type("AWS::SQS::Queue"), *stack.of_type("AWS::S3::Bucket")]:
        if name not in refusing:
            yield f"{name}: expected a policy that refuses plain HTTP, but found none"


def the_vault_goes_with_the_stack(template: dict[str, Any]) -> None:
    template["Resources"]["Vault"]["DeletionPolicy"] = "Delete"


def the_vault_is_public(template: dict[str, Any]) -> None:
    properties(template, "Vault")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


def a_prefix_is_kept_forever(template: dict[str, Any]) -> None:
    properties(template, "Vault")["LifecycleConfiguration"]["Rules"].pop(0)


@assertion(the_vault_goes_with_the_stack, the_vault_is_public, a_prefix_is_kept_forever)
def the_vault_is_private_and_stays(stack: Stack) -> Iterator[str]:
    for name in ("Vault", "VaultPolicy"):
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if stack.resources[name].get(policy) != "Retain":
                yield f"{name}: expected {policy} Retain, but found {stack.resources[name].get(policy)}"
    vault = stack.of_type("AWS::S3::Bucket")["Vault"]
    blocks = vault["PublicAccessBlockConfiguration"]
    if len(blocks) != 4 or not all(value is True for value in blocks.values()):
        yield f"expected all four blocks of public access, but found {blocks}"
    if vault["VersioningConfiguration"] != {"Status": "Enabled"}:
        yield "expected versioning"
    prefixes = {
        rule["Prefix"]
        for rule in vault["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    if prefixes != vault_prefixes():
        yield f"vault/mod.rs writes under {sorted(vault_prefixes())}, but what expires is under {sorted(prefixes)}"


def an_alarm_on_a_metric_of_old(template: dict[str, Any]) -> None:
    properties(template, "SpilledAlarm")["MetricName"] = "Spills"


def an_alarm_with_another_dimension(template: dict[str, Any]) -> None:
    properties(template, "SpilledAlarm")["Dimensions"] = [
        {"Name": "Function", "Value": {"Ref": "Function"}}
    ]


def an_alarm_in_another_namespace(template: dict[str, Any]) -> None:
    properties(template, "SpilledAlarm")["Namespace"] = "Callback"


@assertion(
    an_alarm_on_a_metric_of_old, an_alarm_with_another_dimension, an_alarm_in_another_namespace
)
def alarms_look_at_metrics_that_exist(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        dimensions = {dimension["Name"] for dimension in alarm["Dimensions"]}
        if problem := metric_problem(alarm["Namespace"], alarm["MetricName"], dimensions):
            yield f"{name}: {problem}"


def an_error_without_an_alarm(template: dict[str, Any]) -> None:
    del template["Resources"]["VaultFailuresAlarm"]


def no_alarm_on_throttles(template: dict[str, Any]) -> None:
    del template["Resources"]["ThrottlesAlarm"]


@assertion(an_error_without_an_alarm, no_alarm_on_throttles)
def nothing_fails_without_an_alarm(stack: Stack) -> Iterator[str]:
    watched = {alarm["MetricName"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()}
    expected = metrics_of_errors() | {"AuthFailures", "Errors", "Throttles", "Duration"}
    expected |= {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}
    for metric in sorted(expected - watched):
        yield f"expected an alarm on {metric}, but found none"


def an_alarm_without_words(template: dict[str, Any]) -> None:
    properties(template, "ErrorsAlarm")["AlarmDescription"] = "Errors"


def an_alarm_that_tells_nobody(template: dict[str, Any]) -> None:
    del properties(template, "ErrorsAlarm")["AlarmActions"]


@assertion(an_alarm_without_words, an_alarm_that_tells_nobody)
def alarms_tell_someone_what_to_do(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        sentences = re.findall(r"[.;:] ", alarm.get("AlarmDescription", ""))
        if not sentences:
            yield f"{name}: expected a description of what happened and what to do"
        if len(alarm.get("AlarmDescription", "")) > 1024:
            yield f"{name}: expected a description of at most 1024 characters"
        if alarm.get("AlarmActions") != [{"Ref": "AlarmTopic"}]:
            yield f"{name}: expected AlarmTopic to be told, but found {alarm.get('AlarmActions')}"


def dashboard(stack: Stack) -> Any:
    """The dashboard's widgets, every variable of it replaced by a 1."""
    [board] = stack.of_type("AWS::CloudWatch::Dashboard").values()
    [text, _] = board["DashboardBody"]["Fn::Sub"]
    text = re.sub(r"\$\{(?!!)[^}]*\}", "1", text).replace("${!", "${")
    return json.loads(text)["widgets"]


def the_dashboard_has_a_comma_too_many(template: dict[str, Any]) -> None:
    sub = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"]
    sub[0] = sub[0].replace("]", ",]")


def the_dashboard_shows_a_metric_of_old(template: dict[str, Any]) -> None:
    sub = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"]
    sub[0] = sub[0].replace('"PublishMillis"', '"PublishTime"')


def the_dashboard_searches_for_another_dimension(template: dict[str, Any]) -> None:
    sub = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"]
    sub[0] = sub[0].replace(",family,", ",kind,")


@assertion(
    the_dashboard_has_a_comma_too_many,
    the_dashboard_shows_a_metric_of_old,
    the_dashboard_searches_for_another_dimension,
)
def the_dashboard_shows_metrics_that_exist(stack: Stack) -> Iterator[str]:
    try:
        widgets = dashboard(stack)
    except json.JSONDecodeError as error:
        yield f"expected JSON: {error}"
        return
    for metric in [
        metric for widget in widgets for metric in widget["properties"].get("metrics", [])
    ]:
        if isinstance(metric[0], dict):
            search = re.search(r"\{(\S+?),(\S+)\} MetricName=\"(\w+)\"", metric[0]["expression"])
            if not search:
                yield f"expected a search for a metric, but found {metric[0]['expression']}"
                continue
            namespace, dimensions, name = search[1], set(search[2].split(",")), search[3]
        else:
            names = [part for part in metric if isinstance(part, str)]
            namespace, name, dimensions = names[0], names[1], set(names[2::2])
        if problem := metric_problem(namespace, name, dimensions):
            yield problem


def a_parameter_without_words(template: dict[str, Any]) -> None:
    del template["Parameters"]["Architecture"]["Description"]


def a_parameter_without_a_check(template: dict[str, Any]) -> None:
    del template["Parameters"]["KmsKeyArn"]["AllowedPattern"]


def a_parameter_without_a_default(template: dict[str, Any]) -> None:
    del template["Parameters"]["QueueKind"]["Default"]


def a_parameter_that_does_nothing(template: dict[str, Any]) -> None:
    del properties(template, "Function")["ReservedConcurrentExecutions"]
    del template["Conditions"]["HasReservedConcurrency"]


@assertion(
    a_parameter_without_words,
    a_parameter_without_a_check,
    a_parameter_without_a_default,
    a_parameter_that_does_nothing,
)
def parameters_are_described_checked_and_used(stack: Stack) -> Iterator[str]:
    used = set(
        references(
            {
                key: value
                for key, value in stack.source.items()
                if key not in ("Parameters", "Rules")
            }
        )
    )
    shown = [
        name
        for group in stack.source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    for name, parameter in stack.source["Parameters"].items():
        if not parameter.get("Description"):
            yield f"{name}: expected a description"
        if not {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter):
            yield f"{name}: expected a check of its value"
        if "Default" not in parameter and name != "TokenDigests":
            yield f"{name}: expected a default"
        if name not in used:
            yield f"{name}: expected it to be used"
        if shown.count(name) != 1:
            yield f"{name}: expected it in one group of the console's form"


def a_limit_that_the_function_refuses(template: dict[str, Any]) -> None:
    template["Parameters"]["QueueMaxBytes"]["MaxValue"] = 2097152


def another_default_than_the_functions(template: dict[str, Any]) -> None:
    template["Parameters"]["PublishBudgetMs"]["Default"] = 3000


def a_budget_that_is_cut_off(template: dict[str, Any]) -> None:
    template["Parameters"]["PublishBudgetMs"]["MaxValue"] = 9000


@assertion(
    a_limit_that_the_function_refuses, another_default_than_the_functions, a_budget_that_is_cut_off
)
def limits_are_those_of_the_code(stack: Stack) -> Iterator[str]:
    config = code("config/mod.rs")
    [largest] = found(r"const SQS_MAX_BYTES: usize = (\d+) \* 1024;", config)
    [smallest] = found(r"const MIN_MAX_BYTES: usize = (\d+);", config)
    [budget] = found(
        r"const DEFAULT_PUBLISH_BUDGET: Duration = Duration::from_millis\((\d+)\)", config
    )
    parameters = stack.source["Parameters"]
    size, time = parameters["QueueMaxBytes"], parameters["PublishBudgetMs"]
    expected = (int(smallest), int(largest) * 1024)
    if (size["MinValue"], size["MaxValue"]) != expected:
        yield f"QueueMaxBytes: expected {expected}, but found {(size['MinValue'], size['MaxValue'])}"
    if time["Default"] != int(budget):
        yield f"PublishBudgetMs: expected the default {budget}, but found {time['Default']}"
    timeout = stack.of_type("AWS::Lambda::Function")["Function"]["Timeout"] * 1000
    if time["MaxValue"] + millis_after_publishing() > timeout:
        yield f"PublishBudgetMs: expected it to end before the function does, but found {time['MaxValue']}"
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        if queue["MaximumMessageSize"] != expected[1]:
            yield f"{name}: expected {expected[1]} bytes, but found {queue['MaximumMessageSize']}"


def metrics_are_dropped(template: dict[str, Any]) -> None:
    properties(template, "Function")["LoggingConfig"]["ApplicationLogLevel"] = "WARN"


def another_log(template: dict[str, Any]) -> None:
    properties(template, "FunctionLog")["LogGroupName"] = {"Fn::Sub": "/callback/${AWS::StackName}"}


@assertion(metrics_are_dropped, another_log)
def the_function_may_write_its_log(stack: Stack) -> Iterator[str]:
    logging = stack.of_type("AWS::Lambda::Function")["Function"]["LoggingConfig"]
    if (logging["LogFormat"], logging["ApplicationLogLevel"]) != ("JSON", "INFO"):
        yield f"expected JSON at INFO, which metrics need, but found {logging}"
    if logging["LogGroup"] != {"Ref": "FunctionLog"}:
        yield f"expected FunctionLog, but found {logging['LogGroup']}"
    name = text_of(stack.of_type("AWS::Logs::LogGroup")["FunctionLog"]["LogGroupName"])
    [policy] = stack.of_type("AWS::IAM::Role")["FunctionRole"]["Policies"]
    allowed = [
        text_of(r) for r in statements(policy["PolicyDocument"]).values() if isinstance(r, dict)
    ]
    if not any(resource.endswith(f":log-group:{name}:*") for resource in allowed):
        yield f"expected the role to write to {name}, but found {allowed}"


def an_output_is_missing(template: dict[str, Any]) -> None:
    del template["Outputs"]["QueueUrl"]


@assertion(an_output_is_missing)
def outputs_are_what_users_are_told(stack: Stack) -> Iterator[str]:
    expected = {
        "FunctionUrl",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "VaultBucket",
        "ConsumerPolicyArn",
        "DashboardName",
    }
    for name in sorted(expected - set(stack.transformed["Outputs"])):
        yield f"expected an output {name}, but found none"


if __name__ == "__main__":
    sys.exit(main())
