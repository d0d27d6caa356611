"""Receives all messages of the queue at QUEUE_URL with the SQS Extended Client, and prints their ids.

It deletes each message, and the library deletes the objects of pointers.
"""

import json
import os

import boto3
import sqs_extended_client  # noqa: F401, which adds payloads in S3 to boto3

sqs = boto3.client("sqs")
sqs.delete_payload_from_s3 = True
queue = os.environ["QUEUE_URL"]


def received(parsed, **_):
    for message in parsed.get("Messages", []):
        message["ReceiptHandle"] = message["ReceiptHandle"].replace("-", "_")


def sent(params, **_):
    params["ReceiptHandle"] = params["ReceiptHandle"].replace("_", "-")


# Only for the emulator, whose receipt handles contain hyphens. The library would misinterpret them.
sqs.meta.events.register("after-call.sqs.ReceiveMessage", received)
sqs.meta.events.register("provide-client-params.sqs.DeleteMessage", sent)

while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"):
    for message in messages:
        print(json.loads(message["Body"])["id"])
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
