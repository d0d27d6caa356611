"""Runs the workers of `examples/` on messages that the function published, for `make workers`.

The function runs on MiniStack, as in `local.py`. `worker_messages.py` has what is posted.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import emulator
import local
from receiver import VAULT, Receiver, Sample, kind, zipped
from try_worker import EXAMPLES, WORKER_SECONDS, Handler, Programs, environment, event, lines
from worker_messages import (
    EXPECTED,
    PENDING,
    SETTINGS,
    callbacks,
    case_messages,
    is_pointer,
    later_messages,
    must_fail,
    oversize,
    unreadable,
)

# The commands of docs/workers.md that are run, by how they begin.
DOCUMENTED = {
    "python": ["datamodel-codegen ", "mypy "],
    "node": ["npx json2ts ", "npx tsc"],
}

# Processes messages, one on each line, like the poller next to it.
PYTHON_TYPES = """
import sys, poll
for line in sys.stdin:
    poll.work(poll.Message.model_validate_json(line))
"""
NODE_TYPES = """
import { readFileSync } from "node:fs";
import { work } from "./work.ts";
for (const line of readFileSync(0, "utf8").trim().split("\\n")) await work(JSON.parse(line));
"""

# Invokes a Lambda function with an event; returns what it printed, and its response.
Invoke = Callable[[bytes], tuple[list[str], Any]]


def main() -> int:
    # A job in the background starts with SIGINT ignored, and would pass that on to the pollers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = parse_arguments()
    emulator.end_on_signals()
    emulator.forget_settings()
    checks = emulator.Checks()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, SETTINGS)
        trial = Trial(receiver, checks, arguments)
        trial.try_types()
        trial.try_cloudevents()
        for name in Handler.NAMES:
            trial.try_lambda(name, Handler(receiver, trial.programs, name).invoke)
        trial.try_lambda("rust", trial.rust_lambda())
        for name in trial.pollers:
            trial.try_poller(name)
            trial.try_refused_deletes(name)
            trial.try_serve(name, ["--worker", "1"])
        trial.try_serve(None, ["--worker", "python", "--python", str(arguments.python)])
        for is_deleted in (True, False):
            trial.try_extended_client(is_deleted)
    print("all workers work" if not checks.wrong else "not all workers work")
    return checks.exit_code()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the workers of examples/ on an emulator.")
    for name, text in [
        ("function", "the function's binary"),
        ("callbackctl", "the operator's binary"),
        ("python", "a Python with examples/requirements.txt"),
        ("rust", "the folder of the Rust binaries"),
    ]:
        # Not resolved: a virtual environment's Python is a link.
        parser.add_argument(f"--{name}", type=lambda path: Path(path).absolute(), help=text)
    return parser.parse_args()


class Trial:
    """The function behind its URL, and the programs that process its messages."""

    def __init__(
        self, receiver: Receiver, checks: emulator.Checks, arguments: argparse.Namespace
    ) -> None:
        self.receiver = receiver
        self.checks = checks
        self.function = arguments.function
        self.rust = arguments.rust
        self.programs = Programs(arguments.python)
        # The shell finds the installed tools before others.
        tools = str(Path(self.programs.python[0]).parent)
        self.variables = environment(receiver)
        self.variables["PATH"] = f"{tools}:{self.variables['PATH']}"
        self.pollers = {
            "rust": [str(self.rust / "worker_poll")],
            "python": [*self.programs.python, "poll.py"],
            "node": [*self.programs.node, "poll.ts"],
        }

    def lines(self, command: list[str], folder: str, given: bytes = b"") -> list[str]:
        return lines(command, folder, given, self.variables)

    # The queue and the vault ------------------------------------------------------------------

    def post_all(self) -> None:
        for sample in callbacks():
            status, answer = self.receiver.post(sample)
            self.checks.equal(sample.name, sample.expected, kind(status, answer))
        for message in unreadable():
            self.receiver.sqs.send_message(QueueUrl=self.receiver.queue_url, **message)

    def messages(self) -> list[dict[str, Any]]:
        """Posts all callbacks, and returns their messages and the unreadable ones."""
        self.post_all()
        messages = list(self.receiver.receive())
        expected = len(callbacks()) + len(unreadable())
        self.checks.equal("messages on the queue", expected, len(messages))
        self.checks.equal("pointers among them", 1, sum(map(is_pointer, messages)))
        return messages

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + WORKER_SECONDS
        while not is_done() and time.monotonic() < end:
            time.sleep(0.1)

    def waiting(self) -> tuple[int, int]:
        """Returns how many messages are visible, and how many were received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.receiver.sqs.get_queue_attributes(
            QueueUrl=self.receiver.queue_url, AttributeNames=names
        )
        visible, received = (int(answer["Attributes"][name]) for name in names)
        return visible, received

    def oversize_keys(self) -> list[str]:
        answer = self.receiver.client("s3").list_objects_v2(Bucket=VAULT, Prefix="oversize/")
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def clear_oversize(self) -> None:
        for key in self.oversize_keys():
            self.receiver.client("s3").delete_object(Bucket=VAULT, Key=key)

    # Types ------------------------------------------------------------------------------------

    def try_types(self) -> None:
        """Generates types as docs/workers.md says, type-checks a worker, and parses all messages.

        The programs must print the same for the same messages.
        """
        emulator.step("types generated from the schema")
        for folder, tools in DOCUMENTED.items():
            for tool in tools:
                self.lines(documented(tool), folder)
        messages = case_messages() + later_messages()
        self.try_typescript(messages)
        given = "".join(json.dumps(message) + "\n" for message in messages).encode()
        programs = {
            "python": [*self.programs.python, "-c", PYTHON_TYPES],
            "node": [*self.programs.node, "--input-type=module", "--eval", NODE_TYPES],
            "rust": [str(self.rust / "examples" / "typify")],
        }
        printed = {name: self.lines(command, name, given) for name, command in programs.items()}
        for name in programs:
            self.checks.equal(f"{name}: printed", printed["python"], printed[name])
        self.checks.equal("an unknown word", True, "later: verdict boring" in printed["python"])
        # Each job has an outcome, and most have a finding.
        self.checks.equal("findings", True, len(printed["python"]) > 1.5 * len(messages))
        refused = self.lines([*self.programs.node, "validate.mjs"], "node", given)
        self.checks.equal("refused by the schema", [], refused)

    def try_typescript(self, messages: list[dict[str, Any]]) -> None:
        """Lets the compiler check all messages, since types do nothing at run time."""
        with tempfile.TemporaryDirectory(dir=EXAMPLES / "node", prefix=".check-") as folder:
            settings = {"extends": "../tsconfig.json", "files": ["messages.ts"]}
            (Path(folder) / "tsconfig.json").write_text(json.dumps(settings))
            (Path(folder) / "messages.ts").write_text(
                'import type { Message } from "../job-record.ts";\n'
                # A literal of type Message could not have fields that the type does not have.
                "const is = <T>(value: T & Message): T => value;\n"
                + "".join(f"is({json.dumps(message)});\n" for message in messages)
            )
            self.lines([*documented("npx tsc"), "--project", folder], "node")

    # CloudEvents ------------------------------------------------------------------------------

    def try_cloudevents(self) -> None:
        """Parses messages with each SDK, and compares the events."""
        programs = {
            "python": [*self.programs.python, "check_cloudevents.py"],
            "node": [*self.programs.node, "check_cloudevents.mjs"],
            "rust": [str(self.rust / "examples" / "check_cloudevents")],
        }
        others = [message["MessageBody"] for message in unreadable()]
        bodies = [message["Body"] for message in self.messages() if not is_pointer(message)]
        for name, command in programs.items():
            emulator.step(f"the CloudEvents SDK for {name}")
            for body in filter(lambda body: body not in others, bodies):
                [*_, printed] = self.lines(command, name, body.encode())
                expected, found = (comparable(json.loads(text)) for text in (body, printed))
                self.checks.equal(f"{name}: a message", expected, found)

    # Workers ----------------------------------------------------------------------------------

    def try_lambda(self, name: str, invoke: Invoke) -> None:
        """Invokes a function twice with the same batch: the second time, all is processed."""
        emulator.step(f"the function in {name}")
        messages = self.messages()
        results = [invoke(event(messages)) for _ in range(2)]
        failed = [message["MessageId"] for message in messages if must_fail(message)]
        failures = {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
        printed = sorted(line for printed, _ in results for line in printed)
        self.checks.equal(f"{name}: printed", sorted(EXPECTED), printed)
        answers = [answer for _, answer in results]
        self.checks.equal(f"{name}: responses", [failures, failures], answers)

    def rust_lambda(self) -> Invoke:
        functions = self.receiver.client("lambda")
        functions.create_function(
            FunctionName="worker",
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/local",
            Code={"ZipFile": zipped(self.rust / "worker_lambda")},
            Timeout=WORKER_SECONDS,
        )

        def invoke(batch: bytes) -> tuple[list[str], Any]:
            answer = functions.invoke(FunctionName="worker", Payload=batch, LogType="Tail")
            log = base64.b64decode(answer.get("LogResult", "")).decode().splitlines()
            # Without the errors.
            printed = [line for line in log if not line.startswith("message ")]
            return printed, json.load(answer["Payload"])

        return invoke

    def try_poller(self, name: str) -> None:
        """Lets a poller process all messages. Those that it fails must stay on the queue."""
        emulator.step(f"the poller in {name}")
        self.clear_oversize()
        self.post_all()
        left = (0, len(unreadable()))
        with running(self.pollers[name], name, self.variables) as process:
            self.wait_until(lambda: self.waiting() == left)
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=WORKER_SECONDS)
        self.checks.equal(
            f"{name} poller: printed", sorted([*EXPECTED, PENDING]), sorted(printed.splitlines())
        )
        self.checks.equal(f"{name} poller: visible, and not deleted", left, self.waiting())
        # Node has its default handler of the signal.
        code = -signal.SIGINT if name == "node" else 0
        self.checks.equal(f"{name} poller: exit code", code, process.returncode)
        # The Rust poller does not delete objects: they expire.
        objects = 1 if name == "rust" else 0
        self.checks.equal(f"{name} poller: objects left", objects, len(self.oversize_keys()))
        self.clear_queue()

    def try_refused_deletes(self, name: str) -> None:
        """Refuses to delete messages: a poller must go on, and leave the object of the pointer."""
        emulator.step(f"the poller in {name}, which cannot delete messages")
        self.clear_oversize()
        self.post_all()
        with refused_deletes(self.receiver.endpoint) as (endpoint, refused):
            queue_url = self.receiver.queue_url.replace(self.receiver.endpoint, endpoint)
            variables = {"AWS_ENDPOINT_URL_SQS": endpoint, "QUEUE_URL": queue_url}
            with running(self.pollers[name], name, {**self.variables, **variables}) as process:
                self.wait_until(lambda: len(refused) == len(callbacks()))
                process.send_signal(signal.SIGINT)
                printed, _ = process.communicate(timeout=WORKER_SECONDS)
        self.checks.equal(
            f"{name}: printed", sorted([*EXPECTED, PENDING]), sorted(printed.splitlines())
        )
        self.checks.equal(f"{name}: objects left", 1, len(self.oversize_keys()))
        self.clear_queue()

    def clear_queue(self) -> None:
        """Deletes all messages. The long poll that a poller left open receives the next one."""
        _, received = self.waiting()
        self.receiver.sqs.send_message(QueueUrl=self.receiver.queue_url, MessageBody="the last")
        self.wait_until(lambda: self.waiting() == (0, received + 1))
        self.receiver.sqs.purge_queue(QueueUrl=self.receiver.queue_url)

    def try_extended_client(self, is_deleted: bool) -> None:
        """Receives two deliveries of one oversize job, each twice, with the SQS Extended Client."""
        deletion = "with" if is_deleted else "without"
        emulator.step(f"the SQS Extended Client for Python, {deletion} deletion")
        self.clear_oversize()
        body = oversize((local.CASES / "task/ok_task_transcode.xml").read_bytes())
        for _ in range(2):
            self.receiver.post(Sample("an oversize job", body, "accepted"))
        argument = "delete" if is_deleted else "keep"
        command = [*self.programs.python, "extended_client.py", argument]
        self.checks.equal("ids", 4 * ["oversize:Success"], self.lines(command, "python"))
        self.checks.equal("messages left", (0, 0), self.waiting())
        objects = 0 if is_deleted else 2
        self.checks.equal("objects left", objects, len(self.oversize_keys()))

    def try_serve(self, poller: str | None, arguments: list[str]) -> None:
        """Posts a callback next to `make serve WORKER=…`, as docs/workers.md says.

        Without a poller, the program itself runs a worker.
        """
        emulator.step(f"`make serve`, with {f'the poller in {poller}' if poller else 'a worker'}")
        command = [sys.executable, local.__file__, "serve", "--function", str(self.function)]
        with running([*command, *arguments]) as served:
            # Paragraphs with an empty line after each: steps, URL, what to post, variables.
            begin = [itertools.takewhile(str.strip, served.stdout) for _ in range(4)]
            printed = [line.strip() for paragraph in begin for line in paragraph]
            [url] = [line for line in printed if line.startswith("http")]
            exports = [shlex.split(line)[1] for line in printed if line.startswith("export ")]
            variables = dict(export.split("=", 1) for export in exports)
            variables["PATH"] = os.environ["PATH"]
            worker = contextlib.nullcontext(served)
            if poller:
                worker = running(self.pollers[poller], poller, variables)
            with worker as process:
                body = (local.CASES / "task/ok_task_transcode.xml").read_bytes()
                urllib.request.urlopen(urllib.request.Request(url, body)).close()
                # `serve` prints two lines of the function's log.
                found = list(itertools.islice(process.stdout, 1 if poller else 3))
                self.checks.equal("serve: printed", True, f"{EXPECTED[0]}\n" in found)


@contextlib.contextmanager
def running(
    command: list[str], folder: str = "", variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program in a folder of the examples, for some time at most."""
    with subprocess.Popen(
        command, cwd=EXAMPLES / folder, env=variables, stdout=subprocess.PIPE, text=True
    ) as process:
        timer = threading.Timer(WORKER_SECONDS, process.terminate)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.terminate()


@contextlib.contextmanager
def refused_deletes(endpoint: str) -> Iterator[tuple[str, list[bytes]]]:
    """Serves SQS without DeleteMessage. Yields its endpoint, and the requests that it refused."""
    refused: list[bytes] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = 403, b'{"__type": "AccessDeniedException"}'
            if self.headers["X-Amz-Target"] == "AmazonSQS.DeleteMessage":
                refused.append(body)
            else:
                request = urllib.request.Request(endpoint + self.path, body, dict(self.headers))
                with urllib.request.urlopen(request) as response:
                    status, answer = response.status, response.read()
            # A poller that has ended does not read the response.
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((emulator.HOST, 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{emulator.HOST}:{server.server_port}", refused
        finally:
            server.shutdown()


def documented(beginning: str) -> list[str]:
    """Returns the command of docs/workers.md that begins so, for a shell."""
    text = (emulator.ROOT / "docs" / "workers.md").read_text().replace("\\\n", "")
    [command] = [line for line in text.splitlines() if line.startswith(beginning)]
    return ["sh", "-c", f'{command} "$@"', "sh"]


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """Parses the time, which each SDK writes in its own form."""
    return {**event, "time": datetime.fromisoformat(event["time"])}


if __name__ == "__main__":
    sys.exit(main())
