"""Builds and deploys the receiver with SAM: `make deploy`.

SAM does the work. This adds a token for a new stack, warnings before it, and the callback URL after it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from templates import ROOT, TEMPLATE

BUILD = ROOT / "target" / "sam" / "build"
# The vault's name begins with the name of the stack. It must be in lower case, and short enough that AWS does
# not truncate any name.
STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,36}")
# New accounts have a quota of 10 concurrent executions, which workers on Lambda can use up.
LOW_QUOTA = 50


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Build and deploy the receiver's stack.")
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="of the template")
    # The arguments after `--` are passed to `sam deploy`.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, for_sam = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    if not STACK_NAME.fullmatch(options.stack):
        sys.exit("the stack name must match [a-z][a-z0-9-]{0,36}")
    stack = describe(options.stack)
    given = dict(parameter.partition("=")[::2] for parameter in options.parameters)
    known = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    for warning in warnings({**known, **given}):
        print(f"warning: {warning}", file=sys.stderr)
    token = ""
    if not stack and "TokenDigests" not in given:
        token = new_token()
        given["TokenDigests"] = hashlib.sha256(token.encode()).hexdigest()
    # `sam deploy` reads omitted parameters from the stack, but `sam build` does not.
    override = f"Architecture={({'Architecture': 'arm64'} | known | given)['Architecture']}"
    build = ["--template", str(TEMPLATE), "--build-dir", str(BUILD)]
    sam("build", *build, "--parameter-overrides", override)
    sam("deploy", *flags(options.stack, not stack, given), *for_sam)
    outputs = {
        each["OutputKey"]: each["OutputValue"] for each in describe(options.stack)["Outputs"]
    }
    print(f"\nThe callback URL: {outputs['CallbackUrl']}{token or '<token>'}")
    if token:
        print("Store the URL: its token is not stored anywhere else. `make smoke` checks the URL.")


def describe(stack: str) -> dict[str, Any]:
    """Returns a stack as CloudFormation describes it, or nothing if it does not exist."""
    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # After any other error, the stack may exist. A new token would then invalidate the registered URL.
        if "does not exist" not in str(error):
            raise
        return {}
    # A change set that was never executed.
    return {} if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found


def warnings(values: dict[str, str]) -> Iterator[str]:
    if not values.get("AlarmEmail") and not values.get("AlarmTopicArn"):
        yield "alarms send no notification: set AlarmEmail or AlarmTopicArn"
    quota = boto3.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if quota <= LOW_QUOTA:
        yield (
            f"the account has only {quota} concurrent executions in this region. If workers on Lambda"
            " use them up, Tencent gets 429: set MaximumConcurrency for the workers, and raise the"
            " quota in Service Quotas"
        )


def new_token() -> str:
    # Build servers store their output, which would contain the token.
    if not sys.stdout.isatty():
        sys.exit("TokenDigests is required without a terminal: run `callbackctl token`")
    token = secrets.token_hex(32)
    print(f"The token of the callback URL, which is printed only once: {token}", flush=True)
    return token


def flags(stack: str, is_new: bool, given: dict[str, str]) -> Iterator[str]:
    yield from ("--template", str(BUILD / "template.yaml"))
    yield from ("--config-file", str(ROOT / "infra" / "samconfig.toml"))
    # Each stack has a separate prefix, because `sam delete` empties it.
    yield from ("--stack-name", stack, "--s3-prefix", stack)
    yield "--confirm-changeset" if sys.stdin.isatty() else "--no-confirm-changeset"
    if is_new:
        # Otherwise, a stack cannot be updated after its creation failed.
        yield from ("--on-failure", "DELETE")
    if given:
        # SAM ignores an empty value without quotes.
        yield from ("--parameter-overrides", *(f'{key}="{value}"' for key, value in given.items()))


def sam(*arguments: str) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    if subprocess.run(["sam", *arguments], cwd=ROOT, env=environment, check=False).returncode:
        sys.exit(f"sam {arguments[0]} failed: see its messages above")


if __name__ == "__main__":
    main(sys.argv[1:])
