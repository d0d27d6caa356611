"""Runs the workers of `examples/` on what the function made of callbacks: what `make workers` does.

The function runs on MiniStack as in `local.py`, each worker as what it is: a function that is
handed a batch, or a program that polls. `worker_messages.py` has what they are given.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import emulator
import local
import try_worker
from receiver import VAULT, Receiver, Sample, kind
from runtime_api import RuntimeApi
from try_worker import (
    EXAMPLES,
    WORKER_SECONDS,
    Handler,
    Programs,
    environment,
    event,
    lines,
)
from worker_messages import (
    EXPECTED,
    MUST_FAIL,
    SETTINGS,
    UNREADABLE,
    callbacks,
    case_messages,
    is_pointer,
    later_messages,
    must_fail,
    oversize,
    unreadable,
)


def main() -> int:
    # A job in the background starts with SIGINT ignored, and would pass that on to the pollers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = parse_arguments()
    emulator.end_on_signals()
    emulator.forget_settings()
    checks = emulator.Checks()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, None, SETTINGS)
        trial = Trial(receiver, checks, arguments.python, arguments.rust)
        trial.try_types()
        trial.try_cloudevents()
        for name in Handler.NAMES:
            handler = Handler(receiver, trial.programs, name)
            trial.try_lambda(name, functools.partial(each, handler))
        trial.try_lambda("rust", trial.rust_lambda)
        for poller in trial.pollers():
            trial.try_poller(poller)
            trial.try_serve(arguments.function, poller)
        for is_deleted in (True, False):
            trial.try_extended_client(is_deleted)
        trial.try_serve_handler(arguments.function, arguments.python)
    print("all workers work" if not checks.wrong else "not all workers work")
    return checks.exit_code()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Try the examples' workers on an emulator of AWS.")
    parser.add_argument("--function", type=Path, required=True, help="the function's binary")
    parser.add_argument("--python", type=Path, required=True, help="a Python with the requirements")
    parser.add_argument("--rust", type=Path, required=True, help="the folder of the Rust binaries")
    return parser.parse_args()


# The commands of docs/workers.md that are run, by what they begin with.
DOCUMENTED = {
    "python": ["datamodel-codegen ", "mypy "],
    "node": ["npx json2ts ", "npx tsc"],
}

# Reads messages, one a line, as the worker beside it does.
PYTHON_TYPES = """
import sys, poll
for line in sys.stdin:
    poll.work(poll.Message.model_validate_json(line))
"""
NODE_TYPES = """
import { readFileSync } from "node:fs";
import { findings } from "./poll.ts";
for (const line of readFileSync(0, "utf8").trim().split("\\n")) {
  const message = JSON.parse(line);
  for (const found of findings(message)) console.log(`${message.id}: ${found}`);
}
"""

# Prints the ids of messages that the schema refuses: as a whole, or their `data` by their `dataschema`.
AJV = """
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
const ajv = new Ajv2020();
formats.default(ajv);
const schema = JSON.parse(readFileSync("../../schema/job-record.v1.schema.json", "utf8"));
ajv.addSchema(schema);
for (const line of readFileSync(0, "utf8").trim().split("\\n")) {
  const message = JSON.parse(line);
  const isValid = ajv.getSchema(schema.$id)(message) && ajv.getSchema(message.dataschema)(message.data);
  if (!isValid) console.log(message.id);
}
"""

# Reads pointers by a library that knows nothing of the receiver; each message comes back once.
EXTENDED_CLIENT = """
import boto3, json, os, sqs_extended_client, sys
sqs, queue = boto3.client("sqs"), os.environ["QUEUE_URL"]
sqs.delete_payload_from_s3 = sys.argv[1] == "delete"

# The library takes what is after the last hyphen of a handle; only the emulator's have some.
def received(parsed, **_):
    for message in parsed.get("Messages", []):
        message["ReceiptHandle"] = message["ReceiptHandle"].replace("-", "_")
def sent(params, **_):
    params["ReceiptHandle"] = params["ReceiptHandle"].replace("_", "-")
sqs.meta.events.register("after-call.sqs.ReceiveMessage", received)
for call in ("DeleteMessage", "ChangeMessageVisibility"):
    sqs.meta.events.register(f"provide-client-params.sqs.{call}", sent)

seen = set()
while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"):
    for message in messages:
        print(json.loads(message["Body"])["id"])
        to = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
        if message["MessageId"] in seen:
            sqs.delete_message(**to)
        else:
            seen.add(message["MessageId"])
            sqs.change_message_visibility(**to, VisibilityTimeout=0)
"""


@dataclass
class Poller:
    """A program of `examples/` that polls the queue."""

    command: list[Any]
    folder: str = "rust"
    # When it is interrupted.
    exit_code: int = 0


# Is given events one after the other; what was printed, and the answers.
Lambda = Callable[[list[bytes]], tuple[list[str], list[Any]]]


class Trial:
    """The function behind its URL, and the programs that are tried on its messages."""

    def __init__(
        self, receiver: Receiver, checks: emulator.Checks, python: Path, rust: Path
    ) -> None:
        self.receiver = receiver
        self.checks = checks
        self.rust = rust.resolve()
        self.programs = Programs(python)

    # What is on the queue ---------------------------------------------------------------------

    def post_all(self) -> None:
        for sample in callbacks():
            status, answer = self.receiver.post(sample)
            self.checks.equal(sample.name, sample.expected, kind(status, answer))
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

    # Types ------------------------------------------------------------------------------------

    def try_types(self) -> None:
        """Generates types as docs/workers.md says, checks a worker with them, and reads all messages.

        The three programs must find the same in the same messages.
        """
        emulator.step("types generated from the schema")
        for name, tools in DOCUMENTED.items():
            for tool in tools:
                lines(documented(tool), name, b"", self.tool_environment())
        messages = case_messages() + later_messages()
        self.try_typescript(messages)
        given = "".join(json.dumps(message) + "\n" for message in messages).encode()
        programs = {
            "python": [*self.programs.python, "-c", PYTHON_TYPES],
            "node": [*self.programs.node, "--input-type=module", "--eval", NODE_TYPES],
            "rust": [str(self.rust / "examples" / "typify")],
        }
        printed = {
            name: lines(command, name, given, self.tool_environment())
            for name, command in programs.items()
        }
        for name in programs:
            self.checks.equal(f"{name}: printed", printed["python"], printed[name])
        self.checks.equal("a word of later", True, "later: verdict boring" in printed["python"])
        self.checks.equal(
            "refused by the schema",
            [],
            lines(
                [*self.programs.node, "--input-type=module", "--eval", AJV],
                "node",
                given,
                self.tool_environment(),
            ),
        )
        # Most jobs have a finding.
        self.checks.equal("findings", True, len(printed["python"]) > len(messages) / 2)

    def try_typescript(self, messages: list[dict[str, Any]]) -> None:
        """TypeScript's types do nothing at run time: the compiler must take all messages."""
        with tempfile.TemporaryDirectory(dir=EXAMPLES / "node", prefix=".check-") as folder:
            settings = {"extends": "../tsconfig.json", "files": ["messages.ts"]}
            (Path(folder) / "tsconfig.json").write_text(json.dumps(settings))
            (Path(folder) / "messages.ts").write_text(
                'import type { Message } from "../job-record.ts";\n'
                # Not given to a type at once, an object may have fields that the type does not.
                "const is = <T>(value: T & Message): T => value;\n"
                + "".join(f"is({json.dumps(message)});\n" for message in messages)
            )
            command = [*documented("npx tsc"), "--project", folder]
            lines(command, "node", b"", self.tool_environment())

    def tool_environment(self) -> dict[str, str]:
        """Variables by which the shell finds the installed tools."""
        tools = str(Path(self.programs.python[0]).parent)
        variables = environment(self.receiver)
        return {**variables, "PATH": f"{tools}:{variables['PATH']}"}

    # CloudEvents ------------------------------------------------------------------------------

    def try_cloudevents(self) -> None:
        """Each SDK must find in a message what is in it."""
        programs = {
            "python": [*self.programs.python, "check_cloudevents.py"],
            "node": [*self.programs.node, "check_cloudevents.mjs"],
            "rust": [str(self.rust / "examples" / "check_cloudevents")],
        }
        variables = environment(self.receiver)
        bodies = [message["Body"] for message in self.messages() if not is_pointer(message)]
        bodies = [body for body in bodies if body != UNREADABLE]
        for name, command in programs.items():
            emulator.step(f"the CloudEvents SDK for {name}")
            for body in bodies:
                expected = comparable(json.loads(body))
                [*_, printed] = lines(command, name, body.encode(), variables)
                found = comparable(json.loads(printed))
                self.checks.equal(f"{name}: a message", expected, found)

    # Workers ----------------------------------------------------------------------------------

    def try_lambda(self, name: str, invoke: Lambda) -> None:
        """Gives a function the same batch twice: the second time there is nothing to do."""
        emulator.step(f"the function in {name}")
        messages = self.messages()
        batch = event(messages)
        failing = [
            {"itemIdentifier": message["MessageId"]} for message in messages if must_fail(message)
        ]
        printed, answers = invoke([batch, batch])
        self.checks.equal(f"{name}: printed", sorted(EXPECTED), sorted(printed))
        failures = {"batchItemFailures": failing}
        self.checks.equal(f"{name}: answers", [failures, failures], answers)

    def rust_lambda(self, events: list[bytes]) -> tuple[list[str], list[Any]]:
        with RuntimeApi.start() as api:
            environment = {
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": "worker",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            }
            with self.started(Poller([self.rust / "worker_lambda"]), environment) as process:
                answers = [json.loads(api.invoke(each)) for each in events]
                process.kill()
                printed, _ = process.communicate()
        return printed.splitlines(), answers

    def pollers(self) -> list[Poller]:
        return [
            Poller([self.rust / "worker_poll"]),
            Poller([*self.programs.python, "poll.py"], "python"),
            # It has no handler of its own for the signal.
            Poller([*self.programs.node, "poll.ts"], "node", exit_code=-signal.SIGINT),
        ]

    def try_poller(self, poller: Poller) -> None:
        """Lets a poller empty the queue. What it fails at it must leave there."""
        emulator.step(f"the poller in {poller.folder}")
        self.clear_oversize()
        self.post_all()
        # The one in Rust looks at the attributes first.
        left = (0, len(MUST_FAIL) if poller.folder == "rust" else len(unreadable()))
        with self.started(poller, {}) as process:
            self.wait_until(left)
            # Between two messages it ends at once, and as if nothing were.
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=WORKER_SECONDS)
        name = f"{poller.folder} poller"
        self.checks.equal(f"{name}: printed", sorted(EXPECTED), sorted(printed.splitlines()))
        self.checks.equal(f"{name}: waiting, and taken but not deleted", left, self.waiting())
        self.checks.equal(f"{name}: exit code", poller.exit_code, process.returncode)
        # The one in Rust leaves the vault's objects to expire.
        objects = 1 if poller.folder == "rust" else 0
        self.checks.equal(f"{name}: objects left", objects, len(self.oversize_keys()))
        # The poll that it left open takes the next message.
        self.receiver.sqs.send_message(QueueUrl=self.receiver.queue_url, MessageBody="the last")
        self.wait_until((0, left[1] + 1))
        self.receiver.sqs.purge_queue(QueueUrl=self.receiver.queue_url)

    def try_extended_client(self, is_deleted: bool) -> None:
        """Two deliveries of one oversize job, each received twice, by a client that is not ours."""
        deletion = "with" if is_deleted else "without"
        emulator.step(f"the SQS Extended Client for Python, {deletion} deletion")
        self.clear_oversize()
        body = oversize((local.CASES / "task/ok_task_transcode.xml").read_bytes())
        for _ in range(2):
            self.receiver.post(Sample("an oversize job", body, "accepted"))
        command = [*self.programs.python, "-c", EXTENDED_CLIENT, "delete" if is_deleted else "keep"]
        printed = lines(command, "python", b"", environment(self.receiver))
        # Each message twice: it came back.
        self.checks.equal("ids", 4 * ["oversize:Success"], printed)
        self.checks.equal("messages left", (0, 0), self.waiting())
        objects = 0 if is_deleted else 2
        self.checks.equal("objects left", objects, len(self.oversize_keys()))

    def oversize_keys(self) -> list[str]:
        s3 = self.receiver.client("s3")
        answer = s3.list_objects_v2(Bucket=VAULT, Prefix="oversize/")
        return [each["Key"] for each in answer.get("Contents", [])]

    def clear_oversize(self) -> None:
        s3 = self.receiver.client("s3")
        for key in self.oversize_keys():
            s3.delete_object(Bucket=VAULT, Key=key)

    def wait_until(self, expected: tuple[int, int]) -> None:
        end = time.monotonic() + WORKER_SECONDS
        while self.waiting() != expected and time.monotonic() < end:
            time.sleep(0.1)

    def waiting(self) -> tuple[int, int]:
        """How many messages wait, and how many were taken and neither deleted nor given back."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.receiver.sqs.get_queue_attributes(
            QueueUrl=self.receiver.queue_url, AttributeNames=names
        )
        waiting, taken = (int(answer["Attributes"][name]) for name in names)
        return waiting, taken

    # A newcomer's way ---------------------------------------------------------------------------

    def try_serve(self, function: Path, poller: Poller) -> None:
        """`make serve WORKER=1`, a poller with what it prints, a callback."""
        emulator.step(f"the poller in {poller.folder} beside `make serve WORKER=1`")
        arguments = [local.__file__, "serve", "--for-worker", "--function", str(function)]
        # Paragraphs with an empty line after each: steps, URL, what to post, variables.
        with serving(arguments, paragraphs=4) as (_, printed):
            exports = [line.split() for line in printed if line.startswith("  export ")]
            found = dict(shlex.split(words[1])[0].split("=", 1) for words in exports)
            with self.started(poller, found) as process:
                post_transcode(printed)
                self.checks.equal("serve: printed", EXPECTED[0], process.stdout.readline().strip())

    def try_serve_handler(self, function: Path, python: Path) -> None:
        """`make serve WORKER=python`, a callback."""
        emulator.step("`make serve WORKER=python`")
        arguments = [try_worker.__file__, "python", "--function", str(function)]
        arguments += ["--python", str(python)]
        with serving(arguments, paragraphs=4) as (served, printed):
            post_transcode(printed)
            self.checks.equal("serve: printed", EXPECTED[0], served.readline().strip())

    # Processes --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def started(self, poller: Poller, more: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            poller.command,
            cwd=EXAMPLES / poller.folder,
            env={**environment(self.receiver), **more},
            stdout=subprocess.PIPE,
            text=True,
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


def each(handler: Handler, events: list[bytes]) -> tuple[list[str], list[Any]]:
    """What a handler printed for events one after the other, and what it answered."""
    pairs = [handler.invoke(event) for event in events]
    return [line for printed, _ in pairs for line in printed], [answer for _, answer in pairs]


@contextlib.contextmanager
def serving(arguments: list[str], paragraphs: int) -> Iterator[tuple[IO[str], list[str]]]:
    """A program that stays up: what it prints from now on, and the lines that it began with."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        timer = threading.Timer(WORKER_SECONDS, process.terminate)
        timer.start()
        try:
            begin = [itertools.takewhile(str.strip, process.stdout) for _ in range(paragraphs)]
            yield process.stdout, [line for paragraph in begin for line in paragraph]
        finally:
            timer.cancel()
            process.terminate()


def post_transcode(printed: list[str]) -> None:
    """Posts a callback to the URL that is among these lines."""
    [url] = [line.strip() for line in printed if line.startswith("  http")]
    body = (local.CASES / "task/ok_task_transcode.xml").read_bytes()
    urllib.request.urlopen(urllib.request.Request(url, body)).close()


def documented(beginning: str) -> list[str]:
    """The command of docs/workers.md that begins so; a shell for what words alone cannot say."""
    text = (emulator.ROOT / "docs" / "workers.md").read_text().replace("\\\n", "")
    [command] = [line for line in text.splitlines() if line.startswith(beginning)]
    return ["sh", "-c", f'{command} "$@"', "sh"]


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """Each SDK writes times in its own way."""
    return {**event, "time": datetime.fromisoformat(event["time"])}


if __name__ == "__main__":
    sys.exit(main())
