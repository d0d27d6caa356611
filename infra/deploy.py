"""Builds and deploys the receiver's stack: `make deploy`."""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets
import sys
from pathlib import Path

import boto3

import cfn
import stack as stacks
from stack import ROOT, Stack, existing_queues, fail, protect, step

TEMPLATE = ROOT / "infra" / "template.yaml"
SETTINGS = ROOT / "infra" / "samconfig.toml"
BUILD = ROOT / "target" / "sam" / "build"

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


def main(arguments: list[str] | None = None) -> int:
    options, for_sam = parse(arguments)
    deploy(*stacks.prepare(options), options, for_sam)
    return 0


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = stacks.shared_options("Build and deploy the receiver's stack.")
    parser.add_argument("--callbackctl", type=Path, required=True, help="its binary")
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help="the template's parameters"
    )
    return stacks.parse(parser, arguments)


def deploy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    given = dict(parameter.partition("=")[::2] for parameter in options.parameters)
    values = check(stack, region, given)
    token = None if stack.status or "TokenDigests" in given else secrets.token_hex(32)
    if token:
        given["TokenDigests"] = hashlib.sha256(token.encode()).hexdigest()
    step("building the function for release: minutes the first time")
    # `sam deploy` takes what is not given from the stack, and `sam build` does not.
    architecture = f"Architecture={values['Architecture']}"
    stacks.sam(
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
        stacks.sam(
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
    if stack.status and values["FrontDoor"] != stack.parameters.get("FrontDoor", "url"):
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


if __name__ == "__main__":
    sys.exit(main())
