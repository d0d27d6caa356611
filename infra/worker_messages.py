"""What the workers of `examples/` are given: callbacks to post, and what becomes of them.

One callback comes twice, one is too large for the queue, some are of jobs that failed in part or
whole, and there are messages that nobody can read.
"""

from __future__ import annotations

import json
from typing import Any

import local
from receiver import Sample

JOB_ID = b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718"

# The smallest that the function takes, so that a body of some kilobytes goes to the vault.
SETTINGS = {"QUEUE_MAX_BYTES": "8192"}

# What nobody can read, under attributes by which a worker must look at it and fail, or cannot tell
# and must fail as well, or need not look. An empty one is left out.
UNREADABLE = "not JSON"
MUST_FAIL = [("task", "succeeded"), ("task", "")]
MAY_PASS = [("task", "pending"), ("moderation", "cancelled")]

# What a worker must print, in any order; nothing twice.
EXPECTED = [
    "j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: media-1300000001/out/talk.mp4",
    "nowhere:Success: ?/out/talk.mp4",
    "oversize:Success: media-1300000001/out/talk.mp4",
    "j6f00c0ffee6f00c0ffee6f00c0ffee01:Failed: failed: -61011",
    "i00000000000000000000000000001301:Failed: photos-1300000001/a.mp4",
    "i00000000000000000000000000001301:Failed: task Node_2 failed: InvalidInput",
    "i00000000000000000000000000001301:Failed: task Node_3 failed: WriteFailed",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: verdict sensitive",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene ads: suspected",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene porn: sensitive",
    "si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene terrorism: normal",
]


def callbacks() -> list[Sample]:
    """What is posted for each worker."""
    names = [
        "task/ok_task_transcode.xml",
        "task/ok_task_transcode.json",
        "task/ok_failed_job.xml",
        "workflow/ok_workflow_reasons_of_its_tasks.xml",
        "moderation/ok_review_image_two_scenes_frozen.xml",
    ]
    xml, again, failed, workflow, moderation = ((local.CASES / name).read_bytes() for name in names)
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
    }
    return [Sample(name, body, "accepted") for name, body in bodies.items()]


def oversize(xml: bytes) -> bytes:
    """The sample of a transcoding job, too large for the queue."""
    return xml.replace(JOB_ID, b"oversize").replace(b"order 4711", b"x" * 8000)


def case_messages() -> list[dict[str, Any]]:
    """All messages of the tests' cases."""
    messages = []
    for path in sorted(local.CASES.glob("*/*.expected.json")):
        text = path.read_text()
        while text := text.strip():
            message, end = json.JSONDecoder().raw_decode(text)
            messages.append(message)
            text = text[end:]
    return messages


def later_messages() -> list[dict[str, Any]]:
    """What a later version of the receiver may send: fields and words of which nothing is known."""
    path = local.CASES / "moderation/ok_review_image_two_scenes_frozen.expected.json"
    message = json.loads(path.read_text())
    job = message["data"]
    message |= {"id": "later", "partition": "a"}
    job |= {"family": "broadcast", "price": {"amount": 1}}
    job["moderation"] |= {"verdict": "boring", "forbidden": "hidden", "reasons": []}
    postponed = {**message, "data": {**job, "outcome": "postponed"}}
    return [message, postponed]


def unreadable() -> list[dict[str, Any]]:
    """Messages to send past the function, as the queue's client takes them."""
    return [
        {
            "MessageBody": UNREADABLE,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in (("family", family), ("outcome", outcome))
                if value
            },
        }
        for family, outcome in MUST_FAIL + MAY_PASS
    ]


def is_pointer(message: dict[str, Any]) -> bool:
    return "ExtendedPayloadSize" in message["MessageAttributes"]


def must_fail(message: dict[str, Any]) -> bool:
    """Whether a worker must bring this message back."""
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    attributes = (found.get("family", ""), found.get("outcome", ""))
    return message["Body"] == UNREADABLE and attributes in MUST_FAIL
