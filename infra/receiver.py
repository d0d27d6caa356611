"""The function on MiniStack behind its URL, with a queue and a vault."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import secrets
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from emulator import REGION, fail, free_port, ministack, step

FUNCTION = "cloud-infinite-callback"
QUEUE = "jobs"
DEAD_QUEUE = "jobs-dead"
# After so many times a message that no worker deleted is dead, as in the template.
MAX_RECEIVES = 5
VAULT = "vault"

# Far more than the function takes: 4 s at most.
ANSWER_SECONDS = 15


@dataclass
class Sample:
    """A body to post, and the answer that it must get."""

    name: str
    body: bytes
    # See `kind`.
    expected: str
    token: str | None = None

    @property
    def content_type(self) -> str:
        return "application/json" if self.body.lstrip()[:1] == b"{" else "application/xml"


def kind(status: int, answer: str) -> str:
    """`accepted`, `probe` or `quarantined`, by what a 200 says; of all others the status."""
    if status == 200:
        with contextlib.suppress(ValueError):
            for name in ("accepted", "probe", "quarantined"):
                if name in json.loads(answer):
                    return name
    return str(status)


class Receiver:
    """The function on an emulator, with its queue."""

    def __init__(self, endpoint: str, function: Path, settings: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.token = secrets.token_hex(32)
        session = botocore.session.get_session()
        self.client = lambda service: session.create_client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 1}, read_timeout=ANSWER_SECONDS),
        )
        self.sqs = self.client("sqs")
        self.queue_url = self.create_queue()
        self.client("s3").create_bucket(
            Bucket=VAULT, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.url = self._create_function(function, settings)

    @classmethod
    def start(
        cls,
        stack: contextlib.ExitStack,
        function: Path,
        port: int | None,
        settings: dict[str, str] | None = None,
    ) -> Receiver:
        """Starts the emulator and all on it; `settings` are variables for the function alone."""
        step("starting the emulator")
        endpoint = stack.enter_context(ministack(port or free_port()))
        step("creating the queue, the vault, and the function behind a URL")
        return cls(endpoint, function, settings or {})

    @property
    def environment(self) -> dict[str, str]:
        """What the function and the operator's commands need to find queue and vault."""
        return {
            "QUEUE_URL": self.queue_url,
            "VAULT_BUCKET": VAULT,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    @property
    def worker_environment(self) -> dict[str, str]:
        """What any program with an AWS SDK needs to work on the queue."""
        return {
            **self.environment,
            # SDKs put a bucket's name before a host name that does not resolve then; not before this.
            "AWS_ENDPOINT_URL": self.endpoint.replace("localhost", "127.0.0.1"),
            # Node's SDK warns at every call where the two differ.
            "QUEUE_URL": self.queue_url.replace("localhost", "127.0.0.1"),
            # Lambda sets both; Python's SDK reads this one.
            "AWS_DEFAULT_REGION": REGION,
        }

    def create_queue(self) -> str:
        dead = self.sqs.create_queue(QueueName=DEAD_QUEUE)["QueueUrl"]
        answer = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
            "maxReceiveCount": MAX_RECEIVES,
        }
        attributes = {"RedrivePolicy": json.dumps(redrive)}
        return self.sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]

    def delete_queue(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue_url)

    def _create_function(self, binary: Path, settings: dict[str, str]) -> str:
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/local",
            Code={"ZipFile": zipped(binary)},
            MemorySize=256,
            Timeout=10,
            Environment={
                "Variables": {
                    **self.environment,
                    **settings,
                    "CALLBACK_TOKEN_SHA256": hashlib.sha256(self.token.encode()).hexdigest(),
                }
            },
        )
        url = functions.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
        # The emulator answers a URL's host name only to who resolves it; this path serves everyone.
        url_id = url["FunctionUrl"].split("//")[1].split(".")[0]
        return f"{self.endpoint}/_aws/lambda-url/{url_id}"

    def post(self, sample: Sample) -> tuple[int, str]:
        """Posts like the vendor, and gives the status and the answer."""
        url = f"{self.url}/{sample.token or self.token}"
        headers = {"Content-Type": sample.content_type, "User-Agent": "Go-http-client/1.1"}
        request = urllib.request.Request(url, sample.body, headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            fail(f"the function URL did not answer: {error}")

    def receive(self, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
        """The messages that are on the queue; each is deleted once it was used."""
        while messages := self.batch(wait_seconds):
            for message in messages:
                yield message
                self.delete(message)

    def batch(self, wait_seconds: int) -> list[dict[str, Any]]:
        """Up to ten messages, which come back unless they are deleted."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])


def zipped(binary: Path) -> bytes:
    """The function's package. Not compressed: it travels nowhere."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return package.getvalue()
