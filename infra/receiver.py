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

from emulator import REGION, fail, free_port, ministack, open_url, step

FUNCTION = "cloud-infinite-callback"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
QUEUE = "jobs"
DEAD_LETTER_QUEUE = "jobs-dead"
# As in the template.
MAX_RECEIVES = 5
VAULT = "vault"

# The function itself needs at most 4 s.
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

    @property
    def content_type(self) -> str:
        return "application/json" if self.body.lstrip()[:1] == b"{" else "application/xml"


def kind(status: int, answer: str) -> str:
    """Returns `accepted`, `probe` or `quarantined` for a 200, else the status."""
    if status == 200:
        with contextlib.suppress(ValueError):
            for name in ("accepted", "probe", "quarantined"):
                if name in json.loads(answer):
                    return name
    return str(status)


def post(url: str, sample: Sample) -> tuple[int, str]:
    """Posts a sample to a callback URL as the vendor does. Returns the answer's status and body."""
    headers = {"Content-Type": sample.content_type, "User-Agent": "Go-http-client/1.1"}
    request = urllib.request.Request(url, sample.body, headers)
    try:
        with open_url(request, ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        fail(f"the function URL did not answer: {error}")


def receive(sqs: Any, queue_url: str, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
    """Yields the messages of a queue until it is empty. Deletes each one after its use."""
    while messages := receive_batch(sqs, queue_url, wait_seconds):
        for message in messages:
            yield message
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def receive_batch(sqs: Any, queue_url: str, wait_seconds: int) -> list[dict[str, Any]]:
    """Receives up to ten messages, which are visible again later unless they are deleted."""
    answer = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=wait_seconds,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return answer.get("Messages", [])


class Receiver:
    """The function on an emulator, with its queue and vault."""

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
        settings: dict[str, str],
    ) -> Receiver:
        """Starts the emulator and deploys onto it; `settings` are variables of the function."""
        step("starting the emulator, with the queue, the vault, and the function behind a URL")
        endpoint = stack.enter_context(ministack(free_port()))
        return cls(endpoint, function, settings)

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

    def create_queue(self) -> str:
        dead = self.sqs.create_queue(QueueName=DEAD_LETTER_QUEUE)["QueueUrl"]
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
        """Creates the function and its log group. Returns its URL."""
        self.logs = self.client("logs")
        self.logs.create_log_group(logGroupName=LOG_GROUP)
        self._log_time, self._log_streams = 0, set[str]()
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
        # The host name of the URL need not resolve. The emulator serves it under this path as well.
        url_id = url["FunctionUrl"].split("//")[1].split(".")[0]
        return f"{self.endpoint}/_aws/lambda-url/{url_id}"

    def post(self, sample: Sample) -> tuple[int, str]:
        return post(f"{self.url}/{sample.token or self.token}", sample)

    def receive(self, wait_seconds: int = 1) -> Iterator[dict[str, Any]]:
        return receive(self.sqs, self.queue_url, wait_seconds)

    def batch(self, wait_seconds: int) -> list[dict[str, Any]]:
        return receive_batch(self.sqs, self.queue_url, wait_seconds)

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def log(self) -> list[dict[str, Any]]:
        """Returns the log lines that the function has written since the last call."""
        events = self.logs.filter_log_events(logGroupName=LOG_GROUP, startTime=self._log_time)
        # The emulator writes the lines of an invocation at once, into a stream of their own.
        new = [e for e in events["events"] if e["logStreamName"] not in self._log_streams]
        for event in new:
            self._log_streams.add(event["logStreamName"])
            self._log_time = max(self._log_time, event["timestamp"])
        # Lambda's own lines are not JSON, and metrics have no message.
        lines = [json.loads(e["message"]) for e in new if e["message"].startswith("{")]
        return [line for line in lines if "message" in line]


def zipped(binary: Path) -> bytes:
    """Returns the package of a function for a custom runtime."""
    package = io.BytesIO()
    # Not compressed, which would take longer than it saves.
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return package.getvalue()
