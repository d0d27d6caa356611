"""A Lambda function that the queue invokes: prints the outputs, findings and errors of jobs.

Environment: SEEN_TABLE, a DynamoDB table with the partition key `id` and `expiration` as its TTL.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

# The first element of a body that refers to a message in the vault.
POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"

# The supported version of the schema.
SCHEMA = "urn:cloud-infinite-callback:job-record:1"

WANTED = ("succeeded", "partial", "failed")

# The time for which ids are stored. Tencent retries for a day, but replays may arrive later.
SEEN_SECONDS = 14 * 24 * 3600

s3 = boto3.client("s3")
processor = BatchProcessor(event_type=EventType.SQS)
seen = DynamoDBPersistenceLayer(table_name=os.environ["SEEN_TABLE"])
by_id = IdempotencyConfig(
    event_key_jmespath="id",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=SEEN_SECONDS,
)


def handler(event: dict[str, Any], context: Any) -> Any:
    # A message that exceeds the timeout is not regarded as processed.
    by_id.register_lambda_context(context)
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord) -> None:
    """Processes one message. If it raises an exception, SQS redelivers only this message of the batch."""
    if is_wanted(record):
        event = read(record.body)
        if event["dataschema"] != SCHEMA:
            raise ValueError(f"dataschema is not {SCHEMA}")
        work(event=event)


def is_wanted(record: SQSRecord) -> bool:
    """Reads only the attributes, so that other messages are not parsed."""
    # `pending` is not included: another message follows, with another id.
    return record["messageAttributes"]["outcome"]["stringValue"] in WANTED


def read(body: str) -> dict[str, Any]:
    """Returns the event, from the vault if the body is a pointer."""
    event = json.loads(body)
    if isinstance(event, list) and event[0] == POINTER:
        pointer = event[1]
        stored = s3.get_object(Bucket=pointer["s3BucketName"], Key=pointer["s3Key"])
        event = json.load(stored["Body"])
    return event


@idempotent_function(data_keyword_argument="event", persistence_store=seen, config=by_id)
def work(event: dict[str, Any]) -> None:
    """Runs once for each `id`, and again only after an exception. Replace this function with your code."""
    for line in findings(event["data"]):
        print(escaped(f"{event['id']}: {line}"))


def escaped(text: str) -> str:
    """Escapes control characters, because a key may contain a line feed."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def findings(job: dict[str, Any]) -> Iterator[str]:
    """Yields the outcome of the job with its outputs, findings and errors."""
    yield f"outcome {job['outcome']}"
    for output in job.get("outputs", []):
        yield f"{output.get('bucket', '?')}/{output['object']}"
    if job.get("inspection", {}).get("suspicious"):
        yield "suspicious image"
    if "moderation" in job:
        yield f"verdict {job['moderation']['verdict']}"
        for scene in job["moderation"].get("scenes", []):
            yield f"scene {scene['name']}: {scene['verdict']}"
    if "error" in job:
        yield f"failed: {job['error'].get('code', '?')}"
    for problem in job.get("problems", []):
        yield f"problem {problem['path']}: {problem.get('code', '?')}"
    for task in job.get("tasks", []):
        if "error" in task:
            yield f"task {task.get('name', '?')} failed: {task['error'].get('code', '?')}"
