"""Runs the function on MiniStack, an emulator of AWS, for `make run` and `make serve`.

The function is the real binary behind a function URL, and calls a real HTTP server as SQS and S3.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from emulator import ROOT, Checks, end_on_signals, forget_settings, step
from receiver import Receiver, Sample, kind

CASES = ROOT / "tests" / "cases"
TRANSCODE = "task/transcode.xml"
IS_VERBOSE = os.environ.get("VERBOSE", "") not in ("", "0")
# Between two looks at the log and the queue.
POLL_SECONDS = 0.3
# Encloses a number that must keep its digits. It is not in any record.
MARK = "\ue000"

PROBE = (
    b'{"code":0,"data":{"trace_id":"test_trace_id","url":"test_image","result":0},'
    b'"message":"Test request when setting callback url"}'
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the function on an emulator of AWS.")
    parser.add_argument("command", choices=["run", "serve"])
    parser.add_argument("--function", type=Path, required=True)
    parser.add_argument("--body", type=Path, help="post this file instead of samples")
    parser.add_argument(
        "--worker", action="store_true", help="leave the records to your own worker"
    )
    arguments = parser.parse_args()
    settings = {"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    if size := os.environ.get("QUEUE_MAX_BYTES"):
        settings["QUEUE_MAX_BYTES"] = size
    posted = samples()
    if path := arguments.body:
        posted = [Sample(path.name, path.read_bytes(), "accepted")]
    end_on_signals()
    forget_settings()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, settings)
        if arguments.command == "serve":
            serve(receiver, arguments.worker)
        return run(receiver, posted)


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
    bodies = [Sample(name, (CASES / name).read_bytes(), "accepted") for name in names]
    return [
        *bodies,
        Sample("the vendor's probe", PROBE, "probe"),
        Sample("a body that is cut short", bodies[0].body[:-20], "quarantined"),
        Sample("a request with a wrong token", bodies[0].body, "403", token="wrong"),
    ]


def run(receiver: Receiver, posted: list[Sample]) -> int:
    """Posts samples, shows what becomes of them, and checks the answers and the records."""
    checks, ids = Checks(), []
    step("posting callbacks: the answer, and the function's log line")
    for sample in posted:
        status, answer = receiver.post(sample)
        [logged] = [describe(line) for line in receiver.log()[-1:]] or [answer]
        print(f"  {sample.name:<42}  {status}  {logged}", flush=True)
        checks.equal(sample.name, sample.expected, kind(status, answer))
        ids += json.loads(answer).get("ids", [])
    step("receiving the records, and showing one in full (VERBOSE=1: all)")
    records = list(receiver.receive())
    show(records if IS_VERBOSE or len(posted) == 1 else records[1:2])
    found = [json.loads(message["Body"])["id"] for message in records]
    checks.equal("records on the queue", sorted(ids), sorted(found))
    print(f"{len(posted)} posted, {len(found)} records received")
    return checks.exit_code()


def serve(receiver: Receiver, has_worker: bool) -> NoReturn:
    """Shows the function's log lines, and the records unless a worker receives them."""
    url = shlex.quote(f"{receiver.url}/{receiver.token}")
    print(f"\nto post a callback (the URL contains the token):\n  curl -i {url} \\")
    print(f"    --data-binary @{(CASES / TRANSCODE).relative_to(ROOT)}")
    if has_worker:
        print("\npaste this into the terminal of your worker or of callbackctl; Ctrl-C ends all:")
        for name, value in receiver.environment.items():
            print(f"  export {name}={shlex.quote(value)}")
    else:
        hint = "" if IS_VERBOSE else ", without detail (VERBOSE=1 shows it)"
        print(f"\nlog lines and records appear here{hint}; Ctrl-C ends all")
    print(flush=True)
    while True:
        for line in receiver.log():
            print(f"  {line.get('http.status', '')} {describe(line)}", flush=True)
        if not has_worker:
            show(receiver.receive(wait_seconds=0), with_detail=IS_VERBOSE)
        time.sleep(POLL_SECONDS)


def describe(line: dict[str, Any]) -> str:
    """Returns a log line as a text: the message, and the reason of a failure or the jobs."""
    jobs = f"{line.get('callback.family', '')} {line.get('callback.outcome', '')}".strip()
    return ": ".join(filter(None, [line["message"], line.get("reason") or jobs]))


def show(messages: Iterable[dict[str, Any]], with_detail: bool = True) -> None:
    """Prints messages with their attributes."""
    for message in messages:
        attributes = message.get("MessageAttributes", {})
        listed = ", ".join(f"{name}={attributes[name]['StringValue']}" for name in attributes)
        group = message.get("Attributes", {}).get("MessageGroupId", "none")
        # Floats would lose digits.
        event = json.loads(message["Body"], parse_float=lambda digits: f"{MARK}{digits}{MARK}")
        # A pointer to the vault is a list.
        if not with_detail and isinstance(event, dict):
            event["data"]["detail"] = "…"
        body = json.dumps(event, indent=2, ensure_ascii=False)
        body = body.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
        text = f"attributes: {listed}\ngroup: {group}\n{body}"
        print("\n".join(f"  {line}" for line in text.splitlines()), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
