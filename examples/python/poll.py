"""Polls the queue at QUEUE_URL and prints the outputs, findings and errors of jobs, until Ctrl-C.

`job_record.py` is generated from the schema: docs/workers.md has the command.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator

import boto3
from job_record import Message
from pydantic import ValidationError

# The first element of a body that refers to a message in the vault.
POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"

# `pending` is not included: another message follows, with another id.
WANTED = ("succeeded", "partial", "failed")

QUEUE_URL = os.environ.get("QUEUE_URL") or sys.exit("poll.py: QUEUE_URL is not set")

sqs = boto3.client("sqs")
s3 = boto3.client("s3")
# The ids of processed messages. They are lost when this process exits. If a job must not be processed twice,
# use a table that all workers share.
done: set[str] = set()


def main() -> None:
    while True:
        # An error is final, because the SDK has already retried. Let a supervisor restart the program.
        answer = sqs.receive_message(
            QueueUrl=QUEUE_URL,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=20,
            MessageAttributeNames=["All"],
        )
        for received in answer.get("Messages", []):
            try:
                # Other messages are not parsed.
                if received["MessageAttributes"]["outcome"]["StringValue"] in WANTED:
                    take(received["Body"])
                sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=received["ReceiptHandle"])
            except Exception as error:
                # SQS delivers it again after the visibility timeout, and moves it to the dead-letter queue
                # after five receives.
                print(f"message {received['MessageId']}: {reason(error)}", file=sys.stderr)


def take(body: str) -> None:
    """Processes a message, but each `id` only once. The object of a pointer expires in the vault."""
    stored = pointer(body)
    if stored:
        bucket, key = stored
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    # Rejects other versions of the schema.
    message = Message.model_validate_json(body)
    if message.id not in done:
        work(message)
        done.add(message.id)


def pointer(body: str) -> tuple[str, str] | None:
    """Returns the bucket and the key of the message, if the body is a pointer."""
    match json.loads(body):
        case [kind, {"s3BucketName": bucket, "s3Key": key}] if kind == POINTER:
            return bucket, key
    return None


def reason(error: Exception) -> str:
    """Describes an error without the message, which may contain secrets."""
    if isinstance(error, ValidationError):
        return ", ".join(f"{each['type']} at {each['loc']}" for each in error.errors())
    return str(error)


def work(message: Message) -> None:
    """Replace this function with your code. If it raises an exception, SQS delivers the message again."""
    for line in findings(message):
        print(escaped(f"{message.id}: {line}"), flush=True)


def escaped(text: str) -> str:
    """Escapes control characters, because a key may contain a line feed."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def findings(message: Message) -> Iterator[str]:
    """Yields the outcome of the job with its outputs, findings and errors."""
    job = message.data
    yield f"outcome {job.outcome}"
    for output in job.outputs or []:
        yield f"{output.bucket or '?'}/{output.object}"
    if job.inspection and job.inspection.suspicious:
        yield "suspicious image"
    if job.moderation:
        yield f"verdict {job.moderation.verdict}"
        for scene in job.moderation.scenes or []:
            yield f"scene {scene.name}: {scene.verdict}"
    if job.error:
        yield f"failed: {job.error.code or '?'}"
    for problem in job.problems or []:
        yield f"problem {problem.path}: {problem.code or '?'}"
    for task in job.tasks or []:
        if task.error:
            yield f"task {task.name or '?'} failed: {task.error.code or '?'}"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
