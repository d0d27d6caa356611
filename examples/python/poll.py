"""Polls the queue at QUEUE_URL and prints what jobs made, found or failed at, until Ctrl-C.

`job_record.py` is generated from the schema: docs/workers.md has the command.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator

import boto3
from job_record import Message

# The first element of a body that is a pointer to a message in the vault.
POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"

# Not `pending`: another message follows, with another id.
WANTED = ("succeeded", "partial", "failed")

sqs = boto3.client("sqs")
s3 = boto3.client("s3")
# The ids of processed messages. They are lost with this process: if a job must not be processed
# twice, use a table that all workers share.
done: set[str] = set()


def main() -> None:
    queue_url = os.environ["QUEUE_URL"]
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=20,
            MessageAttributeNames=["All"],
        )
        for received in answer.get("Messages", []):
            try:
                take(received["Body"])
            except Exception as error:
                # SQS delivers it again after the visibility timeout, and moves it to the
                # dead-letter queue after five times.
                print(f"message {received['MessageId']}: {error}", file=sys.stderr)
            else:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=received["ReceiptHandle"])


def take(body: str) -> None:
    stored = pointer(body)
    if stored:
        body = s3.get_object(**stored)["Body"].read().decode()
    message = Message.model_validate_json(body)
    if message.id not in done:
        work(message)
        done.add(message.id)
    if stored:
        # The object belongs to this message alone.
        s3.delete_object(**stored)


def pointer(body: str) -> dict[str, str] | None:
    """Returns where in the vault the message is, if the body is a pointer."""
    match json.loads(body):
        case [kind, {"s3BucketName": bucket, "s3Key": key}] if kind == POINTER:
            return {"Bucket": bucket, "Key": key}
    return None


def work(message: Message) -> None:
    """Replace this by your own work. If it raises, SQS delivers the message again."""
    for line in findings(message):
        print(f"{message.id}: {line}", flush=True)


def findings(message: Message) -> Iterator[str]:
    """Yields what the job made, found or failed at."""
    job = message.data
    if job.outcome not in WANTED:
        return
    for output in job.outputs or []:
        yield f"{output.bucket or '?'}/{output.object}"
    if job.moderation:
        yield f"verdict {job.moderation.verdict}"
        for scene in job.moderation.scenes or []:
            yield f"scene {scene.name}: {scene.verdict}"
    if job.error:
        yield f"failed: {job.error.code or '?'}"
    for task in job.tasks or []:
        if task.error:
            yield f"task {task.name or '?'} failed: {task.error.code or '?'}"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
