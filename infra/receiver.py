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

from emulator import REGION, ministack, step

FUNCTION = "cloud-infinite-callback"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
QUEUE = "jobs"
# As in the template.
MAX_RECEIVES = 5
VAULT = "vault"

# The function itself needs at most 4.2 s.
ANSWER_SECONDS = 30


@dataclass
class Sample:
    """A body to post, and the kind of answer that is expected."""

    name: str
    body: bytes
    # A result of `kind`.
    expected: str
    # The correct one if absent.
    token: str | None = None


def kind(status: int, answer: str) -> str:
    """Returns `accepted`, `probe` or `quarantined` for a 200, else the status."""
    if status == 200:
        return next(name for name in ("accepted", "probe", "quarantined") if f'"{name}"' in answer)
    return str(status)


def post(url: str, body: bytes) -> tuple[int, str]:
    """Posts a body to a callback URL as the vendor does. Returns the answer's status and body."""
    is_json = body.lstrip()[:1] == b"{"
    headers = {"Content-Type": "application/json" if is_json else "application/xml"}
    try:
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def receive(sqs: Any, queue_url: str, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
    """Yields the messages of a queue until it is empty. Deletes each one after its use."""
    request = {"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait_seconds}
    request.update(AttributeNames=["All"], MessageAttributeNames=["All"])
    while messages := sqs.receive_message(**request).get("Messages"):
        for message in messages:
            yield message
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


class Receiver:
    """The function on an emulator, with its queue and vault."""

    def __init__(self, endpoint: str, function: Path, settings: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.token = secrets.token_hex(32)
        self.seen: set[str] = set()
        self.sqs, self.logs = self.client("sqs"), self.client("logs")
        self.queue_url = self.create_queue()
        location = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=VAULT, CreateBucketConfiguration=location)
        self.logs.create_log_group(logGroupName=LOG_GROUP)
        self.url = self.create_function(function, settings)

    @classmethod
    def start(
        cls, stack: contextlib.ExitStack, function: Path, settings: dict[str, str]
    ) -> Receiver:
        """Starts the emulator and deploys onto it; `settings` are variables of the function."""
        step("starting the emulator, with the queue, the vault, and the function behind a URL")
        return cls(stack.enter_context(ministack()), function, settings)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the function, `callbackctl` and workers find queue and vault."""
        return {
            "QUEUE_URL": self.queue_url,
            "VAULT_BUCKET": VAULT,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            # Python's SDK reads this one.
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def create_queue(self) -> str:
        dead = self.sqs.create_queue(QueueName=f"{QUEUE}-dead")["QueueUrl"]
        answer = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"]
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES}
        attributes = {"RedrivePolicy": json.dumps(redrive)}
        return self.sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]

    def create_function(self, binary: Path, settings: dict[str, str]) -> str:
        """Creates the function, and returns its URL."""
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        variables = {**self.environment, **settings, "CALLBACK_TOKEN_SHA256": digest}
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/local",
            Code={"ZipFile": zipped(binary.read_bytes())},
            MemorySize=256,
            Timeout=10,
            Environment={"Variables": variables},
        )
        url = functions.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
        # The host name of the URL need not resolve. The emulator serves it under this path as well.
        url_id = url["FunctionUrl"].split("//")[1].split(".")[0]
        return f"{self.endpoint}/_aws/lambda-url/{url_id}"

    def post(self, sample: Sample) -> tuple[int, str]:
        return post(f"{self.url}/{sample.token or self.token}", sample.body)

    def receive(self, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
        return receive(self.sqs, self.queue_url, wait_seconds)

    def log(self) -> list[dict[str, Any]]:
        """Returns the log lines that the function has written since the last call."""
        events = self.logs.filter_log_events(logGroupName=LOG_GROUP)["events"]
        # Each line has a time and the id of its request.
        new = [event["message"] for event in events if event["message"] not in self.seen]
        self.seen.update(new)
        # Lambda's own lines are not JSON, and metrics have no message.
        lines = [json.loads(text) for text in new if text.startswith("{")]
        return [line for line in lines if "message" in line]


def zipped(code: bytes, name: str = "bootstrap") -> bytes:
    """Returns the package of a function with one file."""
    package = io.BytesIO()
    # Not compressed, which would take longer than it saves.
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, code)
    return package.getvalue()
