"""The callbacks and messages for the workers of `examples/`, and what these must print."""

from __future__ import annotations

import json
from typing import Any

import local
from receiver import Sample

JOB_ID = b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718"

# The smallest limit that the function accepts: a message of some kilobytes is too large.
SETTINGS = {"QUEUE_MAX_BYTES": "8192"}

# Bodies that cannot be read, and the values of `family` and `outcome` to send them with. A worker that
# checks attributes before it parses must fail at the first ones and may skip the others.
UNREADABLE = "not JSON"
VERSION_2 = (
    (local.CASES / "task/ok_task_transcode.expected.json")
    .read_text()
    .replace("job-record:1", "job-record:2")
)
MUST_FAIL = [
    (UNREADABLE, "task", "succeeded"),
    (UNREADABLE, "task", ""),
    (VERSION_2, "task", "succeeded"),
]
MAY_PASS = [(UNREADABLE, "task", "pending"), (UNREADABLE, "moderation", "cancelled")]

# What a worker must print for `callbacks`, in any order, each line once.
EXPECTED = [
    "j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: outcome succeeded",
    "j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: media-1300000001/out/talk.mp4",
    "nowhere:Success: outcome succeeded",
    "nowhere:Success: ?/out/talk.mp4",
    "oversize:Success: outcome succeeded",
    "oversize:Success: media-1300000001/out/talk.mp4",
    "j6f00c0ffee6f00c0ffee6f00c0ffee01:Failed: outcome failed",
    "j6f00c0ffee6f00c0ffee6f00c0ffee01:Failed: failed: -61011",
    "i00000000000000000000000000001301:Failed: outcome failed",
    "i00000000000000000000000000001301:Failed: photos-1300000001/a.mp4",
    "i00000000000000000000000000001301:Failed: problem Tasks[0].State: InvalidInput",
    "i00000000000000000000000000001301:Failed: problem Tasks[1].State: ?",
    "i00000000000000000000000000001301:Failed: problem Tasks[1].ResultInfo.ObjectInfo[1].Code:"
    " WriteFailed",
    "i00000000000000000000000000001301:Failed: problem Tasks[2].State: ?",
    "i00000000000000000000000000001301:Failed: task Node_2 failed: InvalidInput",
    "i00000000000000000000000000001301:Failed: task Node_3 failed: WriteFailed",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: outcome succeeded",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: verdict sensitive",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene ads: suspected",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene porn: sensitive",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene terrorism: normal",
]

# What the pollers print as well. The Lambda functions skip the message by its attributes.
PENDING = "si6f00c0ffee6f00c0ffee6f00c0ffee50:Auditing:95a4fe16562ac112: outcome pending"


def callbacks() -> list[Sample]:
    """Returns the callbacks to post, among them a job that comes twice."""
    names = [
        "task/ok_task_transcode.xml",
        "task/ok_task_transcode.json",
        "task/ok_failed_job.xml",
        "workflow/ok_workflow_reasons_of_its_tasks.xml",
        "moderation/ok_review_image_two_scenes_frozen.xml",
        "moderation/ok_review_auditing_without_verdict.xml",
    ]
    xml, again, failed, workflow, moderation, pending = (
        (local.CASES / name).read_bytes() for name in names
    )
    bodies = {
        "a job": xml,
        "the same, in JSON": again,
        "an oversize job": oversize(xml),
        "a job without a bucket": xml.replace(JOB_ID, b"nowhere").replace(
            b"<Bucket>media-1300000001</Bucket>", b""
        ),
        "a failed job": failed,
        "a workflow with failed tasks": workflow,
        "a moderated image": moderation,
        "a job that has not ended": pending,
    }
    return [Sample(name, body, "accepted") for name, body in bodies.items()]


def oversize(xml: bytes) -> bytes:
    """Returns the sample of a transcoding job, made too large for the queue."""
    return xml.replace(JOB_ID, b"oversize").replace(b"order 4711", b"x" * 8000)


def case_messages() -> list[dict[str, Any]]:
    """Returns all messages of the test cases."""
    messages = []
    for path in sorted(local.CASES.glob("*/*.expected.json")):
        text = path.read_text()
        while text := text.strip():
            message, end = json.JSONDecoder().raw_decode(text)
            messages.append(message)
            text = text[end:]
    return messages


def later_messages() -> list[dict[str, Any]]:
    """Returns messages with fields and words that only a later version may send."""
    path = local.CASES / "moderation/ok_review_image_two_scenes_frozen.expected.json"
    message = json.loads(path.read_text())
    job = message["data"]
    message |= {"id": "later", "partition": "a"}
    job |= {"family": "broadcast", "price": {"amount": 1}}
    job["moderation"] |= {"verdict": "boring", "forbidden": "hidden", "reasons": []}
    postponed = {**message, "data": {**job, "outcome": "postponed"}}
    return [message, postponed]


def unreadable() -> list[dict[str, Any]]:
    """Returns unreadable messages, as arguments of SendMessage."""
    return [
        {
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in (("family", family), ("outcome", outcome))
                if value
            },
        }
        for body, family, outcome in MUST_FAIL + MAY_PASS
    ]


def is_pointer(message: dict[str, Any]) -> bool:
    return "ExtendedPayloadSize" in message["MessageAttributes"]


def must_fail(message: dict[str, Any]) -> bool:
    """Returns whether every worker must fail at a message."""
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    return (message["Body"], found.get("family", ""), found.get("outcome", "")) in MUST_FAIL
