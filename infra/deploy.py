"""Builds, deploys and deletes the receiver's stack: `make deploy` and `make destroy`.

AWS's own settings decide the account, the region and the endpoint, `AWS_ENDPOINT_URL` included: the
same commands deploy onto an emulator, which is how they are tested.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import cfn

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"
SETTINGS = ROOT / "infra" / "samconfig.toml"
BUILD = ROOT / "target" / "sam" / "build"
STACK = "cloud-infinite-callback"

TOOLS = {
    "cargo": "install a Rust toolchain",
    "sam": "run this by `make`, which installs it",
    "cargo-lambda": "run this by `make`, which installs it",
}

# A pipe's name has at most 64 characters, and the longest one is the stack's with "-fifo"; a
# function's name has 64, and a queue's 80, where "-dead-jobs.fifo" is added.
STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,58}")

# What AWS requires an account to keep unreserved.
UNRESERVED = 100

# What to do about a stack that cannot be updated, by its status.
STUCK = {
    "CREATE_FAILED": "its creation failed: `make destroy` deletes what is left, then deploy again",
    "ROLLBACK_COMPLETE": "its creation failed: `make destroy` deletes what is left, then deploy again",
    "ROLLBACK_FAILED": "its creation failed: `make destroy` deletes what is left, then deploy again",
    "DELETE_FAILED": "its deletion failed: see its events for the reason, then `make destroy` again",
    "UPDATE_ROLLBACK_FAILED": "see its events for the reason, then run"
    " `aws cloudformation continue-update-rollback`",
}


@dataclass
class Stack:
    """A stack as CloudFormation describes it; without a status there is none."""

    name: str
    status: str = ""
    parameters: cfn.Values = field(default_factory=dict)
    outputs: cfn.Values = field(default_factory=dict)

    @classmethod
    def describe(cls, name: str) -> Stack:
        try:
            [found] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            # Any other error does not say that it is missing: a new token would lock the vendor out.
            if "does not exist" in error.response["Error"]["Message"]:
                return cls(name)
            fail(f"the stack {name} cannot be described: {error}")
        # A change set that was never executed.
        status = "" if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found["StackStatus"]
        parameters = {
            each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])
        }
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        return cls(name, status, parameters, outputs)


def main(arguments: list[str] | None = None) -> int:
    options, for_sam = parse(sys.argv[1:] if arguments is None else arguments)
    if options.profile:
        os.environ["AWS_PROFILE"] = options.profile
    if options.region:
        os.environ.update(AWS_REGION=options.region, AWS_DEFAULT_REGION=options.region)
    if not options.yes and not sys.stdin.isatty():
        fail("no terminal to ask on: YES=1 goes ahead without asking")
    check_tools()
    region = check_account()
    stack = Stack.describe(options.stack)
    if stack.status.endswith("_IN_PROGRESS"):
        fail(f"the stack {stack.name} is {stack.status}: wait until that is over")
    if options.command == "destroy":
        destroy(stack, region, options, for_sam)
    else:
        deploy(stack, region, options, for_sam)
    return 0


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Returns the options, and from the first unknown flag on what goes to `sam`."""
    parser = argparse.ArgumentParser(
        description="Deploy the receiver's stack, or delete it. The first flag that is not one of"
        " these goes to `sam deploy` or `sam delete`, with all that follows it."
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--stack", default=STACK, help=f"the stack's name (default: {STACK})")
    shared.add_argument("--profile", help="AWS_PROFILE for this call")
    shared.add_argument("--region", help="AWS_REGION for this call")
    shared.add_argument("--yes", action="store_true", help="do not ask")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("deploy", help="build and deploy", parents=[shared])
    command.add_argument("--callbackctl", type=Path, required=True, help="its binary")
    command.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help="the template's parameters"
    )
    command = commands.add_parser("destroy", help="delete the stack", parents=[shared])
    command.add_argument("--force", action="store_true", help="even with jobs on its queues")
    command.add_argument("--detach", action="store_true", help="detach the workers' policy")
    known = {
        "--stack",
        "--profile",
        "--region",
        "--yes",
        "--callbackctl",
        "--force",
        "--detach",
        "--help",
    }
    unknown = [
        place
        for place, argument in enumerate(arguments)
        if argument.startswith("--") and argument.split("=")[0] not in known
    ]
    end = unknown[0] if unknown else len(arguments)
    return parser.parse_args(arguments[:end]), arguments[end:]


def fail(message: str) -> NoReturn:
    sys.exit(f"deploy.py: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


def check_tools() -> None:
    """Reports all missing tools at once, before anything is built."""
    missing = [f"{tool}: {advice}" for tool, advice in TOOLS.items() if not shutil.which(tool)]
    if missing:
        fail("not found:\n  " + "\n  ".join(missing))


def check_account() -> str:
    """Prints the account, and returns the region."""
    region = boto3.Session().region_name
    if not region:
        fail("no region: set AWS_REGION, or a profile's region")
    try:
        account = boto3.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        fail(f"AWS does not accept your credentials: {error}")
    step(f"account {account}, region {region}")
    return region


# Deploying ----------------------------------------------------------------------------------------


def deploy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    given = dict(parameter.partition("=")[::2] for parameter in options.parameters)
    values = check(stack, region, given)
    token = None if stack.status or "TokenDigests" in given else secrets.token_hex(32)
    if token:
        given["TokenDigests"] = hashlib.sha256(token.encode()).hexdigest()
    step("building the function for release: minutes the first time")
    # `sam deploy` takes what is not given from the stack, and `sam build` does not.
    architecture = f"Architecture={values['Architecture']}"
    sam(
        "build",
        "--template",
        str(TEMPLATE),
        "--build-dir",
        str(BUILD),
        "--parameter-overrides",
        architecture,
    )
    step(f"deploying the stack {stack.name}")
    try:
        sam(
            "deploy",
            *("--template", str(BUILD / "template.yaml"), "--config-file", str(SETTINGS)),
            # `sam delete` empties the prefix: each stack has its own.
            *("--stack-name", stack.name, "--s3-prefix", stack.name, "--region", region),
            "--no-confirm-changeset" if options.yes else "--confirm-changeset",
            # Otherwise a failed creation leaves a stack that cannot be updated.
            *([] if stack.status else ["--on-failure", "DELETE"]),
            # In quotes, or an empty value is none to SAM.
            *(
                ["--parameter-overrides", *(f'{k}="{v}"' for k, v in given.items())]
                if given
                else []
            ),
            *for_sam,
        )
        found = Stack.describe(stack.name)
        if not found.status:
            fail("nothing was deployed")
        protect(stack.name, True)
    except BaseException:
        if token and Stack.describe(stack.name).status:
            # Nothing else has it.
            print(
                f"\nThe token of the stack, which may work all the same: {token}", file=sys.stderr
            )
        raise
    report(found, token, options.callbackctl)


def check(stack: Stack, region: str, given: cfn.Values) -> cfn.Values:
    """Refuses what AWS would refuse after the build or half-way; returns all parameters."""
    if not STACK_NAME.fullmatch(stack.name):
        fail(
            f"the stack's name {stack.name} does not do: expected a letter, then at most 58 letters,"
            " digits and hyphens"
        )
    if stack.status in STUCK:
        fail(f"the stack {stack.name} is {stack.status}: {STUCK[stack.status]}")
    template = cfn.load(TEMPLATE)
    if unknown := sorted(set(given) - set(template["Parameters"])):
        fail(f"the template has no parameter {', '.join(unknown)}")
    defaults = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}
    values = {**defaults, **stack.parameters, **given, "AWS::Region": region}
    if broken := cfn.broken_rules(template, values):
        fail("\n  ".join([f"in the region {region}:", *broken]))
    check_concurrency(stack.name, values["ReservedConcurrency"])
    if stack.status and values["QueueKind"] != stack.parameters["QueueKind"]:
        check_new_queues(stack, values)
    if stack.status and values["FrontDoor"] != stack.parameters["FrontDoor"]:
        step("the callback URL will change: register the new one with the vendor")
    return values


def check_concurrency(function: str, reserved: str) -> None:
    """A new account has 10 in all, and cannot reserve any."""
    if not reserved:
        return
    client = boto3.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]
    try:
        held = client.get_function_concurrency(FunctionName=function).get(
            "ReservedConcurrentExecutions", 0
        )
    except client.exceptions.ResourceNotFoundException:
        held = 0
    left = limit["UnreservedConcurrentExecutions"] + held - int(reserved)
    if left < UNRESERVED:
        fail(
            f"ReservedConcurrency={reserved} would leave the account {left} of its"
            f" {limit['ConcurrentExecutions']} concurrent executions, and AWS requires {UNRESERVED}:"
            " leave it empty, or raise the quota in Service Quotas"
        )


def check_new_queues(stack: Stack, values: cfn.Values) -> None:
    if values["GradualDeployment"] != "off":
        fail(
            "change QueueKind with GradualDeployment=off: a rollback would delete the new queue's jobs"
        )
    if old := existing_queues(stack.name, values["QueueKind"]):
        fail(f"queues from an earlier change are there: empty and delete {' and '.join(old)} first")


def existing_queues(stack: str, kind: str) -> list[str]:
    """Returns the URLs of the queues of a kind that exist."""
    sqs, suffix, urls = boto3.client("sqs"), ".fifo" if kind == "fifo" else "", []
    for name in ("jobs", "dead-jobs"):
        with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
            urls.append(sqs.get_queue_url(QueueName=f"{stack}-{name}{suffix}")["QueueUrl"])
    return urls


def report(stack: Stack, token: str | None, callbackctl: Path) -> None:
    """Prints what is there, and what to do next."""
    found = stack.outputs
    print(
        f"\nThe stack {stack.name}:\n  queue     {found['QueueUrl']}\n  vault     {found['VaultBucket']}"
    )
    print(f"  log       {found['LogGroupName']}\n  dashboard {found['DashboardName']}")
    print(f"  workers   attach {found['ConsumerPolicyArn']}")
    url = found["CallbackUrl"]
    if token:
        print(
            "\nThe callback URL, for the vendor's console. It contains the token, which is printed this"
            f" once and stored nowhere:\n  {url}{token}\n\nTry it:\n"
            f"  QUEUE_URL={found['QueueUrl']} VAULT_BUCKET={found['VaultBucket']} \\\n"
            f"    {callbackctl} doctor {url}{token}"
        )
    else:
        print(f"\nThe callback URL: {url}<token>")


# Deleting -----------------------------------------------------------------------------------------


def destroy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    """Deletes the stack, after all that could fail or be regretted has been checked."""
    if not stack.status:
        fail(f"there is no stack {stack.name} in {region}")
    # A stack whose creation failed has no outputs, and nothing in it.
    waiting = {url: depth(url) for name, url in stack.outputs.items() if name.endswith("QueueUrl")}
    users = attached(stack.outputs.get("ConsumerPolicyArn"))
    for url, count in waiting.items():
        step(f"{count} jobs on {url}")
    for kind, name in users:
        step(f"the workers' policy is attached to the {kind} {name}")
    problems = []
    if any(waiting.values()) and not options.force:
        problems.append(
            "its queues are deleted with the jobs on them: FORCE=1 does it all the same"
        )
    if users and not options.detach:
        problems.append(
            "AWS deletes no policy that is in use: stop the workers; DETACH=1 detaches it"
        )
    if problems:
        fail("\n  ".join([f"the stack {stack.name} stays:", *problems]))
    if not options.yes and input(f"Type {stack.name} to delete the stack: ") != stack.name:
        fail("nothing was deleted")
    detach(stack.outputs.get("ConsumerPolicyArn"), users)
    protect(stack.name, False)
    step(f"deleting the stack {stack.name}")
    sam(
        "delete",
        "--stack-name",
        stack.name,
        "--s3-prefix",
        stack.name,
        "--region",
        region,
        "--no-prompts",
        *for_sam,
    )
    if vault := stack.outputs.get("VaultBucket"):
        print(
            f"\nThe vault stays, since it may hold the only copy of a callback: bucket {vault}. Delete it"
            " yourself when nothing in it is needed."
        )
    for kind in ("standard", "fifo"):
        for url in existing_queues(stack.name, kind):
            print(f"The queue {url} stays, from a change of QueueKind.")


def depth(url: str) -> int:
    names = ["", "NotVisible", "Delayed"]
    names = [f"ApproximateNumberOfMessages{name}" for name in names]
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(count) for count in answer["Attributes"].values())


def attached(policy: str | None) -> list[tuple[str, str]]:
    """Returns the kind and the name of each role, user and group that has a policy."""
    if not policy:
        return []
    pages: list[Any] = list(
        boto3.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    )
    return [
        (kind, entity[f"{kind}Name"])
        for page in pages
        for kind in ("Role", "User", "Group")
        for entity in page[f"Policy{kind}s"]
    ]


def detach(policy: str | None, users: list[tuple[str, str]]) -> None:
    iam = boto3.client("iam")
    for kind, name in users:
        getattr(iam, f"detach_{kind.lower()}_policy")(PolicyArn=policy, **{f"{kind}Name": name})


def protect(stack: str, is_protected: bool) -> None:
    boto3.client("cloudformation").update_termination_protection(
        StackName=stack, EnableTerminationProtection=is_protected
    )


def sam(*arguments: str) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(["sam", *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode:
        fail(f"sam {arguments[0]} failed; its messages are above")


if __name__ == "__main__":
    sys.exit(main())
