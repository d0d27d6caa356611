"""Tries the function and `callbackctl` on moto: one emulator may accept what another refuses."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import emulator
import local
from receiver import LOG_GROUP, QUEUE, Receiver, Sample, kind
from worker_messages import JOB_ID, SETTINGS, is_pointer, oversize

XML = (local.CASES / "task/ok_task_transcode.xml").read_bytes()


class OnMoto(Receiver):
    """The function, which runs on MiniStack, with its queue, vault and log on moto."""

    def __init__(self, functions: str, moto: str, function: Path, queue: str) -> None:
        self.functions, self.queue = functions, queue
        self.is_fifo = queue.endswith(".fifo")
        super().__init__(moto, function, SETTINGS)

    def create_queue(self) -> str:
        if not self.is_fifo:
            return super().create_queue()
        attributes = {"FifoQueue": "true"}
        return self.sqs.create_queue(QueueName=self.queue, Attributes=attributes)["QueueUrl"]

    def _create_function(self, function: Path, settings: dict[str, str]) -> str:
        # MiniStack overwrites AWS_ENDPOINT_URL.
        endpoints = {f"AWS_ENDPOINT_URL_{name}": self.endpoint for name in ("SQS", "S3")}
        running = Receiver(self.functions, function, {**self.environment, **settings, **endpoints})
        self.token = running.token
        self.logs = running.logs
        return running.url

    def copy_log(self) -> None:
        """Copies the function's log to moto, for `callbackctl reconcile`."""
        group = {"logGroupName": LOG_GROUP}
        events = self.logs.filter_log_events(**group)["events"]
        lines = [{key: event[key] for key in ("timestamp", "message")} for event in events]
        logs, stream = self.client("logs"), {**group, "logStreamName": "function"}
        logs.create_log_group(**group)
        logs.create_log_stream(**stream)
        logs.put_log_events(**stream, logEvents=lines)

    def ids(self) -> list[str]:
        """Receives all messages, and returns the ids of their events."""
        ids = []
        for message in self.receive():
            event = json.loads(message["Body"])
            if is_pointer(message):
                location = {"Bucket": event[1]["s3BucketName"], "Key": event[1]["s3Key"]}
                event = json.load(self.client("s3").get_object(**location)["Body"])
            ids.append(event["id"])
        return sorted(ids)


def try_moto(checks: emulator.Checks, function: Path, callbackctl: Path, python: Path) -> None:
    for queue in (QUEUE, f"{QUEUE}.fifo"):
        emulator.step(f"function and callbackctl on moto, with the queue {queue}")
        with emulator.ministack(emulator.free_port()) as functions, moto(python) as endpoint:
            try_queue(OnMoto(functions, endpoint, function, queue), checks, callbackctl)


def try_queue(receiver: OnMoto, checks: emulator.Checks, callbackctl: Path) -> None:
    def post(name: str, body: bytes, expected: str = "accepted") -> None:
        found = kind(*receiver.post(Sample(name, body, expected)))
        checks.equal(f"{receiver.queue}: {name}", expected, found)

    def received(name: str, jobs: list[str]) -> None:
        expected = sorted(f"{job}:Success" for job in jobs)
        checks.equal(f"{receiver.queue}: messages of {name}", expected, receiver.ids())

    def operate(*arguments: str) -> None:
        code = local.operate(receiver, callbackctl, [*arguments], SETTINGS)
        checks.equal(f"{receiver.queue}: exit code of {arguments[0]}", 0, code)

    post("a job", XML)
    post("the same job", XML)
    # A FIFO queue drops the repeat.
    received("a job", [JOB_ID.decode()] * (1 if receiver.is_fifo else 2))
    # One more than a batch.
    jobs = [f"job-{number}" for number in range(11)]
    post("eleven jobs", several(jobs))
    received("eleven jobs", jobs)
    post("an oversize job", oversize(XML))
    received("an oversize job", ["oversize"])
    receiver.delete_queue()
    post("a job without a queue", XML.replace(JOB_ID, b"spilled"), "503")
    receiver.create_queue()
    operate("vault", "list")
    operate("replay")
    received("a job without a queue", ["spilled"])
    if not receiver.is_fifo:
        # It expects a dead-letter queue.
        operate("doctor", f"{receiver.url}/{receiver.token}")
    receiver.copy_log()
    with contextlib.redirect_stdout(None):
        local.reconcile(receiver, checks, callbackctl, XML.decode())


def several(jobs: list[str]) -> bytes:
    """Returns the sample with a job for each of these ids."""
    node = re.search(rb"<JobsDetail>.*</JobsDetail>", XML, re.DOTALL)[0]
    return XML.replace(node, b"".join(node.replace(JOB_ID, job.encode()) for job in jobs))


@contextlib.contextmanager
def moto(python: Path) -> Iterator[str]:
    """moto's server, which ends with this block."""
    port = emulator.free_port()
    endpoint = f"http://localhost:{port}"
    command = [python.with_name("moto_server"), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/moto-api/"):
                    break
                time.sleep(0.1)
            yield endpoint
        finally:
            process.kill()
