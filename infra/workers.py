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
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import emulator
import local
import try_worker
from receiver import Receiver, kind
from runtime_api import RuntimeApi
from try_worker import WORKER_SECONDS, Handler, Programs, environment, event, lines
from worker_messages import (
    EXPECTED,
    MUST_FAIL,
    SETTINGS,
    UNREADABLE,
    callbacks,
    is_pointer,
    must_fail,
    unreadable,
)


def main() -> int:
    arguments = parse_arguments()
    emulator.end_on_signals()
    emulator.forget_settings()
    checks = emulator.Checks()
    with contextlib.ExitStack() as stack:
        receiver = Receiver.start(stack, arguments.function, None, SETTINGS)
        trial = Trial(receiver, checks, arguments.python, arguments.rust)
        trial.try_cloudevents()
        for name in Handler.NAMES:
            handler = Handler(receiver, trial.programs, name)
            trial.try_lambda(name, functools.partial(each, handler))
        trial.try_lambda("rust", trial.rust_lambda)
        trial.try_poller()
        trial.try_serve(arguments.function)
        trial.try_serve_handler(arguments.function, arguments.python)
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
        self.checks.equal(f"{name}: printed", EXPECTED, sorted(printed))
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
            with self.started("worker_lambda", environment) as process:
                answers = [json.loads(api.invoke(each)) for each in events]
                process.kill()
                printed, _ = process.communicate()
        return printed.splitlines(), answers

    def try_poller(self) -> None:
        """Lets the poller empty the queue. What it fails at it must leave there."""
        emulator.step("the poller in rust")
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

    # A newcomer's way ---------------------------------------------------------------------------

    def try_serve(self, function: Path) -> None:
        """`make serve WORKER=1`, a poller with what it prints, a callback."""
        emulator.step("a poller beside `make serve WORKER=1`")
        arguments = [local.__file__, "serve", "--for-worker", "--function", str(function)]
        # Paragraphs with an empty line after each: steps, URL, what to post, variables.
        with serving(arguments, paragraphs=4) as (_, printed):
            exports = [line.split() for line in printed if line.startswith("  export ")]
            found = dict(shlex.split(words[1])[0].split("=", 1) for words in exports)
            with self.started("worker_poll", found) as poller:
                post_transcode(printed)
                self.checks.equal("serve: printed", EXPECTED[0], poller.stdout.readline().strip())

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
    def started(self, name: str, more: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [self.rust / name],
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


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """Each SDK writes times in its own way."""
    return {**event, "time": datetime.fromisoformat(event["time"])}


if __name__ == "__main__":
    sys.exit(main())
