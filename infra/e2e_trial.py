"""Deploys the template to MiniStack, and tries what every deployment must do."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

import deploy
import destroy
import emulator
import local
import receiver
import stack
from receiver import Sample, kind
from stack import Stack

REGION = "eu-central-1"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}


def sam(*arguments: str, run: Any = stack.sam) -> None:
    """Runs SAM, and adapts its build to the emulator.

    The emulator has no CodeDeploy, and its SAM reads the defaults of parameters only, so that gradual
    deployment is off by default. The pipe, whose creation can fail, is created after the vault.
    """
    run(*arguments)
    if arguments[0] == "build":
        template = deploy.BUILD / "template.yaml"
        text = re.sub(r"Default: canary\b", "Default: 'off'", template.read_text())
        pipe = "    Type: AWS::Pipes::Pipe\n"
        template.write_text(text.replace(pipe, f"{pipe}    DependsOn: Vault\n"))


@contextlib.contextmanager
def aws(is_secure: bool) -> Iterator[None]:
    """Starts MiniStack, and points AWS's settings to it; with TLS and IAM if it is to be secure."""
    before = dict(os.environ)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="callback-") as folder:
        settings = {}
        try:
            if is_secure:
                certificate, key = make_certificate(Path(folder))
                # This process, its children and the function trust it.
                trust = {"AWS_CA_BUNDLE": certificate, "SSL_CERT_FILE": certificate}
                os.environ.update(trust)
                settings = {"AUTH": "true", "USE_SSL": "1", **trust}
                settings.update(MINISTACK_SSL_CERT=certificate, MINISTACK_SSL_KEY=key)
            with emulator.ministack(emulator.free_port(), settings) as endpoint:
                os.environ.update(
                    AWS_ENDPOINT_URL=endpoint,
                    AWS_ACCESS_KEY_ID="test",
                    AWS_SECRET_ACCESS_KEY="test",
                    AWS_REGION=REGION,
                    AWS_DEFAULT_REGION=REGION,
                )
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def make_certificate(folder: Path) -> tuple[str, str]:
    """Makes a self-signed certificate for localhost."""
    certificate, key = str(folder / "server.crt"), str(folder / "server.key")
    names = "subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1"
    command = shlex.split(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    )
    # rustls accepts no authority as a server's own certificate.
    command += ["-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    command += ["-addext", names, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


class Trial:
    """A deployment, and what every deployment must do."""

    def __init__(
        self, name: str, parameters: list[str], checks: emulator.Checks, callbackctl: Path
    ) -> None:
        self.name = name
        self.checks = checks
        self.callbackctl = callbackctl
        self.stack = f"callback-{name}"
        machine = ARCHITECTURES[platform.machine()]
        self.parameters = [*parameters, f"Architecture={machine}"]

    def create_user(self, name: str) -> dict[str, str]:
        """Creates a user with one of `infra/policies`, and returns the variables with its key."""
        text = (stack.ROOT / "infra" / "policies" / f"{name}.json").read_text()
        for placeholder, value in (
            ("ACCOUNT", "0" * 12),
            ("REGION", REGION),
            ("STACK", self.stack),
        ):
            text = text.replace(placeholder, value)
        iam, user = boto3.client("iam"), f"{self.stack}-{name}"
        iam.create_user(UserName=user)
        policy = iam.create_policy(PolicyName=user, PolicyDocument=text)["Policy"]
        iam.attach_user_policy(UserName=user, PolicyArn=policy["Arn"])
        key = iam.create_access_key(UserName=user)["AccessKey"]
        secret = key["SecretAccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": secret}

    @contextlib.contextmanager
    def user(self, name: str) -> Iterator[None]:
        """Acts as a user. The emulator enforces its policy in the secure form."""
        before = {variable: os.environ[variable] for variable in self.users[name]}
        os.environ.update(self.users[name])
        try:
            yield
        finally:
            os.environ.update(before)

    def equal(self, what: str, expected: object, found: object) -> None:
        self.checks.equal(f"{self.name}: {what}", expected, found)

    def run(self) -> None:
        self.users = {name: self.create_user(name) for name in ("deploy", "operate")}
        self.token = self.deploy(*self.parameters)
        self.find()
        self.try_samples()
        self.try_doctor()
        self.try_outage()
        self.destroy()
        self.equal("the stack is gone", "", Stack.describe(self.stack).status)
        kept = boto3.client("s3").list_objects_v2(Bucket=self.vault).get("KeyCount", 0)
        self.equal("objects in the retained vault", 2, kept)

    def deploy(self, *arguments: str) -> str:
        """Deploys, and returns the token if one was printed."""
        options = ["--yes", "--stack", self.stack, "--callbackctl", str(self.callbackctl)]
        printed = io.StringIO()
        with self.user("deploy"), contextlib.redirect_stdout(printed):
            deploy.main([*options, *arguments])
        print(printed.getvalue(), flush=True)
        found = re.search(r"doctor \S+/(\w+)$", printed.getvalue(), re.MULTILINE)
        return found[1] if found else ""

    def destroy(self, *arguments: str) -> None:
        with self.user("deploy"):
            destroy.main(["--yes", "--stack", self.stack, *arguments])

    def find(self) -> None:
        """Reads the stack's outputs."""
        found = Stack.describe(self.stack).outputs
        self.queue_url, self.vault = found["QueueUrl"], found["VaultBucket"]
        # The emulator serves each host name at a path, too, since the name does not resolve.
        host = found["CallbackUrl"].split("//")[1].split(".")
        paths = {
            "lambda-url": f"lambda-url/{host[0]}",
            "execute-api": f"execute-api/{host[0]}/$default",
        }
        self.url = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/{paths[host[1]]}"

    def try_samples(self) -> None:
        ids: list[str] = []
        for sample in local.samples():
            status, answer = self.post(sample)
            found = kind(status, answer)
            self.equal(sample.name, sample.expected, found)
            if found == "accepted":
                ids += json.loads(answer)["ids"]
        # The same job in XML and in JSON: a FIFO queue drops the repeat.
        expected = sorted(set(ids) if self.queue_url.endswith(".fifo") else ids)
        received = sorted(json.loads(message["Body"])["id"] for message in self.receive())
        self.equal("records on the queue", expected, received)
        self.equal("objects in the vault", ["quarantine"], self.folders())

    def try_doctor(self) -> None:
        code, output = self.operate(["doctor", f"{self.url}/{self.token}"])
        wrong = [line for line in output.splitlines() if line.startswith("wrong")]
        self.equal("what the doctor reports", ["wrong  bodies wait in quarantine/: 1"], wrong)
        self.equal("exit code of the doctor", 1, code)

    def try_outage(self) -> None:
        """Deletes the queue, posts a callback, creates the queue again, and replays the vault."""
        sqs = boto3.client("sqs")
        attributes = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])
        sqs.delete_queue(QueueUrl=self.queue_url)
        sample = local.samples()[0]
        self.equal("an answer without a queue", 503, self.post(sample)[0])
        self.equal("objects in the vault", ["quarantine", "spill"], self.folders())
        kept = {"FifoQueue", "ContentBasedDeduplication", "RedrivePolicy", "VisibilityTimeout"}
        attributes = {k: v for k, v in attributes["Attributes"].items() if k in kept}
        name = self.queue_url.rsplit("/", 1)[1]
        sqs.create_queue(QueueName=name, Attributes=attributes)
        code, _ = self.operate(["replay", "--prefix", "spill/"])
        self.equal("exit code of the replay", 0, code)
        self.equal("records replayed", 1, len(self.receive()))
        self.equal("objects in the vault", ["quarantine", "replayed"], self.folders())

    def post(self, sample: Sample) -> tuple[int, str]:
        return receiver.post(f"{self.url}/{sample.token or self.token}", sample)

    def receive(self) -> list[dict[str, Any]]:
        return list(receiver.receive(boto3.client("sqs"), self.queue_url))

    def folders(self) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.vault).get("Contents", [])
        return sorted(entry["Key"].split("/")[0] for entry in listed)

    def operate(self, arguments: list[str]) -> tuple[int, str]:
        """Runs `callbackctl`, and returns its exit code and output."""
        settings = {**os.environ, **self.users["operate"]}
        settings |= {"QUEUE_URL": self.queue_url, "VAULT_BUCKET": self.vault}
        command = [self.callbackctl, *arguments]
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
        print(done.stdout + done.stderr, end="", flush=True)
        return done.returncode, done.stdout
