"""Builds, deploys and takes down the receiver: what `make deploy` and `make destroy` do.

Where AWS is, who asks and in which region come from AWS's own settings, `AWS_ENDPOINT_URL` among
them: the same commands deploy onto an emulator, which is how they are tested.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import boto3
import botocore.exceptions

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


def main() -> int:
    parser = argparse.ArgumentParser(description="Deploy the receiver, or take it down.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in [("deploy", "build and deploy"), ("destroy", "take the stack down")]:
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default=STACK, help=f"the stack's name (default: {STACK})")
        if name == "deploy":
            command.add_argument("--callbackctl", type=Path, required=True, help="its binary")
            command.add_argument(
                "parameters", nargs="*", metavar="NAME=VALUE", help="the template's parameters"
            )
    arguments = parser.parse_args()
    check_tools()
    region = check_account()
    if arguments.command == "destroy":
        destroy(arguments.stack, region)
        return 0
    token = new_token(arguments.stack, arguments.parameters)
    try:
        deploy(arguments.stack, region, arguments.parameters, token)
        tell(arguments.stack, token, arguments.callbackctl)
    except BaseException:
        if token:
            # Nothing else holds it, and the stack may be there all the same.
            print(f"\nThe token, should the stack be there after all: {token}", file=sys.stderr)
        raise
    return 0


def fail(message: str) -> NoReturn:
    sys.exit(f"deploy.py: {message}")


def step(message: str) -> None:
    print(f"- {message}", flush=True)


def check_tools() -> None:
    """Says all that is missing at once, before anything is built."""
    missing = [f"{tool}: {advice}" for tool, advice in TOOLS.items() if not shutil.which(tool)]
    if missing:
        fail("not found:\n  " + "\n  ".join(missing))


def check_account() -> str:
    """Says whose account it is, and gives the region."""
    region = boto3.Session().region_name
    if not region:
        fail("no region: set AWS_REGION, or a profile's region")
    try:
        account = boto3.client("sts").get_caller_identity()["Account"]
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        fail(f"AWS does not know you: {error}")
    step(f"account {account}, region {region}")
    return region


def new_token(stack: str, parameters: list[str]) -> str | None:
    """A token for a stack that is new, unless digests of others are given."""
    given = {parameter.split("=", 1)[0] for parameter in parameters}
    return None if "TokenDigests" in given or outputs(stack) else secrets.token_hex(32)


def deploy(stack: str, region: str, parameters: list[str], token: str | None) -> None:
    """Builds and deploys."""
    if token:
        digest = hashlib.sha256(token.encode()).hexdigest()
        parameters = [*parameters, f"TokenDigests={digest}"]
    architecture = [part for part in parameters if part.startswith("Architecture=")]
    overrides = ["--parameter-overrides", *architecture] if architecture else []
    step("building the function for release: minutes the first time")
    sam("build", "--template", str(TEMPLATE), "--build-dir", str(BUILD), *overrides)
    step(f"deploying the stack {stack}")
    sam(
        "deploy",
        *("--template", str(BUILD / "template.yaml"), "--config-file", str(SETTINGS)),
        # `sam delete` empties the prefix: each stack has its own.
        *("--stack-name", stack, "--s3-prefix", stack, "--region", region),
        *(["--parameter-overrides", *parameters] if parameters else []),
    )


def destroy(stack: str, region: str) -> None:
    left = outputs(stack)
    if not left:
        fail(f"there is no stack {stack} in {region}")
    step(f"taking down the stack {stack}")
    sam("delete", "--stack-name", stack, "--s3-prefix", stack, "--region", region, "--no-prompts")
    print(
        f"\nThe vault stays, since it may hold the only copy of a callback: bucket"
        f" {left['VaultBucket']}. Delete it yourself once nothing in it is needed."
    )


def tell(stack: str, token: str | None, callbackctl: Path) -> None:
    """What to do next."""
    found = outputs(stack)
    url = found["FunctionUrl"]
    print(
        f"\nThe receiver is there.\n  queue     {found['QueueUrl']}\n  vault     {found['VaultBucket']}"
    )
    print(f"  dashboard {found['DashboardName']}\n  workers   attach {found['ConsumerPolicyArn']}")
    if token:
        print(
            "\nThe callback URL, for the vendor's console. It holds the token, which is shown this"
            f" once and stored nowhere:\n  {url}{token}\n\nSee whether it works:\n"
            f"  QUEUE_URL={found['QueueUrl']} VAULT_BUCKET={found['VaultBucket']} \\\n"
            f"    {callbackctl} doctor {url}{token}"
        )
    else:
        print(f"\nThe callback URL is as before: {url}<token>")


def outputs(stack: str) -> dict[str, str]:
    """What a stack says of itself; nothing if there is none."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except botocore.exceptions.ClientError as error:
        # Any other error does not say that there is none, and a new token would lock the vendor out.
        if "does not exist" in error.response["Error"]["Message"]:
            return {}
        fail(f"the stack {stack} cannot be looked at: {error}")
    listed = found[0].get("Outputs", []) if found else []
    return {output["OutputKey"]: output["OutputValue"] for output in listed}


def sam(*arguments: str) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(["sam", *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode:
        fail(f"sam {arguments[0]} failed; above is what it said")


if __name__ == "__main__":
    sys.exit(main())
