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

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from templates import ROOT, TEMPLATE, dump, load, without_function_url

BUILD = ROOT / "target" / "sam" / "build"
SETTINGS = ROOT / "infra" / "samconfig.toml"
# The vault's name begins with it, so it must be lower case, and short enough that AWS shortens no name.
STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,36}")
# New accounts have 10 concurrent executions. Workers on Lambda can use up so few.
LOW_QUOTA = 50

Values = dict[str, str]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build and deploy the receiver's stack.")
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="of the template")
    options, for_sam = parser.parse_known_args(arguments)
    if not STACK_NAME.fullmatch(options.stack):
        sys.exit("the stack's name must match [a-z][a-z0-9-]{0,36}")
    given = dict(parameter.partition("=")[::2] for parameter in options.parameters)
    try:
        deployed = parameters_of(options.stack)
        for warning in warnings({**(deployed or {}), **given}):
            print(f"warning: {warning}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS refused a request: {error}")
    token = None
    if deployed is None and "TokenDigests" not in given:
        token = new_token()
        given["TokenDigests"] = hashlib.sha256(token.encode()).hexdigest()
    build({**(deployed or {}), **given}, is_http_api(deployed, given))
    deploy(options.stack, deployed is None, given, for_sam)
    url = outputs_of(options.stack)["CallbackUrl"]
    print(f"\nThe callback URL, for the vendor's console:\n  {url}{token or '<token>'}")
    if token:
        print("It contains the token, which is stored nowhere. `make smoke` checks the URL.")


def describe(stack: str) -> dict | None:
    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # After any other error the stack may exist, and a new token would lock the vendor out.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    # A change set that was never executed.
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found


def parameters_of(stack: str) -> Values | None:
    """Returns the parameters of a stack, or `None` if it does not exist."""
    if not (found := describe(stack)):
        return None
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def outputs_of(stack: str) -> Values:
    found = describe(stack) or sys.exit("nothing was deployed")
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def warnings(values: Values) -> Iterator[str]:
    if not values.get("AlarmEmail") and not values.get("AlarmTopicArn"):
        yield "no alarm notifies anyone: set AlarmEmail or AlarmTopicArn"
    client = boto3.client("lambda")
    quota = client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if quota <= LOW_QUOTA:
        yield (
            f"the account has only {quota} concurrent executions in {client.meta.region_name}. If workers"
            " on Lambda use them up, the vendor gets 429: set MaximumConcurrency for the workers, and"
            " raise the quota in Service Quotas"
        )


def new_token() -> str:
    # The output of a build server is stored.
    if not sys.stdout.isatty():
        sys.exit("without a terminal, TokenDigests is required: `callbackctl token` prints a token")
    token = secrets.token_hex(32)
    print(f"The token of the callback URL, printed only now: {token}", flush=True)
    return token


def is_http_api(deployed: Values | None, given: Values) -> bool:
    """Returns whether the HTTP API is the front door. Its template has no parameter FrontDoor."""
    default = "http-api" if deployed is not None and "FrontDoor" not in deployed else "url"
    return given.get("FrontDoor", (deployed or {}).get("FrontDoor", default)) == "http-api"


def build(values: Values, is_http_api: bool) -> None:
    # `sam deploy` reads parameters that are not given from the stack, but `sam build` does not.
    override = [f"Architecture={values['Architecture']}"] if "Architecture" in values else []
    flags = ["--parameter-overrides", *override] if override else []
    sam("build", "--template", str(TEMPLATE), "--build-dir", str(BUILD), *flags)
    if is_http_api:
        built = BUILD / "template.yaml"
        dump(without_function_url(load(built)), built)


def deploy(stack: str, is_new: bool, given: Values, for_sam: list[str]) -> None:
    flags = ["--template", str(BUILD / "template.yaml"), "--config-file", str(SETTINGS)]
    # The prefix is the stack's own, since `sam delete` empties it.
    flags += ["--stack-name", stack, "--s3-prefix", stack]
    flags += ["--confirm-changeset" if sys.stdin.isatty() else "--no-confirm-changeset"]
    if is_new:
        # Otherwise a failed creation leaves a stack that cannot be updated.
        flags += ["--on-failure", "DELETE"]
    if given:
        # SAM ignores an empty value without quotes.
        flags += ["--parameter-overrides", *(f'{name}="{value}"' for name, value in given.items())]
    sam("deploy", *flags, *for_sam)


def sam(*arguments: str) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    if subprocess.run(["sam", *arguments], cwd=ROOT, env=environment, check=False).returncode:
        sys.exit(f"sam {arguments[0]} failed: see its messages above")


if __name__ == "__main__":
    main()
