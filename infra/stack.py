"""The receiver's stack, and what `deploy.py` and `destroy.py` have in common.

AWS's own settings decide the account, the region and the endpoint. With `AWS_ENDPOINT_URL` the same
commands deploy to an emulator, which is how they are tested.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import cfn

ROOT = Path(__file__).resolve().parent.parent
STACK = "cloud-infinite-callback"


@dataclass
class Stack:
    """A stack as CloudFormation describes it. It does not exist if `status` is empty."""

    name: str
    status: str = ""
    parameters: cfn.Values = field(default_factory=dict)
    outputs: cfn.Values = field(default_factory=dict)

    @classmethod
    def describe(cls, name: str) -> Stack:
        try:
            [found] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            # After any other error the stack may exist, and a new token would lock the vendor out.
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

    def protect(self, is_protected: bool) -> None:
        boto3.client("cloudformation").update_termination_protection(
            StackName=self.name, EnableTerminationProtection=is_protected
        )

    def queues(self, kind: str) -> list[str]:
        """Returns the URLs of the stack's queues of a kind that exist."""
        sqs, suffix, urls = boto3.client("sqs"), ".fifo" if kind == "fifo" else "", []
        for name in ("jobs", "dead-jobs"):
            with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
                found = sqs.get_queue_url(QueueName=f"{self.name}-{name}{suffix}")
                urls.append(found["QueueUrl"])
        return urls


def shared_options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=f"{description} The first unknown flag and all that follows is passed to `sam`.",
        allow_abbrev=False,
    )
    parser.add_argument("--stack", default=STACK, help=f"the stack's name (default: {STACK})")
    parser.add_argument("--profile", help="sets AWS_PROFILE")
    parser.add_argument("--region", help="sets AWS_REGION")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def parse(
    parser: argparse.ArgumentParser, arguments: list[str] | None
) -> tuple[argparse.Namespace, list[str]]:
    """Returns the options, and the arguments for `sam`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _, unknown = parser.parse_known_args(arguments)
    flags = [argument for argument in unknown if argument.startswith("--")]
    end = arguments.index(flags[0]) if flags else len(arguments)
    return parser.parse_args(arguments[:end]), arguments[end:]


def prepare(options: argparse.Namespace) -> tuple[Stack, str]:
    """Checks the account, and returns the stack and the region."""
    if options.profile:
        os.environ["AWS_PROFILE"] = options.profile
    if options.region:
        os.environ.update(AWS_REGION=options.region, AWS_DEFAULT_REGION=options.region)
    if not options.yes and not sys.stdin.isatty():
        fail("cannot ask for confirmation without a terminal: use YES=1")
    region = boto3.Session().region_name
    if not region:
        fail("no region: set AWS_REGION, or the region of the profile")
    try:
        account = boto3.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        fail(f"AWS does not accept the credentials: {error}")
    step(f"account {account}, region {region}")
    stack = Stack.describe(options.stack)
    if stack.status.endswith("_IN_PROGRESS"):
        fail(f"the stack {stack.name} is {stack.status}: wait until it has finished")
    return stack, region


def fail(message: str) -> NoReturn:
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


def depth(url: str) -> int:
    """Returns how many messages are on a queue, those with workers included."""
    names = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(count) for count in answer["Attributes"].values())


def sam(*arguments: str) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(["sam", *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode:
        fail(f"sam {arguments[0]} failed: see its messages above")


def target(stack: Stack, region: str) -> list[str]:
    """Returns SAM's flags for a stack. Each has its own prefix, since `sam delete` empties it."""
    return ["--stack-name", stack.name, "--s3-prefix", stack.name, "--region", region]
