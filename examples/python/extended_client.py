"""Receives all messages of the queue at QUEUE_URL with the SQS Extended Client, and prints their ids.

It fails each message once, so that SQS delivers it again. With the argument `delete`, the library
deletes the objects of pointers.
"""

import json
import os
import sys

import boto3
import sqs_extended_client  # noqa: F401, which adds payloads in S3 to boto3

sqs = boto3.client("sqs")
sqs.delete_payload_from_s3 = sys.argv[1:] == ["delete"]
queue = os.environ["QUEUE_URL"]


def received(parsed, **_):
    for message in parsed.get("Messages", []):
        message["ReceiptHandle"] = message["ReceiptHandle"].replace("-", "_")


def sent(params, **_):
    params["ReceiptHandle"] = params["ReceiptHandle"].replace("_", "-")


# Only for the emulator: its receipt handles have hyphens, which the library would take for its own.
sqs.meta.events.register("after-call.sqs.ReceiveMessage", received)
for call in ("DeleteMessage", "ChangeMessageVisibility"):
    sqs.meta.events.register(f"provide-client-params.sqs.{call}", sent)

seen = set()
while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"):
    for message in messages:
        print(json.loads(message["Body"])["id"])
        to = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
        if message["MessageId"] in seen:
            sqs.delete_message(**to)
        else:
            seen.add(message["MessageId"])
            sqs.change_message_visibility(**to, VisibilityTimeout=0)
