"""The stack that the acceptance test deploys, on an emulator or in an account (`--account`)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import emulator
import receiver
from templates import ROOT, load

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
# AWS applies changes of permissions within about a minute, and an alarm has periods of five minutes.
PATIENCE_SECONDS = {"account": 600, "emulator": 20}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--account", action="store_true", help="use AWS instead of the emulator")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    other = "emulator" if config.getoption("--account") else "account"
    for item in items:
        if mark := item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"requires an {other}: {mark.args[0]}"))


def eventually(check: Callable[[], Any]) -> Any:
    """Calls `check` until it returns a true value, and returns this value."""
    where = "emulator" if "AWS_ENDPOINT_URL" in os.environ else "account"
    end = time.monotonic() + PATIENCE_SECONDS[where]
    while not (found := check()) and time.monotonic() < end:
        time.sleep(2)
    return found


@pytest.fixture(scope="session")
def deployment(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A folder with the packages, outside the checkout, and users with the documented policies."""
    source = ROOT / "target" / "dist" / ARCHITECTURES[platform.machine()]
    assert source.is_dir(), f"{source} is missing: run `make packages`"
    folder = Path(shutil.copytree(source, tmp_path_factory.mktemp("release") / "receiver"))
    with contextlib.ExitStack() as stack:
        if not pytestconfig.getoption("--account"):
            start_emulator(stack, str(tmp_path_factory.mktemp("tls") / "server.pem"))
        found = Deployment(f"acceptance-{secrets.token_hex(3)}", folder)
        stack.callback(found.clean_up)
        found.create_users()
        yield found


def start_emulator(stack: contextlib.ExitStack, certificate: str) -> None:
    """Starts MiniStack with TLS and IAM."""
    command = shlex.split("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes")
    # rustls does not accept the certificate of an authority as a server certificate.
    for extension in ("basicConstraints=critical,CA:FALSE", "subjectAltName=IP:127.0.0.1"):
        command += ["-addext", extension]
    command += ["-subj", "/CN=localhost", "-keyout", certificate, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    trust = {"AWS_CA_BUNDLE": certificate, "SSL_CERT_FILE": certificate}
    tls = {"USE_SSL": "1", "MINISTACK_SSL_CERT": certificate, "MINISTACK_SSL_KEY": certificate}
    stack.enter_context(emulator.ministack({"AUTH": "true", **tls, **trust}))


class Deployment:
    """A stack, and the actions of its users."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.region = name, folder, boto3.Session().region_name
        self.token = secrets.token_hex(32)
        self.users: dict[str, boto3.Session] = {}

    def create_users(self) -> None:
        account = boto3.client("sts").get_caller_identity()["Account"]
        for user, policy, stack in [
            ("deploy", "deploy", self.name),
            ("operate", "operate", self.name),
            ("reconcile", "deploy", f"{self.name}-reconcile"),
        ]:
            text = (ROOT / "infra" / "policies" / f"{policy}.json").read_text()
            for name, value in [("ACCOUNT", account), ("REGION", self.region), ("STACK", stack)]:
                text = text.replace(name, value)
            name = f"{self.name}-{user}"
            policy = boto3.client("iam").create_policy(PolicyName=name, PolicyDocument=text)
            self.create_user(user, policy["Policy"]["Arn"])

    def create_user(self, user: str, policy: str) -> None:
        iam, name = boto3.client("iam"), f"{self.name}-{user}"
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.users[user] = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
        if "AWS_ENDPOINT_URL" not in os.environ:
            # New keys and their permissions are valid after some seconds.
            time.sleep(20)

    def run(self, user: str, *command: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command in the folder as a user, and prints its output."""
        key = self.users[user].get_credentials()
        environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_REGION": self.region}
        # Removes the AWS settings of the user who runs the tests.
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            environment.pop(name, None)
        environment.update(AWS_ACCESS_KEY_ID=key.access_key, AWS_SECRET_ACCESS_KEY=key.secret_key)
        environment.update(QUEUE_URL=self.outputs.get("QueueUrl", ""))
        environment.update(VAULT_BUCKET=self.outputs.get("VaultBucket", ""))
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout, flush=True)
        return done

    def deploy_guided(self, **parameters: str) -> bool:
        """Runs `sam deploy --guided`, and answers its questions. An empty answer selects the default."""
        names = load(self.folder / "template.yaml")["Parameters"]
        answers = [self.name, self.region, *(parameters.get(name, "") for name in names)]
        # Confirm changes, create roles, disable rollback, save arguments. Saved arguments would restore the
        # first token with each later deployment.
        text = "\n".join([*answers, "", "", "", "n", ""])
        return self.run("deploy", "sam", "deploy", "--guided", answers=text).returncode == 0

    def sam(self, command: str, *flags: str, user: str = "deploy", **parameters: str) -> bool:
        """Runs `sam deploy` or `sam delete`, and returns whether it succeeded."""
        stack = self.name if user == "deploy" else f"{self.name}-{user}"
        values = [f'{name}="{value}"' for name, value in parameters.items()]
        overrides = ["--parameter-overrides", *values] if values else []
        words = ["sam", command, "--stack-name", stack, "--region", self.region, *flags]
        return self.run(user, *words, *overrides).returncode == 0

    @property
    def status(self) -> str:
        return self.describe().get("StackStatus", "DELETE_COMPLETE")

    @property
    def outputs(self) -> dict[str, str]:
        return {
            each["OutputKey"]: each["OutputValue"] for each in self.describe().get("Outputs", [])
        }

    def describe(self) -> dict[str, Any]:
        with contextlib.suppress(ClientError):
            return boto3.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {}

    @property
    def url(self) -> str:
        """The callback URL. The emulator serves it at a path, because its host name may not resolve."""
        url = self.outputs["CallbackUrl"]
        if "AWS_ENDPOINT_URL" not in os.environ:
            return url.rstrip("/")
        name, kind = url.split("//")[1].split(".")[:2]
        path = f"{kind}/{name}" + ("/$default" if kind == "execute-api" else "")
        return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/{path}"

    def post(self, body: bytes, token: str = "") -> tuple[int, dict[str, Any]]:
        status, answer = receiver.post(f"{self.url}/{token or self.token}", body)
        return status, json.loads(answer)

    def receive(self, count: int) -> list[dict[str, Any]]:
        """Receives and deletes messages like a worker, until at least this many were received and the queue is empty."""
        found: list[dict[str, Any]] = []
        sqs, queue = self.users["worker"].client("sqs"), self.outputs["QueueUrl"]
        eventually(lambda: found.extend(receiver.receive(sqs, queue)) or len(found) >= count)
        return found

    def log(self, field: str) -> list[dict[str, Any]]:
        """Returns the lines of the function's log that contain a field."""
        log = {"logGroupName": self.outputs["LogGroupName"], "filterPattern": f'"{field}"'}
        events = boto3.client("logs").filter_log_events(**log)["events"]
        return [json.loads(event["message"]) for event in events]

    def stored(self, folder: str) -> list[str]:
        """Returns the keys in a folder of the vault."""
        vault = {"Bucket": self.outputs["VaultBucket"], "Prefix": f"{folder}/"}
        listed = boto3.client("s3").list_objects_v2(**vault).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def digest(self, token: str = "") -> str:
        return hashlib.sha256((token or self.token).encode()).hexdigest()

    def clean_up(self) -> None:
        """Deletes all remaining resources, including the retained ones."""
        iam, cloudformation = boto3.resource("iam"), boto3.client("cloudformation")
        for user in [user for user in iam.users.all() if user.name.startswith(self.name)]:
            for policy in user.attached_policies.all():
                policy.detach_user(UserName=user.name)
            for key in user.access_keys.all():
                key.delete()
            user.delete()
        for stack in (self.name, f"{self.name}-reconcile"):
            cloudformation.delete_stack(StackName=stack)
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        for policy in iam.policies.filter(Scope="Local"):
            if policy.policy_name.startswith(self.name):
                policy.delete()
        for bucket in boto3.resource("s3").buckets.all():
            if bucket.name.startswith(self.name):
                bucket.object_versions.delete()
                bucket.delete()
        for queue in boto3.resource("sqs").queues.filter(QueueNamePrefix=self.name):
            queue.delete()
