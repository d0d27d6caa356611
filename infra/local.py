"""Posts callbacks to the function on MiniStack, an emulator of AWS: `make run`.

The function is the real binary behind a function URL, and calls a real HTTP server as SQS and S3.
`make` passes on the variables BODY, KEEP and VERBOSE.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from emulator import ROOT, expect, step
from receiver import Receiver, kind, post, start

CASES = ROOT / "tests" / "cases"
TRANSCODE = "task/transcode.xml"
# Encloses a number that must keep its digits. Records do not contain this character.
MARK = "\ue000"

PROBE = (
    b'{"code":0,"data":{"trace_id":"test_trace_id","url":"test_image","result":0},'
    b'"message":"Test request when setting callback url"}'
)


class Sample(NamedTuple):
    """A body to post, and the expected result of `kind` for the response."""

    name: str
    body: bytes
    expected: str = "accepted"
    # The default is the correct token.
    token: str = ""


def main() -> None:
    path = os.environ.get("BODY")
    posted = [Sample(path, Path(path).read_bytes())] if path else samples()
    with start({"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}) as receiver:
        ids = post_all(receiver, posted)
        if os.environ.get("KEEP"):
            keep(receiver)
        step("receiving the records, and showing one in full (VERBOSE=1: all)")
        records = list(receiver.receive())
        show(records if os.environ.get("VERBOSE") or path else records[1:2])
        found = [json.loads(message["Body"])["id"] for message in records]
        expect("records on the queue", sorted(ids), sorted(found))
        print(f"{len(posted)} posted, {len(found)} records received")


def samples() -> list[Sample]:
    """Returns callbacks of each family, and requests that are not published."""
    names = [
        TRANSCODE,
        "task/image_inspect_suspicious.xml",
        "format/workflow.xml",
        "format/workflow.json",
        "moderation/image_detail.json",
        "moderation/simple_image_with_a_hit.json",
    ]
    bodies = [Sample(name, (CASES / name).read_bytes()) for name in names]
    return [
        *bodies,
        Sample("Tencent's probe", PROBE, "probe"),
        Sample("a truncated body", bodies[0].body[:-20], "quarantined"),
        Sample("a request with a wrong token", bodies[0].body, "403", token="wrong"),
    ]


def post_all(receiver: Receiver, posted: list[Sample]) -> list[str]:
    """Posts callbacks, checks and prints the results, and returns the ids of the records."""
    ids = []
    step("posting callbacks: the response, and the function's log line")
    for sample in posted:
        url = receiver.url.replace(receiver.token, sample.token or receiver.token)
        status, answer = post(url, sample.body)
        logged = describe(receiver.last_log_line())
        print(f"  {sample.name:<42}  {status}  {logged}", flush=True)
        expect(sample.name, sample.expected, kind(status, answer))
        ids += json.loads(answer).get("ids", [])
    return ids


def keep(receiver: Receiver) -> None:
    """Keeps running for your own worker."""
    print(
        "\npaste these lines into the terminal of your worker or of callbackctl (stop with Ctrl-C):"
    )
    for name, value in receiver.environment.items():
        print(f"  export {name}={shlex.quote(value)}")
    print("\nto post a callback (the URL contains the token):")
    print(
        f"  curl -i {receiver.url} --data-binary @{CASES.relative_to(ROOT) / TRANSCODE}", flush=True
    )
    signal.pause()


def describe(line: dict[str, Any]) -> str:
    """Returns a log line as a text: the message, and the reason of a failure or the jobs."""
    jobs = f"{line.get('callback.family', '')} {line.get('callback.outcome', '')}".strip()
    return ": ".join(filter(None, [line["message"], line.get("reason") or jobs]))


def show(messages: Iterable[dict[str, Any]]) -> None:
    """Prints messages with their attributes."""
    for message in messages:
        attributes = message.get("MessageAttributes", {})
        listed = ", ".join(f"{name}={attributes[name]['StringValue']}" for name in attributes)
        group = message.get("Attributes", {}).get("MessageGroupId", "none")
        # Floats would lose digits.
        event = json.loads(message["Body"], parse_float=lambda digits: f"{MARK}{digits}{MARK}")
        body = json.dumps(event, indent=2, ensure_ascii=False)
        body = body.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
        text = f"attributes: {listed}\ngroup: {group}\n{body}"
        print("\n".join(f"  {line}" for line in text.splitlines()), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
