"""Deploys the template onto MiniStack in every form, and puts callbacks through: what `make e2e` does.

The commands are those of `make deploy` and `make destroy`, the function is the release build, and
what it speaks to is a server; only AWS is an emulator.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3

import deploy
import emulator
import local
from receiver import Sample, kind

REGION = "eu-central-1"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}

# What is deployed: a name, the template's parameters, and whether TLS and IAM are enforced.
FORMS: list[tuple[str, list[str], bool]] = [
    ("standard", ["QueueKind=standard"], False),
    ("fifo", ["QueueKind=fifo"], False),
    ("secure", ["QueueKind=standard"], True),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the template on an emulator of AWS.")
    parser.add_argument("--callbackctl", type=Path, required=True, help="its binary")
    emulator.end_on_signals()
    names = [name for name, _, _ in FORMS]
    parser.add_argument("--only", choices=names, help="one form instead of all")
    arguments = parser.parse_args()
    checks = emulator.Checks()
    for name, parameters, is_secure in FORMS:
        if arguments.only in (None, name):
            emulator.step(f"the form {name}")
            with aws(is_secure):
                Trial(name, parameters, checks, arguments.callbackctl.resolve()).run()
    print("all forms work" if not checks.wrong else "not all forms work")
    return checks.exit_code()


@contextlib.contextmanager
def aws(is_secure: bool) -> Any:
    """MiniStack, with AWS's settings pointing to it."""
    with tempfile.TemporaryDirectory(prefix="callback-") as folder:
        settings = {}
        if is_secure:
            certificate, key = make_certificate(Path(folder))
            settings = {
                "AUTH": "true",
                "USE_SSL": "1",
                "MINISTACK_SSL_CERT": certificate,
                "MINISTACK_SSL_KEY": key,
                # The function inherits both.
                "AWS_CA_BUNDLE": certificate,
                "SSL_CERT_FILE": certificate,
            }
        before = dict(os.environ)
        for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        if is_secure:
            # Before the emulator is asked whether it is healthy.
            os.environ.update(AWS_CA_BUNDLE=certificate, SSL_CERT_FILE=certificate)
        try:
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
    """A certificate for localhost that vouches for itself."""
    openssl = shutil.which("openssl") or emulator.fail("openssl is not installed")
    certificate, key = str(folder / "server.crt"), str(folder / "server.key")
    names = "subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        + ["-days", "2", "-subj", "/CN=localhost", "-addext", names]
        # No authority: rustls takes none for a server's own certificate.
        + ["-addext", "basicConstraints=critical,CA:FALSE"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


class Trial:
    """One deployment, and what is tried with it."""

    def __init__(
        self, name: str, parameters: list[str], checks: emulator.Checks, callbackctl: Path
    ) -> None:
        self.name = name
        self.checks = checks
        self.callbackctl = callbackctl
        self.stack = f"callback-{name}"
        machine = ARCHITECTURES.get(platform.machine()) or emulator.fail("an unknown machine")
        self.parameters = [*parameters, f"Architecture={machine}"]

    def equal(self, what: str, expected: object, found: object) -> None:
        self.checks.equal(f"{self.name}: {what}", expected, found)

    def run(self) -> None:
        token = deploy.new_token(self.stack, self.parameters)
        deploy.deploy(self.stack, REGION, self.parameters, token)
        again = deploy.new_token(self.stack, self.parameters)
        deploy.deploy(self.stack, REGION, self.parameters, again)
        self.equal("a second deployment keeps the token", None, again)
        found = deploy.outputs(self.stack)
        self.queue_url, self.vault = found["QueueUrl"], found["VaultBucket"]
        # The emulator answers a URL's host name only to who resolves it; this path serves everyone.
        url_id = found["FunctionUrl"].split("//")[1].split(".")[0]
        self.url = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/lambda-url/{url_id}"
        self.token = token or "the first deployment made none"
        self.try_samples()
        self.try_doctor()
        self.try_outage()
        deploy.destroy(self.stack, REGION)
        self.equal("the stack is gone", {}, deploy.outputs(self.stack))
        kept = boto3.client("s3").list_objects_v2(Bucket=self.vault).get("KeyCount", 0)
        self.equal("the vault stays, with what is in it", 2, kept)

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
        self.equal("kept in the vault", ["quarantine"], self.folders())

    def try_doctor(self) -> None:
        code, told = self.operate(["doctor", f"{self.url}/{self.token}"])
        self.equal("the doctor sees the quarantined body", 1, code)
        wrong = [line for line in told.splitlines() if line.startswith("wrong")]
        self.equal("and nothing else", ["wrong  bodies wait in quarantine/: 1"], wrong)

    def try_outage(self) -> None:
        """The queue goes, a callback comes, the queue comes back, and the vault is replayed."""
        sqs = boto3.client("sqs")
        attributes = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])
        sqs.delete_queue(QueueUrl=self.queue_url)
        sample = local.samples()[0]
        self.equal("an answer without a queue", 503, self.post(sample)[0])
        self.equal("kept in the vault", ["quarantine", "spill"], self.folders())
        kept = {"FifoQueue", "ContentBasedDeduplication", "RedrivePolicy", "VisibilityTimeout"}
        attributes = {k: v for k, v in attributes["Attributes"].items() if k in kept}
        name = self.queue_url.rsplit("/", 1)[1]
        sqs.create_queue(QueueName=name, Attributes=attributes)
        code, _ = self.operate(["replay", "--prefix", "spill/"])
        self.equal("exit code of the replay", 0, code)
        self.equal("records replayed", 1, len(self.receive()))
        self.equal("kept in the vault", ["quarantine", "replayed"], self.folders())

    def post(self, sample: Sample) -> tuple[int, str]:
        url = f"{self.url}/{sample.token or self.token}"
        request = urllib.request.Request(url, sample.body, {"Content-Type": sample.content_type})
        context = ssl.create_default_context() if url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def receive(self) -> list[dict[str, Any]]:
        """Receives and deletes all that is on the queue."""
        sqs = boto3.client("sqs")
        received: list[dict[str, Any]] = []
        while True:
            answer = sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            messages = answer.get("Messages", [])
            if not messages:
                return received
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            received += messages

    def folders(self) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.vault).get("Contents", [])
        return sorted(entry["Key"].split("/")[0] for entry in listed)

    def operate(self, arguments: list[str]) -> tuple[int, str]:
        """Runs one of the operator's commands."""
        found = {"QUEUE_URL": self.queue_url, "VAULT_BUCKET": self.vault}
        done = subprocess.run(
            [self.callbackctl, *arguments],
            env={**os.environ, **found},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout + done.stderr, end="", flush=True)
        return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
