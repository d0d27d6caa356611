"""What the workers of `examples/` are given: callbacks to post, and what becomes of them.

One callback comes twice, one is too large for the queue, one is of a failed job, and there are
messages that nobody can read.
"""

from __future__ import annotations

from typing import Any

import local
from receiver import Sample

# Small, so that a body of a few kilobytes goes to the vault.
SETTINGS = {"QUEUE_MAX_BYTES": "8192"}

# What nobody can read, under attributes by which a worker must look at it and fail, or cannot tell
# and must fail as well, or must not look. An empty one is left out.
UNREADABLE = "not JSON"
MUST_FAIL = [("task", "succeeded"), ("task", "")]
MUST_PASS = [("task", "failed"), ("moderation", "succeeded")]

# What a worker must print, in any order: nothing twice, nothing of a failed job or of moderation.
EXPECTED = [
    "j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: media-1300000001/out/talk.mp4",
    "nowhere:Success: ?/out/talk.mp4",
    "oversize:Success: media-1300000001/out/talk.mp4",
]


def callbacks() -> list[Sample]:
    """What is posted for each worker."""
    names = ["task/ok_task_transcode.xml", "task/ok_task_transcode.json", "task/ok_failed_job.xml"]
    names += ["moderation/ok_moderation_image.json"]
    xml, again, failed, moderation = ((local.CASES / name).read_bytes() for name in names)
    job_id = b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718"
    bodies = {
        "a job": xml,
        "the same, in JSON": again,
        "an oversize job": xml.replace(job_id, b"oversize").replace(b"order 4711", b"x" * 6000),
        "a job without a bucket": xml.replace(job_id, b"nowhere").replace(
            b"<Bucket>media-1300000001</Bucket>", b""
        ),
        "a failed job": failed,
        "a moderated image": moderation,
    }
    return [Sample(name, body, "accepted") for name, body in bodies.items()]


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
        for family, outcome in MUST_FAIL + MUST_PASS
    ]


def is_pointer(message: dict[str, Any]) -> bool:
    return "ExtendedPayloadSize" in message["MessageAttributes"]


def must_fail(message: dict[str, Any]) -> bool:
    """Whether a worker must bring this message back."""
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    attributes = (found.get("family", ""), found.get("outcome", ""))
    return message["Body"] == UNREADABLE and attributes in MUST_FAIL
