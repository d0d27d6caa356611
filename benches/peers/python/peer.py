"""The Python peer: authenticates a callback, parses it, and sends each job as parsed.

It does not normalize, and has neither a vault nor a time budget. The client is created once, and keeps
its connections open.
"""

import base64
import hashlib
import hmac
import json
import os

import boto3
import xmltodict
from botocore.config import Config

MAX_BATCH_ENTRIES = 10

QUEUE_URL = os.environ["QUEUE_URL"]
TOKEN_SHA256 = bytes.fromhex(os.environ["CALLBACK_TOKEN_SHA256"])
SQS = boto3.client("sqs", config=Config(tcp_keepalive=True))


def handle(event, _context):
    token = event["rawPath"].rpartition("/")[2]
    if not hmac.compare_digest(hashlib.sha256(token.encode()).digest(), TOKEN_SHA256):
        return {"statusCode": 403}
    body = event.get("body", "")
    body = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    messages = [json.dumps(job, ensure_ascii=False) for job in jobs(body)]
    publish(messages)
    return {"statusCode": 200, "body": json.dumps({"accepted": len(messages)})}


def jobs(body):
    """Return the jobs of a callback, in XML or JSON."""
    if body.lstrip()[:1] == b"{":
        found = json.loads(body)["JobsDetail"]
    else:
        found = xmltodict.parse(body)["Response"]["JobsDetail"]
    return found if isinstance(found, list) else [found]


def publish(messages):
    """Send one message per job: a single one in one call, several in batches."""
    if len(messages) == 1:
        SQS.send_message(QueueUrl=QUEUE_URL, MessageBody=messages[0])
        return
    for begin in range(0, len(messages), MAX_BATCH_ENTRIES):
        batch = messages[begin : begin + MAX_BATCH_ENTRIES]
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
        if failed := SQS.send_message_batch(QueueUrl=QUEUE_URL, Entries=entries).get("Failed"):
            raise RuntimeError(f"{len(failed)} messages were not accepted")
