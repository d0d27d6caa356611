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
from stack import ROOT, Stack, fail, step, target

TEMPLATE = ROOT / "infra" / "template.yaml"
SETTINGS = ROOT / "infra" / "samconfig.toml"
BUILD = ROOT / "target" / "sam" / "build"

# The longest name is that of the pipe: the stack's name and "-fifo", at most 64 characters.
STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,58}")

# AWS requires an account to keep so many concurrent executions unreserved.
UNRESERVED = 100

CREATION = "its creation failed: delete it with `make destroy`, then deploy again"
# What to do about a stack that cannot be updated.
STUCK = {
    "CREATE_FAILED": CREATION,
    "ROLLBACK_COMPLETE": CREATION,
    "ROLLBACK_FAILED": CREATION,
    "DELETE_FAILED": "its events have the reason; then run `make destroy` again",
    "UPDATE_ROLLBACK_FAILED": "its events have the reason; then run"
    " `aws cloudformation continue-update-rollback`",
}


def main(arguments: list[str] | None = None) -> int:
    options, for_sam = parse(arguments)
    deploy(*stacks.prepare(options), options, for_sam)
    return 0


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = stacks.shared_options("Build and deploy the receiver's stack.")
    parser.add_argument("--callbackctl", type=Path, required=True, help="its binary")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="of the template")
    return stacks.parse(parser, arguments)


def deploy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    given = dict(parameter.partition("=")[::2] for parameter in options.parameters)
    values = check(stack, region, given)
    token = None if stack.status or "TokenDigests" in given else secrets.token_hex(32)
    if token:
        given["TokenDigests"] = hashlib.sha256(token.encode()).hexdigest()
    step("building the function for release, which takes minutes the first time")
    # `sam deploy` reads parameters that are not given from the stack, but `sam build` does not.
    architecture = f"Architecture={values['Architecture']}"
    build = ["--template", str(TEMPLATE), "--build-dir", str(BUILD)]
    stacks.sam("build", *build, "--parameter-overrides", architecture)
    step(f"deploying the stack {stack.name}")
    flags = ["--template", str(BUILD / "template.yaml"), "--config-file", str(SETTINGS)]
    flags += target(stack, region)
    flags += ["--no-confirm-changeset" if options.yes else "--confirm-changeset"]
    if not stack.status:
        # Otherwise a failed creation leaves a stack that cannot be updated.
        flags += ["--on-failure", "DELETE"]
    if given:
        # SAM ignores an empty value without quotes.
        flags += ["--parameter-overrides", *(f'{name}="{value}"' for name, value in given.items())]
    try:
        stacks.sam("deploy", *flags, *for_sam)
        found = Stack.describe(stack.name)
        if not found.status:
            fail("nothing was deployed")
        found.protect(True)
    except BaseException:
        if token and Stack.describe(stack.name).status:
            # Only this process knows it.
            print(f"\nThe stack may be usable. Its token is {token}", file=sys.stderr)
        raise
    report(found, token, options.callbackctl)


def check(stack: Stack, region: str, given: cfn.Values) -> cfn.Values:
    """Refuses what AWS would refuse after the build, and returns the values of all parameters."""
    if not STACK_NAME.fullmatch(stack.name):
        fail(
            f"invalid stack name {stack.name}: expected a letter, then at most 58 letters, digits"
            " and hyphens"
        )
    if stack.status in STUCK:
        fail(f"the stack {stack.name} is {stack.status}: {STUCK[stack.status]}")
    template = cfn.load(TEMPLATE)
    if unknown := sorted(set(given) - set(template["Parameters"])):
        fail(f"the template has no parameter {', '.join(unknown)}")
    defaults = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}
    values = {**defaults, **stack.parameters, **given, "AWS::Region": region}
    if broken := cfn.broken_rules(template, values):
        fail("\n  ".join([f"invalid parameters in the region {region}:", *broken]))
    check_concurrency(stack.name, values["ReservedConcurrency"])
    if stack.status and values["QueueKind"] != stack.parameters["QueueKind"]:
        check_new_queues(stack, values)
    if stack.status and values["FrontDoor"] != stack.parameters.get("FrontDoor", "url"):
        step("the callback URL will change: register the new one with the vendor")
    return values


def check_concurrency(function: str, reserved: str) -> None:
    """Refuses a reservation that the account's quota does not allow. New accounts have 10 in all."""
    if not reserved:
        return
    client, held = boto3.client("lambda"), 0
    limit = client.get_account_settings()["AccountLimit"]
    try:
        answer = client.get_function_concurrency(FunctionName=function)
        held = answer.get("ReservedConcurrentExecutions", 0)
    except client.exceptions.ResourceNotFoundException:
        pass
    left = limit["UnreservedConcurrentExecutions"] + held - int(reserved)
    if left < UNRESERVED:
        fail(
            f"ReservedConcurrency={reserved} would leave {left} of the account's"
            f" {limit['ConcurrentExecutions']} concurrent executions unreserved, and AWS requires"
            f" {UNRESERVED}: leave it empty, or raise the quota in Service Quotas"
        )


def check_new_queues(stack: Stack, values: cfn.Values) -> None:
    if values["GradualDeployment"] != "off":
        fail(
            "change QueueKind with GradualDeployment=off: a roll-back would delete the new queue"
            " and its jobs"
        )
    if old := stack.queues(values["QueueKind"]):
        fail(f"queues of an earlier change exist: empty and delete {' and '.join(old)} first")


def report(stack: Stack, token: str | None, callbackctl: Path) -> None:
    """Prints the parts of the stack, and what to do next."""
    found = stack.outputs
    print(f"\nThe stack {stack.name}:\n  queue     {found['QueueUrl']}")
    print(f"  vault     {found['VaultBucket']}\n  log       {found['LogGroupName']}")
    print(f"  dashboard {found['DashboardName']}")
    print(f"  workers   attach {found['ConsumerPolicyArn']}")
    url = found["CallbackUrl"]
    if not token:
        print(f"\nThe callback URL: {url}<token>")
        return
    print(
        "\nThe callback URL, for the vendor's console. It contains the token, which is stored nowhere"
        f" and printed only now:\n  {url}{token}\n\nTo try it:\n"
        f"  QUEUE_URL={found['QueueUrl']} VAULT_BUCKET={found['VaultBucket']} \\\n"
        f"    {callbackctl} doctor {url}{token}"
    )


if __name__ == "__main__":
    sys.exit(main())
