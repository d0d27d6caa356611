"""Runs the function on MiniStack behind its URL, with a queue and a vault."""

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
from typing import Any

import botocore.session

from emulator import REGION, ROOT, end_on_signals, ministack, step

BINARIES = ROOT / "target" / "debug"
FUNCTION = "cloud-infinite-callback"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
QUEUE = "jobs"
VAULT = "vault"

# The function needs at most 4.2 s.
ANSWER_SECONDS = 30
# A worker may need more time, because its first start loads packages.
FUNCTION_SECONDS = 60


def kind(status: int, answer: str) -> str:
    """Returns `accepted`, `probe` or `quarantined` for status 200, or else the status."""
    if status == 200:
        return next(name for name in ("accepted", "probe", "quarantined") if f'"{name}"' in answer)
    return str(status)


def post(url: str, body: bytes) -> tuple[int, str]:
    """Posts a body to a callback URL like Tencent. Returns the status and body of the response."""
    is_json = body.lstrip()[:1] == b"{"
    headers = {"Content-Type": "application/json" if is_json else "application/xml"}
    try:
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def receive(sqs: Any, queue_url: str) -> Iterator[dict[str, Any]]:
    """Yields the messages of a queue until it is empty. Deletes each one after its use."""
    request = {"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
    request.update(AttributeNames=["All"], MessageAttributeNames=["All"])
    while messages := sqs.receive_message(**request).get("Messages"):
        for message in messages:
            yield message
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


@contextlib.contextmanager
def start(settings: dict[str, str]) -> Iterator[Receiver]:
    """Starts the emulator with the function. `settings` are environment variables of the function."""
    step("starting the emulator, with the queue, the vault, and the function behind a URL")
    end_on_signals()
    with ministack() as variables:
        yield Receiver(variables, settings)


class Receiver:
    """The function on an emulator, with its queue and vault."""

    def __init__(self, variables: dict[str, str], settings: dict[str, str]) -> None:
        self.token = secrets.token_hex(32)
        self.sqs, self.logs = self.client("sqs"), self.client("logs")
        self.queue_url = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        location = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=VAULT, CreateBucketConfiguration=location)
        self.logs.create_log_group(logGroupName=LOG_GROUP)
        # The settings of the queue and the vault for the function, `callbackctl` and workers.
        self.environment = {**variables, "QUEUE_URL": self.queue_url, "VAULT_BUCKET": VAULT}
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        own = {"CALLBACK_TOKEN_SHA256": digest, **settings}
        code = (BINARIES / "callback").read_bytes()
        self.create_function(FUNCTION, "provided.al2023", "bootstrap", code, own)
        url = self.client("lambda").create_function_url_config(
            FunctionName=FUNCTION, AuthType="NONE"
        )
        # The host name of the URL may not resolve. The emulator also serves the function at this path.
        url_id = url["FunctionUrl"].split("//")[1].split(".")[0]
        self.url = f"{variables['AWS_ENDPOINT_URL']}/_aws/lambda-url/{url_id}/{self.token}"

    def client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(service)

    def create_function(
        self, name: str, runtime: str, file: str, code: bytes, variables: dict[str, str]
    ) -> None:
        """Creates a function from one file."""
        package = io.BytesIO()
        # Not compressed, because compression would take longer than the upload.
        with zipfile.ZipFile(package, "w") as archive:
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, code)
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=f"{file.split('.')[0]}.handler",
            Role="arn:aws:iam::000000000000:role/local",
            Code={"ZipFile": package.getvalue()},
            MemorySize=256,
            Timeout=FUNCTION_SECONDS,
            Environment={"Variables": {**self.environment, **variables}},
        )

    def receive(self) -> Iterator[dict[str, Any]]:
        return receive(self.sqs, self.queue_url)

    def last_log_line(self) -> dict[str, Any]:
        """Returns the last line of the function's log."""
        events = self.logs.filter_log_events(logGroupName=LOG_GROUP)["events"]
        # Lambda's lines are not JSON, and metrics have no message.
        lines = [
            json.loads(event["message"]) for event in events if event["message"].startswith("{")
        ]
        return [line for line in lines if "message" in line][-1]
