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

PACKAGES = ROOT / "target" / "dist"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
# AWS applies changes of permissions within a minute or so, and an alarm has periods of five minutes.
PATIENCE_SECONDS = 600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--account", action="store_true", help="use AWS instead of the emulator")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    other = "emulator" if config.getoption("--account") else "account"
    for item in items:
        if mark := item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"needs an {other}: {mark.args[0]}"))


def eventually(check: Callable[[], Any]) -> Any:
    """Calls `check` until it returns something true, and returns that."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()) and time.monotonic() < end:
        time.sleep(2)
    return found


@pytest.fixture(scope="session")
def aws(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Starts the emulator with TLS and IAM, and sets AWS's variables; or uses the account's."""
    if pytestconfig.getoption("--account"):
        yield
        return
    trust = make_certificate(tmp_path_factory.mktemp("tls"))
    emulator.forget_settings()
    os.environ.update(trust)
    settings = {"AUTH": "true", "USE_SSL": "1", **trust}
    settings.update(MINISTACK_SSL_CERT=trust["SSL_CERT_FILE"])
    settings.update(MINISTACK_SSL_KEY=trust["SSL_CERT_FILE"])
    with emulator.ministack(emulator.free_port(), settings) as endpoint:
        os.environ.update(AWS_ENDPOINT_URL=endpoint, AWS_REGION=emulator.REGION)
        os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
        os.environ.update(AWS_DEFAULT_REGION=emulator.REGION)
        yield


def make_certificate(folder: Path) -> dict[str, str]:
    """Makes a self-signed certificate for localhost. Returns the variables that trust it."""
    file = str(folder / "server.pem")
    command = shlex.split("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes")
    # rustls accepts no authority as a server's own certificate.
    for extension in ("basicConstraints=critical,CA:FALSE", "subjectAltName=IP:127.0.0.1"):
        command += ["-addext", extension]
    command += ["-subj", "/CN=localhost", "-keyout", file, "-out", file]
    subprocess.run(command, check=True, capture_output=True)
    return {"AWS_CA_BUNDLE": file, "SSL_CERT_FILE": file}


@pytest.fixture(scope="session")
def deployment(aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A folder with the packages, outside the checkout, and users with the documented policies."""
    source = PACKAGES / ARCHITECTURES[platform.machine()]
    assert source.is_dir(), f"{source} is missing: run `make packages`"
    folder = Path(shutil.copytree(source, tmp_path_factory.mktemp("release") / "receiver"))
    found = Deployment(f"acceptance-{secrets.token_hex(3)}", folder)
    try:
        found.create_users()
        yield found
    finally:
        found.clean_up()


class Deployment:
    """A stack, and what its operators do with it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.token = secrets.token_hex(32)
        self.users: dict[str, dict[str, str]] = {}
        self.policies: list[str] = []
        self.secret = ""

    def create_users(self) -> None:
        self.create_user("deploy", *self.documented("deploy", self.name, f"{self.name}-reconcile"))
        self.create_user("operate", *self.documented("operate", self.name))
        # A key and its permissions work after some seconds.
        assert eventually(lambda: self.may("deploy", "lambda", "get_account_settings"))
        assert eventually(lambda: self.may("operate", "cloudwatch", "describe_alarms"))

    def create_worker(self) -> None:
        self.create_user("worker", self.outputs["ConsumerPolicyArn"])
        queue = {"QueueUrl": self.outputs["QueueUrl"]}
        assert eventually(lambda: self.may("worker", "sqs", "get_queue_attributes", **queue))

    def may(self, user: str, service: str, operation: str, **arguments: str) -> bool:
        with contextlib.suppress(ClientError):
            return bool(getattr(self.client(service, user), operation)(**arguments))
        return False

    def documented(self, policy: str, *stacks: str) -> Iterator[str]:
        """Creates a policy of `infra/policies` for each stack, and yields its ARN."""
        text = (ROOT / "infra" / "policies" / f"{policy}.json").read_text()
        account = boto3.client("sts").get_caller_identity()["Account"]
        text = text.replace("ACCOUNT", account).replace("REGION", boto3.Session().region_name)
        for stack in stacks:
            document = text.replace("STACK", stack)
            answer = boto3.client("iam").create_policy(
                PolicyName=f"{stack}-{policy}", PolicyDocument=document
            )
            self.policies.append(answer["Policy"]["Arn"])
            yield self.policies[-1]

    def create_user(self, name: str, *policies: str) -> None:
        iam, user = boto3.client("iam"), f"{self.name}-{name}"
        iam.create_user(UserName=user)
        for policy in policies:
            iam.attach_user_policy(UserName=user, PolicyArn=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
        self.users[name] = {variable: key[field] for variable, field in names.items()}

    def client(self, service: str, user: str) -> Any:
        key = self.users[user]
        return boto3.client(
            service,
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )

    def run(self, user: str, *command: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command in the folder as a user, and prints its output."""
        environment = {**os.environ, **self.users[user], "SAM_CLI_TELEMETRY": "0"}
        # Those of who runs the tests.
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            environment.pop(name, None)
        environment.update(AWS_REGION=boto3.Session().region_name)
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

    def deploy(self, *flags: str, stack: str = "", **parameters: str) -> bool:
        """Runs `sam deploy`, and returns whether it succeeded."""
        values = [f'{name}="{value}"' for name, value in parameters.items()]
        command = ["sam", "deploy", "--stack-name", stack or self.name, "--resolve-s3"]
        command += ["--region", boto3.Session().region_name, "--capabilities", "CAPABILITY_IAM"]
        command += [*flags, *(["--parameter-overrides", *values] if values else [])]
        return self.run("deploy", *command).returncode == 0

    def deploy_guided(self, **parameters: str) -> bool:
        """Runs `sam deploy --guided`, and answers its questions; an empty answer is the default."""
        names = load(self.folder / "template.yaml")["Parameters"]
        answers = [self.name, boto3.Session().region_name]
        answers += [parameters.get(name, "") for name in names]
        # Confirm changes, create roles, disable roll-back. If the arguments were saved, each later
        # deployment would use the first token again.
        answers += ["", "", "", "n"]
        command, text = ["sam", "deploy", "--guided"], "\n".join([*answers, ""])
        return self.run("deploy", *command, answers=text).returncode == 0

    def describe(self) -> dict[str, Any]:
        with contextlib.suppress(ClientError):
            client = boto3.client("cloudformation")
            return client.describe_stacks(StackName=self.name)["Stacks"][0]
        return {"StackStatus": ""}

    @property
    def outputs(self) -> dict[str, str]:
        return {
            each["OutputKey"]: each["OutputValue"] for each in self.describe().get("Outputs", [])
        }

    def url(self) -> str:
        """Returns the callback URL. The emulator serves it at a path, since its name need not resolve."""
        url = self.outputs["CallbackUrl"]
        if "AWS_ENDPOINT_URL" not in os.environ:
            return url.rstrip("/")
        name, kind = url.split("//")[1].split(".")[:2]
        path = f"{kind}/{name}" + ("/$default" if kind == "execute-api" else "")
        return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/{path}"

    def post(self, body: bytes, token: str = "") -> tuple[int, dict[str, Any]]:
        sample = receiver.Sample("", body, "")
        status, answer = receiver.post(f"{self.url()}/{token or self.token}", sample)
        return status, json.loads(answer)

    def receive(self, count: int, user: str = "worker") -> list[dict[str, Any]]:
        """Receives and deletes messages as a worker, until it has so many and no more come."""
        found: list[dict[str, Any]] = []
        sqs, queue = self.client("sqs", user), self.outputs["QueueUrl"]

        def is_enough() -> bool:
            found.extend(receiver.receive(sqs, queue))
            return len(found) >= count

        eventually(is_enough)
        return found

    def create_secret(self, value: dict[str, str]) -> str:
        created = boto3.client("secretsmanager").create_secret(
            Name=f"{self.name}-vendor", SecretString=json.dumps(value)
        )
        self.secret = created["ARN"]
        return self.secret

    def invoke(self, function: str, **variables: str) -> dict[str, Any]:
        """Invokes a function with additional variables."""
        client = boto3.client("lambda")
        before = client.get_function_configuration(FunctionName=function)["Environment"][
            "Variables"
        ]
        client.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**before, **variables}}
        )
        client.get_waiter("function_updated_v2").wait(FunctionName=function)
        return json.load(client.invoke(FunctionName=function, Payload=b"{}")["Payload"]) or {}

    def stored(self) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.outputs["VaultBucket"])
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def digest(self, token: str = "") -> str:
        return hashlib.sha256((token or self.token).encode()).hexdigest()

    def clean_up(self) -> None:
        """Deletes all that was created, the retained parts included."""
        iam, s3, sqs = boto3.client("iam"), boto3.resource("s3"), boto3.client("sqs")
        for name in self.users:
            user = f"{self.name}-{name}"
            for policy in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
                iam.detach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
            iam.delete_access_key(UserName=user, AccessKeyId=self.users[name]["AWS_ACCESS_KEY_ID"])
            iam.delete_user(UserName=user)
        cloudformation = boto3.client("cloudformation")
        for stack in (self.name, f"{self.name}-reconcile"):
            cloudformation.delete_stack(StackName=stack)
            waiter = cloudformation.get_waiter("stack_delete_complete")
            waiter.wait(StackName=stack, WaiterConfig={"Delay": 2})
        if self.secret:
            secretsmanager = boto3.client("secretsmanager")
            secretsmanager.delete_secret(SecretId=self.secret, ForceDeleteWithoutRecovery=True)
        for policy in self.policies:
            iam.delete_policy(PolicyArn=policy)
        for bucket in s3.buckets.all():
            if bucket.name.startswith(f"{self.name}-"):
                bucket.object_versions.delete()
                bucket.delete()
        for queue in sqs.list_queues(QueueNamePrefix=self.name).get("QueueUrls", []):
            sqs.delete_queue(QueueUrl=queue)
