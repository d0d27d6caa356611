"""Runs the workers of `examples/` on what the function made of callbacks: what `make workers` does.

The function runs on MiniStack as in `local.py`, each worker as what it is: a function that is
handed a batch, or a program that polls. `worker_messages.py` has what they are given.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

import local
from runtime_api import RuntimeApi
from worker_messages import (
    EXPECTED,
    MUST_FAIL,
    SETTINGS,
    UNREADABLE,
    callbacks,
    is_pointer,
    must_fail,
    record,
    unreadable,
)

EXAMPLES = local.ROOT / "examples"
# What any worker has at most for all that it is given.
WORKER_SECONDS = 60

# What any event has that AWS tries patterns on.
AWS_EVENT = {
    "id": "1",
    "account": "000000000000",
    "source": "cloud-infinite-callback",
    "time": "2024-05-06T01:02:09Z",
    "region": local.REGION,
    "resources": [],
    "detail-type": "Cloud Infinite job",
}

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
    arguments = parse_arguments()
    local.end_on_signals()
    local.forget_settings()
    checks = local.Checks()
    with contextlib.ExitStack() as stack:
        receiver = local.Receiver.start(stack, arguments.function, None, SETTINGS)
        trial = Trial(receiver, checks, arguments.python, arguments.rust)
        trial.try_cloudevents()
        trial.try_pipe()
        trial.try_lambda("python", trial.python_lambda)
        trial.try_lambda("node", trial.node_lambda)
        trial.try_lambda("rust", trial.rust_lambda)
        trial.try_poller()
        try_serve(arguments.function, trial)
    print("all workers work" if not checks.wrong else "not all workers work")
    return checks.exit_code()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Try the examples' workers on an emulator of AWS.")
    parser.add_argument("--function", type=Path, required=True, help="the function's binary")
    parser.add_argument("--python", type=Path, required=True, help="a Python with the requirements")
    parser.add_argument("--rust", type=Path, required=True, help="the folder of the Rust binaries")
    return parser.parse_args()


# Is given events one after the other; what was printed, and the answers.
Lambda = Callable[[list[bytes]], tuple[list[str], list[Any]]]


class Trial:
    """The function behind its URL, and the programs that are tried on its messages."""

    def __init__(
        self, receiver: local.Receiver, checks: local.Checks, python: Path, rust: Path
    ) -> None:
        self.receiver = receiver
        self.checks = checks
        self.rust = rust.resolve()
        # A link, which must not be followed: it is what makes it the one of its environment.
        self.python = [str(python.absolute())]
        self.node = [str(python.absolute().with_name("node"))]

    # What is on the queue ---------------------------------------------------------------------

    def post_all(self) -> None:
        for sample in callbacks():
            status, answer = self.receiver.post(sample)
            self.checks.equal(sample.name, sample.expected, local.kind(status, answer))
        for message in unreadable():
            self.receiver.sqs.send_message(QueueUrl=self.receiver.queue_url, **message)

    def messages(self) -> list[dict[str, Any]]:
        """All callbacks as they arrive on the queue, with what nobody can read."""
        self.post_all()
        messages = list(self.receiver.receive())
        expected = len(callbacks()) + len(unreadable())
        self.checks.equal("messages on the queue", expected, len(messages))
        self.checks.equal("messages too large for it", 1, sum(map(is_pointer, messages)))
        return messages

    # CloudEvents ------------------------------------------------------------------------------

    def try_cloudevents(self) -> None:
        """Each SDK must find in a message what is in it."""
        programs = {
            "python": ([*self.python, "check_cloudevents.py"], "python"),
            "node": ([*self.node, "check_cloudevents.mjs"], "node"),
            "rust": ([str(self.rust / "examples" / "check_cloudevents")], "rust"),
        }
        bodies = [message["Body"] for message in self.messages() if not is_pointer(message)]
        bodies = [body for body in bodies if body != UNREADABLE]
        for name, (command, folder) in programs.items():
            local.step(f"the CloudEvents SDK for {name}")
            for body in bodies:
                expected = comparable(json.loads(body))
                found = comparable(json.loads(self.run(command, folder, body.encode())[-1]))
                self.checks.equal(f"{name}: a message", expected, found)

    # The pipe ---------------------------------------------------------------------------------

    def try_pipe(self) -> None:
        """What the template's pipe lets through: all that is the function's, and nothing else.

        The emulator has no pipes from queues; it has their language of filters.
        """
        local.step("the filters of the template's pipe")
        events = self.receiver.client("events")
        for message in self.messages():
            event = {**AWS_EVENT, **record(message)}
            with contextlib.suppress(json.JSONDecodeError):
                event["body"] = json.loads(event["body"])
            found = any(
                events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
                for pattern in pipe_filters()
            )
            is_ours = message["Body"] != UNREADABLE
            self.checks.equal(f"the pipe lets through {message['Body'][:60]}", is_ours, found)

    # Workers ----------------------------------------------------------------------------------

    def try_lambda(self, name: str, invoke: Lambda) -> None:
        """Gives a function the same batch twice: the second time there is nothing to do."""
        local.step(f"the function in {name}")
        messages = self.messages()
        event = json.dumps({"Records": [record(message) for message in messages]}).encode()
        failing = [
            {"itemIdentifier": message["MessageId"]} for message in messages if must_fail(message)
        ]
        printed, answers = invoke([event, event])
        self.checks.equal(f"{name}: printed", EXPECTED, sorted(printed))
        failures = {"batchItemFailures": failing}
        self.checks.equal(f"{name}: answers", [failures, failures], answers)

    def python_lambda(self, events: list[bytes]) -> tuple[list[str], list[Any]]:
        return self.each(events, [*self.python, "-c", PYTHON_RUNNER], "python")

    def node_lambda(self, events: list[bytes]) -> tuple[list[str], list[Any]]:
        command = [*self.node, "--input-type=module", "--eval", NODE_RUNNER]
        return self.each(events, command, "node")

    def each(
        self, events: list[bytes], command: list[str], folder: str
    ) -> tuple[list[str], list[Any]]:
        """A process for each event, as if Lambda had given up the first: what was done is known
        to the table alone."""
        environment = self.table(folder)
        printed, answers = [], []
        for event in events:
            *lines, answer = self.run(command, folder, event, environment)
            printed += lines
            answers.append(json.loads(answer))
        return printed, answers

    def rust_lambda(self, events: list[bytes]) -> tuple[list[str], list[Any]]:
        with RuntimeApi.start() as api:
            environment = {
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": "worker",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            }
            with self.started("worker_lambda", environment) as process:
                answers = [json.loads(api.invoke(event)) for event in events]
                process.kill()
                printed, _ = process.communicate()
        return printed.splitlines(), answers

    def try_poller(self) -> None:
        """Lets the poller empty the queue. What it fails at it must leave there."""
        local.step("the poller in rust")
        self.post_all()
        with self.started("worker_poll", {}) as process:
            end = time.monotonic() + WORKER_SECONDS
            while self.waiting() != (0, len(MUST_FAIL)) and time.monotonic() < end:
                time.sleep(0.1)
            # Between two messages it ends at once, and as if nothing were.
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=WORKER_SECONDS)
        self.checks.equal("poller: printed", EXPECTED, sorted(printed.splitlines()))
        left = (0, len(MUST_FAIL))
        self.checks.equal("poller: waiting, and taken but not deleted", left, self.waiting())
        self.checks.equal("poller: exit code", 0, process.returncode)

    def waiting(self) -> tuple[int, int]:
        """How many messages wait, and how many were taken and neither deleted nor given back."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.receiver.sqs.get_queue_attributes(
            QueueUrl=self.receiver.queue_url, AttributeNames=names
        )
        waiting, taken = (int(answer["Attributes"][name]) for name in names)
        return waiting, taken

    # Processes --------------------------------------------------------------------------------

    def table(self, name: str) -> dict[str, str]:
        """Makes the table of what was seen, as the workers' documentation asks for it."""
        self.receiver.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        return {"SEEN_TABLE": name}

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self.receiver.worker_environment, **more}

    def run(
        self, command: list[str], folder: str, given: bytes, more: dict[str, str] | None = None
    ) -> list[str]:
        """The lines that a program prints."""
        done = subprocess.run(
            command,
            cwd=EXAMPLES / folder,
            env=self.environment(more or {}),
            input=given,
            stdout=subprocess.PIPE,
            timeout=WORKER_SECONDS,
            check=False,
        )
        if done.returncode:
            local.fail(f"{folder}: a program failed; above is what it said")
        return done.stdout.decode().splitlines()

    @contextlib.contextmanager
    def started(self, name: str, more: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [self.rust / name], env=self.environment(more), stdout=subprocess.PIPE, text=True
        )
        # Nobody waits for it forever.
        timer = threading.Timer(WORKER_SECONDS, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()
            process.wait()


def try_serve(function: Path, trial: Trial) -> None:
    """The way of a newcomer: `make serve WORKER=1`, a poller with what it prints, a callback."""
    local.step("a poller beside `make serve WORKER=1`")
    command = [sys.executable, local.__file__, "serve", "--for-worker", "--function", str(function)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serve:
        try:
            # Four paragraphs, each with an empty line after it.
            paragraphs = [itertools.takewhile(str.strip, serve.stdout) for _ in range(4)]
            printed = [line for paragraph in paragraphs for line in paragraph]
            [url] = [line.strip() for line in printed if line.startswith("  http")]
            exports = [line.split() for line in printed if line.startswith("  export ")]
            found = dict(shlex.split(words[1])[0].split("=", 1) for words in exports)
            with trial.started("worker_poll", found) as poller:
                body = (local.CASES / "ok_task_transcode.xml").read_bytes()
                urllib.request.urlopen(urllib.request.Request(url, body)).close()
                trial.checks.equal("serve: printed", EXPECTED[0], poller.stdout.readline().strip())
        finally:
            serve.terminate()


def pipe_filters() -> list[str]:
    """The patterns of the template's pipe, of which one is enough."""

    class Loader(yaml.SafeLoader):
        """Reads a template whatever functions are in it."""

    Loader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load((local.ROOT / "infra" / "template.yaml").read_text(), Loader)
    source = template["Resources"]["Pipe"]["Properties"]["SourceParameters"]
    return [each["Pattern"] for each in source["FilterCriteria"]["Filters"]]


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """Each SDK writes times in its own way."""
    return {**event, "time": datetime.fromisoformat(event["time"])}


if __name__ == "__main__":
    sys.exit(main())
